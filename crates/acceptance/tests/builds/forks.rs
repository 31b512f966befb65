//! Code of strangers.

use intent::NewDeployment;

use crate::query::execute;
use crate::world::*;

#[test]
fn dep_29_a_fork_is_built_at_the_approved_commit_from_the_fork_without_a_token() {
    testbed::scenario!("DEP-29");
    testbed::run(async {
        let world = World::new().await;
        let approved = "89abcdef0123456789abcdef0123456789abcdef";
        let new = NewDeployment::preview(&world.app.app_id).git("patch-1", approved);
        let id = world.create(&new).await;
        let sql = "UPDATE deployments SET pr_number = 7, fork_repository_full_name = 'Octo.Cat/shop', git_commit_message = 'A patch' WHERE id = ?";
        execute(&world.bound.db, sql, [id.as_str().into()]).await;
        let mut source = world.source();
        source["commitSha"] = approved.into();
        source["prNumber"] = "7".into();
        world.deploy(&id, source).await.expect("deployed");
        // GitHub's head of this pull request is another commit by now: it was not asked.
        assert!(
            world
                .bound
                .github
                .seen("GET /repos/acme/shop/commits/refs%2Fpull")
                .is_empty()
        );
        let solves = world.bound.depot.buildkit().solves_of("Octo.Cat/shop");
        assert!(!solves.is_empty());
        for solve in solves {
            assert!(
                solve
                    .context()
                    .ends_with(&format!("Octo.Cat/shop.git#{approved}")),
                "{solve:?}"
            );
            assert!(
                !solve.secrets.keys().any(|n| n.starts_with("GIT_AUTH")),
                "{solve:?}"
            );
        }
        let sql = "SELECT GROUP_CONCAT(fully_qualified_domain_name) AS t FROM frontline_routes WHERE deployment_id = ?";
        let hosts = crate::query::text(&world.bound.db, sql, [id.as_str().into()]).await;
        assert!(
            hosts.split(',').all(|h| h.contains("-fork-octo-cat-")),
            "{hosts}"
        );
    });
}
