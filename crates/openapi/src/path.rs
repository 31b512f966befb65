//! From a host and a tenant's path to a URL that cannot leave the host. Pure.

use durable::{Fault, codes};
use url::{Host, Url};

/// The URL of `path` on `base` (`https://host`, `http://host:port`).
///
/// # Errors
/// CW0031: the path is no clean absolute path. The base is not the tenant's; one that is no URL is bad data.
pub(crate) fn url(base: &str, path: &str) -> Result<Url, Fault> {
    let base = Url::parse(base)
        .ok()
        .filter(|b| {
            b.has_host() && b.username().is_empty() && b.password().is_none() && b.path() == "/"
        })
        .ok_or_else(|| Fault {
            code: codes::BAD_DATA,
            text: "The address of the deployment is not a host.".to_owned(),
        })?;
    if !is_clean(path) {
        return Err(refused(path));
    }
    let url = base.join(path).map_err(|_| refused(path))?;
    if url.origin() != base.origin() || !url.username().is_empty() || url.password().is_some() {
        return Err(refused(path));
    }
    Ok(url)
}

/// Whether a path is absolute and holds nothing that a URL parser reads as more than a path and a query.
pub(crate) fn is_clean(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path
            .chars()
            .any(|c| c == '\\' || c == '#' || c.is_control() || c.is_whitespace())
}

fn refused(path: &str) -> Fault {
    Fault {
        code: codes::SPEC_PATH,
        text: format!(
            "The path {path:?} is not an absolute path on the deployment's host, so nothing was fetched. Set it to something like `/openapi.json`."
        ),
    }
}

/// Whether the host of a route may be asked over the public network: a name, not an address.
pub(crate) fn is_name(host: &str) -> bool {
    matches!(Host::parse(host), Ok(Host::Domain(name)) if name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: &str = "https://app-dep-1.unkey.test";

    #[test]
    fn clean_paths_stay_on_the_host() {
        for (path, wanted) in [
            ("/openapi.json", "https://app-dep-1.unkey.test/openapi.json"),
            (
                "/a/../b?x=1&y=@z",
                "https://app-dep-1.unkey.test/b?x=1&y=@z",
            ),
            ("/@evil/x", "https://app-dep-1.unkey.test/@evil/x"),
            ("/.//evil/x", "https://app-dep-1.unkey.test//evil/x"),
        ] {
            assert_eq!(
                url(BASE, path).map(|u| u.to_string()).as_deref(),
                Ok(wanted),
                "{path}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for path in [
            "",
            "x",
            "@evil/x",
            "//evil/x",
            "http://evil/x",
            "/\\evil/x",
            "\\\\evil",
            "/a b",
            "/a\n",
            "/a#b",
            " /a",
        ] {
            let fault = url(BASE, path).expect_err(path);
            assert_eq!(fault.code, codes::SPEC_PATH, "{path}");
        }
        assert_eq!(
            url("https://u:p@h", "/x").expect_err("user").code,
            codes::BAD_DATA
        );
        assert_eq!(
            url("https://h/y", "/x").expect_err("path").code,
            codes::BAD_DATA
        );
    }

    #[test]
    fn a_host_is_a_name() {
        assert!(is_name("app-dep-1.unkey.test"));
        for host in [
            "127.0.0.1",
            "[::1]",
            "localhost",
            "0x7f.1",
            "2130706433",
            "a/b.c",
            "a@b.c",
            "",
        ] {
            assert!(!is_name(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leaves_the_host(path in "[/@:\\\\.#?%a-z0-9 \t]{0,24}") {
            if let Ok(url) = url(BASE, &path) {
                prop_assert_eq!(url.host_str(), Some("app-dep-1.unkey.test"));
                prop_assert_eq!(url.port_or_known_default(), Some(443));
                prop_assert!(url.username().is_empty());
            }
        }
    }
}
