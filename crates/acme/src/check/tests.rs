//! Chains made here, good and flawed in one way each.

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::*;

const DAY: i64 = 86_400_000;

struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap()
}

fn now_ms() -> i64 {
    now().unix_timestamp() * 1000
}

fn params(names: &[String], from: i64, to: i64) -> CertificateParams {
    let mut params = CertificateParams::new(names.to_vec()).unwrap();
    params.not_before = now() + Duration::milliseconds(from);
    params.not_after = now() + Duration::milliseconds(to);
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn authority_params(name: &str, ca: bool) -> CertificateParams {
    let mut params = params(&[], -DAY, 1000 * DAY);
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages.clear();
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    }
    params
}

fn root() -> Authority {
    let key = KeyPair::generate().unwrap();
    let params = authority_params("root", true);
    let certificate = params.self_signed(&key).unwrap();
    Authority {
        certificate,
        issuer: Issuer::new(params, key),
    }
}

fn below(above: &Authority, name: &str, ca: bool) -> Authority {
    let key = KeyPair::generate().unwrap();
    let params = authority_params(name, ca);
    let certificate = params.signed_by(&key, &above.issuer).unwrap();
    Authority {
        certificate,
        issuer: Issuer::new(params, key),
    }
}

/// A leaf of an authority, and its key in PEM.
fn leaf(by: &Authority, params: CertificateParams) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &by.issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|n| (*n).to_owned()).collect()
}

/// A good chain of three with its key.
fn good(wanted: &[String]) -> (String, String, Authority, Authority) {
    let root = root();
    let middle = below(&root, "middle", true);
    let (pem, key) = leaf(&middle, params(wanted, -DAY, 90 * DAY));
    let chain = format!(
        "{pem}{}{}",
        middle.certificate.pem(),
        root.certificate.pem()
    );
    (chain, key, root, middle)
}

#[test]
fn a_good_chain_says_what_it_is() {
    let wanted = names(&["*.example.com", "example.com"]);
    let (chain, key, _, _) = good(&wanted);
    let checked = check(&chain, &key, &wanted, now_ms()).unwrap();
    assert_eq!(checked.not_before_ms, now_ms() - DAY);
    assert_eq!(checked.not_after_ms, now_ms() + 90 * DAY);
    assert_eq!(checked.names, wanted);
    assert!(checked.issuer.contains("CN=middle"), "{}", checked.issuer);
    assert!(!checked.serial.is_empty());
    let id = checked.certificate_id.clone().unwrap();
    assert_eq!(certificate_id(&chain).unwrap(), Some(id.clone()));
    let (_, serial) = id.split_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(serial).unwrap();
    let hex: String = raw.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, checked.serial);
    // a name may be written in capitals, and fewer names than the certificate has may be needed
    check(&chain, &key, &names(&["EXAMPLE.com"]), now_ms()).unwrap();
}

#[test]
fn the_renewal_name_is_that_of_the_example_of_rfc_9773() {
    // RFC 9773, appendix A
    let pem = "-----BEGIN CERTIFICATE-----\n\
        MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt\n\
        cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS\n\
        BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu\n\
        7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf\n\
        qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B\n\
        yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb\n\
        +FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK\n\
        -----END CERTIFICATE-----\n";
    assert_eq!(
        certificate_id(pem).unwrap().as_deref(),
        Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
    );
}

