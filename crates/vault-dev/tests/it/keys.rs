//! Which key seals and opens what, and that nothing else does.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use buffa::Message as _;
use messages::vault::v1::Encrypted;
use vault_dev::{Code, Engine, MasterKey, MasterKeys, MemoryStore, Store as _};

use crate::rig::{Rig, vector};

#[tokio::test]
async fn vlt_2_the_published_object_and_blobs_are_read_and_its_key_is_used_on() {
    testbed::scenario!("VLT-2");
    let store = Arc::new(MemoryStore::default());
    for name in ["keyring/ring-a/dek_specDek1", "keyring/ring-a/LATEST"] {
        store
            .put(name, STANDARD.decode(vector::STORED).unwrap())
            .await
            .unwrap();
    }
    let rig = Rig::over(store, &MasterKey::parse(vector::MASTER).unwrap(), None).await;
    assert_eq!(
        rig.vault
            .decrypt("ring-a", vector::HELLO)
            .await
            .unwrap()
            .expose(),
        "hello vault"
    );
    assert_eq!(
        rig.vault
            .decrypt("ring-a", vector::EMPTY)
            .await
            .unwrap()
            .expose(),
        ""
    );
    assert_eq!(
        rig.vault.encrypt("ring-a", "more").await.unwrap().key_id,
        "dek_specDek1"
    );
}

#[tokio::test]
async fn vlt_3_a_blob_opens_under_its_own_keyring_only() {
    testbed::scenario!("VLT-3");
    let rig = Rig::in_memory().await;
    let blob = rig.vault.encrypt("ring-a", "hunter2").await.unwrap().blob;
    rig.vault.encrypt("ring-b", "x").await.unwrap();
    for other in ["ring-b", "ring-unused", "ring", "ring-a/x"] {
        let raw = rig.decrypt(other, &blob).await;
        assert_eq!(raw.refusal(), (404, "not_found".into()), "{other}");
        assert!(!String::from_utf8_lossy(&raw.body).contains("hunter2"));
    }
}

#[tokio::test]
async fn a_blob_that_names_a_path_does_not_reach_another_keyring() {
    let rig = Rig::in_memory().await;
    let sealed = rig.vault.encrypt("org/team", "hunter2").await.unwrap();
    for (keyring, key_id) in [
        ("org", format!("team/{}", sealed.key_id)),
        ("other", format!("../org/team/{}", sealed.key_id)),
        ("org/team", format!("./{}", sealed.key_id)),
        ("org/team", "LATEST".to_owned()),
    ] {
        let mut message =
            Encrypted::decode_from_slice(&STANDARD.decode(&sealed.blob).unwrap()).unwrap();
        message.encryption_key_id = key_id;
        let raw = rig
            .decrypt(keyring, &STANDARD.encode(message.encode_to_vec()))
            .await;
        assert_eq!(
            raw.refusal(),
            (400, "invalid_argument".into()),
            "{}",
            message.encryption_key_id
        );
    }
}

#[tokio::test]
async fn vlt_5_a_keyring_uses_one_key_and_shares_it_with_nobody() {
    testbed::scenario!("VLT-5");
    let rig = Rig::in_memory().await;
    let (mut keys, mut blobs) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..10 {
        let sealed = rig.vault.encrypt("one", "same").await.unwrap();
        keys.insert(sealed.key_id);
        blobs.insert(sealed.blob);
    }
    let other = rig.vault.encrypt("other", "same").await.unwrap();
    blobs.insert(other.blob);
    assert_eq!((keys.len(), blobs.len()), (1, 11));
    assert!(!keys.contains(&other.key_id));
}

