//! A real ACME server of our own: Pebble, which issues real certificates of an authority nobody trusts, and can be told
//! to refuse good nonces and to reuse authorisations.
//!
//! Not for the answers it looks for: `Http01` serves HTTP-01, `DnsServer` DNS-01.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::files::{find_program, repository, server_dir};
use crate::guard::{Guarded, Spec};
use crate::{PORT_TRIES, StartError, free_port};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// How to start a server. The default is strict, refuses no nonce and reuses no authorisation.
#[derive(Debug, Clone)]
pub struct PebbleOptions {
    /// Percentage of good nonces that are refused.
    pub nonce_reject: u8,
    /// Percentage of new orders that reuse a valid authorisation of the account.
    pub authorization_reuse: u8,
    /// Key ids and keys (base64url) of an external account binding, which is then demanded.
    pub external_accounts: Vec<(String, String)>,
    /// The DNS server it asks; the system's otherwise.
    pub dns: Option<SocketAddr>,
    /// The port at which it looks for HTTP-01 answers, whatever the host.
    pub http_port: u16,
    /// How long its certificates are valid.
    pub validity: Duration,
    /// Names for which it refuses to issue, with everything below them.
    pub blocked: Vec<String>,
    /// The newer Pebble, which offers renewal information (ARI).
    pub renewal_info: bool,
}

impl Default for PebbleOptions {
    fn default() -> Self {
        Self {
            nonce_reject: 0,
            authorization_reuse: 0,
            external_accounts: Vec::new(),
            dns: None,
            // nothing listens there
            http_port: 9,
            validity: Duration::from_secs(90 * 86_400),
            blocked: Vec::new(),
            renewal_info: false,
        }
    }
}

/// What a server has done so far, as its log says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PebbleCounts {
    /// Accounts created.
    pub accounts: usize,
    /// Orders created.
    pub orders: usize,
    /// Requests to finalize that got past the nonce: those whose order was processed.
    pub finalized: usize,
    /// Certificates issued.
    pub certificates: usize,
}

/// A server. Dropping it ends the process and removes its folder.
#[derive(Debug)]
pub struct Pebble {
    /// Its directory.
    pub directory: String,
    /// Where its own certificates can be fetched.
    pub management: String,
    ca: String,
    http: reqwest::Client,
    dir: PathBuf,
    process: Guarded,
}

impl Pebble {
    /// Starts a server and returns when its directory answers.
    ///
    /// # Errors
    /// It is not installed, or did not start.
    pub async fn start(options: PebbleOptions) -> Result<Self, StartError> {
        let dir = server_dir("pebble")?;
        let ca = write_certificate(&dir)?;
        let http = client(&ca)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let (acme, management) = (free_port()?, free_port()?);
            let mut process = launch(&options, &dir, acme, management).await?;
            let directory = format!("https://{acme}/dir");
            match ready(&http, &directory, &process, &dir).await {
                Ok(()) => {
                    return Ok(Self {
                        directory,
                        management: format!("https://{management}"),
                        ca,
                        http,
                        dir,
                        process,
                    });
                }
                Err(StartError::Died(_)) if tries < PORT_TRIES => process.signal("leave"),
                Err(e) => return Err(e),
            }
        }
    }

    /// The authority of its own HTTPS certificate in PEM: what its clients must trust.
    pub fn ca_bundle(&self) -> &str {
        &self.ca
    }

    /// The root of the certificates it issues, PEM.
    ///
    /// # Errors
    /// In words, when it does not answer.
    pub async fn root(&self) -> Result<String, String> {
        get(&self.http, &format!("{}/roots/0", self.management)).await
    }

    /// What it has done so far.
    pub fn counts(&self) -> PebbleCounts {
        let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let count = |words: &str| log.lines().filter(|line| line.contains(words)).count();
        PebbleCounts {
            accounts: count("accounts in memory"),
            orders: count("orders in the db"),
            finalized: count("is fully authorized. Processing finalization"),
            certificates: count("Issued certificate serial"),
        }
    }

    /// Its folder, with `log`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Freezes the process (`true`) or lets it go on (`false`).
    pub fn freeze(&mut self, frozen: bool) {
        self.process.signal(if frozen { "STOP" } else { "CONT" });
    }
}

