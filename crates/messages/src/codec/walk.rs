//! The one pass over the JSON text before buffa decodes it.
//!
//! Error texts name fields and never repeat a value: a payload may hold a secret and these texts are logged.

use super::table::{Field, Kind, Message, Shape};
use super::{MAX_BYTES, MAX_DEPTH, number};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// Reads the JSON as the message and gives it back with camelCase names, integers as numbers and without
/// unknown fields; the error is for the caller.
pub(super) fn normalise(
    message: &'static Message,
    json: &[u8],
    strict: bool,
) -> Result<Value, String> {
    if json.len() > MAX_BYTES {
        return Err(format!("longer than {MAX_BYTES} bytes"));
    }
    let text = std::str::from_utf8(json).map_err(|_| "not UTF-8".to_owned())?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let one = One {
        kind: Kind::Message(message),
        at: At {
            owner: message.name,
            field: "",
            depth: 0,
            strict,
        },
    };
    let value = one
        .deserialize(&mut deserializer)
        .map_err(|e| e.to_string())?;
    deserializer.end().map_err(|e| e.to_string())?;
    Ok(value)
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct At {
    /// Name of the message.
    owner: &'static str,
    /// Empty: the message itself.
    field: &'static str,
    depth: usize,
    strict: bool,
}

impl At {
    fn wrong<E: Error>(self, what: &str) -> E {
        match self.field {
            "" => E::custom(format!("{}: {what}", self.owner)),
            field => E::custom(format!("{}.{field}: {what}", self.owner)),
        }
    }
}

/// A value that must not be null.
struct One {
    kind: Kind,
    at: At,
}

impl<'de> DeserializeSeed<'de> for One {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.kind {
            Kind::Message(message) => deserializer
                .deserialize_any(Members {
                    message,
                    at: self.at,
                })
                .map(Value::Object),
            kind => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(deserializer)?;
                scalar(kind, raw.get()).map_err(|what| self.at.wrong(what))
            }
        }
    }
}

/// The value of a field; null gives `None`.
struct Nullable {
    shape: Shape,
    at: At,
}

impl<'de> DeserializeSeed<'de> for Nullable {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        match self.shape {
            Shape::One(Kind::Message(_)) | Shape::List(_) | Shape::Map(..) => {
                deserializer.deserialize_option(self)
            }
            Shape::One(kind) => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(deserializer)?;
                match raw.get() {
                    "null" => Ok(None),
                    text => scalar(kind, text)
                        .map(Some)
                        .map_err(|what| self.at.wrong(what)),
                }
            }
        }
    }
}

impl<'de> Visitor<'de> for Nullable {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let at = self.at;
        match self.shape {
            Shape::One(kind) => One { kind, at }.deserialize(deserializer),
            Shape::List(kind) => deserializer.deserialize_any(List { kind, at }),
            Shape::Map(key, value) => deserializer.deserialize_any(Entries { key, value, at }),
        }
        .map(Some)
    }
}

/// Refuses every kind of JSON value a visitor does not take, without repeating it.
macro_rules! refuse_others {
    ($expected:literal) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($expected)
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Err(self.at.wrong(concat!("null instead of ", $expected)))
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Err(self
                .at
                .wrong(concat!("true or false instead of ", $expected)))
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Err(self.at.wrong(concat!("a number instead of ", $expected)))
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Err(self.at.wrong(concat!("a number instead of ", $expected)))
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Err(self.at.wrong(concat!("a number instead of ", $expected)))
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Err(self.at.wrong(concat!("a string instead of ", $expected)))
        }
    };
}

