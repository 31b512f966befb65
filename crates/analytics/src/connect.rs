//! The HTTP client below: pooled connections, the dial timeout, and whom TLS trusts.
//!
//! Not for questions: see `reads` and `admin`.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::{Client, Compression};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::bounded::Bounded;
use crate::{Address, AnalyticsError};

const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Below the 3 s after which older servers close an idle connection.
const IDLE: Duration = Duration::from_secs(2);

/// A client that has not connected yet.
pub(crate) fn client(address: &Address) -> Result<Client, AnalyticsError> {
    tracing::info!(%address, "ClickHouse is asked over HTTP");
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(address.dial_timeout));
    tcp.set_keepalive(Some(KEEP_ALIVE));
    tcp.set_nodelay(true);
    let mut pool = Http::builder(TokioExecutor::new());
    pool.pool_idle_timeout(IDLE);
    let client = if address.http.scheme() == "https" {
        tcp.enforce_http(false);
        let provider = aws_lc_rs::default_provider();
        let unusable = |error: &dyn std::fmt::Display| AnalyticsError::Settings(error.to_string());
        let tls = if address.skip_verify {
            tracing::warn!(%address, "the certificate of ClickHouse is not verified, as its address says");
            let provider = Arc::new(provider);
            let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .map_err(|e| unusable(&e))?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
                .with_no_client_auth();
            HttpsConnectorBuilder::new().with_tls_config(config)
        } else {
            HttpsConnectorBuilder::new()
                .with_provider_and_platform_verifier(provider)
                .map_err(|e| unusable(&e))?
        };
        Client::with_http_client(
            pool.build(Bounded(tls.https_only().enable_http1().wrap_connector(tcp))),
        )
    } else {
        Client::with_http_client(pool.build::<_, _>(Bounded(tcp)))
    };
    let client = client
        .with_url(address.http.as_str())
        .with_user(address.user.as_str())
        .with_password(address.password.as_str())
        .with_compression(Compression::None);
    Ok(match &address.database {
        Some(database) => client.with_database(database.as_str()),
        None => client,
    })
}

/// Accepts every certificate: only for `skip_verify=true`. Signatures are checked all the same.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
