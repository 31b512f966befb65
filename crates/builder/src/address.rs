//! Where a BuildKit is, and how it is connected to.

use std::path::PathBuf;
use std::time::Duration;

use causes::chain;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};

use crate::{BadSettings, Limits, Secret};

/// An address with its certificates.
#[derive(Clone)]
pub(crate) enum Address {
    Socket(PathBuf),
    Tcp(Box<Tcp>),
}

/// A host and port, and who may be there.
#[derive(Clone)]
pub(crate) struct Tcp {
    authority: String,
    tls: Option<ClientTlsConfig>,
}

/// Certificates in PEM.
pub(crate) struct Pem<'a> {
    pub(crate) ca: &'a str,
    pub(crate) ours: Option<(&'a str, &'a Secret)>,
    /// The name in the server's certificate.
    pub(crate) server_name: &'a str,
}

impl Address {
    /// Reads `unix:///path` or `tcp://host:port`.
    pub(crate) fn parse(text: &str, pem: Option<&Pem<'_>>) -> Result<Self, BadSettings> {
        let bad = |why: &str| BadSettings(format!("the builder's address {text:?} {why}"));
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(bad("is not unix:// and an absolute path"));
            }
            return match pem {
                None => Ok(Self::Socket(path.into())),
                Some(_) => Err(bad("is a socket, for which there are no certificates")),
            };
        }
        let Some(authority) = text.strip_prefix("tcp://") else {
            return Err(bad("is neither unix:///path nor tcp://host:port"));
        };
        let uri = format!("http://{authority}/").parse::<Uri>();
        let uri = uri.map_err(|_| bad("has no host and port"))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let (Some(host), Some(_), "/") = (host, uri.port_u16(), uri.path()) else {
            return Err(bad("has no host and port, or more than those"));
        };
        if let Some(pem) = pem {
            check_ca(pem.ca).map_err(|why| BadSettings(format!("the builder's CA: {why}")))?;
        }
        let tls = pem.map(|pem| {
            let name = match pem.server_name {
                "" => host.trim_matches(['[', ']']),
                name => name,
            };
            let tls = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(pem.ca))
                .domain_name(name);
            match pem.ours {
                Some((cert, key)) => tls.identity(Identity::from_pem(cert, key.expose())),
                None => tls,
            }
        });
        let authority = authority.to_owned();
        let tcp = Box::new(Tcp { authority, tls });
        let address = Self::Tcp(tcp);
        // a certificate that cannot be read is one of settings, not of the network
        address.endpoint(&Limits::default())?;
        Ok(address)
    }

    fn endpoint(&self, limits: &Limits) -> Result<Endpoint, BadSettings> {
        let bad =
            |error: tonic::transport::Error| BadSettings(format!("the builder: {}", chain(&error)));
        let endpoint = match self {
            Self::Socket(_) => Endpoint::from_static("http://buildkit"),
            Self::Tcp(tcp) => {
                let scheme = if tcp.tls.is_some() { "https" } else { "http" };
                let uri = format!("{scheme}://{}", tcp.authority);
                let endpoint = Endpoint::from_shared(uri).map_err(bad)?;
                match &tcp.tls {
                    Some(tls) => endpoint.tls_config(tls.clone()).map_err(bad)?,
                    None => endpoint,
                }
            }
        };
        // no limit of requests: a build is one
        Ok(endpoint
            .connect_timeout(limits.connect)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .http2_keep_alive_interval(limits.keepalive)
            .keep_alive_timeout(limits.keepalive))
    }

    /// One attempt.
    pub(crate) async fn connect(&self, limits: &Limits) -> Result<Channel, String> {
        let endpoint = self.endpoint(limits).map_err(|bad| bad.to_string())?;
        let connecting = async {
            match self {
                Self::Tcp(_) => endpoint.connect().await,
                Self::Socket(path) => {
                    let path = path.clone();
                    let dial = tower::service_fn(move |_: Uri| {
                        let path = path.clone();
                        async move { UnixStream::connect(path).await.map(TokioIo::new) }
                    });
                    endpoint.connect_with_connector(dial).await
                }
            }
        };
        match tokio::time::timeout(limits.connect, connecting).await {
            Ok(connected) => connected.map_err(|error| chain(&error)),
            Err(_) => Err(format!("no connection within {:?}", limits.connect)),
        }
    }
}

/// TLS itself takes a file without certificates for a server that nobody can be.
fn check_ca(pem: &str) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_socket_or_a_port() {
        assert!(matches!(
            Address::parse("unix:///run/buildkit/buildkitd.sock", None),
            Ok(Address::Socket(path)) if path.as_os_str() == "/run/buildkit/buildkitd.sock"
        ));
        for good in [
            "tcp://127.0.0.1:1234",
            "tcp://buildkit.test:1234",
            "tcp://[::1]:1234",
        ] {
            assert!(
                matches!(Address::parse(good, None), Ok(Address::Tcp(_))),
                "{good}"
            );
        }
        for bad in [
            "",
            "/run/x.sock",
            "unix://run/x.sock",
            "tcp://host",
            "tcp://:1234",
            "tcp://host:1234/path",
            "http://h:1",
            "tcp://",
            "tcp://a b:1",
        ] {
            assert!(Address::parse(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn certificates_that_are_none_are_refused_at_once() {
        let pem = |ca| Pem {
            ca,
            ours: None,
            server_name: "",
        };
        for ca in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                Address::parse("tcp://h:1", Some(&pem(ca))).is_err(),
                "{ca:?}"
            );
        }
        assert!(Address::parse("unix:///run/x.sock", Some(&pem(""))).is_err());
    }
}
