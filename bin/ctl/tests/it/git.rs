//! `ctl seed --repository` and `ctl deploy --repo`: what is written, what is sent, what is refused.

use crate::online::Bench;
use crate::program::Ran;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

impl Bench {
    fn connect(&self, repository: &str, more: &[&str]) -> Ran {
        let (workspace, project) = self.app.split_once('/').expect("two slugs");
        let seed = [
            "--json",
            "seed",
            "--workspace",
            workspace,
            "--project",
            project,
        ];
        let connection = [
            "--region",
            workspace,
            "--repository",
            repository,
            "--installation",
            "42",
            "--repository-id",
            "7",
        ];
        self.ctl(&[&seed[..], &connection[..], more].concat())
    }

    /// Deploys; what the worker was sent, as the make-believe one tells it.
    fn sent(&self, args: &[&str]) -> String {
        let ran = self.ctl(&[&["--json", "deploy"], args].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let id = ran.json()[0]["deployment_id"]
            .as_str()
            .expect("id")
            .to_owned();
        let shown = self.ctl(&["--json", "status", &id]).json();
        format!(
            "{} row {}@{}",
            shown[0]["image"].as_str().unwrap_or_default(),
            shown[0]["branch"].as_str().unwrap_or("-"),
            shown[0]["commit"].as_str().unwrap_or("-"),
        )
    }
}

#[test]
fn a_branch_or_a_commit_of_the_apps_repository_is_deployed() {
    testbed::run(async {
        let bench = Bench::new().await;
        let seeded = bench.connect(
            "acme/shop",
            &["--context", "/api/", "--dockerfile", "Dockerfile.prod"],
        );
        assert_eq!(seeded.code, 0, "{seeded:?}");
        assert_eq!(seeded.json()[0]["repository"], "acme/shop");
        assert_eq!(
            bench.connect("acme/shop", &[]).out,
            seeded.out,
            "repeating changes nothing"
        );

        for (args, sent) in [
            (
                vec!["--repo", "acme/shop"],
                "git:42:acme/shop:main::api:Dockerfile.prod row main@-".to_owned(),
            ),
            (
                vec![
                    "--repo",
                    "ACME/Shop",
                    "--ref",
                    "feat/x",
                    "--environment",
                    "preview",
                ],
                "git:42:acme/shop:feat/x::api:Dockerfile.prod row feat/x@-".to_owned(),
            ),
            (
                vec![
                    "--repo",
                    "acme/shop",
                    "--ref",
                    SHA,
                    "--context",
                    "",
                    "--dockerfile",
                    "d/D",
                ],
                format!("git:42:acme/shop:main:{SHA}::d/D row main@{SHA}"),
            ),
            (
                vec!["--repo", "acme/shop", "--ref", SHA, "--branch", "next"],
                format!("git:42:acme/shop:next:{SHA}:api:Dockerfile.prod row next@{SHA}"),
            ),
        ] {
            assert_eq!(bench.sent(&args), sent, "{args:?}");
        }
        let ran = bench.ctl(&["deploy", "--repo", "acme/shop", "--ref", "main"]);
        assert!(
            ran.out.contains("  acme/shop@main to production of "),
            "{}",
            ran.out
        );
    });
}

#[test]
fn another_repository_or_none_is_refused_before_anything_is_written() {
    testbed::run(async {
        let bench = Bench::new().await;
        let none = bench.ctl(&["deploy", "--repo", "acme/shop"]);
        assert_eq!(none.code, 4, "{none:?}");
        assert!(
            none.err.contains("has no repository") && none.err.contains("ctl seed"),
            "{none:?}"
        );
        assert_eq!(bench.connect("acme/shop", &[]).code, 0);
        let other = bench.ctl(&["deploy", "--repo", "acme/other"]);
        assert_eq!((other.code, other.out.as_str()), (2, ""), "{other:?}");
        assert!(
            other
                .err
                .contains("connected to acme/shop, not to acme/other"),
            "{other:?}"
        );
        let moved = bench.connect("acme/other", &[]);
        assert_eq!(moved.code, 0, "{moved:?}");
        assert_eq!(bench.ctl(&["deploy", "--repo", "acme/other"]).code, 0);
        let twice = bench.ctl(&[
            "deploy",
            "--repo",
            "acme/other",
            "--ref",
            "main",
            "--branch",
            "next",
        ]);
        assert_eq!(twice.code, 2, "{twice:?}");
        assert!(twice.err.contains("--ref is a branch already"), "{twice:?}");
    });
}
