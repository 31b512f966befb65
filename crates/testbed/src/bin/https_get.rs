//! Fetches a page over TLS as a careful client does: trusts one root and nothing else, checks the host name, and holds the
//! certificate it was shown against the row in `certificates`, read over a connection of its own. Prints one JSON line.
//!
//! Shares no query and no parser with the product. Not for following redirects: one GET, one answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use reqwest::tls::TlsInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, MySqlConnection};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const ANSWER: Duration = Duration::from_secs(10);

/// Fetches `https://<host>/` from an address and prints what it saw as one JSON line.
#[derive(Debug, Parser)]
struct Args {
    /// Host name to ask for and to find in the certificate.
    #[arg(long)]
    host: String,
    /// Where to connect to.
    #[arg(long)]
    address: SocketAddr,
    /// PEM file of the only root to trust.
    #[arg(long)]
    root: PathBuf,
    /// The database, `mysql://user:password@host:port/name`.
    #[arg(long)]
    mysql: String,
}

fn main() {
    let args = Args::parse();
    let found = testbed::run(async {
        match fetch(&args).await {
            Ok(found) => found,
            Err(error) => json!({ "error": error }),
        }
    });
    println!("{found}");
}

async fn fetch(args: &Args) -> Result<Value, String> {
    let root = std::fs::read(&args.root).map_err(|e| e.to_string())?;
    let root = reqwest::Certificate::from_pem(&root).map_err(|e| e.to_string())?;
    let client = reqwest::Client::builder()
        .tls_certs_only([root])
        .tls_info(true)
        .https_only(true)
        .no_proxy()
        .timeout(ANSWER)
        .resolve(&args.host, args.address)
        .build()
        .map_err(|e| e.to_string())?;
    let url = format!("https://{}:{}/", args.host, args.address.port());
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| causes::chain(&error))?;
    let shown = answer
        .extensions()
        .get::<TlsInfo>()
        .and_then(|info| info.peer_certificate())
        .ok_or("the client does not tell the certificate")?
        .to_vec();
    let status = answer.status().as_u16();
    let body = answer.text().await.map_err(|error| causes::chain(&error))?;
    let stored = stored(&args.mysql, &args.host).await?;
    let (serial, issuer) = said(&shown)?;
    Ok(json!({
        "status": status, "body": body.trim(), "serial": serial, "issuer": issuer,
        "stored_serial": said(&stored)?.0, "is_the_stored_one": stored == shown,
    }))
}

/// The first certificate of the host's row.
async fn stored(url: &str, host: &str) -> Result<Vec<u8>, String> {
    let mut connection = MySqlConnection::connect(url)
        .await
        .map_err(|e| e.to_string())?;
    let chain: String =
        sqlx::query_scalar("SELECT certificate FROM certificates WHERE hostname = ?")
            .bind(host)
            .fetch_one(&mut connection)
            .await
            .map_err(|e| e.to_string())?;
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).map_err(|e| e.to_string())?;
    Ok(leaf.to_vec())
}

fn said(der: &[u8]) -> Result<(String, String), String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|e| e.to_string())?;
    let serial = certificate
        .raw_serial()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    Ok((serial, certificate.issuer().to_string()))
}
