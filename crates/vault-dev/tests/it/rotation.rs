//! New data keys, new master keys, and who makes the first key.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use vault_dev::{DiskStore, Engine, MasterKey, MasterKeys, MemoryStore, Reroll, Store};

use crate::rig::{Rig, objects};

fn engine(store: &Arc<MemoryStore>, current: &MasterKey, previous: Option<&MasterKey>) -> Engine {
    Engine::new(
        store.clone(),
        MasterKeys::new(current.clone(), previous.cloned()).unwrap(),
        1_000,
    )
}

/// The master keys that sealed the stored objects.
async fn masters_in(store: &dyn Store) -> BTreeSet<String> {
    use buffa::Message as _;
    let mut ids = BTreeSet::new();
    for name in objects(store).await {
        let bytes = store.get(&name).await.unwrap().unwrap();
        let stored =
            messages::vault::v1::EncryptedDataEncryptionKey::decode_from_slice(&bytes).unwrap();
        ids.insert(stored.encrypted.encryption_key_id.clone());
    }
    ids
}

#[tokio::test]
async fn vlt_9_after_a_reroll_everything_opens_without_the_old_master_key() {
    testbed::scenario!("VLT-9");
    let store = Arc::new(MemoryStore::default());
    let (one, two) = (MasterKey::generate(), MasterKey::generate());
    let before = engine(&store, &one, None);
    let mut blobs = Vec::new();
    for number in 0..1_100 {
        let sealed = before
            .encrypt("big/ring", &format!("text {number}"))
            .await
            .unwrap();
        blobs.push(("big/ring", format!("text {number}"), sealed.blob));
        before.rotate("big/ring").await.unwrap();
    }
    for ring in ["a", "z.z"] {
        blobs.push((
            ring,
            ring.to_owned(),
            before.encrypt(ring, ring).await.unwrap().blob,
        ));
    }
    assert_eq!(objects(store.as_ref()).await.len(), 1_101 + 1 + 4);

    let both = Rig::over(store.clone(), &two, Some(&one)).await;
    assert_eq!(
        both.vault
            .decrypt("a", &blobs[1_100].2)
            .await
            .unwrap()
            .expose(),
        "a"
    );
    let fresh = both.vault.encrypt("new", "fresh").await.unwrap();
    blobs.push(("new", "fresh".into(), fresh.blob));
    assert_eq!(
        masters_in(store.as_ref()).await,
        BTreeSet::from([one.id().to_owned(), two.id().to_owned()])
    );

    let dry = both
        .server
        .engine()
        .reroll(
            &Reroll {
                dry_run: true,
                ..Reroll::default()
            },
            |_| {},
        )
        .await
        .unwrap();
    assert_eq!((dry.seen, dry.changed), (1_108, 1_106));
    assert_eq!(
        masters_in(store.as_ref()).await.len(),
        2,
        "a dry run changes nothing"
    );
    let mut pages = 0;
    let done = both
        .server
        .engine()
        .reroll(&Reroll::default(), |_| pages += 1)
        .await
        .unwrap();
    assert_eq!(
        (done.seen, done.changed, done.failed.len()),
        (1_108, 1_106, 0)
    );
    assert!(pages > 1, "it went page by page");
    assert_eq!(
        masters_in(store.as_ref()).await,
        BTreeSet::from([two.id().to_owned()])
    );
    both.server.stop().await;

    let after = engine(&store, &two, None);
    for (ring, text, blob) in &blobs {
        assert_eq!(after.decrypt(ring, blob).await.unwrap().as_str(), text);
    }
    let latest = after.encrypt("a", "more").await.unwrap();
    assert!(
        objects(store.as_ref())
            .await
            .contains(&format!("keyring/a/{}", latest.key_id))
    );
}

#[tokio::test]
async fn a_reroll_can_go_on_where_it_was_cut_and_tells_what_it_cannot_read() {
    let store = Arc::new(MemoryStore::default());
    let (one, two) = (MasterKey::generate(), MasterKey::generate());
    let before = engine(&store, &one, None);
    for ring in ["a", "b", "c"] {
        before.encrypt(ring, "x").await.unwrap();
    }
    store
        .put("keyring/b/dek_broken", b"no key".to_vec())
        .await
        .unwrap();
    let both = engine(&store, &two, Some(&one));
    let rest = Reroll {
        after: "keyring/b/LATEST".into(),
        ..Reroll::default()
    };
    let done = both.reroll(&rest, |_| {}).await.unwrap();
    assert_eq!(
        (done.seen, done.changed),
        (4, 3),
        "two of b (one broken), two of c: {done:?}"
    );
    assert_eq!(done.failed.len(), 1);
    assert_eq!(done.failed[0].0, "keyring/b/dek_broken");
    assert_eq!(
        store.get("keyring/b/dek_broken").await.unwrap().unwrap(),
        b"no key"
    );
    let all = both.reroll(&Reroll::default(), |_| {}).await.unwrap();
    assert_eq!(
        (all.seen, all.changed),
        (7, 3),
        "what was done is not done again"
    );
}

