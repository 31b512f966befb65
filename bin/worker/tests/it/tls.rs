//! One TLS handshake with each adapter, in one process with the provider that every program installs.
//!
//! The process is this test binary once more, because the authority to trust is an environment variable
//! (`SSL_CERT_FILE`), which only a new process can be given. Not for what `tls=` means in a connection string: that is
//! in the tests of `mysql`.

use std::error::Error;
use std::fmt::Display;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mysql::sea_orm::{ConnectionTrait as _, DbErr, Statement};
use mysql::{Db, Options};
use restate_api::{Admin, Ingress};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testbed::{MariaDb, MariaDbOptions};

/// Tells the second process what to reach: `<port of MariaDB> <port of HTTPS> <file of the trusted authority>`.
const REACH: &str = "TLS_TEST_REACH";
const ADAPTERS: [&str; 11] = [
    "mysql",
    "restate ingress",
    "restate admin",
    "vault",
    "github",
    "slack",
    "heartbeat",
    "clickhouse",
    "depot",
    "acme",
    "route53",
];
/// What an adapter says that never got an answer.
const UNANSWERED: [&str; 5] = [
    "peer certificate",
    "error sending request",
    "Connect",
    "dispatch failure",
    "no answer within",
];

#[test]
fn each_adapter_makes_a_tls_handshake_in_one_process_and_trusts_only_its_authority() {
    if let Ok(reach) = std::env::var(REACH) {
        return second_process(&reach);
    }
    testbed::run(async {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| dir.path().join(name);
        let authority = Authority::new(&path("ca.pem"));
        Authority::new(&path("stranger.pem"));
        authority.issue(&path("cert.pem"), &path("key.pem"));
        let files = [("ca", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem")];
        let mariadb = MariaDb::start(MariaDbOptions {
            args: files
                .map(|(option, name)| format!("--ssl-{option}={}", path(name).display()))
                .into(),
            ..Default::default()
        })
        .await
        .expect("MariaDB starts");
        let https = serve_https(&path("cert.pem"), &path("key.pem"));
        let reach = |authority: &str| {
            let file = path(authority);
            let text = format!(
                "{} {} {}",
                mariadb.addr().port(),
                https.port(),
                file.display()
            );
            tokio::task::spawn_blocking(move || run_again(&text, &file))
        };

        let trusted = reach("ca.pem").await.expect("ran");
        for adapter in ADAPTERS {
            let line = line(&trusted, adapter);
            println!("trusted: {adapter}: {line}");
            assert!(line.starts_with("ok"), "{adapter}: {line}");
        }
        let cipher = line(&trusted, "mysql");
        assert!(
            cipher.contains("TLS_") || cipher.contains("GCM"),
            "{cipher}"
        );

        let distrusted = reach("stranger.pem").await.expect("ran");
        for adapter in ADAPTERS {
            let line = line(&distrusted, adapter);
            println!("not trusted: {adapter}: {line}");
            let said = line.replace("certificate authority", "");
            assert!(said.contains("certificate"), "{adapter}: {line}");
        }
    });
}

/// What the second process said of an adapter.
fn line(output: &str, adapter: &str) -> String {
    let mark = format!("handshake of {adapter}: ");
    output
        .split_once(&mark)
        .and_then(|(_, rest)| rest.lines().next())
        .unwrap_or_else(|| panic!("nothing on {adapter} in {output}"))
        .to_owned()
}

/// This very test in a process of its own, which trusts the authority of the file and no other.
fn run_again(reach: &str, authority: &Path) -> String {
    let test =
        "tls::each_adapter_makes_a_tls_handshake_in_one_process_and_trusts_only_its_authority";
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(REACH, reach)
        .env("SSL_CERT_FILE", authority)
        .env_remove("SSL_CERT_DIR")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

/// Installs the provider as `main` does, then lets every adapter reach its server and prints how that went.
fn second_process(reach: &str) {
    let mut words = reach.splitn(3, ' ');
    let mut word = || words.next().expect("three words");
    let (mysql, https, ca_file) = (word(), word(), word());
    assert!(CryptoProvider::get_default().is_none());
    aws_lc_rs::default_provider()
        .install_default()
        .expect("the only provider");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        say("mysql", cipher(mysql, ca_file).await);
        let url = format!("https://localhost:{https}");
        let ingress = Ingress::new(&url, None).expect("a client");
        say(
            "restate ingress",
            ingress.health().await.map(|()| "answered"),
        );
        let admin = Admin::new(&url, None).expect("a client");
        say(
            "restate admin",
            admin.cancel("inv_1").await.map(|()| "answered"),
        );
        let vault = vault::Vault::new(&url, "token").expect("a client");
        say("vault", vault.ping().await.map(|()| "answered"));
        others(&url, https).await;
    });
}

/// Those to whom our server says nothing they understand: what they answer shows that they were answered.
async fn others(url: &str, port: &str) {
    let settings = github::Settings {
        base_url: url.to_owned(),
        ..github::Settings::new(None)
    };
    let github = github::GitHub::new(&settings).expect("a client");
    let open = github::Repository::parse("acme/open").expect("a name");
    let asked = github.commit(github::Access::Public, &open, "main").await;
    answered("github", asked.err());
    let slack = notify::Slack::new(url).expect("a client");
    answered(
        "slack",
        slack.post(&notify::Message::titled("x")).await.err(),
    );
    let heartbeat = notify::Heartbeat::new(url).expect("a client");
    answered("heartbeat", heartbeat.ping().await.err());
    let address = format!("clickhouse://u:p@localhost:{port}/default?secure=true");
    let address = analytics::Address::parse(&address, Some(url)).expect("an address");
    let clickhouse = analytics::Analytics::new(&address).expect("a client");
    answered("clickhouse", clickhouse.ping().await.err());
    let depot = builder::Depot::new(&builder::DepotSettings {
        api_url: url.to_owned(),
        build_url: url.to_owned(),
        token: builder::Secret::new("token"),
        region: "eu".to_owned(),
        limits: builder::Limits::default(),
    });
    let depot = depot.expect("a client");
    answered(
        "depot",
        builder::Builder::create_project(&depot, "p").await.err(),
    );
    let mut acme = acme::Settings::of(&format!("{url}/dir"));
    acme.limits.call = Duration::from_secs(5);
    let acme = acme::Acme::new(acme).expect("a client");
    answered("acme", acme.directory().await.err());
    let route53 = route53::Route53::new(route53::Settings {
        credentials: Some(route53::Credentials::new("AKIA", "secret")),
        endpoint: Some(url.to_owned()),
        limits: route53::Limits {
            tries: 1,
            ..route53::Limits::default()
        },
        ..route53::Settings::default()
    });
    let route53 = route53.await.expect("a client");
    answered("route53", route53.zone_of("a.test").await.err());
}

/// No error is an answer, and so is one that is about the answer.
fn answered<E: Error + 'static>(adapter: &str, error: Option<E>) {
    let text = error.map_or_else(|| "well".to_owned(), |e| causes::chain(&e));
    let text = text.replace('\n', " ");
    let lost = UNANSWERED.iter().any(|word| text.contains(word));
    let word = if lost { "" } else { "ok answered: " };
    println!("handshake of {adapter}: {word}{text}");
}

