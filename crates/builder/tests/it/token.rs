//! Who gets the token that a source is fetched with.

use builder::BuildError;

use crate::world::{TOKEN, buildkit, order, repository, run, servers};

/// Asks for the token by every name that BuildKit knows it by, and shows what comes.
const THIEF: &str = "RUN --network=none \
     --mount=type=secret,id=GIT_AUTH_TOKEN.HOST,target=/s/a --mount=type=secret,id=GIT_AUTH_HEADER.HOST,target=/s/b \
     --mount=type=secret,id=GIT_AUTH_TOKEN,target=/s/c --mount=type=secret,id=GIT_AUTH_HEADER,target=/s/d \
     for f in a b c d; do if [ -e /s/$f ]; then echo \"$f: $(/busybox cat /s/$f)\"; else echo $f: nothing; fi; done";

fn thief(host: &str) -> String {
    THIEF.replace("HOST", host)
}

fn host(peers: &build_testbed::BuildPeers) -> String {
    peers.git().url().replace("http://", "")
}

#[test]
fn a_dockerfile_that_mounts_the_token_gets_nothing() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, sha) = repository(peers, &thief(&host(peers))).await;
        let (built, heard) = run(&buildkit(peers), &order(peers, &name, &sha)).await;
        assert!(built.is_ok(), "{built:?}");
        let text = heard.text();
        assert!(!text.contains(TOKEN), "{text}");
        for f in ["a", "b", "c", "d"] {
            assert!(text.contains(&format!("{f}: nothing\n")), "{text}");
        }
        // and yet it is what the source was fetched with
        assert_eq!(peers.git().tokens(&name), [TOKEN.to_owned()].into());
        assert!(!format!("{:?}", heard.events()).contains(TOKEN));
    });
}

/// The control of the test above: the same lines get it where the guard is off, so it is the guard that keeps it.
#[cfg(debug_assertions)]
#[test]
fn without_the_guard_the_same_dockerfile_gets_the_token() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, sha) = repository(peers, &thief(&host(peers))).await;
        let unguarded = buildkit(peers).without_guard();
        let (built, heard) = run(&unguarded, &order(peers, &name, &sha)).await;
        assert!(built.is_ok(), "{built:?}");
        let text = heard.text();
        assert!(text.contains(&format!("a: {TOKEN}\n")), "{text}");
    });
}

#[test]
fn a_dockerfile_that_insists_on_the_token_fails_by_its_own_fault() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let id = format!("GIT_AUTH_TOKEN.{}", host(peers));
        let lines = format!("RUN --network=none --mount=type=secret,id={id},required=true echo x");
        let (name, sha) = repository(peers, &lines).await;
        let (built, heard) = run(&buildkit(peers), &order(peers, &name, &sha)).await;
        let error = built.expect_err("no token");
        assert!(matches!(error, BuildError::Customer { .. }), "{error:?}");
        assert!(!format!("{error:?} {:?}", heard.events()).contains(TOKEN));
    });
}

/// A source that is named in the Dockerfile is fetched by the second part, which has nothing to fetch with.
#[test]
fn a_dockerfile_that_adds_another_private_repository_gets_nothing() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (other, other_sha) = repository(peers, "").await;
        let url = format!("{}/{other}.git#{other_sha}", peers.git().url());
        let (name, sha) = repository(peers, &format!("ADD {url} /stolen")).await;
        let (built, _) = run(&buildkit(peers), &order(peers, &name, &sha)).await;
        let error = built.expect_err("a private repository");
        assert!(matches!(error, BuildError::Customer { .. }), "{error:?}");
        assert_eq!(peers.git().fetches(&other), 0);
        assert!(
            peers.git().tokens(&other).is_empty(),
            "the token was shown for it"
        );
    });
}