#[tokio::test]
async fn vlt_10_re_encrypting_moves_a_text_to_the_new_key_and_both_blobs_open() {
    testbed::scenario!("VLT-10");
    let rig = Rig::in_memory().await;
    let old = rig.vault.encrypt("ring", "text").await.unwrap();
    let other = rig.vault.encrypt("other", "x").await.unwrap();
    let new_key = rig.server.engine().rotate("ring").await.unwrap();
    assert_ne!(new_key, old.key_id);
    let asked = json!({ "keyring": "ring", "encrypted": old.blob, "keyId": old.key_id });
    let answer = rig.json("ReEncrypt", asked).await.json();
    assert_eq!(
        answer["keyId"],
        json!(new_key),
        "the key asked for is ignored"
    );
    for blob in [old.blob.as_str(), answer["encrypted"].as_str().unwrap()] {
        assert_eq!(
            rig.vault.decrypt("ring", blob).await.unwrap().expose(),
            "text"
        );
    }
    assert_eq!(
        rig.vault.encrypt("ring", "y").await.unwrap().key_id,
        new_key
    );
    assert_eq!(
        rig.vault.encrypt("other", "y").await.unwrap().key_id,
        other.key_id
    );
}

#[tokio::test]
async fn vlt_10_re_encrypting_sees_a_key_that_another_process_made() {
    testbed::scenario!("VLT-10");
    let store = Arc::new(MemoryStore::default());
    let master = MasterKey::generate();
    let (here, there) = (engine(&store, &master, None), engine(&store, &master, None));
    let old = here.encrypt("ring", "text").await.unwrap();
    let new_key = there.rotate("ring").await.unwrap();
    assert_eq!(
        here.encrypt("ring", "y").await.unwrap().key_id,
        old.key_id,
        "still believed for a while"
    );
    assert_eq!(
        here.re_encrypt("ring", &old.blob).await.unwrap().key_id,
        new_key
    );
    let failed = here.re_encrypt("elsewhere", &old.blob).await.unwrap_err();
    assert_eq!(failed.code().text(), "not_found");
}

async fn race(store: Arc<dyn Store>) {
    let rig = Rig::over(store.clone(), &MasterKey::generate(), None).await;
    let calls = (0..50).map(|number| {
        let vault = rig.vault.clone();
        tokio::spawn(async move {
            (
                number,
                vault
                    .encrypt("new/ring", &format!("text {number}"))
                    .await
                    .unwrap(),
            )
        })
    });
    let sealed: Vec<_> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let keys: BTreeSet<_> = sealed
        .iter()
        .map(|(_, sealed)| sealed.key_id.clone())
        .collect();
    let key = keys.first().unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(
        objects(store.as_ref()).await,
        [
            "keyring/new/ring/LATEST".to_owned(),
            format!("keyring/new/ring/{key}")
        ]
    );
    for (number, sealed) in sealed {
        let opened = rig.vault.decrypt("new/ring", &sealed.blob).await.unwrap();
        assert_eq!(opened.expose(), format!("text {number}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn vlt_11_fifty_first_users_of_a_keyring_make_one_key() {
    testbed::scenario!("VLT-11");
    race(Arc::new(MemoryStore::default())).await;
    let directory = tempdir();
    race(Arc::new(DiskStore::open(directory.path()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn vlt_11_several_processes_on_one_directory_agree_on_the_first_key() {
    testbed::scenario!("VLT-11");
    let directory = tempdir();
    let master = MasterKey::generate();
    let calls = (0..8).map(|_| {
        let store: Arc<dyn Store> = Arc::new(DiskStore::open(directory.path()).unwrap());
        let engine = Engine::new(store, MasterKeys::new(master.clone(), None).unwrap(), 1);
        tokio::spawn(async move { engine.encrypt("ring", "text").await.unwrap() })
    });
    let sealed: Vec<_> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(sealed.iter().all(|one| one.key_id == sealed[0].key_id));
}

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