fn say(adapter: &str, result: Result<impl Display, impl Error>) {
    match result {
        Ok(detail) => println!("handshake of {adapter}: ok {detail}"),
        Err(error) => {
            let text = causes::chain(&error).replace('\n', " ");
            println!("handshake of {adapter}: {text}");
        }
    }
}

/// The cipher of a verified connection.
async fn cipher(port: &str, ca_file: &str) -> Result<String, mysql::DbError> {
    let (user, password) = (testbed::USER, testbed::PASSWORD);
    let dsn = format!("{user}:{password}@tcp(localhost:{port})/mysql?tls=own");
    let mut options = Options::new(dsn);
    options.ca_file = Some(ca_file.into());
    options.acquire_timeout = Duration::from_secs(5);
    let db = Db::connect(&options).await?;
    let sql = "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'";
    let connection = db.primary();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("no cipher".to_owned()))?;
    Ok(row.try_get_by_index::<String>(0)?)
}

/// Answers every HTTPS request with a JSON that suits all clients.
fn serve_https(certificate: &Path, key: &Path) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            // A client that refuses the certificate hangs up, which is no concern of ours.
            std::thread::spawn(move || answer(stream, config).ok());
        }
    });
    address
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> Result<(), Box<dyn Error>> {
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    let mut request = [0; 4096];
    // The requests fit into one record.
    let _read = stream.read(&mut request)?;
    let body = r#"{"status":"ok"}"#;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

/// A certificate authority made for one test.
struct Authority(rcgen::Issuer<'static, rcgen::KeyPair>);

impl Authority {
    /// Writes its certificate to the file.
    fn new(file: &Path) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).expect("signed");
        std::fs::write(file, certificate.pem()).expect("written");
        Self(rcgen::Issuer::new(parameters, key))
    }

    /// Writes a certificate for `localhost` and its key.
    fn issue(&self, certificate: &Path, key: &Path) {
        let pair = rcgen::KeyPair::generate().expect("a key");
        let leaf = rcgen::CertificateParams::new(["localhost".to_owned()])
            .expect("a name")
            .signed_by(&pair, &self.0)
            .expect("signed");
        std::fs::write(certificate, leaf.pem()).expect("written");
        std::fs::write(key, pair.serialize_pem()).expect("written");
    }
}
