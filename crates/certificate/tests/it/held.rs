//! Certificates that are there already, as an earlier issuance would have left them.

use crate::world::{Domain, World};

/// A chain of a private authority for a host, with its key: so many days long, so many of them left.
pub(crate) fn held(host: &str, days: i64, left: i64) -> (String, String) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let mut leaf = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
    leaf.use_authority_key_identifier_extension = true;
    let now = time::OffsetDateTime::now_utc();
    leaf.not_after = now + time::Duration::days(left);
    leaf.not_before = leaf.not_after - time::Duration::days(days);
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    (leaf.pem(), key.serialize_pem())
}

impl World {
    /// Stores a certificate as an earlier issuance would have, and calls its challenge verified.
    pub(crate) async fn store(&self, domain: &Domain, id: &str, days: i64, left: i64) {
        let (chain, key) = held(&domain.host, days, left);
        let sealed = self
            .vault
            .encrypt(&domain.workspace, &key)
            .await
            .expect("sealed")
            .blob;
        let sql = "INSERT INTO certificates (id, workspace_id, hostname, certificate, encrypted_private_key, created_at) VALUES (?, ?, ?, ?, ?, 1)";
        self.execute(sql, [id, &domain.workspace, &domain.host, &chain, &sealed])
            .await;
        let end = mysql::now_ms() + left * 86_400_000;
        let sql =
            "UPDATE acme_challenges SET status = 'verified', expires_at = ? WHERE domain_id = ?";
        self.execute(sql, [&end.to_string(), &domain.id]).await;
    }
}
