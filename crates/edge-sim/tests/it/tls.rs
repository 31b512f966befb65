//! The front over TLS shows the stored certificate of the host name, and no other.

use std::net::TcpListener;
use std::time::Duration;

use edge_sim::{ServeOptions, TlsOptions, serve};
use mysql::sql;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use vault::Vault;

const TOKEN: &str = "token";

#[test]
fn a_client_sees_the_certificate_of_the_host_it_asks_for() {
    testbed::run(async {
        let db = testbed::db().await;
        let server = vault_dev::Options::in_memory(TOKEN).expect("options");
        let server = vault_dev::Server::start(server).await.expect("a Vault");
        let vault = Vault::new(&server.url(), TOKEN).expect("a client");
        let mut options = ServeOptions::new(&db, &[]);
        options.tls = Some(TlsOptions {
            at: ([127, 0, 0, 1], 0).into(),
            vault: vault.clone(),
        });
        let served = serve(options).await.expect("served");
        let address = served.tls().expect("TLS");

        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = ca.self_signed(&ca_key).expect("a root");
        let issuer = Issuer::new(ca, ca_key);
        let base = format!("{}.example.test", ids::dns_label(10));
        let own = format!("www.{base}");
        let workspace = ids::random(ids::Prefix::WORKSPACE);
        for name in [own.clone(), format!("*.{base}")] {
            let key = KeyPair::generate().expect("a key");
            let leaf = CertificateParams::new(vec![name.clone()]).expect("parameters");
            let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
            let sealed = vault
                .encrypt(&workspace, &key.serialize_pem())
                .await
                .expect("sealed");
            let sql = "INSERT INTO certificates (id, workspace_id, hostname, certificate, encrypted_private_key, created_at) VALUES (?, ?, ?, ?, ?, 1)";
            let id = ids::random(ids::Prefix::CERTIFICATE);
            let values = [&*id, &*workspace, &*name, &*leaf.pem(), &*sealed.blob].map(Into::into);
            sql::execute(db.primary(), sql, values)
                .await
                .expect("a row");
        }
        let root = reqwest::Certificate::from_pem(root.pem().as_bytes()).expect("PEM");
        let ask = async |host: &str| {
            let client = reqwest::Client::builder()
                .tls_certs_only([root.clone()])
                .no_proxy()
                .resolve(host, address)
                .build()
                .expect("a client");
            let url = format!("https://{host}:{}/", address.port());
            client
                .get(url)
                .send()
                .await
                .map(|answer| answer.status().as_u16())
        };
        // no route leads anywhere; the connection stands all the same
        assert_eq!(ask(&own).await.expect("its own certificate"), 404);
        assert_eq!(
            ask(&format!("api.{base}")).await.expect("the wildcard's"),
            404
        );
        assert!(ask(&format!("a.b.{base}")).await.is_err(), "no certificate");
    });
}

#[test]
fn a_start_that_fails_occupies_no_address() {
    testbed::run(async {
        let db = testbed::db().await;
        let taken = TcpListener::bind("127.0.0.1:0").expect("an address");
        let free = testbed::free_port().expect("an address");
        let mut options = ServeOptions::new(&db, &[]);
        options.front = taken.local_addr().expect("its address");
        options.tls = Some(TlsOptions {
            at: free,
            vault: Vault::new("http://127.0.0.1:1", TOKEN).expect("a client"),
        });
        assert!(serve(options).await.is_err(), "the front is taken");
        testbed::eventually(Duration::from_secs(5), || async {
            TcpListener::bind(free).is_ok()
        })
        .await;
    });
}

#[test]
fn addresses_are_free_as_soon_as_it_has_stopped() {
    testbed::run(async {
        let db = testbed::db().await;
        let mut options = ServeOptions::new(&db, &[]);
        options.tls = Some(TlsOptions {
            at: ([127, 0, 0, 1], 0).into(),
            vault: Vault::new("http://127.0.0.1:1", TOKEN).expect("a client"),
        });
        for _ in 0..20 {
            let served = serve(options.clone()).await.expect("served");
            let tls = served.tls().expect("TLS");
            let addresses = [served.front(), served.control(), tls];
            served.stop().await;
            for address in addresses {
                TcpListener::bind(address).expect("free");
            }
        }
    });
}
