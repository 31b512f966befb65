//! A Vault that accepts and never answers.

use std::time::{Duration, Instant};

use vault::{Class, Options, Vault, VaultError};

use crate::peer::{Answer, Peer};

fn short() -> Options {
    Options {
        attempt: Duration::from_millis(150),
        call: Duration::from_millis(500),
        pause: Duration::from_millis(10),
        ..Options::default()
    }
}

#[tokio::test]
async fn vlt_15_a_silent_vault_fails_the_call_within_its_time_as_something_to_retry() {
    testbed::scenario!("VLT-15");
    let peer = Peer::start(vec![Answer::Silence]).await;
    let vault = Vault::with_options(&peer.url, "token-1", short()).unwrap();
    let begun = Instant::now();
    let error = vault.decrypt("ring", "blob").await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(matches!(error, VaultError::TooLate { .. }), "{error:?}");
    // The durable step that made the call retries what is of this class.
    assert_eq!(error.class(), Class::Unavailable);
    assert!(
        peer.requests().len() >= 2,
        "a silent connection is given up for a new one"
    );
}

#[tokio::test]
async fn vlt_15_the_next_try_succeeds_once_the_vault_answers() {
    testbed::scenario!("VLT-15");
    let good = Answer::Http(200, r#"{"plaintext":"back"}"#.into());
    let script = vec![
        Answer::Silence,
        Answer::Silence,
        Answer::Silence,
        Answer::Silence,
        good,
    ];
    let peer = Peer::start(script).await;
    let vault = Vault::with_options(
        &peer.url,
        "t",
        Options {
            retries: 1,
            ..short()
        },
    )
    .unwrap();
    for _ in 0..2 {
        assert_eq!(
            vault.decrypt("ring", "blob").await.unwrap_err().class(),
            Class::Unavailable
        );
    }
    assert_eq!(
        vault.decrypt("ring", "blob").await.unwrap().expose(),
        "back"
    );
}

#[tokio::test]
async fn a_connection_that_nobody_accepts_ends_in_time_too() {
    // Bound but never accepted: the connection opens in the backlog and nothing is ever read from it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let vault = Vault::with_options(&url, "token-1", short()).unwrap();
    let begun = Instant::now();
    assert!(vault.ping().await.is_err());
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}
