//! Logging in: sessions, TLS, refusals.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use mysql::{Db, DbError, Options};
use testbed::{MariaDb, MariaDbOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{fresh, text};

#[test]
fn a_session_changes_nothing_at_the_server_but_its_character_set() {
    testbed::run(async {
        let (db, _) = fresh("session").await;
        // the driver asks for IGNORE_SPACE in its login packet, not by a statement
        let same = "SELECT CONCAT(REPLACE(@@session.sql_mode, 'IGNORE_SPACE,', '') = @@global.sql_mode, @@session.time_zone = @@global.time_zone, \
                    @@session.tx_isolation = @@global.tx_isolation)";
        assert_eq!(text(db.primary(), same).await, "111");
        assert_eq!(
            text(db.primary(), "SELECT @@character_set_client").await,
            "utf8mb4"
        );
        assert_eq!(text(db.primary(), "SELECT '€😀'").await, "€😀");
    })
}

#[test]
fn the_replica_is_a_pool_of_its_own_and_else_the_primary() {
    testbed::run(async {
        let (_, options) = fresh("primary").await;
        let (_, other) = fresh("replica").await;
        let database = "SELECT DATABASE()";
        let alone = Db::connect(&options).await.unwrap();
        assert_eq!(
            text(alone.replica(), database).await,
            text(alone.primary(), database).await
        );
        let both = Options {
            replica: Some(other.primary),
            ..options
        };
        let both = Db::connect(&both).await.unwrap();
        assert_ne!(
            text(both.replica(), database).await,
            text(both.primary(), database).await
        );
        both.ping().await.unwrap();
        both.clone().close().await.unwrap();
        assert!(both.ping().await.is_err());
    })
}

#[test]
fn a_server_that_is_down_is_an_error_within_the_time_limit_unless_lazy() {
    testbed::run(async {
        let mut options = Options::new("u:p@tcp(127.0.0.1:1)/db");
        options.acquire_timeout = Duration::from_millis(300);
        let started = Instant::now();
        let error = Db::connect(&options).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
        Db::connect(&options.lazy())
            .await
            .expect("nobody was asked");
        assert!(matches!(
            Db::connect(&Options::new("nonsense").lazy()).await,
            Err(DbError::Dsn(_))
        ));
    })
}

#[test]
fn a_wrong_password_is_refused_at_once_and_not_shown() {
    testbed::run(async {
        let (_, options) = fresh("password").await;
        let wrong = options.primary.replacen(":ctrl@", ":geheim@", 1);
        let options = Options::new(wrong);
        let error = Db::connect(&options).await.unwrap_err();
        assert_eq!((error.number(), error.is_transient()), (Some(1045), false));
        assert!(!format!("{error} {error:?} {options:?}").contains("geheim"));
    })
}

/// A server with a certificate for `localhost` made by an authority of its own.
async fn tls_server(dir: &Path) -> MariaDb {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = parameters.self_signed(&authority).unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    for (name, pem) in [
        ("ca.pem", root.pem()),
        ("cert.pem", leaf.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        std::fs::write(dir.join(name), pem).unwrap();
    }
    let file = |option: &str, name: &str| format!("--ssl-{option}={}", dir.join(name).display());
    let args = vec![
        file("ca", "ca.pem"),
        file("cert", "cert.pem"),
        file("key", "key.pem"),
    ];
    MariaDb::start(MariaDbOptions {
        args,
        ..Default::default()
    })
    .await
    .unwrap()
}

async fn cipher(
    server: SocketAddr,
    host: &str,
    tls: &str,
    ca_file: Option<&Path>,
) -> Result<String, DbError> {
    let login = format!("{}:{}", testbed::USER, testbed::PASSWORD);
    let mut options = Options::new(format!("{login}@tcp({host}:{})/mysql{tls}", server.port()));
    options.ca_file = ca_file.map(Into::into);
    options.acquire_timeout = Duration::from_secs(2);
    let db = Db::connect(&options).await?;
    Ok(text(db.primary(), "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'").await)
}

#[test]
fn tls_is_used_and_verified_as_the_connection_string_says() {
    testbed::run(async {
        let dir = tempfile::tempdir().unwrap();
        let server = tls_server(dir.path()).await;
        let ca = dir.path().join("ca.pem");
        let at = server.addr();
        for (host, tls, ca_file) in [
            ("127.0.0.1", "", None),
            ("127.0.0.1", "?tls=preferred", None),
            ("127.0.0.1", "?tls=skip-verify", None),
            ("localhost", "?tls=own", Some(&*ca)),
        ] {
            let cipher = cipher(at, host, tls, ca_file)
                .await
                .unwrap_or_else(|e| panic!("{host}{tls}: {e}"));
            assert!(
                cipher.starts_with("TLS_") || cipher.contains("GCM"),
                "{host}{tls}: {cipher:?}"
            );
        }
        assert_eq!(
            cipher(at, "127.0.0.1", "?tls=false", None).await.unwrap(),
            ""
        );
        // not known to the public authorities; a name the certificate does not hold
        assert!(cipher(at, "localhost", "?tls=true", None).await.is_err());
        assert!(
            cipher(at, "127.0.0.1", "?tls=own", Some(&*ca))
                .await
                .is_err()
        );
    })
}

#[test]
fn tls_that_is_required_is_not_given_up_and_tls_that_is_preferred_is() {
    testbed::run(async {
        let url = testbed::mysql_url().await;
        let server = url
            .rsplit_once('@')
            .expect("a login")
            .1
            .parse()
            .expect("an address");
        assert_eq!(cipher(server, "127.0.0.1", "", None).await.unwrap(), "");
        assert!(
            cipher(server, "127.0.0.1", "?tls=skip-verify", None)
                .await
                .is_err()
        );
    })
}

/// A server that asks for the full password exchange of `caching_sha2_password` on a plain connection.
async fn sha2_server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut greeting = b"\x0a8.4.0\0\x01\0\0\0nonce678\0".to_vec();
            // capabilities without TLS, character set, status, length of the nonce, the rest of it
            greeting.extend([0xff, 0xf7, 0x2d, 0x02, 0x00, 0xff, 0x81, 21]);
            greeting.extend([0; 10]);
            greeting.extend(b"9012345678ab\0caching_sha2_password\0");
            let _ = client.write_all(&packet(0, &greeting)).await;
            let mut buffer = [0; 1024];
            let _ = client.read(&mut buffer).await;
            let _ = client.write_all(&packet(2, &[1, 4])).await;
            let _ = client.read(&mut buffer).await;
            let _ = client
                .write_all(&packet(4, b"\x01-----BEGIN PUBLIC KEY-----"))
                .await;
            let _ = client.read(&mut buffer).await;
        }
    });
    at
}

fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8, 0, 0, number], body].concat()
}

#[test]
fn a_password_exchange_that_needs_tls_names_the_cure() {
    testbed::run(async {
        let at = sha2_server().await;
        let error = Db::connect(&Options::new(format!("u:geheim@tcp({at})/db")))
            .await
            .unwrap_err();
        assert!(matches!(error, DbError::LoginNeedsTls(_)), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("turn on TLS") && text.contains("tls="),
            "{text}"
        );
        assert!(!text.contains("geheim"));
    })
}