/// The object of a message.
struct Members {
    message: &'static Message,
    at: At,
}

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    refuse_others!("an object");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.at.wrong("a list instead of an object"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let At { depth, strict, .. } = self.at;
        if depth >= MAX_DEPTH {
            return Err(self.at.wrong("nested too deep"));
        }
        let owner = self.message.name;
        let mut seen = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        let mut chosen: Vec<&'static str> = Vec::new();
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Some(field) = self.message.field(&name) else {
                if strict {
                    return Err(self.at.wrong("unknown field"));
                }
                if !unknown.insert(name) {
                    return Err(self.at.wrong("a field is given twice"));
                }
                members.next_value::<IgnoredAny>()?;
                metrics::counter!("unknown_fields_total", "message" => owner).increment(1);
                continue;
            };
            let Field {
                json_name,
                shape,
                oneof,
                ..
            } = *field;
            let at = At {
                owner,
                field: json_name,
                depth: depth + 1,
                strict,
            };
            if !seen.insert(json_name) {
                return Err(at.wrong("given twice"));
            }
            let Some(value) = members.next_value_seed(Nullable { shape, at })? else {
                continue;
            };
            if let Some(oneof) = oneof {
                if chosen.contains(&oneof) {
                    return Err(at.wrong(&format!("a member of {oneof} is given already")));
                }
                chosen.push(oneof);
            }
            out.insert(json_name.to_owned(), value);
        }
        Ok(out)
    }
}

/// The elements of a repeated field.
struct List {
    kind: Kind,
    at: At,
}

impl<'de> Visitor<'de> for List {
    type Value = Value;

    refuse_others!("a list");

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.at.wrong("an object instead of a list"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::new();
        while let Some(value) = elements.next_element_seed(One {
            kind: self.kind,
            at: self.at,
        })? {
            out.push(value);
        }
        Ok(Value::Array(out))
    }
}

/// The entries of a map field.
struct Entries {
    key: Kind,
    value: Kind,
    at: At,
}

impl<'de> Visitor<'de> for Entries {
    type Value = Value;

    refuse_others!("an object");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.at.wrong("a list instead of an object"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut out = Map::new();
        while let Some(text) = entries.next_key::<String>()? {
            let key = key(self.key, text)
                .ok_or_else(|| self.at.wrong("a key that is not of the key's type"))?;
            let value = entries.next_value_seed(One {
                kind: self.value,
                at: self.at,
            })?;
            if out.insert(key, value).is_some() {
                return Err(self.at.wrong("a key is given twice"));
            }
        }
        Ok(Value::Object(out))
    }
}

/// A map's key in its only spelling.
fn key(kind: Kind, text: String) -> Option<String> {
    match kind {
        Kind::Bool => matches!(text.as_str(), "true" | "false").then_some(text),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
            Some(in_range(kind, number::integer(&text)?)?.to_string())
        }
        _ => Some(text),
    }
}

/// A value from its JSON text. Base64 and floating-point numbers are left to buffa.
fn scalar(kind: Kind, raw: &str) -> Result<Value, &'static str> {
    let quoted = raw.starts_with('"');
    let string =
        || serde_json::from_str::<String>(raw).map_err(|_| "not a string of valid characters");
    match kind {
        Kind::Bool => match raw {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("not true or false"),
        },
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
            let text = if quoted { string()? } else { raw.to_owned() };
            let value = number::integer(&text).ok_or("not an integer")?;
            in_range(kind, value)
                .map(Value::Number)
                .ok_or("out of range")
        }
        Kind::Enum(names) if quoted => match string()? {
            name if names.contains(&name.as_str()) => Ok(Value::String(name)),
            _ => Err("not a name of the enum"),
        },
        Kind::Enum(_) => {
            let value = number::integer(raw).ok_or("neither a name nor a number of the enum")?;
            in_range(Kind::Int32, value)
                .map(Value::Number)
                .ok_or("out of range")
        }
        Kind::Float | Kind::Double if !quoted => serde_json::from_str(raw)
            .map(Value::Number)
            .map_err(|_| "not a number"),
        Kind::Float | Kind::Double | Kind::String | Kind::Bytes if quoted => {
            string().map(Value::String)
        }
        _ => Err("not a string"),
    }
}

fn in_range(kind: Kind, value: i128) -> Option<serde_json::Number> {
    match kind {
        Kind::Int32 => i32::try_from(value).ok().map(Into::into),
        Kind::Uint32 => u32::try_from(value).ok().map(Into::into),
        Kind::Int64 => i64::try_from(value).ok().map(Into::into),
        Kind::Uint64 => u64::try_from(value).ok().map(Into::into),
        _ => None,
    }
}
