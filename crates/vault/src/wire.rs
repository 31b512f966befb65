//! The JSON shapes of `vault.v1` that the worker uses (lowerCamelCase; a field at its default may be absent), and
//! how a bulk call is cut into requests.
//!
//! No `Debug` on anything that carries a plaintext.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Plaintext;

#[derive(Serialize)]
pub(crate) struct Empty {}

#[derive(Serialize)]
pub(crate) struct EncryptRequest<'a> {
    pub(crate) keyring: &'a str,
    pub(crate) data: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(crate) struct EncryptResponse {
    pub(crate) encrypted: String,
    pub(crate) key_id: String,
}

#[derive(Serialize)]
pub(crate) struct DecryptRequest<'a> {
    pub(crate) keyring: &'a str,
    pub(crate) encrypted: &'a str,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct DecryptResponse {
    pub(crate) plaintext: Plaintext,
}

#[derive(Serialize)]
pub(crate) struct DecryptBulkRequest<'a> {
    pub(crate) keyring: &'a str,
    pub(crate) items: &'a BTreeMap<&'a str, &'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct DecryptBulkResponse {
    pub(crate) items: BTreeMap<String, Plaintext>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct LivenessResponse {
    pub(crate) status: String,
}

/// A Connect error body.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct ErrorBody {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Cuts a bulk call into parts that a server with sensible limits accepts. No items, no parts.
pub(crate) fn parts(
    items: &BTreeMap<String, String>,
    most_items: usize,
    most_bytes: usize,
) -> Vec<BTreeMap<&str, &str>> {
    let mut parts = Vec::new();
    let mut part = BTreeMap::new();
    let mut bytes = 0;
    for (id, value) in items {
        let size = id.len() + value.len();
        if !part.is_empty() && (part.len() == most_items || bytes + size > most_bytes) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        part.insert(id.as_str(), value.as_str());
        bytes += size;
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_hold_every_item_once_and_keep_both_limits(
            items in proptest::collection::btree_map("[a-z]{1,4}", "[a-z]{0,9}", 0..40),
            most_items in 1usize..7,
            most_bytes in 1usize..30,
        ) {
            let parts = parts(&items, most_items, most_bytes);
            let mut joined = BTreeMap::new();
            for part in &parts {
                prop_assert!(!part.is_empty() && part.len() <= most_items);
                let bytes: usize = part.iter().map(|(id, value)| id.len() + value.len()).sum();
                prop_assert!(bytes <= most_bytes || part.len() == 1);
                joined.extend(part.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())));
            }
            prop_assert_eq!(parts.iter().map(BTreeMap::len).sum::<usize>(), items.len());
            prop_assert_eq!(joined, items);
        }
    }
}
