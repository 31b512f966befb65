//! Bytes of a payload to a message and back, by the rules of proto3's JSON form.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

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

fn encode<T: Serialize>(message: &T) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(message).map(Bytes::from)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Undecodable> {
    serde_json::from_slice(bytes).map_err(|e| Undecodable(e.to_string()))
}

macro_rules! payload {
    ($message:ty) => {
        impl restate_sdk::serde::Serialize for $message {
            type Error = serde_json::Error;

            fn serialize(&self) -> Result<Bytes, Self::Error> {
                encode(self)
            }
        }

        impl restate_sdk::serde::Deserialize for $message {
            type Error = Undecodable;

            fn deserialize(bytes: &mut Bytes) -> Result<Self, Self::Error> {
                decode(bytes)
            }
        }

        impl restate_sdk::serde::PayloadMetadata for $message {}
    };
}

include!(concat!(env!("OUT_DIR"), "/payloads.rs"));
