//! Request identity: with keys configured, what a Restate of that key has signed is served, and nothing else runs.
//!
//! The signatures are real ones: made by a Restate server with a key, or by hand as such a server makes them.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;
use testbed::{Restate, RestateOptions};

use crate::process::{NO_RESTATE, PATIENCE, Worker, config};

/// Where Restate is told its key.
const KEY_FILE: &str = "RESTATE_WORKER__INVOKER__REQUEST_IDENTITY_PRIVATE_KEY_PEM_FILE";
const SERVICE: &str = "hydra.v1.KeyRefillService";
const PATH: &str = "/invoke/hydra.v1.KeyRefillService/RunRefill";

/// A key of a Restate cluster.
struct Key(rcgen::KeyPair);

impl Key {
    fn new() -> Self {
        Self(rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key"))
    }

    /// As the configuration has it.
    fn public(&self) -> String {
        let raw = self.0.public_key_raw();
        format!("publickeyv1_{}", bs58::encode(raw).into_string())
    }

    /// A signature of this key for a path, from and until so many seconds from now.
    fn sign(&self, path: &str, from: i64, until: i64) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        let now = i64::try_from(now.as_secs()).expect("before the sun is cold");
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.public());
        let claims = json!({ "aud": path, "nbf": now + from, "iat": now, "exp": now + until });
        let pem = self.0.serialize_pem();
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).expect("a key");
        jsonwebtoken::encode(&header, &claims, &key).expect("signed")
    }
}

/// A server on this folder, which signs with the key, or does not sign.
async fn restate(dir: &Path, key: Option<&Key>) -> Restate {
    let mut options = RestateOptions {
        dir: Some(dir.to_owned()),
        ..RestateOptions::default()
    };
    if let Some(key) = key {
        let file = dir.join("identity.pem");
        std::fs::write(&file, key.0.serialize_pem()).expect("written");
        options.env = vec![(KEY_FILE.to_owned(), file.display().to_string())];
    }
    Restate::start(options).await.expect("Restate starts")
}

/// Keys that were refilled.
async fn refilled(db: &mysql::Db) -> i64 {
    let sql = "SELECT COUNT(*) AS n FROM `keys` WHERE remaining_requests = refill_amount";
    let statement = Statement::from_string(DbBackend::MySql, sql);
    let row = db.primary().query_one_raw(statement).await.expect("asked");
    row.expect("a row").try_get("", "n").expect("a number")
}

#[test]
fn only_what_our_restate_has_signed_is_served_and_nothing_else_runs() {
    testbed::run(async {
        let database = testbed::migrated_database("identity").await;
        let db = mysql::Db::connect(&mysql::Options::new(database.dsn.clone())).await;
        let db = db.expect("connected");
        let new = intent::NewWorkspace {
            name: "Signed".to_owned(),
            slug: ids::dns_label(12),
            quota: None,
        };
        let workspace = intent::create_workspace(&db, &new).await.expect("a row");
        intent::create_due_keys(&db, &workspace, 3)
            .await
            .expect("keys");
        let (ours, foreign) = (Key::new(), Key::new());
        let lines = format!("{NO_RESTATE}\nidentity_keys = [\"{}\"]", ours.public());
        let worker = Worker::start(&config(
            &database.dsn,
            &lines,
            "[scheduler]\nenabled = false",
        ));
        worker.logged("started").await;
        let url = format!("http://{}", worker.address().await);
        let dir = tempfile::tempdir().expect("a folder");

        let strange = restate(dir.path(), Some(&foreign)).await;
        let refused = strange.admin().register(&url, true).await;
        let refused = refused.expect_err("a strange Restate is told nothing");
        assert!(refused.to_string().contains("401"), "{refused}");
        drop(strange);

        let known = restate(dir.path(), Some(&ours)).await;
        known
            .admin()
            .register(&url, true)
            .await
            .expect("registered");
        let ran = known
            .ingress()
            .call(SERVICE, "2026-01-01", "RunRefill", &json!({}))
            .await;
        assert_eq!(ran.expect("it ran")["keysRefilled"], 3);
        assert_eq!(refilled(&db).await, 3);
        intent::create_due_keys(&db, &workspace, 5)
            .await
            .expect("two more");
        drop(known);

        // the same server, with what it knows, that signs with another key, or not at all
        for key in [Some(&foreign), None] {
            let strange = restate(dir.path(), key).await;
            let date = if key.is_some() {
                "2026-01-02"
            } else {
                "2026-01-03"
            };
            let sent = strange
                .ingress()
                .send(SERVICE, date, "RunRefill", &json!({}), None)
                .await;
            let id = sent.expect("taken");
            let sql = format!(
                "SELECT retry_count, last_failure FROM sys_invocation WHERE id = {}",
                restate_api::quoted(&id)
            );
            let told = testbed::eventually(PATIENCE, || async {
                let rows = strange
                    .admin()
                    .query(&sql)
                    .await
                    .map_err(|e| e.to_string())?;
                let row = rows.first().cloned().unwrap_or_default();
                let again = row["retry_count"].as_u64().is_some_and(|n| n > 1);
                again
                    .then(|| row["last_failure"].to_string())
                    .ok_or(row.to_string())
            })
            .await;
            assert!(told.contains("401"), "{told}");
            assert_eq!(refilled(&db).await, 3, "nothing runs for {date}");
        }

        let known = restate(dir.path(), Some(&ours)).await;
        let runs = || async { (refilled(&db).await == 5).then_some(()) };
        testbed::eventually(PATIENCE, runs).await;
        drop(known);
    });
}

