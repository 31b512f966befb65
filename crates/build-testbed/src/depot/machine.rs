//! A machine as Depot hands one out: TCP with certificates on both sides, and behind it a BuildKit.
//!
//! Not for which build has which: `calls`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Closed, with all its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) addr: SocketAddr,
    /// The name on its certificate.
    pub(crate) server_name: String,
    /// Who signed both certificates, PEM.
    pub(crate) ca: String,
    /// The client's certificate, PEM.
    pub(crate) cert: String,
    /// Its key, PEM.
    pub(crate) key: String,
    connections: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Machine {
    /// In front of the BuildKit at `address`, `unix:///…` or `tcp://host:port`.
    pub(crate) async fn start(name: &str, address: &str) -> std::io::Result<Self> {
        let server_name = format!("{name}.machine.test");
        let (config, papers) = papers(&server_name).map_err(std::io::Error::other)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, address) = (Arc::clone(&connections), address.to_owned());
        let accepting = tokio::spawn(async move {
            // owned here, so that ending this task also ends the connections
            let mut open = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                while open.try_join_next().is_some() {}
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                let (count, address) = (Arc::clone(&count), address.clone());
                open.spawn(async move {
                    // a stranger without a certificate is not let in
                    if let Ok(tls) = acceptor.accept(stream).await {
                        count.fetch_add(1, Ordering::Relaxed);
                        let _ = pass(tls, &address).await;
                    }
                });
            }
        });
        Ok(Self {
            addr,
            server_name,
            ca: papers.ca,
            cert: papers.cert,
            key: papers.key,
            connections,
            accepting,
        })
    }

    /// Connections with a good certificate so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn pass(near: impl AsyncRead + AsyncWrite + Unpin, address: &str) -> std::io::Result<()> {
    let mut near = near;
    // either end's going ends both
    if let Some(path) = address.strip_prefix("unix://") {
        let mut far = UnixStream::connect(Path::new(path)).await?;
        tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    } else {
        let host = address.strip_prefix("tcp://").unwrap_or(address);
        let mut far = TcpStream::connect(host).await?;
        let _ = far.set_nodelay(true);
        tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    }
    Ok(())
}

struct Papers {
    ca: String,
    cert: String,
    key: String,
}

/// An authority of this machine's own, the server's side of TLS, and what its client shows.
fn papers(
    server_name: &str,
) -> Result<(Arc<ServerConfig>, Papers), Box<dyn std::error::Error + Send + Sync>> {
    let ca_key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "machines of a test");
    let ca = params.self_signed(&ca_key)?;
    let issuer = Issuer::new(params, ca_key);
    let signed = |name: &str| -> Result<_, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        Ok((params.signed_by(&key, &issuer)?, key))
    };
    let (server, server_key) = signed(server_name)?;
    let (client, client_key) = signed("builder.test")?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let key = PrivateKeyDer::from_pem_slice(server_key.serialize_pem().as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let papers = Papers {
        ca: ca.pem(),
        cert: client.pem(),
        key: client_key.serialize_pem(),
    };
    Ok((Arc::new(config), papers))
}
