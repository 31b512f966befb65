//! Tests of whose fault which text is.

use proptest::prelude::*;

use super::*;
use crate::{Platform, Registry, Source};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn order(token: Option<&str>) -> Order {
    Order {
        image: "127.0.0.1:5000/apps:p-d".to_owned(),
        source: Source::new("https://github.com", "acme/shop", SHA, "", "").expect("a source"),
        platform: Platform::Amd64,
        git_token: token.map(Secret::new),
        env: [].into(),
        registry: Registry {
            username: "u".to_owned(),
            password: Secret::new("registry-hunter2"),
            insecure: false,
        },
    }
}

fn verdict(code: Code, text: &str, phase: Phase, token: Option<&str>) -> BuildError {
    let order = order(token);
    judge(&Fault::of(&Status::new(code, text)), phase, &order)
}

fn build(text: &str) -> BuildError {
    verdict(Code::Unknown, text, Phase::Build, Some("ghs_token"))
}

#[test]
fn trouble_of_registries_networks_and_builders_passes() {
    for text in [
        "failed to push 127.0.0.1:5000/apps:p-d: unexpected status from PUT request to http://127.0.0.1:5000/v2/x: 502 Bad Gateway",
        "failed to push 127.0.0.1:5000/apps:p-d: unexpected status: 500 Internal Server Error",
        "failed to push 127.0.0.1:5000/apps:p-d: failed to do request: Head \"https://127.0.0.1:5000/v2\": dial tcp 127.0.0.1:5000: connect: connection refused",
        "failed to push 127.0.0.1:5000/apps:p-d: something nobody has seen",
        "docker.io/library/alpine:3: failed to resolve source metadata: unexpected status from HEAD request to https://x: 503 Service Unavailable",
        "failed to fetch anonymous token: unexpected status: 504 Gateway Timeout",
        "failed to fetch anonymous token: unexpected status: 504 Gateway Time-out",
        "unexpected status code 500",
        "invalid response status 503",
        "toomanyrequests: You have reached your pull rate limit",
        "failed to copy: read tcp 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer",
        "failed to do request: Get \"https://x\": net/http: TLS handshake timeout",
        "no active session for abc: context deadline exceeded",
        "failed to prepare: write /var/lib: no space left on device",
    ] {
        let error = build(text);
        assert!(
            matches!(error, BuildError::Unavailable { .. }),
            "{text}: {error:?}"
        );
        assert!(error.is_transient());
    }
    for code in [
        Code::Unavailable,
        Code::Cancelled,
        Code::Aborted,
        Code::DeadlineExceeded,
    ] {
        let error = verdict(code, "context canceled", Phase::Build, None);
        assert!(error.is_transient(), "{code:?}");
    }
}

#[test]
fn what_the_customer_wrote_is_the_customers() {
    for text in [
        "failed to read dockerfile: open Dockerfile: no such file or directory",
        "process \"/bin/sh -c exit 3\" did not complete successfully: exit code: 3",
        "process \"/bin/sh -c echo 502 Bad Gateway connection refused\" did not complete successfully: exit code: 1",
        "process \"/bin/sh -c echo failed to push, failed to fetch remote https://github.com/acme/shop.git\" did not complete successfully: exit code: 1",
        "dockerfile parse error on line 1: unknown instruction: 503 Service Unavailable",
        "failed to compute cache key: failed to calculate checksum of ref x: \"/x\": not found",
        "failed to find target nosuch in Dockerfile",
        "docker.io/library/nosuch:latest: not found",
        "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
        "failed to do request: Head \"https://nosuch.test/v2/a/manifests/1\": dial tcp: lookup nosuch.test: no such host",
        "unexpected status code 404",
        "status 5000",
        "something nobody has seen",
    ] {
        let error = build(text);
        let BuildError::Customer { public, text: kept } = &error else {
            panic!("{text}: {error:?}");
        };
        assert_eq!(*kept, format!("failed to solve: {text}"));
        assert_eq!(*public, public_reason(kept));
        assert!(!error.is_transient());
    }
    let oom = "process \"/bin/sh -c make\" did not complete successfully: exit code: 137";
    let error = verdict(Code::Unavailable, oom, Phase::Build, None);
    assert!(matches!(error, BuildError::Customer { .. }));
}

#[test]
fn a_login_that_does_not_fit_is_the_operators() {
    for text in [
        "failed to push 127.0.0.1:5000/apps:p-d: unexpected status from POST request to http://x: 401 Unauthorized",
        "failed to push 127.0.0.1:5000/apps:p-d: push access denied, repository does not exist or may require authorization",
        "failed to push 127.0.0.1:5000/apps:p-d: denied: requested access to the resource is denied",
        "failed to push 127.0.0.1:5000/apps:p-d: unexpected status: 413 Request Entity Too Large",
    ] {
        let error = build(text);
        let push = Operation::Push;
        assert!(
            matches!(&error, BuildError::Refused { operation, .. } if *operation == push),
            "{text}: {error:?}"
        );
    }
    let old = build("exporter \"image\" could not be found");
    assert!(
        matches!(old, BuildError::Refused { .. }),
        "a builder that is too old: {old:?}"
    );
    for code in [Code::Unauthenticated, Code::Unimplemented] {
        let error = verdict(code, "no", Phase::Build, None);
        assert!(matches!(error, BuildError::Refused { .. }), "{code:?}");
    }
}