#[test]
fn each_flaw_of_a_signature_is_refused_with_401() {
    testbed::run(async {
        let database = testbed::migrated_database("signatures").await;
        let (ours, foreign) = (Key::new(), Key::new());
        let lines = format!("{NO_RESTATE}\nidentity_keys = [\"{}\"]", ours.public());
        let worker = Worker::start(&config(&database.dsn, &lines, ""));
        worker.logged("started").await;
        let url = format!("http://{}{PATH}", worker.address().await);
        let ask = async |scheme: Option<&str>, token: Option<String>| {
            let mut request = reqwest::Client::new()
                .post(&url)
                .header("content-type", "application/vnd.restate.invocation.v6");
            if let Some(scheme) = scheme {
                request = request.header("x-restate-signature-scheme", scheme);
            }
            if let Some(token) = token {
                request = request.header("x-restate-jwt-v1", token);
            }
            request.send().await.expect("answered").status().as_u16()
        };
        let good = ours.sign(PATH, -60, 60);
        assert_eq!(
            ask(Some("v1"), Some(good.clone())).await,
            200,
            "the control"
        );
        // the key is in the table of keys by its name alone
        let renamed = {
            let (head, rest) = good.split_once('.').expect("three parts");
            let other = foreign.sign(PATH, -60, 60);
            let (_, signature) = other.rsplit_once('.').expect("three parts");
            let (claims, _) = rest.split_once('.').expect("three parts");
            format!("{head}.{claims}.{signature}")
        };
        for (flaw, scheme, token) in [
            ("no headers", None, None),
            ("no scheme", None, Some(good.clone())),
            ("unsigned", Some("unsigned"), None),
            (
                "unsigned, with a signature",
                Some("unsigned"),
                Some(good.clone()),
            ),
            ("another scheme", Some("v2"), Some(good.clone())),
            ("no signature", Some("v1"), None),
            ("no token", Some("v1"), Some("nonsense".to_owned())),
            ("another key", Some("v1"), Some(foreign.sign(PATH, -60, 60))),
            ("another key's signature", Some("v1"), Some(renamed)),
            ("expired", Some("v1"), Some(ours.sign(PATH, -120, -1))),
            ("not yet valid", Some("v1"), Some(ours.sign(PATH, 60, 120))),
            (
                "for discovery",
                Some("v1"),
                Some(ours.sign("/discover", -60, 60)),
            ),
            (
                "for another handler",
                Some("v1"),
                Some(ours.sign("/invoke/a/b", -60, 60)),
            ),
        ] {
            assert_eq!(ask(scheme, token).await, 401, "{flaw}");
        }
        assert_eq!(worker.get("/health/live").await.0, 200);
    });
}
