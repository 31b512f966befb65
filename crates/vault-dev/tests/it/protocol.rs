//! Who may call, and the rules of the protocol around the messages.

use serde_json::json;
use vault::{Class, Vault};
use vault_dev::{Options, Tokens};

use crate::rig::{Rig, TOKEN, path};

const GUARDED: [&str; 5] = [
    "Encrypt",
    "EncryptBulk",
    "Decrypt",
    "DecryptBulk",
    "ReEncrypt",
];
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn vlt_4_without_the_right_token_only_liveness_answers() {
    testbed::scenario!("VLT-4");
    let rig = Rig::in_memory().await;
    let lower = format!("bearer {TOKEN}");
    let two_spaces = format!("Bearer  {TOKEN}");
    let longer = format!("Bearer {TOKEN}x");
    let shorter = format!("Bearer {}", &TOKEN[1..]);
    let wrong = [
        None,
        Some("Basic x"),
        Some("Bearer "),
        Some("Bearer"),
        Some("Bearer wrong"),
        Some(TOKEN),
        Some(""),
        Some(lower.as_str()),
        Some(two_spaces.as_str()),
        Some(longer.as_str()),
        Some(shorter.as_str()),
    ];
    for method in GUARDED {
        for authorization in wrong {
            let mut headers = vec![JSON];
            headers.extend(authorization.map(|value| ("authorization", value)));
            // The body is no message: who calls is looked at before what is sent.
            let raw = rig.raw(&path(method), &headers, b"{".to_vec()).await;
            assert_eq!(
                raw.refusal(),
                (401, "unauthenticated".into()),
                "{method} {authorization:?}"
            );
        }
    }
    for authorization in wrong {
        let mut headers = vec![JSON];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let raw = rig.raw(&path("Liveness"), &headers, b"{}".to_vec()).await;
        assert_eq!(
            (raw.status, raw.json()),
            (200, json!({ "status": "ok" })),
            "{authorization:?}"
        );
    }
    let stranger = Vault::new(&rig.server.url(), "wrong").unwrap();
    assert_eq!(
        stranger.encrypt("r", "x").await.unwrap_err().class(),
        Class::Unauthorised
    );
    stranger.ping().await.unwrap();
}

#[tokio::test]
async fn two_tokens_are_accepted_while_callers_move_to_the_new_one() {
    let tokens = Tokens::new("new", Some("old")).unwrap();
    let rig = Rig::start(Options {
        tokens,
        ..Options::in_memory(TOKEN).unwrap()
    })
    .await;
    for (token, accepted) in [
        ("new", true),
        ("old", true),
        ("ne", false),
        ("newold", false),
        (TOKEN, false),
    ] {
        let vault = Vault::new(&rig.server.url(), token).unwrap();
        assert_eq!(vault.encrypt("r", "x").await.is_ok(), accepted, "{token}");
    }
    assert!(Tokens::new("", None).is_err() && Tokens::new("new", Some("")).is_err());
}

#[tokio::test]
async fn other_methods_types_and_paths_are_told_apart() {
    let rig = Rig::in_memory().await;
    assert_eq!(rig.get(&path("Encrypt")).await.status, 405);
    assert_eq!(
        rig.raw(&path("Nothing"), &[JSON], b"{}".to_vec())
            .await
            .status,
        404
    );
    assert_eq!(rig.raw("/", &[JSON], b"{}".to_vec()).await.status, 404);
    for content_type in ["text/plain", "application/grpc", ""] {
        assert_eq!(
            rig.call("Encrypt", content_type, b"{}".to_vec())
                .await
                .status,
            415,
            "{content_type:?}"
        );
    }
    let raw = rig
        .call(
            "Encrypt",
            "application/json; charset=utf-8",
            br#"{"keyring":"r"}"#.to_vec(),
        )
        .await;
    assert_eq!(raw.status, 200);
    for (codec, body) in [
        ("application/json", "{"),
        ("application/json", ""),
        ("application/proto", "\u{8}"),
    ] {
        let raw = rig.call("Encrypt", codec, body.as_bytes().to_vec()).await;
        assert_eq!(
            raw.refusal(),
            (400, "invalid_argument".into()),
            "{codec} {body:?}"
        );
    }
}

#[tokio::test]
async fn the_headers_of_the_protocol_are_checked() {
    let rig = Rig::in_memory().await;
    let authorization = format!("Bearer {TOKEN}");
    let rows = [
        (("connect-protocol-version", "1"), 200),
        (("connect-protocol-version", "2"), 400),
        (("connect-timeout-ms", "5000"), 200),
        (("connect-timeout-ms", "soon"), 400),
        (("connect-timeout-ms", "12345678901"), 400),
        (("connect-timeout-ms", "0"), 504),
        (("content-encoding", "identity"), 200),
        (("content-encoding", "gzip"), 501),
        (("accept-encoding", "gzip"), 200),
    ];
    for (header, status) in rows {
        let headers = [JSON, ("authorization", authorization.as_str()), header];
        let raw = rig
            .raw(
                &path("Encrypt"),
                &headers,
                br#"{"keyring":"r","data":"x"}"#.to_vec(),
            )
            .await;
        assert_eq!(raw.status, status, "{header:?} {raw:?}");
    }
}

#[tokio::test]
async fn http_2_in_clear_is_served_too() {
    let rig = Rig::in_memory().await;
    let http = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let url = format!("{}{}", rig.server.url(), path("Liveness"));
    let response = http
        .post(url)
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, reqwest::Version::HTTP_2)
    );
}

#[tokio::test]
async fn no_answer_repeats_what_was_sent() {
    let rig = Rig::in_memory().await;
    let bodies = [
        r#"{"keyring":"r","data":{"hunter2":1}}"#,
        r#"{"keyring":"hunter2/..","data":"hunter2"}"#,
    ];
    for body in bodies {
        let raw = rig
            .call("Encrypt", "application/json", body.as_bytes().to_vec())
            .await;
        assert_eq!(raw.refusal(), (400, "invalid_argument".into()));
        assert!(!String::from_utf8_lossy(&raw.body).contains("hunter2"));
    }
}
