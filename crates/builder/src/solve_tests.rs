//! Tests of what is asked of BuildKit.

use super::*;
use crate::{Platform, Registry, Secret, Source};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn order() -> Order {
    Order {
        image: "127.0.0.1:5000/apps:p-d".to_owned(),
        source: Source::new("https://github.com", "acme/shop", SHA, "/web", "").expect("a source"),
        platform: Platform::Arm64,
        git_token: Some(Secret::new("ghs_hunter2")),
        env: [].into(),
        registry: Registry {
            username: "u".to_owned(),
            password: Secret::new("hunter2"),
            insecure: false,
        },
    }
}

fn sorted(map: &HashMap<String, String>) -> Vec<(&str, &str)> {
    let mut pairs: Vec<_> = map.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    pairs.sort_unstable();
    pairs
}

#[test]
fn a_build_is_asked_for_as_ordered() {
    let (request, served) = request(&order()).expect("a request");
    assert_eq!(request.frontend, "dockerfile.v0");
    let context = format!("https://github.com/acme/shop.git#{SHA}:web");
    assert_eq!(
        sorted(&request.frontend_attrs),
        [
            ("context", context.as_str()),
            ("filename", "Dockerfile"),
            ("platform", "linux/arm64")
        ]
    );
    let attrs = [
        ("name", "127.0.0.1:5000/apps:p-d"),
        ("oci-mediatypes", "true"),
        ("push", "true"),
    ];
    assert_eq!(sorted(&request.exporter_attrs_deprecated), attrs);
    assert_eq!(request.exporter_deprecated, "image");
    let [exporter] = request.exporters.as_slice() else {
        panic!("one exporter");
    };
    assert_eq!(
        (exporter.r#type.as_str(), sorted(&exporter.attrs)),
        ("image", attrs.to_vec())
    );
    assert!(request.entitlements.is_empty() && request.cache.is_none());
    assert!(served.secrets.is_empty(), "the token is not the build's");
    let login = served.login.expect("a login");
    assert_eq!(
        (login.username.as_str(), login.password.expose()),
        ("u", "hunter2")
    );
}

#[test]
fn variables_are_a_file_under_two_names() {
    let mut order = order();
    order.registry.insecure = true;
    order.env = [("B", "2 2"), ("A", "1")]
        .map(|(k, v)| (k.to_owned(), Secret::new(v)))
        .into();
    let (request, served) = request(&order).expect("a request");
    let hash = &request.frontend_attrs["label:org.unkey.env-hash"];
    assert_eq!(request.frontend_attrs["build-arg:UNKEY_SECRETS_ID"], *hash);
    assert_eq!(hash.len(), 64);
    let names: Vec<&str> = served.secrets.keys().map(String::as_str).collect();
    assert_eq!(names, [hash.as_str(), "env"]);
    for file in served.secrets.values() {
        assert_eq!(file.expose(), "A=1\nB='2 2'\n");
    }
    assert_eq!(request.exporters[0].attrs["registry.insecure"], "true");
    for text in request
        .frontend_attrs
        .values()
        .chain(request.exporters[0].attrs.values())
    {
        assert!(!text.contains("hunter2") && !text.contains("2 2"), "{text}");
    }
}

#[test]
fn what_cannot_be_built_is_not_asked_for() {
    let mut bad = order();
    bad.image = "a,b".to_owned();
    assert!(matches!(request(&bad), Err(BuildError::Order(_))));
    let mut bad = order();
    bad.env = [("NOT-A-NAME".to_owned(), Secret::new("x"))].into();
    assert!(matches!(request(&bad), Err(BuildError::Order(_))));
}

#[test]
fn the_source_is_one_step_with_the_same_id_each_time() {
    let definition = git_source(&order());
    assert_eq!(definition, git_source(&order()));
    let [op, end] = definition.def.as_slice() else {
        panic!("two ops");
    };
    let op = pb::Op::decode(op.as_slice()).expect("an op");
    let Some(pb::op::Op::Source(source)) = op.op else {
        panic!("{op:?}");
    };
    assert_eq!(
        source.identifier,
        format!("git://github.com/acme/shop.git#{SHA}:web")
    );
    assert_eq!(
        source.attrs["git.fullurl"],
        "https://github.com/acme/shop.git"
    );
    let end = pb::Op::decode(end.as_slice()).expect("an op");
    assert_eq!(end.inputs[0].digest, digest(&definition.def[0]));
    assert!(definition.metadata.contains_key(&end.inputs[0].digest));
}