#[test]
fn fetching_has_reasons_of_its_own() {
    let remote = "failed to fetch remote https://github.com/acme/shop.git: git stderr:\n";
    let fetch = |said: &str, phase, token| {
        verdict(
            Code::Unknown,
            &format!("{remote}{said}: exit status 128"),
            phase,
            token,
        )
    };
    for said in [
        "fatal: unable to access 'https://github.com/acme/shop.git/': The requested URL returned error: 502",
        "fatal: unable to access 'https://github.com/acme/shop.git/': Could not resolve host: github.com",
        "fatal: unable to access 'https://x/': Failed to connect to github.com port 443 after 1 ms: Connection refused",
        "error: RPC failed; curl 56 GnuTLS recv error\nfatal: early EOF",
        "fatal: the remote end hung up unexpectedly",
    ] {
        for (phase, token) in [(Phase::Fetch, Some("ghs_token")), (Phase::Whole, None)] {
            let error = fetch(said, phase, token);
            let expected = Operation::Fetch;
            assert!(
                matches!(&error, BuildError::Unavailable { operation, .. } if *operation == expected),
                "{said}: {error:?}"
            );
        }
    }
    let gone = fetch(
        "fatal: remote error: upload-pack: not our ref 0123",
        Phase::Fetch,
        Some("ghs_token"),
    );
    let BuildError::Customer { public, .. } = gone else {
        panic!("{gone:?}");
    };
    assert_eq!(
        public,
        "The commit is no longer in the repository. Push again, or deploy another commit. (fatal: remote error: \
         upload-pack: not our ref 0123: exit status 128)"
    );
    let gone =
        "failed to checkout remote https://github.com/acme/shop.git: git error: exit status 128";
    for (phase, token) in [(Phase::Fetch, Some("ghs_token")), (Phase::Whole, None)] {
        let gone = verdict(Code::Unknown, gone, phase, token);
        let BuildError::Customer { public, .. } = gone else {
            panic!("{gone:?}");
        };
        assert!(
            public.starts_with("The commit is no longer in the repository."),
            "{public}"
        );
    }
    let hidden = "remote: Repository not found.\nfatal: repository 'https://github.com/acme/shop.git/' not found";
    let hidden = fetch(hidden, Phase::Fetch, Some("ghs_token"));
    let BuildError::Customer { public, .. } = &hidden else {
        panic!("{hidden:?}");
    };
    assert!(
        public.starts_with("The repository cannot be read."),
        "{public}"
    );
    let login =
        "fatal: could not read Username for 'https://github.com': terminal prompts disabled";
    let private = fetch(login, Phase::Whole, None);
    assert!(
        matches!(private, BuildError::Customer { .. }),
        "{private:?}"
    );
    let ended = fetch(login, Phase::Fetch, Some("ghs_token"));
    assert!(ended.is_transient(), "a new token may do: {ended:?}");
    let lost = fetch(login, Phase::Build, Some("ghs_token"));
    assert!(lost.is_transient(), "it was fetched before: {lost:?}");
    // somebody else's repository, named by the Dockerfile
    let other = "failed to fetch remote https://github.com/other/x.git: git stderr:\nfatal: could not read Username";
    assert!(matches!(build(other), BuildError::Customer { .. }));
    let folder = verdict(
        Code::Unknown,
        "lstat /x/nosuch: no such file or directory",
        Phase::Fetch,
        None,
    );
    let BuildError::Customer { public, .. } = folder else {
        panic!("{folder:?}");
    };
    assert!(public.contains("root directory"), "{public}");
}

#[test]
fn a_broken_connection_is_not_an_answer() {
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset");
    let mut status = Status::unknown("transport error");
    status.set_source(std::sync::Arc::new(broken));
    let order = order(None);
    let error = judge(&Fault::of(&status), Phase::Build, &order);
    assert_eq!(
        error.to_string(),
        "builder, solve: connection lost: failed to solve: transport error: reset"
    );
    assert!(error.is_transient());
}

#[test]
fn no_secret_is_repeated() {
    let text = "process \"curl -H ghs_hunter2 registry-hunter2\" did not complete successfully: exit code: 1";
    for phase in [Phase::Fetch, Phase::Build] {
        let error = verdict(Code::Unknown, text, phase, Some("ghs_hunter2"));
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
    // one that is a part of every word changes no verdict
    let error = verdict(Code::Unknown, "502 Bad Gateway", Phase::Build, Some("a"));
    assert!(error.is_transient(), "{error:?}");
}

proptest! {
    /// A command that failed is the customer's, whatever it says and whatever phase it is in.
    #[test]
    fn no_command_makes_trouble(words in "[ -~]{0,60}", which in 0..TROUBLE.len(), git in 0..GIT.len()) {
        let text = format!(
            "process \"{words} {} {} failed to push\" did not complete successfully: exit code: 1", TROUBLE[which], GIT[git]
        );
        let is_customers = |e: &BuildError| matches!(e, BuildError::Customer { .. });
        prop_assert!(is_customers(&build(&text)));
    }

    /// Whatever is said, what is kept and told is short.
    #[test]
    fn every_verdict_is_bounded(text in "[ -~\nä]{0,200}", times in 1..200usize) {
        let error = build(&text.repeat(times));
        prop_assert!(error.to_string().len() <= MOST_BYTES + 100);
        if let BuildError::Customer { public, .. } = error {
            prop_assert!(public.len() <= 400);
        }
    }
}
