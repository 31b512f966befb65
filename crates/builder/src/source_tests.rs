//! Tests of what may and what may not be a source.

use proptest::prelude::*;

use super::*;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn of(repository: &str, sha: &str, context: &str, dockerfile: &str) -> Result<Source, BadSource> {
    Source::new("https://github.com", repository, sha, context, dockerfile)
}

#[test]
fn a_source_becomes_one_address() {
    let all = of("acme/shop", SHA, "", "").expect("a source");
    assert_eq!(
        all.context_url(),
        format!("https://github.com/acme/shop.git#{SHA}")
    );
    assert_eq!(all.dockerfile(), "Dockerfile");
    assert_eq!(all.host(), "github.com");
    for same in [".", "/", "./", " / ", "//"] {
        assert_eq!(
            of("acme/shop", SHA, same, "").as_ref(),
            Ok(&all),
            "{same:?}"
        );
    }
    let part = of("acme/shop", SHA, " /apps/web/ ", "./docker/Dockerfile.prod").expect("a source");
    assert_eq!(
        part.context_url(),
        format!("https://github.com/acme/shop.git#{SHA}:apps/web")
    );
    assert_eq!(part.dockerfile(), "docker/Dockerfile.prod");
    let scoped = of("acme/shop", SHA, "packages/@acme/c++", "").expect("a source");
    assert!(scoped.context_url().ends_with(":packages/@acme/c++"));
    let upper = of("Acme/Shop.js", &SHA.to_uppercase(), "", "").expect("a source");
    assert_eq!(
        upper.context_url(),
        format!("https://github.com/Acme/Shop.js.git#{SHA}")
    );
}

#[test]
fn a_server_of_ones_own_keeps_its_port_and_path() {
    for (url, remote, host) in [
        (
            "http://127.0.0.1:3000/",
            "http://127.0.0.1:3000/a/b.git",
            "127.0.0.1:3000",
        ),
        (
            "https://git.acme.test/hub",
            "https://git.acme.test/hub/a/b.git",
            "git.acme.test",
        ),
        (
            "https://GIT.acme.test:443",
            "https://git.acme.test/a/b.git",
            "git.acme.test",
        ),
        ("http://[::1]:80", "http://[::1]/a/b.git", "[::1]"),
    ] {
        let source = Source::new(url, "a/b", SHA, "", "").expect(url);
        assert_eq!((source.remote().as_str(), source.host()), (remote, host));
    }
    for bad in [
        "",
        "github.com",
        "ssh://git@github.com",
        "file:///etc",
        "https://user@github.com",
        "https://u:p@github.com",
        "https://github.com?x=1",
        "https://github.com#main",
        "https://github.com/a b",
        "https://github.com/%2e%2e",
        "https://",
    ] {
        let refused = Source::new(bad, "a/b", SHA, "", "");
        assert!(matches!(refused, Err(BadSource::Server(_))), "{bad}");
    }
}

#[test]
fn what_changes_what_is_fetched_is_refused() {
    for repository in [
        "",
        "shop",
        "acme/",
        "/shop",
        "acme/shop/x",
        "acme/..",
        "./shop",
        "acme/shop#main",
        "acme/shop:x",
        "acme/sh op",
        "-acme/shop",
        "acme/-shop",
        "acme/shop.git",
        "acme\n/shop",
        "acme/shop?x",
        "acme/sh%6fp",
        "user@acme/shop",
        "acme\\shop",
        "acme/shöp",
    ] {
        let refused = of(repository, SHA, "", "");
        assert!(
            matches!(refused, Err(BadSource::Repository(_))),
            "{repository:?}"
        );
    }
    let long = format!("{SHA}0");
    for sha in [
        "",
        "main",
        "HEAD",
        "0123456",
        "refs/pull/1/head",
        "--upload-pack=touch /tmp/x",
        &SHA[1..],
        &long,
        "0123456789abcdef0123456789abcdef0123456g",
        "0123456789abcdef0123456789abcdef0123456:",
        "0123456789abcdef\n123456789abcdef01234567",
    ] {
        let refused = of("acme/shop", sha, "", "");
        assert!(matches!(refused, Err(BadSource::Commit(_))), "{sha:?}");
    }
    for path in ["..", "../x", "a/../../b", "/..", "a/..", "./../a"] {
        let outside = |r| matches!(r, Err(BadSource::Outside { .. }));
        assert!(outside(of("acme/shop", SHA, path, "")), "{path:?}");
        assert!(outside(of("acme/shop", SHA, "", path)), "{path:?}");
    }
    let long = "a/".repeat(300);
    for path in [
        "a b", "a:b", "a#b", "a%2e%2e", "a\nb", "a\\b", "-a", "a/--b", "a?b", "$HOME", "a\0",
        "äpfel", "a,b", &long,
    ] {
        let bad = |r| matches!(r, Err(BadSource::Path { .. }));
        assert!(bad(of("acme/shop", SHA, path, "")), "{path:?}");
        assert!(bad(of("acme/shop", SHA, "", path)), "{path:?}");
    }
}

#[test]
fn a_refusal_says_what_to_do_and_is_short() {
    let refused = of("acme/shop", SHA, "../secrets", "").expect_err("outside");
    assert_eq!(
        refused.to_string(),
        "the root directory \"../secrets\" leaves the repository: remove the '..' from it"
    );
    let refused = of("acme/shop", &"x\n".repeat(9_999), "", "").expect_err("no commit");
    assert!(refused.to_string().len() < 400, "{refused}");
    assert!(!refused.to_string().contains('\n'), "{refused}");
}

proptest! {
    /// Whatever is let through, the address has one `#`, at most one `:` behind it, the hash as given, and no part that
    /// leaves.
    #[test]
    fn what_is_let_through_is_what_is_fetched(
        repository in "[a-z.#:/@ -]{1,12}", sha in "[0-9a-f]{38,41}", context in "[a-z./:#@+ %-]{0,12}",
        dockerfile in "[A-Za-z./:# -]{0,12}",
    ) {
        if let Ok(source) = of(&repository, &sha, &context, &dockerfile) {
            let url = source.context_url();
            let (remote, fragment) = url.split_once('#').expect("a fragment");
            prop_assert_eq!(remote, format!("https://github.com/{}.git", repository.trim()));
            let (hash, folder) = fragment.split_once(':').unwrap_or((fragment, "x"));
            prop_assert_eq!(hash, sha);
            for path in [folder, source.dockerfile()] {
                prop_assert!(!path.contains([':', '#', ' ', '%']), "{}", path);
                prop_assert!(path.split('/').all(|p| !p.is_empty() && p != "." && p != ".." && !p.starts_with('-')));
            }
        }
    }
}
