//! Which answers are tried again, and what the caller learns in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use vault::{Class, Options, Vault, VaultError};

use crate::peer::{Answer, Peer};

fn quick() -> Options {
    Options {
        pause: Duration::from_millis(5),
        ..Options::default()
    }
}

fn refusal(status: u16, code: &str) -> Answer {
    Answer::Http(
        status,
        format!(r#"{{"code":"{code}","message":"scripted"}}"#),
    )
}

fn opened(text: &str) -> Answer {
    Answer::Http(200, serde_json::json!({ "plaintext": text }).to_string())
}

#[tokio::test]
async fn a_request_is_what_the_contract_says() {
    let peer = Peer::start(vec![opened("text")]).await;
    let vault = Vault::new(&format!("{}/", peer.url), "token-1").unwrap();
    assert_eq!(
        vault.decrypt("ring", "blob").await.unwrap().expose(),
        "text"
    );
    let requests = peer.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(request.path, "/vault.v1.VaultService/Decrypt");
    assert_eq!(request.headers["authorization"], "Bearer token-1");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["connect-protocol-version"], "1");
    assert_eq!(request.headers["connect-timeout-ms"], "4000");
    assert!(!request.headers.contains_key("accept-encoding"));
    assert_eq!(
        request.body,
        serde_json::json!({ "keyring": "ring", "encrypted": "blob" })
    );
}

#[tokio::test]
async fn an_absent_field_is_the_empty_text() {
    let peer = Peer::start(vec![Answer::Http(200, "{}".into())]).await;
    let vault = Vault::new(&peer.url, "token-1").unwrap();
    assert_eq!(vault.decrypt("ring", "blob").await.unwrap().expose(), "");
    assert!(
        vault
            .decrypt_bulk("ring", &BTreeMap::new())
            .await
            .unwrap()
            .is_empty()
    );
    let error = vault.encrypt("ring", "x").await.unwrap_err();
    assert!(matches!(error, VaultError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn an_outage_shorter_than_the_retries_is_not_noticed() {
    let script = vec![
        refusal(503, "unavailable"),
        Answer::HangUp,
        refusal(504, "deadline_exceeded"),
        opened("late"),
    ];
    let peer = Peer::start(script).await;
    let vault = Vault::with_options(&peer.url, "token-1", quick()).unwrap();
    assert_eq!(
        vault.decrypt("ring", "blob").await.unwrap().expose(),
        "late"
    );
    assert_eq!(peer.requests().len(), 4);
}

#[tokio::test]
async fn a_longer_outage_is_told_after_three_retries() {
    let peer = Peer::start(vec![refusal(503, "unavailable")]).await;
    let vault = Vault::with_options(&peer.url, "token-1", quick()).unwrap();
    let error = vault.decrypt("ring", "blob").await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert_eq!(peer.requests().len(), 4);
}

#[tokio::test]
async fn what_would_fail_again_is_asked_once() {
    let rows = [
        (400, "invalid_argument"),
        (401, "unauthenticated"),
        (404, "not_found"),
        (500, "internal"),
    ];
    for (status, code) in rows {
        let peer = Peer::start(vec![refusal(status, code)]).await;
        let vault = Vault::with_options(&peer.url, "token-1", quick()).unwrap();
        let error = vault.decrypt("ring", "blob").await.unwrap_err();
        assert!(error.to_string().contains("scripted"), "{error}");
        assert_eq!(error.possibly_transient(), status == 400);
        assert_eq!(peer.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_peer_that_echoes_a_secret_does_not_get_it_into_an_error() {
    let echo = r#"{"code":"internal","message":"cannot seal hunter2 for tok_9"}"#;
    let peer = Peer::start(vec![Answer::Http(500, echo.into())]).await;
    let vault = Vault::with_options(&peer.url, "tok_9", quick()).unwrap();
    let error = vault.encrypt("ring", "hunter2").await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("tok_9"),
        "{shown}"
    );
    let error = vault.decrypt("ring", "blob").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("tok_9"));
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read_to_its_end() {
    let peer = Peer::start(vec![opened(&"x".repeat(4096))]).await;
    let options = Options {
        answer_bytes: 1024,
        ..quick()
    };
    let vault = Vault::with_options(&peer.url, "token-1", options).unwrap();
    let error = vault.decrypt("ring", "blob").await.unwrap_err();
    assert!(
        matches!(error, VaultError::BadAnswer { what, .. } if what.contains("larger")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_bulk_answer_with_other_ids_is_refused() {
    let peer = Peer::start(vec![Answer::Http(200, r#"{"items":{"b":"x"}}"#.into())]).await;
    let vault = Vault::with_options(&peer.url, "token-1", quick()).unwrap();
    let items = BTreeMap::from([("a".to_owned(), "blob".to_owned())]);
    let error = vault.decrypt_bulk("ring", &items).await.unwrap_err();
    assert!(matches!(error, VaultError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let vault = Vault::with_options(&format!("http://127.0.0.1:{port}"), "t", quick()).unwrap();
    let error = vault.ping().await.unwrap_err();
    assert!(matches!(error, VaultError::Connection { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let other = Peer::start(vec![opened("stolen")]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = format!("{}/vault.v1.VaultService/Decrypt", other.url);
    let redirecting = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).await.unwrap();
        let answer = format!(
            "HTTP/1.1 307 x\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let vault = Vault::with_options(&url, "token-1", quick()).unwrap();
    assert!(vault.decrypt("ring", "blob").await.is_err());
    redirecting.await.unwrap();
    assert!(other.requests().is_empty());
}
