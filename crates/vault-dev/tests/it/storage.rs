//! What lies on the storage, and what happens when it does not answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vault_dev::{
    DiskStore, Engine, MasterKey, MasterKeys, MasterSource, MemoryStore, Options, OutageStore,
    Server, StartError, Storage, Store, StoreError,
};

use crate::rig::{Rig, TOKEN, objects, vector};

#[tokio::test]
async fn vlt_12_an_outage_of_the_storage_is_unavailable_and_a_warm_cache_serves_on() {
    testbed::scenario!("VLT-12");
    let inner = Arc::new(MemoryStore::default());
    let store = Arc::new(OutageStore::new(inner));
    let master = MasterKey::generate();
    let warm = Rig::over(store.clone(), &master, None).await;
    let blob = warm.vault.encrypt("ring", "text").await.unwrap().blob;
    let cold = Rig::over(store.clone(), &master, None).await;

    store.set_down(true);
    let outage = (503, "unavailable".to_owned());
    assert_eq!(cold.decrypt("ring", &blob).await.refusal(), outage);
    let bulk = json!({ "keyring": "ring", "items": { "a": blob } });
    assert_eq!(cold.json("DecryptBulk", bulk).await.refusal(), outage);
    assert_eq!(
        cold.json("Encrypt", json!({ "keyring": "ring", "data": "x" }))
            .await
            .refusal(),
        outage
    );
    assert_eq!(
        cold.json("ReEncrypt", json!({ "keyring": "ring", "encrypted": blob }))
            .await
            .refusal(),
        outage
    );
    assert_eq!(
        warm.vault.decrypt("ring", &blob).await.unwrap().expose(),
        "text"
    );
    assert_eq!(
        warm.vault.encrypt("ring", "y").await.unwrap().key_id.len(),
        13
    );

    store.set_down(false);
    assert_eq!(
        cold.vault.decrypt("ring", &blob).await.unwrap().expose(),
        "text"
    );
}

#[tokio::test]
async fn vlt_12_the_client_takes_an_outage_for_something_to_retry() {
    testbed::scenario!("VLT-12");
    let store = Arc::new(OutageStore::new(Arc::new(MemoryStore::default())));
    store.set_down(true);
    let rig = Rig::over(store.clone(), &MasterKey::generate(), None).await;
    let error = rig.vault.encrypt("ring", "text").await.unwrap_err();
    assert_eq!(error.class(), vault::Class::Unavailable);
    let back = async {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        store.set_down(false);
    };
    let items = BTreeMap::new();
    let (sealed, bulk, ()) = tokio::join!(
        rig.vault.encrypt("r", "x"),
        rig.vault.decrypt_bulk("r", &items),
        back
    );
    assert!(
        sealed.is_ok() || sealed.is_err_and(|error| error.class() == vault::Class::Unavailable)
    );
    assert!(bulk.unwrap().is_empty());
    rig.vault.encrypt("r", "x").await.unwrap();
}

