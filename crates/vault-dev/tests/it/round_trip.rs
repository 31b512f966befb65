//! What goes in comes out, in both codecs.

use std::collections::BTreeMap;
use std::time::Duration;

use buffa::Message as _;
use messages::vault::v1::{
    DecryptBulkRequest, DecryptBulkResponse, DecryptRequest, DecryptResponse, EncryptBulkRequest,
    EncryptBulkResponse, EncryptRequest, EncryptResponse,
};
use proptest::prelude::*;
use serde_json::json;

use vault::{Options, Vault};

use crate::rig::{Rig, TOKEN};

fn texts() -> [String; 4] {
    [
        String::new(),
        "x".into(),
        "schlüssel \u{1F511} \0 \"\\\n".into(),
        "0123456789abcdef".repeat(10 << 16),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vlt_1_a_text_of_any_size_comes_back_through_the_client() {
    testbed::scenario!("VLT-1");
    let rig = Rig::in_memory().await;
    // The sizes are what is tested here; how long they may take depends on the machine.
    let long = Duration::from_secs(60);
    let options = Options {
        call: long,
        attempt: long,
        longest_call: long,
        ..Options::default()
    };
    let vault = Vault::with_options(&rig.server.url(), TOKEN, options).unwrap();
    assert_eq!(texts()[3].len(), 10 << 20);
    for text in texts() {
        let sealed = vault.encrypt("ring", &text).await.unwrap();
        assert!(text.len() < 9 || !sealed.blob.contains(&text));
        let opened = vault.decrypt("ring", &sealed.blob).await.unwrap();
        assert!(
            opened.expose() == text,
            "a text of {} bytes came back changed",
            text.len()
        );
    }
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vlt_1_a_text_of_any_size_comes_back_in_protobuf() {
    testbed::scenario!("VLT-1");
    let rig = Rig::in_memory().await;
    for text in texts() {
        let request = EncryptRequest {
            keyring: "ring".into(),
            data: text.clone(),
        };
        let raw = rig
            .call("Encrypt", "application/proto", request.encode_to_vec())
            .await;
        assert_eq!(
            (raw.status, raw.content_type.as_str()),
            (200, "application/proto")
        );
        let sealed = EncryptResponse::decode_from_slice(&raw.body).unwrap();
        assert!(sealed.key_id.starts_with("dek_"));
        let request = DecryptRequest {
            keyring: "ring".into(),
            encrypted: sealed.encrypted,
        };
        let raw = rig
            .call("Decrypt", "application/proto", request.encode_to_vec())
            .await;
        let opened = DecryptResponse::decode_from_slice(&raw.body).unwrap();
        assert!(
            opened.plaintext == text,
            "a text of {} bytes came back changed",
            text.len()
        );
    }
}

#[tokio::test]
async fn vlt_7_bulk_answers_under_the_same_ids() {
    testbed::scenario!("VLT-7");
    let rig = Rig::in_memory().await;
    let texts = BTreeMap::from(
        [("a", "one"), ("b/b", ""), ("ключ", "drei")].map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    let request = EncryptBulkRequest {
        keyring: "env".into(),
        items: texts.clone(),
    };
    let raw = rig
        .call("EncryptBulk", "application/proto", request.encode_to_vec())
        .await;
    let sealed = EncryptBulkResponse::decode_from_slice(&raw.body).unwrap();
    assert!(sealed.items.keys().eq(texts.keys()));
    let blobs: BTreeMap<String, String> = sealed
        .items
        .into_iter()
        .map(|(id, item)| (id, item.encrypted))
        .collect();

    let opened = rig.vault.decrypt_bulk("env", &blobs).await.unwrap();
    let opened: BTreeMap<_, _> = opened
        .iter()
        .map(|(id, text)| (id.clone(), text.expose().to_owned()))
        .collect();
    assert_eq!(opened, texts);
    let request = DecryptBulkRequest {
        keyring: "env".into(),
        items: blobs,
    };
    let raw = rig
        .call("DecryptBulk", "application/proto", request.encode_to_vec())
        .await;
    assert_eq!(
        DecryptBulkResponse::decode_from_slice(&raw.body)
            .unwrap()
            .items,
        texts
    );

    for method in ["EncryptBulk", "DecryptBulk"] {
        let raw = rig
            .json(method, json!({ "keyring": "env", "items": {} }))
            .await;
        assert_eq!((raw.status, raw.json()), (200, json!({})), "{method}");
    }
}

#[tokio::test]
async fn vlt_7_one_corrupt_item_fails_the_whole_call_and_is_named() {
    testbed::scenario!("VLT-7");
    let rig = Rig::in_memory().await;
    let good = rig.vault.encrypt("env", "hunter2").await.unwrap().blob;
    let items = json!({ "a": good, "broken-one": "AAAA", "z": good });
    let raw = rig
        .json("DecryptBulk", json!({ "keyring": "env", "items": items }))
        .await;
    assert_eq!(raw.refusal(), (500, "internal".into()));
    let body = String::from_utf8(raw.body).unwrap();
    assert!(
        body.contains("broken-one") && !body.contains("hunter2"),
        "{body}"
    );
}

#[tokio::test]
async fn vlt_8_a_json_client_without_the_version_header_is_served() {
    testbed::scenario!("VLT-8");
    let rig = Rig::in_memory().await;
    let raw = rig
        .json(
            "Encrypt",
            json!({ "keyring": "r", "data": "x", "not_known": [1] }),
        )
        .await;
    assert_eq!(
        (raw.status, raw.content_type.as_str()),
        (200, "application/json")
    );
    let answer = raw.json();
    assert!(
        answer["encrypted"]
            .as_str()
            .is_some_and(|blob| !blob.is_empty())
    );
    assert!(
        answer["keyId"]
            .as_str()
            .is_some_and(|id| id.starts_with("dek_"))
    );
    assert_eq!(answer.as_object().unwrap().len(), 2);
    let opened = rig
        .decrypt("r", answer["encrypted"].as_str().unwrap())
        .await;
    assert_eq!(opened.json(), json!({ "plaintext": "x" }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is sent, in whatever codec, is answered and never brings the server down.
    #[test]
    fn any_body_is_answered(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rig = Rig::in_memory().await;
            let methods = ["Liveness", "Encrypt", "EncryptBulk", "Decrypt", "DecryptBulk", "ReEncrypt"];
            for (body, method) in bodies.iter().zip(methods.iter().cycle()) {
                for codec in ["application/proto", "application/json"] {
                    let raw = rig.call(method, codec, body.clone()).await;
                    assert!(raw.status < 500, "{method} {codec}: {raw:?}");
                }
            }
            assert!(rig.vault.ping().await.is_ok());
        });
    }
}
