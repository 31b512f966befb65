//! Keys for the App, and in which forms they are taken.

use std::process::{Command, Stdio};

use github::{AppKey, Class};

use crate::fake::APP;
use crate::{KEYS, Keys};

/// Runs `openssl`, which every machine that builds the worker has.
fn openssl(arguments: &[&str], input: &str) -> String {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let mut pipe = child.stdin.take().expect("input");
    pipe.write_all(input.as_bytes()).expect("written");
    drop(pipe);
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "openssl {arguments:?}");
    String::from_utf8(output.stdout).expect("PEM")
}

pub(crate) fn make() -> Keys {
    let pkcs8 = openssl(
        &[
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ],
        "",
    );
    Keys {
        pkcs1: openssl(&["rsa", "-traditional"], &pkcs8),
        public: openssl(&["rsa", "-pubout"], &pkcs8),
        pkcs8,
    }
}

#[test]
fn c4_every_form_of_an_rsa_key_is_taken_and_an_elliptic_one_is_refused() {
    testbed::scenario!("C-4");
    assert!(KEYS.pkcs8.contains("BEGIN PRIVATE KEY"));
    assert!(KEYS.pkcs1.contains("BEGIN RSA PRIVATE KEY"));
    let escaped = KEYS.pkcs1.replace('\n', "\\n");
    for form in [
        KEYS.pkcs8.clone(),
        KEYS.pkcs1.clone(),
        escaped.clone(),
        format!("\"{escaped}\""),
        format!("\n  {}\n", KEYS.pkcs8),
    ] {
        assert!(AppKey::new(APP, &form).is_ok(), "{form}");
    }
    let elliptic = openssl(
        &[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ],
        "",
    );
    for (bad, key) in [
        ("elliptic", elliptic.as_str()),
        ("public", &KEYS.public),
        ("empty", ""),
        ("no PEM", "hunter2"),
    ] {
        let refused = AppKey::new(APP, key).expect_err(bad);
        assert_eq!(refused.class(), Class::Settings, "{bad}");
        assert!(!refused.to_string().contains("hunter2"), "{bad}: {refused}");
    }
    let shown = format!("{:?}", AppKey::new(APP, &KEYS.pkcs8).expect("a key"));
    assert!(shown.contains("4711") && !shown.contains("key:"), "{shown}");
}
