//! Host names of a deployment: which ones it gets, how they are spelled, and which of them follow later
//! deployments. Pure: the same deployment always gets the same names, on every replay.
//!
//! Not here: who owns a name already (crate `routing` decides that in its transaction).

use messages::hydra::v1::RouteSticky;
use sha2::{Digest, Sha256};

/// Longest DNS label, bytes.
const LABEL_MAX: usize = 63;
/// Longest slug of a branch or owner, bytes.
const SLUG_MAX: usize = 80;

/// What the names are made of. Slugs are used as they are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming<'a> {
    /// Deployment id, `d_…`.
    pub(crate) deployment_id: &'a str,
    /// Workspace slug.
    pub(crate) workspace: &'a str,
    /// Project slug.
    pub(crate) project: &'a str,
    /// App slug; `default` is left out of the names.
    pub(crate) app: &'a str,
    /// Environment slug; `production` adds the live name.
    pub(crate) environment: &'a str,
    /// Full commit sha, when known.
    pub(crate) commit_sha: Option<&'a str>,
    /// Branch, when known.
    pub(crate) branch: Option<&'a str>,
    /// `owner/repo` of the fork a pull request came from.
    pub(crate) fork: Option<&'a str>,
    /// Platform domain, e.g. `unkey.app`.
    pub(crate) apex: &'a str,
}

/// One host name of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hostname {
    /// Fully qualified, lower case.
    pub(crate) fqdn: String,
    /// Which rule moves it.
    pub(crate) sticky: RouteSticky,
    /// Name to use when `fqdn` belongs to somebody else.
    pub(crate) fallback: String,
}

/// The fork owner's slug, when the deployment was built from a fork.
pub(crate) fn fork_owner(fork: Option<&str>) -> Option<String> {
    let (owner, _) = fork?.split_once('/')?;
    (!owner.is_empty()).then(|| slug(owner))
}

/// `project`, or `project-app` when the app is not the default one; without the fork part.
pub(crate) fn base_prefix(project: &str, app: &str) -> String {
    if app == "default" {
        project.to_owned()
    } else {
        format!("{project}-{app}")
    }
}

/// All host names of a deployment, in the order their routes are created.
pub(crate) fn hostnames(n: &Naming<'_>) -> Vec<Hostname> {
    let mut prefix = base_prefix(n.project, n.app);
    if let Some(owner) = fork_owner(n.fork) {
        prefix = format!("{prefix}-fork-{owner}");
    }
    let mut names = Vec::with_capacity(5);
    let mut add = |label: String, identity: &str, sticky: RouteSticky| {
        let label = label.to_ascii_lowercase();
        let pinned = matches!(sticky, RouteSticky::None | RouteSticky::Deployment);
        // A pinned name belongs to one deployment, a moving one to the environment: their fallbacks are as stable.
        let owner = if pinned {
            n.deployment_id
        } else {
            n.environment
        };
        let fallback = with_hash(
            &label,
            &[n.workspace, n.project, n.app, owner, identity, "fallback"],
        );
        let label = if label.len() > LABEL_MAX {
            with_hash(&label, &[identity])
        } else {
            label
        };
        names.push(Hostname {
            fqdn: format!("{label}.{}", n.apex),
            sticky,
            fallback: format!("{fallback}.{}", n.apex),
        });
    };
    if let Some(sha) = n.commit_sha.filter(|s| !s.is_empty()) {
        let short: String = sha.chars().take(7).collect();
        let suffix = commit_suffix(n.deployment_id);
        add(
            format!("{prefix}-git-{short}-{suffix}-{}", n.workspace),
            sha,
            RouteSticky::None,
        );
    }
    if let Some(branch) = n.branch.filter(|b| !b.is_empty()) {
        let mut label = slug(branch);
        if label.is_empty() {
            // No usable character: without the hash all such branches would share one name.
            label = hash8(&[branch]);
        }
        add(
            format!("{prefix}-git-{label}-{}", n.workspace),
            branch,
            RouteSticky::Branch,
        );
    }
    add(
        format!("{prefix}-{}-{}", n.environment, n.workspace),
        n.environment,
        RouteSticky::Environment,
    );
    if n.environment == "production" {
        add(
            format!("{prefix}-{}", n.workspace),
            "live",
            RouteSticky::Live,
        );
    }
    let id = n.deployment_id.replace('_', "-");
    add(
        format!("{prefix}-dep-{id}-{}", n.workspace),
        n.deployment_id,
        RouteSticky::Deployment,
    );
    names
}