#[tokio::test]
async fn vlt_6_every_flipped_bit_and_every_bad_shape_is_refused() {
    testbed::scenario!("VLT-6");
    let rig = Rig::in_memory().await;
    let text = "hello";
    let blob = rig.vault.encrypt("ring", text).await.unwrap().blob;
    let good = Encrypted::decode_from_slice(&STANDARD.decode(&blob).unwrap()).unwrap();
    let mut bad = Vec::new();
    for bit in 0..good.nonce.len() * 8 {
        let mut message = good.clone();
        message.nonce[bit / 8] ^= 1 << (bit % 8);
        bad.push(message);
    }
    assert_eq!(good.ciphertext.len(), text.len() + 16);
    for bit in 0..good.ciphertext.len() * 8 {
        let mut message = good.clone();
        message.ciphertext[bit / 8] ^= 1 << (bit % 8);
        bad.push(message);
    }
    for length in 0..good.ciphertext.len() {
        let mut message = good.clone();
        message.ciphertext.truncate(length);
        bad.push(message);
    }
    for length in [0, 11, 13] {
        let mut message = good.clone();
        message.nonce.resize(length, 0);
        bad.push(message);
    }
    bad.push(Encrypted {
        encryption_key_id: String::new(),
        ..good.clone()
    });
    for message in bad {
        let raw = rig
            .decrypt("ring", &STANDARD.encode(message.encode_to_vec()))
            .await;
        assert_eq!(raw.refusal(), (400, "invalid_argument".into()));
    }
    for blob in [
        "",
        "%",
        "AAAA",
        "hello",
        &blob[1..],
        &blob[..blob.len() - 1],
    ] {
        assert_eq!(
            rig.decrypt("ring", blob).await.refusal(),
            (400, "invalid_argument".into()),
            "{blob}"
        );
    }
    assert_eq!(
        rig.vault.decrypt("ring", &blob).await.unwrap().expose(),
        text
    );
}

#[tokio::test]
async fn vlt_6_no_bit_of_the_whole_blob_changes_the_text() {
    testbed::scenario!("VLT-6");
    let rig = Rig::in_memory().await;
    let blob = rig.vault.encrypt("ring", "hello").await.unwrap().blob;
    let bytes = STANDARD.decode(&blob).unwrap();
    let mut refused = 0;
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        match rig
            .server
            .engine()
            .decrypt("ring", &STANDARD.encode(changed))
            .await
        {
            Ok(text) => assert_eq!(text.as_str(), "hello"),
            Err(refusal) => {
                assert!((400..500).contains(&refusal.code().status()), "{refusal:?}");
                refused += 1;
            }
        }
    }
    // Only the time of sealing is not protected; it is at most eleven bytes of the blob.
    assert!(
        refused >= (bytes.len() - 11) * 8,
        "{refused} of {} refused",
        bytes.len() * 8
    );
}

#[tokio::test]
async fn vlt_13_a_key_under_an_unknown_master_key_opens_nothing_and_breaks_nothing() {
    testbed::scenario!("VLT-13");
    let store = Arc::new(MemoryStore::default());
    let first = Rig::over(store.clone(), &MasterKey::generate(), None).await;
    let blob = first.vault.encrypt("ring", "hunter2").await.unwrap().blob;
    first.server.stop().await;

    let second = Rig::over(store, &MasterKey::generate(), None).await;
    let raw = second.decrypt("ring", &blob).await;
    assert_eq!(raw.refusal(), (500, "internal".into()));
    let body = String::from_utf8(raw.body).unwrap();
    assert!(body.contains("kek_") && !body.contains("hunter2"), "{body}");
    let error = second.vault.encrypt("ring", "x").await.unwrap_err();
    assert_eq!(error.class(), vault::Class::Unavailable);
    second.vault.encrypt("other", "x").await.unwrap();
}

#[tokio::test]
async fn a_stored_key_that_was_changed_opens_nothing() {
    let store = Arc::new(MemoryStore::default());
    let master = MasterKey::generate();
    let first = Rig::over(store.clone(), &master, None).await;
    let sealed = first.vault.encrypt("ring", "hunter2").await.unwrap();
    first.server.stop().await;
    let name = format!("keyring/ring/{}", sealed.key_id);
    let good = store.get(&name).await.unwrap().unwrap();
    let (mut refused, mut ignored) = (0, 0);
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        store.put(&name, changed).await.unwrap();
        let masters = MasterKeys::new(master.clone(), None).unwrap();
        match Engine::new(store.clone(), masters, 1)
            .decrypt("ring", &sealed.blob)
            .await
        {
            // The id and time beside the sealed key are not protected, and not used.
            Ok(text) => {
                assert_eq!(text.as_str(), "hunter2");
                ignored += 1;
            }
            Err(refusal) => {
                assert_eq!(refusal.code(), Code::Internal, "byte {at}: {refusal:?}");
                refused += 1;
            }
        }
    }
    assert!(
        refused > 70 && ignored > 0,
        "{refused} refused, {ignored} ignored"
    );
}