#[test]
fn each_flaw_is_named() {
    let wanted = names(&["a.example"]);
    let (chain, key, root, middle) = good(&wanted);
    let now = now_ms();
    let other = CertificateKeyPem::new();
    let flaw = |chain: &str, key: &str| check(chain, key, &wanted, now).unwrap_err();
    assert_eq!(flaw("", &key), Flaw::NoPem);
    assert_eq!(flaw("hello", &key), Flaw::NoPem);
    assert_eq!(flaw(&"x".repeat(70_000), &key), Flaw::TooLong);
    assert_eq!(
        flaw(&root.certificate.pem().repeat(11), &key),
        Flaw::TooLong
    );
    let torn = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    assert_eq!(flaw(torn, &key), Flaw::Unreadable(1));
    assert_eq!(flaw(&format!("{chain}{torn}"), &key), Flaw::Unreadable(4));
    assert_eq!(flaw(&chain, "hello"), Flaw::NoKey);
    assert_eq!(flaw(&chain, &other.0), Flaw::OtherKey);
    let missing = check(&chain, &key, &names(&["b.example"]), now).unwrap_err();
    assert_eq!(missing, Flaw::NameMissing("b.example".to_owned()));

    let (pem, key) = leaf(&middle, params(&wanted, -DAY, 90 * DAY));
    let (middle_pem, root_pem) = (middle.certificate.pem(), root.certificate.pem());
    assert_eq!(flaw(&format!("{middle_pem}{pem}"), &key), Flaw::OtherKey);
    assert_eq!(
        flaw(&format!("{pem}{root_pem}{middle_pem}"), &key),
        Flaw::Order(1)
    );
    let foreign = below(&root, "middle", true).certificate.pem();
    assert_eq!(
        flaw(&format!("{pem}{foreign}"), &key),
        Flaw::Order(1),
        "same name, other key"
    );
    let stranger = self::root().certificate.pem();
    assert_eq!(
        flaw(&format!("{pem}{middle_pem}{stranger}"), &key),
        Flaw::Order(2)
    );

    let false_one = below(&root, "no authority", false);
    let (pem, key) = leaf(&false_one, params(&wanted, -DAY, 90 * DAY));
    let chain = format!("{pem}{}", false_one.certificate.pem());
    assert_eq!(flaw(&chain, &key), Flaw::NoAuthority(2));

    let mut clients_only = params(&wanted, -DAY, 90 * DAY);
    clients_only.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (pem, key) = leaf(&middle, clients_only);
    assert_eq!(flaw(&pem, &key), Flaw::NotForServers);
    let mut authority = params(&wanted, -DAY, 90 * DAY);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (pem, key) = leaf(&middle, authority);
    assert_eq!(flaw(&pem, &key), Flaw::NotForServers);
}

#[test]
fn the_validity_is_judged_for_every_certificate_with_a_little_patience_at_its_begin() {
    let wanted = names(&["a.example"]);
    let root = root();
    let judge = |from, to| {
        let (pem, key) = leaf(&root, params(&wanted, from, to));
        check(&pem, &key, &wanted, now_ms()).map(drop)
    };
    assert_eq!(judge(-DAY, DAY), Ok(()));
    assert_eq!(
        judge(4 * 60_000, DAY),
        Ok(()),
        "a clock that is four minutes ahead"
    );
    assert_eq!(judge(6 * 60_000, DAY), Err(Flaw::NotYetValid(1)));
    assert_eq!(judge(-DAY, 0), Err(Flaw::Expired(1)));
    let (pem, key) = leaf(&root, params(&wanted, -DAY, 5000 * DAY));
    let chain = format!("{pem}{}", root.certificate.pem());
    let later = now_ms() + 2000 * DAY;
    assert_eq!(check(&chain, &key, &wanted, later), Err(Flaw::Expired(2)));
}

struct CertificateKeyPem(String);

impl CertificateKeyPem {
    fn new() -> Self {
        Self(KeyPair::generate().unwrap().serialize_pem())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever order the certificates come in, only leaf, middle, root passes.
    #[test]
    fn only_the_right_order_passes(order in Just(vec![0usize, 1, 2]).prop_shuffle(), take in 1usize..=3) {
        let wanted = names(&["a.example"]);
        let (chain, key, root, middle) = good(&wanted);
        let leaf = chain.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap().to_owned();
        let all = [leaf, middle.certificate.pem(), root.certificate.pem()];
        let chosen: Vec<usize> = order.into_iter().take(take).collect();
        let text: String = chosen.iter().map(|i| all[*i].as_str()).collect();
        let good = chosen.iter().enumerate().all(|(place, i)| place == *i);
        prop_assert_eq!(check(&text, &key, &wanted, now_ms()).is_ok(), good);
    }

    /// No text makes it panic.
    #[test]
    fn any_text_is_answered(text in ".{0,300}", key in ".{0,100}") {
        prop_assert!(check(&text, &key, &[], now_ms()).is_err());
    }

    /// A flipped byte anywhere in the leaf never passes as another certificate's content.
    #[test]
    fn a_changed_leaf_is_refused(at in 0usize..200, bit in 0u8..8) {
        let wanted = names(&["a.example"]);
        let (chain, key, _, middle) = good(&wanted);
        let leaf = CertificateDer::pem_slice_iter(chain.as_bytes()).next().unwrap().unwrap();
        let mut der = leaf.as_ref().to_vec();
        der[at] ^= 1 << bit;
        let body = base64::engine::general_purpose::STANDARD.encode(&der);
        let text = format!(
            "-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n{}",
            middle.certificate.pem()
        );
        prop_assert!(check(&text, &key, &wanted, now_ms()).is_err());
    }
}