/// Host name of the environment without fork part, as GitHub statuses link to it.
pub(crate) fn environment_hostname(n: &Naming<'_>) -> String {
    let label = format!(
        "{}-{}-{}",
        base_prefix(n.project, n.app),
        n.environment,
        n.workspace
    )
    .to_ascii_lowercase();
    let label = if label.len() > LABEL_MAX {
        with_hash(&label, &[n.environment])
    } else {
        label
    };
    format!("{label}.{}", n.apex)
}

/// Everything but letters and digits becomes one `-`; lower case; at most 80 bytes; no `-` at the end.
pub(crate) fn slug(s: &str) -> String {
    let spaced: String = s
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' })
        .collect();
    // A leading separator survives trimming of real white space, so it has to survive here as well.
    let leading = spaced.starts_with(' ');
    let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
    let mut out = if leading && !words.is_empty() {
        "-".to_owned()
    } else {
        String::new()
    };
    out.push_str(&words.join("-"));
    if spaced.ends_with(' ') && !words.is_empty() {
        out.push('-');
    }
    out.make_ascii_lowercase();
    out.truncate(SLUG_MAX);
    if out.ends_with('-') {
        out.pop();
    }
    out
}

/// Four digits that keep the commit names of several deployments of one commit apart.
fn commit_suffix(deployment_id: &str) -> u16 {
    let digest = Sha256::digest(deployment_id.as_bytes());
    1000 + (u16::from_be_bytes([digest[0], digest[1]]) % 9000)
}

/// The label cut so that `-` and eight characters of a hash over it and `identity` fit behind it.
fn with_hash(label: &str, identity: &[&str]) -> String {
    let mut parts = vec![label];
    parts.extend_from_slice(identity);
    let hash = hash8(&parts);
    let mut end = label.len().min(LABEL_MAX - 1 - hash.len());
    while !label.is_char_boundary(end) {
        end -= 1;
    }
    let head = label[..end].trim_end_matches('-');
    format!("{head}-{hash}")
}

