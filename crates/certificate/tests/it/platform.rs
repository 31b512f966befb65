//! The platform's own wildcard names: rows made once, whoever makes them, and certificates asked for.

use crate::world::*;
use certificate::bootstrap::{self, Names};
use mysql::sql;
use route53::{Credentials, Route53, Settings};
use sea_orm::FromQueryResult;
use std::sync::{Arc, Mutex};

#[test]
fn crt_25_repeated_starts_make_one_domain_and_one_challenge() {
    testbed::scenario!("CRT-25");
    testbed::run(async {
        // it is enough that there is a provider: nobody is asked for a certificate here
        let route53 = Route53::new(Settings {
            credentials: Some(Credentials::new("test", "test")),
            ..Settings::default()
        })
        .await
        .expect("a provider");
        let world = World::own(|deps| deps.route53 = Some(route53)).await;
        world
            .execute("INSERT INTO regions (id, name, platform, can_schedule) VALUES ('rgn_1', 'us-east-1', 'aws', ?)", ["1"])
            .await;
        let names = Names {
            default_domain: host(),
            regional_domain: host(),
        };
        let wanted = [
            format!("*.{}", names.default_domain),
            format!("*.us-east-1.{}", names.regional_domain),
        ];
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let start = || {
            let asked = asked.clone();
            bootstrap::ensure(&world.deps, &names, move |_, name| {
                asked.lock().expect("a list").push(name);
                async { Ok(()) }
            })
        };
        // three replicas at once, then another start
        let (a, b, c) = tokio::join!(start(), start(), start());
        assert_eq!([a, b, c].map(|n| n.expect("rows")), [2, 2, 2]);
        assert_eq!(start().await, Ok(2), "nothing has been issued yet");

        #[derive(Debug, PartialEq, FromQueryResult)]
        struct Row {
            domain: String,
            workspace_id: String,
            kind: String,
            status: String,
        }
        let sql = "SELECT d.domain, c.workspace_id, CAST(c.challenge_type AS CHAR) AS kind, CAST(c.status AS CHAR) AS status
            FROM custom_domains d LEFT JOIN acme_challenges c ON c.domain_id = d.id WHERE d.verification_status = 'verified' ORDER BY d.pk";
        let rows: Vec<Row> = sql::all(world.db.primary(), sql, []).await.expect("rows");
        let mut found: Vec<_> = rows.iter().map(|r| r.domain.clone()).collect();
        found.sort();
        let mut expected = wanted.to_vec();
        expected.sort();
        assert_eq!(found, expected);
        for row in &rows {
            assert_eq!(
                (&*row.workspace_id, &*row.kind, &*row.status),
                (bootstrap::OWNER, "DNS-01", "waiting")
            );
        }

        // one that failed is tried anew, but not before its pause
        let set = "UPDATE acme_challenges SET status = ?";
        world.execute(set, ["failed"]).await;
        asked.lock().expect("a list").clear();
        assert_eq!(start().await, Ok(2));
        assert_eq!(asked.lock().expect("a list").len(), 2);
        let rows: Vec<Row> = sql::all(world.db.primary(), sql, []).await.expect("rows");
        assert!(rows.iter().all(|r| r.status == "waiting"));
        world.execute(set, ["failed"]).await;
        world
            .execute(
                "INSERT INTO ctrl_worker_renewals (hostname, domain_id, workspace_id, domain_created_at, renew_at, reason, expires_at, ari_next_at, failures, updated_at)
                 SELECT domain, id, workspace_id, 0, 9999999999999, ?, 0, 0, 1, 0 FROM custom_domains",
                ["proof"],
            )
            .await;
        assert_eq!(start().await, Ok(0));
        world.execute(set, ["verified"]).await;
        assert_eq!(start().await, Ok(0));
    });
}