fn everything_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        } else {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn vlt_14_no_keyring_leads_out_of_the_directory() {
    testbed::scenario!("VLT-14");
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("some").join("data");
    let rig = Rig::start(Options::on_disk(TOKEN, &root).unwrap()).await;
    let blob = rig.vault.encrypt("ok", "x").await.unwrap().blob;
    let before = everything_below(outer.path());
    for keyring in [
        "../../x",
        "..",
        "a/../../../x",
        "/etc",
        "/",
        ".",
        "",
        "a/..",
        "a\0b",
        "a\nb",
        "a//b",
        "a/",
    ] {
        for (method, body) in [
            ("Encrypt", json!({ "keyring": keyring, "data": "x" })),
            ("Decrypt", json!({ "keyring": keyring, "encrypted": blob })),
            (
                "EncryptBulk",
                json!({ "keyring": keyring, "items": { "a": "x" } }),
            ),
            (
                "ReEncrypt",
                json!({ "keyring": keyring, "encrypted": blob }),
            ),
        ] {
            let raw = rig.json(method, body).await;
            assert_eq!(
                raw.refusal(),
                (400, "invalid_argument".into()),
                "{method} {keyring:?}"
            );
        }
    }
    assert_eq!(everything_below(outer.path()), before);

    let long = "long.".repeat(24);
    for keyring in ["org/team/ring", "ws_1.2", "unkey_internal", long.as_str()] {
        let sealed = rig.vault.encrypt(keyring, "text").await.unwrap();
        assert_eq!(
            rig.vault
                .decrypt(keyring, &sealed.blob)
                .await
                .unwrap()
                .expose(),
            "text"
        );
        let file = root.join("keyring").join(keyring).join(sealed.key_id);
        assert_eq!(
            fs::read(file).unwrap(),
            fs::read(root.join("keyring").join(keyring).join("LATEST")).unwrap()
        );
    }
    // What this file system cannot hold is the caller's fault, not an outage.
    let raw = rig
        .json(
            "Encrypt",
            json!({ "keyring": "x".repeat(256), "data": "x" }),
        )
        .await;
    assert_eq!(raw.refusal(), (400, "invalid_argument".into()));
    let raw = rig
        .json("Encrypt", json!({ "keyring": "ok/LATEST", "data": "x" }))
        .await;
    assert_eq!(raw.refusal(), (400, "invalid_argument".into()));
}

#[tokio::test]
async fn vlt_2_a_directory_of_the_real_vault_is_read_and_written_alike() {
    testbed::scenario!("VLT-2");
    let directory = tempfile::tempdir().unwrap();
    let ring = directory.path().join("keyring/ring-a");
    fs::create_dir_all(&ring).unwrap();
    for name in ["dek_specDek1", "LATEST"] {
        fs::write(ring.join(name), STANDARD.decode(vector::STORED).unwrap()).unwrap();
    }
    // A file that a crash left behind is not an object.
    fs::write(ring.join(".vault-123.tmp"), b"half").unwrap();
    let masters = MasterKeys::new(MasterKey::parse(vector::MASTER).unwrap(), None).unwrap();
    let options = Options {
        master: MasterSource::Given(masters),
        storage: Storage::Disk(directory.path().to_path_buf()),
        ..Options::in_memory(TOKEN).unwrap()
    };
    let rig = Rig::start(options).await;
    assert_eq!(
        rig.vault
            .decrypt("ring-a", vector::HELLO)
            .await
            .unwrap()
            .expose(),
        "hello vault"
    );
    assert_eq!(
        rig.vault.encrypt("ring-a", "x").await.unwrap().key_id,
        "dek_specDek1"
    );
    let store = DiskStore::open(directory.path()).unwrap();
    assert_eq!(
        objects(&store).await,
        ["keyring/ring-a/LATEST", "keyring/ring-a/dek_specDek1"]
    );
}

#[tokio::test]
async fn a_newest_key_without_its_own_object_gets_one() {
    let store = Arc::new(MemoryStore::default());
    store
        .put(
            "keyring/ring-a/LATEST",
            STANDARD.decode(vector::STORED).unwrap(),
        )
        .await
        .unwrap();
    let rig = Rig::over(
        store.clone(),
        &MasterKey::parse(vector::MASTER).unwrap(),
        None,
    )
    .await;
    assert_eq!(rig.decrypt("ring-a", vector::HELLO).await.status, 404);
    rig.vault.encrypt("ring-a", "x").await.unwrap();
    assert_eq!(
        rig.vault
            .decrypt("ring-a", vector::HELLO)
            .await
            .unwrap()
            .expose(),
        "hello vault"
    );
    assert_eq!(objects(store.as_ref()).await.len(), 2);
}

#[tokio::test]
async fn the_stores_agree_on_names_listing_and_creating() {
    let directory = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(MemoryStore::default()),
        Arc::new(DiskStore::open(directory.path()).unwrap()),
    ];
    for store in stores {
        for name in ["", "/a", "a//b", "../a", "a/..", "./a", "a\0"] {
            assert!(
                matches!(store.put(name, vec![]).await, Err(StoreError::Name(_))),
                "{name:?}"
            );
            assert!(store.get(name).await.is_err() && store.create(name, vec![]).await.is_err());
        }
        for name in ["k/b/2", "k/a", "k/b/1", "k/b.c", "l/x"] {
            assert!(store.create(name, name.into()).await.unwrap());
            assert!(!store.create(name, vec![]).await.unwrap());
        }
        assert_eq!(store.get("k/b/1").await.unwrap().unwrap(), b"k/b/1");
        assert_eq!(store.get("k/nothing").await.unwrap(), None);
        store.put("k/a", vec![7]).await.unwrap();
        assert_eq!(store.get("k/a").await.unwrap().unwrap(), [7]);
        assert_eq!(
            store.list("k/", "", 9).await.unwrap(),
            ["k/a", "k/b.c", "k/b/1", "k/b/2"]
        );
        assert_eq!(store.list("k/", "k/b.c", 1).await.unwrap(), ["k/b/1"]);
        assert_eq!(
            store.list("k/b", "", 9).await.unwrap(),
            ["k/b.c", "k/b/1", "k/b/2"]
        );
        assert!(store.list("k/", "k/z", 9).await.unwrap().is_empty());
        assert!(
            store.list("", "", 9).await.unwrap().is_empty(),
            "an empty prefix lists nothing"
        );
        assert!(store.list("nowhere/", "", 9).await.unwrap().is_empty());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_drawn_master_key_is_kept_beside_the_storage_and_used_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("data");
    let start = || Rig::start(Options::on_disk(TOKEN, &root).unwrap());
    let first = start().await;
    let drawn = first.server.generated().unwrap().master_key.to_string();
    let blob = first.vault.encrypt("ring", "text").await.unwrap().blob;
    first.server.stop().await;

    let file = outer.path().join("data.master-key");
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), drawn);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let key = STANDARD.decode(&drawn).unwrap();
    for path in everything_below(&root) {
        let bytes = fs::read(&path).unwrap();
        assert!(
            !bytes
                .windows(32)
                .any(|window| window == &key[key.len() - 32..]),
            "{path} holds the master key"
        );
    }

    let second = start().await;
    assert!(second.server.generated().is_none(), "it is shown once");
    assert_eq!(
        second.vault.decrypt("ring", &blob).await.unwrap().expose(),
        "text"
    );
    second.server.stop().await;

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let options = Options::on_disk(TOKEN, &root).unwrap();
    assert!(matches!(
        Server::start(options).await,
        Err(StartError::KeyFile(_))
    ));
    fs::remove_file(&file).unwrap();
    let options = Options::on_disk(TOKEN, &root).unwrap();
    assert!(matches!(
        Server::start(options).await,
        Err(StartError::MasterKeyLost)
    ));
}

#[tokio::test]
async fn no_clear_data_key_lies_on_the_storage() {
    let store = Arc::new(MemoryStore::default());
    store
        .put(
            "keyring/ring-a/LATEST",
            STANDARD.decode(vector::STORED).unwrap(),
        )
        .await
        .unwrap();
    let (one, two) = (
        MasterKey::parse(vector::MASTER).unwrap(),
        MasterKey::generate(),
    );
    let engine = Engine::new(store.clone(), MasterKeys::new(two, Some(one)).unwrap(), 1);
    engine.encrypt("ring-a", "x").await.unwrap();
    engine
        .reroll(&vault_dev::Reroll::default(), |_| {})
        .await
        .unwrap();
    let clear: Vec<u8> = (0x20..0x40).collect();
    for name in objects(store.as_ref()).await {
        let bytes = store.get(&name).await.unwrap().unwrap();
        assert!(
            !bytes
                .windows(8)
                .any(|window| clear.windows(8).any(|part| part == window)),
            "{name}"
        );
    }
}
