//! Bytes of a payload to a message and back, by the rules of proto3's JSON form.
//!
//! Decoding walks the JSON once against the table of the message (`walk`): there duplicate keys, both spellings
//! of one field, two members of a oneof, numbers that are none and everything too deep or too long are refused,
//! and unknown fields are counted. What is left is put into the one form buffa reads without doubt.
//!
//! Not here: what a field means, and whether it may be empty.

mod number;
mod schema;
mod table;
mod walk;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use table::{Field, Kind, Message, Shape};

/// Longest payload taken, in bytes.
pub const MAX_BYTES: usize = 32 << 20;

/// Deepest nesting of messages taken.
pub const MAX_DEPTH: usize = 100;

static STRICT: AtomicBool = AtomicBool::new(false);

/// Makes unknown fields an error in this whole process, as the existing worker has it. For conformance tests:
/// without it an unknown field is counted in `unknown_fields_total{message}` and ignored.
pub fn set_strict(strict: bool) {
    STRICT.store(strict, Ordering::Relaxed);
}

/// A payload that is not the message it should be. As a handler's input it ends the invocation with 400; trying
/// again would not help.
#[derive(thiserror::Error)]
#[error("request could not be decoded into handler input type: {0}")]
pub struct Undecodable(String);

/// The SDK prints errors of a payload with `Debug`, straight into the message a caller reads.
impl fmt::Debug for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Every message: its JSON form, also where it is no payload of a handler (blobs in the database).
pub trait Json: Sized {
    /// Reads the message.
    fn from_json(json: &[u8]) -> Result<Self, Undecodable>;

    /// Writes the message; the same message gives the same bytes.
    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error>;
}

/// The codec of one message, for who knows its name at run time only: tools and tests.
pub struct Codec {
    /// With its package.
    pub name: &'static str,
    /// Reads the JSON form and writes it again in the one form this worker writes.
    pub canonical: fn(&[u8]) -> Result<Vec<u8>, Undecodable>,
    /// Reads protobuf's binary form and writes JSON.
    pub from_binary: fn(&[u8]) -> Result<Vec<u8>, Undecodable>,
    table: &'static Message,
}

impl Codec {
    /// The names of the message's fields as written to JSON.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.table.fields.iter().map(|f| f.json_name)
    }

    const fn of<T: Json + buffa::Message>(table: &'static Message) -> Self {
        Self {
            name: table.name,
            table,
            canonical: |json| {
                T::from_json(json)?
                    .to_json()
                    .map_err(|e| Undecodable(e.to_string()))
            },
            from_binary: |binary| {
                let message =
                    T::decode_from_slice(binary).map_err(|e| Undecodable(e.to_string()))?;
                message.to_json().map_err(|e| Undecodable(e.to_string()))
            },
        }
    }
}

fn decode<T: DeserializeOwned>(table: &'static Message, json: &[u8]) -> Result<T, Undecodable> {
    let strict = STRICT.load(Ordering::Relaxed);
    let value = walk::normalise(table, json, strict).map_err(Undecodable)?;
    // What the walk leaves to buffa can fail here; buffa's own text would repeat the value.
    T::deserialize(value).map_err(|_| {
        Undecodable(format!(
            "{}: a value is not valid base64 or not a valid number",
            table.name
        ))
    })
}

fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(message)
}

macro_rules! json {
    ($message:ty, $table:ident) => {
        impl Json for $message {
            fn from_json(json: &[u8]) -> Result<Self, Undecodable> {
                decode(&$table, json)
            }

            fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
                encode(self)
            }
        }
    };
}

macro_rules! payload {
    ($message:ty, $table:ident) => {
        impl restate_sdk::serde::Serialize for $message {
            type Error = serde_json::Error;

            fn serialize(&self) -> Result<Bytes, Self::Error> {
                self.to_json().map(Bytes::from)
            }
        }

        impl restate_sdk::serde::Deserialize for $message {
            type Error = Undecodable;

            fn deserialize(bytes: &mut Bytes) -> Result<Self, Self::Error> {
                Self::from_json(bytes)
            }
        }

        impl restate_sdk::serde::PayloadMetadata for $message {
            fn json_schema() -> Option<serde_json::Value> {
                Some(schema::schema(&$table))
            }
        }
    };
}

include!(concat!(env!("OUT_DIR"), "/payloads.rs"));
