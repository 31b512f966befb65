//! Host names: which follow, which stay, and who owns them.

use crate::world::{APEX, World, execute, text};
use intent::NewDeployment;
use std::collections::BTreeSet;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

async fn preview_of(w: &World, branch: &str, sha: &str) -> String {
    let id = w
        .create(&NewDeployment::preview(&w.app.app_id).git(branch, sha))
        .await;
    w.deploy(&id, "nginx:1").await.expect("deploy");
    id
}

async fn hosts_of(w: &World, id: &str) -> BTreeSet<String> {
    w.routes()
        .await
        .into_iter()
        .filter(|(_, (_, target))| target == id)
        .map(|(host, _)| host)
        .collect()
}

#[test]
fn dep_24_the_branch_name_follows_the_branch() {
    testbed::scenario!("DEP-24");
    testbed::run(async {
        let w = World::new(1).await;
        let host = format!(
            "{}-git-dev-{}.{APEX}",
            w.app.project_slug, w.app.workspace_slug
        );
        let first = preview_of(&w, "dev", SHA).await;
        assert_eq!(w.routes().await[&host].1, first);
        let second = preview_of(&w, "dev", "fedcba9876543210fedcba9876543210fedcba98").await;
        assert_eq!(
            w.routes().await[&host],
            ("branch".to_owned(), second.clone())
        );
        w.end(&[&first, &second]).await;
    });
}

#[test]
fn dep_25_names_of_a_commit_and_of_a_deployment_never_move() {
    testbed::scenario!("DEP-25");
    testbed::run(async {
        let w = World::new(1).await;
        let first = preview_of(&w, "dev", SHA).await;
        let pinned = |routes: std::collections::BTreeMap<String, (String, String)>| {
            routes
                .into_iter()
                .filter(|(_, (sticky, target))| {
                    (sticky == "none" || sticky == "deployment") && *target == first
                })
                .collect::<Vec<_>>()
        };
        let before = pinned(w.routes().await);
        assert_eq!(
            before.len(),
            2,
            "one name of the commit, one of the deployment: {before:?}"
        );
        // The same commit again, and another one.
        let second = preview_of(&w, "dev", SHA).await;
        let third = preview_of(&w, "main", "fedcba9876543210fedcba9876543210fedcba98").await;
        assert_eq!(pinned(w.routes().await), before);
        assert!(
            hosts_of(&w, &second)
                .await
                .iter()
                .any(|h| h.contains("-git-0123456-")),
            "the second has a commit name of its own"
        );
        w.end(&[&first, &second, &third]).await;
    });
}

#[test]
fn dep_26_a_name_held_by_somebody_else_is_left_alone_and_another_is_used() {
    testbed::scenario!("DEP-26");
    testbed::run(async {
        let (w, other) = (World::new(1).await, World::new(1).await);
        let theirs = other.deploy_production().await;
        let host = format!(
            "{}-production-{}.{APEX}",
            w.app.project_slug, w.app.workspace_slug
        );
        let take = "UPDATE frontline_routes SET fully_qualified_domain_name = ? WHERE app_id = ? AND sticky = 'environment'";
        execute(
            &w.bound.db,
            take,
            [host.as_str().into(), other.app.app_id.as_str().into()],
        )
        .await;

        let id = w.deploy_production().await;
        let owner =
            "SELECT deployment_id AS t FROM frontline_routes WHERE fully_qualified_domain_name = ?";
        assert_eq!(
            text(&w.bound.db, owner, [host.as_str().into()]).await,
            theirs,
            "the foreign row is untouched"
        );
        let environment: Vec<_> = w
            .routes()
            .await
            .into_iter()
            .filter(|(_, (sticky, _))| sticky == "environment")
            .collect();
        assert_eq!(environment.len(), 1);
        assert_ne!(environment[0].0, host);
        assert!(
            environment[0].0.ends_with(&format!(".{APEX}")) && environment[0].1.1 == id,
            "{environment:?}"
        );
        // The next deployment finds the same other name and moves it.
        let next = w.deploy_production().await;
        assert_eq!(w.routes().await[&environment[0].0].1, next);
        assert_eq!(
            text(&w.bound.db, owner, [host.as_str().into()]).await,
            theirs
        );
        w.end(&[&id, &next]).await;
        other.end(&[&theirs]).await;
    });
}

#[test]
fn dep_27_long_branches_get_short_stable_distinct_names() {
    testbed::scenario!("DEP-27");
    testbed::run(async {
        let w = World::new(1).await;
        let stem = "feature/".to_owned() + &"long-name-".repeat(19);
        let (a, b) = (format!("{stem}a"), format!("{stem}b"));
        let first = preview_of(&w, &a, SHA).await;
        let again = preview_of(&w, &a, SHA).await;
        let other = preview_of(&w, &b, SHA).await;
        let branches: Vec<_> = w
            .routes()
            .await
            .into_iter()
            .filter(|(_, (sticky, _))| sticky == "branch")
            .collect();
        assert_eq!(branches.len(), 2, "one name a branch: {branches:?}");
        let targets: BTreeSet<_> = branches
            .iter()
            .map(|(_, (_, target))| target.clone())
            .collect();
        assert_eq!(targets, BTreeSet::from([again.clone(), other.clone()]));
        for (host, _) in w.routes().await {
            assert!(host.split('.').all(|label| label.len() <= 63), "{host}");
        }
        w.end(&[&first, &again, &other]).await;
    });
}

#[test]
fn dep_28_a_fork_has_names_of_its_own_and_leaves_the_others() {
    testbed::scenario!("DEP-28");
    testbed::run(async {
        let w = World::new(1).await;
        let base = preview_of(&w, "dev", SHA).await;
        let fork = NewDeployment {
            fork_repository_full_name: Some("Octo.Cat/r".into()),
            pr_number: Some(7),
            ..NewDeployment::preview(&w.app.app_id).git("dev", SHA)
        };
        let fork = w.create(&fork).await;
        w.deploy(&fork, "nginx:1").await.expect("fork");
        let hosts = hosts_of(&w, &fork).await;
        let prefix = format!("{}-fork-octo-cat-", w.app.project_slug);
        assert!(
            hosts.len() >= 4 && hosts.iter().all(|h| h.starts_with(&prefix)),
            "{hosts:?}"
        );
        let environment = format!(
            "{}-preview-{}.{APEX}",
            w.app.project_slug, w.app.workspace_slug
        );
        let branch = format!(
            "{}-git-dev-{}.{APEX}",
            w.app.project_slug, w.app.workspace_slug
        );
        for host in [&environment, &branch] {
            assert_eq!(w.routes().await[host].1, base, "{host}");
        }
        // And the other way round: a later base deployment leaves the fork's names.
        let later = preview_of(&w, "dev", SHA).await;
        assert_eq!(hosts_of(&w, &fork).await, hosts);
        assert_eq!(w.routes().await[&environment].1, later);
        w.end(&[&base, &fork, &later]).await;
    });
}