fn hash8(parts: &[&str]) -> String {
    ids::derived_dns_label(8, parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naming<'a>() -> Naming<'a> {
        Naming {
            deployment_id: "d_Ab12Cd34",
            workspace: "acme",
            project: "shop",
            app: "default",
            environment: "production",
            commit_sha: Some("0123456789abcdef0123456789abcdef01234567"),
            branch: Some("feature/Add_Login"),
            fork: None,
            apex: "unkey.app",
        }
    }

    #[test]
    fn slug_matches_the_vectors_of_the_contract() {
        for (input, want) in [
            ("feature/Add_Login!!", "feature-add-login"),
            ("feat--x__y", "feat-x-y"),
            ("-x", "-x"),
            ("日本", ""),
            ("日本x", "-x"),
            ("Octo.Cat", "octo-cat"),
        ] {
            assert_eq!(slug(input), want, "{input}");
        }
        assert_eq!(slug(&"a".repeat(100)), "a".repeat(80));
    }

    #[test]
    fn production_gets_all_five_names_in_order() {
        let names = hostnames(&naming());
        let fqdns: Vec<&str> = names.iter().map(|h| h.fqdn.as_str()).collect();
        assert!(
            fqdns[0].starts_with("shop-git-0123456-") && fqdns[0].ends_with("-acme.unkey.app"),
            "{}",
            fqdns[0]
        );
        assert_eq!(
            fqdns[1..],
            [
                "shop-git-feature-add-login-acme.unkey.app",
                "shop-production-acme.unkey.app",
                "shop-acme.unkey.app",
                "shop-dep-d-ab12cd34-acme.unkey.app"
            ]
        );
        assert_eq!(
            names.iter().map(|h| h.sticky).collect::<Vec<_>>(),
            [
                RouteSticky::None,
                RouteSticky::Branch,
                RouteSticky::Environment,
                RouteSticky::Live,
                RouteSticky::Deployment
            ]
        );
    }

    #[test]
    fn a_preview_has_no_live_name_and_unknown_git_data_no_git_names() {
        let names = hostnames(&Naming {
            environment: "preview",
            commit_sha: None,
            branch: None,
            ..naming()
        });
        let fqdns: Vec<&str> = names.iter().map(|h| h.fqdn.as_str()).collect();
        assert_eq!(
            fqdns,
            [
                "shop-preview-acme.unkey.app",
                "shop-dep-d-ab12cd34-acme.unkey.app"
            ]
        );
    }

    #[test]
    fn a_fork_carries_its_owner_in_every_name() {
        let names = hostnames(&Naming {
            app: "api",
            environment: "preview",
            fork: Some("Octo.Cat/x"),
            ..naming()
        });
        assert!(
            names
                .iter()
                .all(|h| h.fqdn.starts_with("shop-api-fork-octo-cat-")),
            "{names:?}"
        );
    }

    #[test]
    fn branches_without_a_usable_character_do_not_share_a_name() {
        let of = |branch| {
            hostnames(&Naming {
                branch: Some(branch),
                ..naming()
            })[1]
                .fqdn
                .clone()
        };
        assert_ne!(of("日本"), of("中文"));
    }

    proptest! {
        #[test]
        fn every_label_fits_and_long_branches_stay_apart(a in "[a-z/_-]{100,200}", b in "[a-z/_-]{100,200}", ws in "[a-z]{1,64}") {
            let of = |branch: &str| hostnames(&Naming { branch: Some(branch), workspace: &ws, ..naming() });
            let (x, y) = (of(&a), of(&b));
            for h in x.iter().chain(&y) {
                for name in [&h.fqdn, &h.fallback] {
                    prop_assert!(name.split('.').all(|l| !l.is_empty() && l.len() <= 63), "{name}");
                    prop_assert_eq!(name.to_ascii_lowercase(), name.clone());
                }
                prop_assert_ne!(&h.fqdn, &h.fallback);
            }
            if a != b {
                prop_assert_ne!(&x[1].fqdn, &y[1].fqdn);
            }
            prop_assert_eq!(of(&a), x);
        }

        #[test]
        fn whatever_stands_in_the_rows_a_name_is_one(
            slugs in ("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
            environment in proptest::sample::select(vec!["production", "preview", "x"]),
            branch in proptest::option::of("\\PC{0,40}"),
            fork in proptest::option::of("\\PC{0,30}"),
            sha in proptest::option::of("[0-9a-f]{7,40}"),
        ) {
            let (workspace, project, app) = &slugs;
            let names = hostnames(&Naming {
                workspace, project, app, environment,
                branch: branch.as_deref(), fork: fork.as_deref(), commit_sha: sha.as_deref(),
                ..naming()
            });
            prop_assert!(!names.is_empty());
            for name in names.iter().flat_map(|h| [&h.fqdn, &h.fallback]) {
                prop_assert!(name.len() <= 253, "{}", name);
                for label in name.split('.') {
                    prop_assert!(!label.is_empty() && label.len() <= LABEL_MAX, "{}", name);
                    prop_assert!(label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{}", name);
                    prop_assert!(!label.starts_with('-') && !label.ends_with('-'), "{}", name);
                }
            }
        }
    }
}
