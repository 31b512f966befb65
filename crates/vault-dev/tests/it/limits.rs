//! What a call may cost.

use std::time::{Duration, Instant};

use serde_json::{Map, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vault_dev::{Limits, Options};

use crate::rig::{Rig, TOKEN, path};

async fn small() -> Rig {
    let limits = Limits {
        body_bytes: 1_000,
        items: 3,
        read: Duration::from_millis(200),
        ..Limits::default()
    };
    Rig::start(Options {
        limits,
        ..Options::in_memory(TOKEN).unwrap()
    })
    .await
}

#[tokio::test]
async fn the_limits_of_production_are_those_of_the_contract() {
    let limits = Limits::default();
    assert_eq!(
        (limits.body_bytes, limits.items, limits.read),
        (32 << 20, 1_000, Duration::from_secs(30))
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_it_served() {
    let rig = small().await;
    let body = |size: usize| {
        let frame = json!({ "keyring": "r", "data": "" }).to_string().len();
        json!({ "keyring": "r", "data": "x".repeat(size - frame) })
    };
    assert_eq!(rig.json("Encrypt", body(1_000)).await.status, 200);
    let raw = rig.json("Encrypt", body(1_001)).await;
    assert_eq!(raw.refusal(), (400, "invalid_argument".into()));
    assert!(
        raw.json()["message"]
            .as_str()
            .unwrap()
            .contains("1000 bytes")
    );
}

#[tokio::test]
async fn more_items_than_the_limit_are_refused() {
    let rig = small().await;
    for (count, status) in [(3, 200), (4, 400)] {
        let items: Map<_, _> = (0..count)
            .map(|number| (number.to_string(), json!("x")))
            .collect();
        let raw = rig
            .json("EncryptBulk", json!({ "keyring": "r", "items": items }))
            .await;
        assert_eq!(raw.status, status, "{raw:?}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let rig = small().await;
    let mut stream = TcpStream::connect(rig.server.address()).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {TOKEN}\r\n\
         transfer-encoding: chunked\r\n\r\n",
        path("Encrypt")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        stream
            .write_all(format!("190\r\n{}\r\n", "x".repeat(400)).as_bytes())
            .await
            .unwrap();
    }
    let mut answer = vec![0; 2_000];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("larger than"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let rig = small().await;
    let mut stream = TcpStream::connect(rig.server.address()).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {TOKEN}\r\n\
         content-length: 100\r\n\r\n",
        path("Encrypt")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let mut answer = vec![0; 2_000];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 504"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}
