//! In which forms the App's key is taken.

use github::{AppKey, Class};
use github_fake::{APP, keys};

#[test]
fn c4_every_form_of_an_rsa_key_is_taken_and_an_elliptic_one_is_refused() {
    testbed::scenario!("C-4");
    assert!(keys().pkcs8.contains("BEGIN PRIVATE KEY"));
    assert!(keys().pkcs1.contains("BEGIN RSA PRIVATE KEY"));
    let escaped = keys().pkcs1.replace('\n', "\\n");
    for form in [
        keys().pkcs8.clone(),
        keys().pkcs1.clone(),
        escaped.clone(),
        format!("\"{escaped}\""),
        format!("\n  {}\n", keys().pkcs8),
    ] {
        assert!(AppKey::new(APP, &form).is_ok(), "{form}");
    }
    let elliptic = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    for (bad, key) in [
        ("elliptic", elliptic.as_str()),
        ("public", &keys().public),
        ("empty", ""),
        ("no PEM", "hunter2"),
    ] {
        let refused = AppKey::new(APP, key).expect_err(bad);
        assert_eq!(refused.class(), Class::Settings, "{bad}");
        assert!(!refused.to_string().contains("hunter2"), "{bad}: {refused}");
    }
    let shown = format!("{:?}", AppKey::new(APP, &keys().pkcs8).expect("a key"));
    assert!(shown.contains("4711") && !shown.contains("key:"), "{shown}");
}
