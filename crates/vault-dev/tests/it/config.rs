//! The configuration file: what is refused, and with which words.

use vault_dev::{ConfigError, MasterKey, MasterSource, Storage, from_text};

use crate::rig::vector;

const DISK: &str = "[storage.disk]\npath = \"/data/vault\"\n";

fn read(text: &str) -> Result<vault_dev::Options, ConfigError> {
    from_text(text, |name| {
        (name == "TOKEN").then(|| "from the environment".to_owned())
    })
}

fn refused(text: &str) -> String {
    let error = read(text).unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "{error:?}"
    );
    error.to_string()
}

#[test]
fn vlt_16_both_or_neither_storage_is_refused_with_the_choice_named() {
    testbed::scenario!("VLT-16");
    let none = refused("bearer_token = \"t\"");
    assert!(
        none.contains("exactly one of [storage.disk]") && none.contains("found none"),
        "{none}"
    );
    let s3 = "[storage.s3]\nurl = \"u\"\nbucket = \"b\"\naccess_key_id = \"a\"\naccess_key_secret = \"hunter2\"\n";
    let both = refused(&format!("bearer_token = \"t\"\n{DISK}{s3}"));
    assert!(both.contains("[storage.disk], [storage.s3]"), "{both}");
    let old = refused(&format!("bearer_token = \"t\"\n{DISK}[s3]\nurl = \"u\"\n"));
    assert!(old.contains("[storage.disk], [s3]"), "{old}");
    let unknown = refused("bearer_token = \"t\"\n[storage.tape]\n");
    assert!(unknown.contains("[storage.tape]"), "{unknown}");
    for alone in [s3, "[s3]\nurl = \"u\"\n"] {
        let text = refused(&format!("bearer_token = \"t\"\n{alone}"));
        assert!(text.contains("no S3 storage, use [storage.disk]"), "{text}");
    }
    assert!(
        refused("bearer_token = \"t\"\n[storage.disk]\n").contains("storage.disk.path is required")
    );
}

#[test]
fn a_file_of_the_real_vault_loads_and_listens_on_loopback() {
    let text = format!(
        "# ${{NOT_SET}} in a comment\ninstance_id = \"i\"\nregion = \"local\"\nbearer_token = \"${{TOKEN}}\"\n\
         [encryption]\nmaster_key = \"{}\"\nprevious_master_key = \"\"\n{DISK}\
         [observability.tracing]\nsample_rate = 0.25\n",
        vector::MASTER
    );
    let options = read(&text).unwrap();
    assert_eq!(options.listen.to_string(), "127.0.0.1:8060");
    assert!(matches!(options.storage, Storage::Disk(path) if path.to_str() == Some("/data/vault")));
    assert!(matches!(options.master, MasterSource::Given(_)));
}

#[test]
fn without_a_master_key_one_is_kept_beside_the_directory() {
    let options = read(&format!("bearer_token = \"t\"\nhttp_port = 0\n{DISK}")).unwrap();
    let MasterSource::Generate { file: Some(file) } = options.master else {
        panic!("{:?}", options.master)
    };
    assert_eq!(file.to_str(), Some("/data/vault.master-key"));
    assert_eq!(options.listen.port(), 0);
    let options = read("bearer_token = \"t\"\n[storage.memory]\n").unwrap();
    assert!(matches!(
        options.master,
        MasterSource::Generate { file: None }
    ));
}

#[test]
fn what_else_is_wrong_is_named_without_its_value() {
    let good = MasterKey::generate().to_config().to_string();
    let with_keys = |current: &str, previous: &str| {
        format!(
            "bearer_token = \"t\"\n[encryption]\nmaster_key = \"{current}\"\nprevious_master_key = \"{previous}\"\n{DISK}"
        )
    };
    assert!(refused(DISK).contains("bearer_token is required"));
    assert!(refused(&format!("bearer_token = \"\"\n{DISK}")).contains("must not be empty"));
    assert!(
        refused(&format!("bearer_token = \"${{NOPE}}\"\n{DISK}")).contains("${NOPE} is not set")
    );
    assert!(refused(&with_keys("hunter2!", "")).contains("encryption.master_key is not base64"));
    assert!(
        refused(&with_keys("CgVrZWtfMRoDAQID", ""))
            .contains("encryption.master_key does not hold 32 bytes")
    );
    assert!(refused(&with_keys(&good, "AAAA")).contains("encryption.previous_master_key"));
    assert!(refused(&with_keys(&good, &good)).contains("previous_master_key has the same id"));
    assert!(refused(&with_keys("", &good)).contains("encryption.master_key"));
    let wrong_type = refused("bearer_token = \"hunter2\"\nhttp_port = \"hunter2\"\n");
    assert!(wrong_type.contains("line 2"), "{wrong_type}");
    refused("bearer_token = \"hunter2\nhttp_port = 1");
    assert!(!format!("{:?}", read(&with_keys(&good, "")).unwrap()).contains(&good));
}
