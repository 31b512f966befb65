//! The front over TLS: shows the certificate that is stored for the host name the client asks for, as the real front does,
//! with its private key opened through the Vault for each connection. Without a certificate there is no connection.
//!
//! Not for obtaining certificates, and without the real front's cache: a renewed one shows at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mysql::Db;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::Acceptor;
use sea_orm::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::LazyConfigAcceptor;
use vault::Vault;

use crate::cluster_api::query;
use crate::front::Front;
use crate::http;

/// Until a client has shown its host name and got its certificate.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where the front answers over TLS, and who opens private keys.
#[derive(Clone)]
pub struct TlsOptions {
    /// Where it listens.
    pub at: SocketAddr,
    /// The Vault that sealed the keys.
    pub vault: Vault,
}

/// Serves in a task of `servers`. The address is the real one also when port 0 was asked for.
pub(crate) async fn serve(
    options: TlsOptions,
    db: Db,
    servers: &mut JoinSet<()>,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(options.at).await?;
    let address = listener.local_addr()?;
    let front = Arc::new(Front { db: db.clone() });
    servers.spawn(async move {
        // Connections end with the server: the set aborts its tasks when it is dropped.
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            while connections.try_join_next().is_some() {}
            let (db, vault, front) = (db.clone(), options.vault.clone(), front.clone());
            connections.spawn(async move {
                let shaken = tokio::time::timeout(HANDSHAKE, shake(stream, &db, &vault)).await;
                match shaken {
                    Ok(Ok(stream)) => http::serve_connection(stream, front).await,
                    Ok(Err(why)) => tracing::debug!(why, "no TLS for a client"),
                    Err(_) => tracing::debug!("a client took too long to say hello"),
                }
            });
        }
    });
    Ok(address)
}

async fn shake(
    stream: TcpStream,
    db: &Db,
    vault: &Vault,
) -> Result<tokio_rustls::server::TlsStream<TcpStream>, String> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream)
        .await
        .map_err(|e| e.to_string())?;
    let name = hello.client_hello().server_name().map(str::to_owned);
    let name = name.ok_or("the client names no host")?;
    let config = config_of(db, vault, &name).await?;
    hello
        .into_stream(Arc::new(config))
        .await
        .map_err(|e| e.to_string())
}

/// Certificate and key of a host name: its own, else that of the wildcard above it.
async fn config_of(db: &Db, vault: &Vault, name: &str) -> Result<ServerConfig, String> {
    let wildcard = name.split_once('.').map(|(_, above)| format!("*.{above}"));
    let sql = "SELECT workspace_id, certificate, encrypted_private_key FROM certificates \
               WHERE hostname IN (?, ?) ORDER BY hostname = ? DESC LIMIT 1";
    let values = vec![
        Value::from(name),
        Value::from(wildcard.unwrap_or_default()),
        Value::from(name),
    ];
    let rows = query(db.replica(), sql, values)
        .await
        .map_err(|e| e.to_string())?;
    let row = rows
        .first()
        .ok_or_else(|| format!("no certificate for {name}"))?;
    let text = |column: &str| -> Result<String, String> {
        row.try_get("", column)
            .map_err(|e: sea_orm::DbErr| e.to_string())
    };
    let key = vault
        .decrypt(&text("workspace_id")?, &text("encrypted_private_key")?)
        .await
        .map_err(|e| e.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| "the private key is no PEM".to_owned())?;
    let certificate = text("certificate")?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let chain = chain.map_err(|_| "the chain is no PEM".to_owned())?;
    ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| e.to_string())
}
