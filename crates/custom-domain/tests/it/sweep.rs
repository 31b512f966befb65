//! Domains nobody checks any more: found and verified anew, and only those.

use crate::world::*;
use custom_domain::Timings;
use custom_domain::sweep::{self, SweepDeps};
use std::time::Duration;

/// A worker of its own name. The rows of other tests are younger than this.
async fn sweeper(holder: &str) -> SweepDeps {
    let mut domains = stack().await.deps.clone();
    domains.timings = Timings {
        sweep_interval: Duration::ZERO,
        sweep_after: Duration::from_secs(600),
        ..timings()
    };
    SweepDeps {
        domains,
        ingress: testbed::ingress().await,
        admin: testbed::admin().await,
        holder: holder.to_owned(),
    }
}

#[test]
fn a_domain_whose_send_was_lost_is_verified_all_the_same() {
    testbed::run(async {
        let lost = World::new(&host()).await;
        lost.publish_cname();
        let cancelled = World::new(&host()).await;
        cancelled.verify().await;
        let stored = cancelled.row().await.invocation_id.expect("stored");
        let _ = testbed::admin().await.cancel(&stored).await;
        cancelled.publish_cname();
        let fresh = World::new(&host()).await;
        // one that is checked, however old it looks
        let checked = World::new(&host()).await;
        checked.verify().await;
        let failed = World::new(&host()).await;
        failed.set("verification_status = 'failed'").await;
        for w in [&lost, &cancelled, &checked, &failed] {
            w.set("created_at = 1, updated_at = NULL").await;
        }
        // the check of `checked` may be between two steps of its own: it writes `updated_at` anew
        let begun = sweep::pass(&sweeper("a").await).await.expect("swept");
        assert!(begun >= 2, "{begun}");
        lost.until(Verified).await;
        cancelled.until(Verified).await;
        for w in [&lost, &cancelled] {
            w.settled().await;
            assert_eq!(w.asked().len(), 1);
        }
        assert_eq!(fresh.row().await.verification_status, Pending);
        assert_eq!(fresh.row().await.invocation_id, None);
        assert_eq!(failed.row().await.verification_status, Failed);
        let sent = format!(
            "SELECT id FROM sys_invocation WHERE target_handler_name = 'VerifyDomain' AND target_service_key = '{}'",
            checked.id
        );
        assert_eq!(
            testbed::admin()
                .await
                .query(&sent)
                .await
                .expect("asked")
                .len(),
            1
        );
    });
}