async fn ready(
    http: &reqwest::Client,
    directory: &str,
    process: &Guarded,
    dir: &Path,
) -> Result<(), StartError> {
    let until = Instant::now() + READY_WITHIN;
    let log = dir.join("log");
    loop {
        let last = match get(http, directory).await {
            Ok(text) if text.contains("newOrder") => return Ok(()),
            Ok(_) => "another server answered".to_owned(),
            Err(last) => last,
        };
        if !process.is_running() {
            return Err(StartError::Died(log));
        }
        if Instant::now() > until {
            return Err(StartError::NotReady { log, last });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn get(http: &reqwest::Client, url: &str) -> Result<String, String> {
    let answer = http.get(url).send().await.map_err(|e| e.to_string())?;
    let answer = answer.error_for_status().map_err(|e| e.to_string())?;
    answer.text().await.map_err(|e| e.to_string())
}

/// The strict Pebble of this test process; it asks [`crate::dns`] and looks for HTTP-01 answers at [`crate::http01`].
/// Tests use names of their own.
pub async fn pebble() -> &'static Pebble {
    static SERVER: OnceCell<Pebble> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            let options = PebbleOptions {
                dns: Some(crate::dns().await.addr()),
                http_port: crate::http01().await.addr().port(),
                ..PebbleOptions::default()
            };
            let started = crate::runtime().spawn(Pebble::start(options)).await;
            started
                .expect("the server's start does not panic")
                .unwrap_or_else(|e| panic!("Pebble: {e}"))
        })
        .await
}

async fn launch(
    options: &PebbleOptions,
    dir: &Path,
    acme: SocketAddr,
    management: SocketAddr,
) -> Result<Guarded, StartError> {
    let keys: serde_json::Map<String, serde_json::Value> = options
        .external_accounts
        .iter()
        .map(|(id, key)| (id.clone(), json!(key)))
        .collect();
    let config = json!({ "pebble": {
        "listenAddress": acme.to_string(),
        "managementListenAddress": management.to_string(),
        "certificate": dir.join("cert.pem"),
        "privateKey": dir.join("key.pem"),
        "httpPort": options.http_port,
        "tlsPort": 9,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": !keys.is_empty(),
        "externalAccountMACKeys": keys,
        "domainBlocklist": options.blocked,
        "certificateValidityPeriod": options.validity.as_secs(),
    }});
    let path = dir.join("config.json");
    write(&path, config.to_string().as_bytes())?;
    let mut args = vec![
        "-config".to_owned(),
        path.display().to_string(),
        "-strict".to_owned(),
    ];
    if let Some(dns) = options.dns {
        args.extend(["-dnsserver".to_owned(), dns.to_string()]);
    }
    let env = [
        ("PEBBLE_VA_NOSLEEP", "1".to_owned()),
        ("PEBBLE_WFE_NONCEREJECT", options.nonce_reject.to_string()),
        ("PEBBLE_AUTHZREUSE", options.authorization_reuse.to_string()),
    ];
    let program = program(options.renewal_info)?;
    let spec = Spec {
        program: &program,
        args,
        env: env.map(|(k, v)| (k.to_owned(), v)).to_vec(),
        dir,
        remove: true,
    };
    let (process, _) = Guarded::start(spec).await?;
    Ok(process)
}

fn program(renewal_info: bool) -> Result<PathBuf, StartError> {
    if renewal_info {
        let place = repository().join(".stack/trixie/usr/bin/pebble");
        return find_program("pebble 2.6", "PEBBLE_ARI", &[place]);
    }
    find_program("pebble", "PEBBLE", &[PathBuf::from("/usr/bin/pebble")])
}

/// Makes the server's HTTPS certificate and the authority that signed it, whose certificate is returned.
fn write_certificate(dir: &Path) -> Result<String, StartError> {
    let failed = |e: rcgen::Error| StartError::Files {
        what: "make a certificate".to_owned(),
        source: std::io::Error::other(e),
    };
    let ca_key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL takes a certificate whose issuer has its own name for one that signed itself
    params
        .distinguished_name
        .push(DnType::CommonName, "testbed");
    let ca = params.self_signed(&ca_key).map_err(failed)?;
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().map_err(failed)?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut leaf = CertificateParams::new(names).map_err(failed)?;
    leaf.distinguished_name.push(DnType::CommonName, "Pebble");
    let leaf = leaf.signed_by(&key, &issuer).map_err(failed)?;
    write(&dir.join("cert.pem"), leaf.pem().as_bytes())?;
    write(&dir.join("key.pem"), key.serialize_pem().as_bytes())?;
    Ok(ca.pem())
}

fn client(ca: &str) -> Result<reqwest::Client, StartError> {
    let failed = |e: reqwest::Error| StartError::Files {
        what: "make an HTTP client".to_owned(),
        source: std::io::Error::other(e),
    };
    let trusted = reqwest::Certificate::from_pem(ca.as_bytes()).map_err(failed)?;
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .tls_certs_only([trusted])
        .build()
        .map_err(failed)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), StartError> {
    std::fs::write(path, bytes).map_err(|source| StartError::Files {
        what: format!("write {}", path.display()),
        source,
    })
}
