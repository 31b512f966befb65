//! The worker is cut off at each command of its journal, and the answer of each step is lost after its effect.

use faults::Cut;
use github_webhook_client::SERVICE;
use restate_api::quoted;

use crate::world::*;

#[test]
fn w9_one_row_and_one_deploy_whatever_is_lost() {
    testbed::scenario!("W-9");
    testbed::run(async {
        let world = World::new().await;
        let (app, second) = (world.app().await, world.app().await);
        let (mut sent, mut before) = (0, '0');
        let mut expect = async |after: char, what: &str| {
            let rows = world.rows(&app).await;
            sent += 1;
            assert_eq!(rows.len(), sent, "{what}");
            assert_eq!(world.rows(&second).await.len(), sent, "{what}");
            let last = &rows[sent - 1];
            assert_eq!(last.sha.as_deref(), Some(sha(after).as_str()), "{what}");
            assert_eq!(last.status, "pending", "{what}");
            assert_eq!(world.sent(&app, &last.id).await.len(), 1, "{what}");
            let others = &rows[..sent - 1];
            assert!(others.iter().all(|r| r.status == "skipped"), "{what}");
        };
        let push = |before: char, after: char| {
            let mut push = world.push("feature", &sha(after), &format!("d{after}"));
            push["before"] = sha(before).into();
            push
        };
        world.handle(&push(before, 'a')).await;
        expect('a', "nothing").await;
        before = 'a';
        for (step, after) in [
            ("list deploy contexts", 'b'),
            ("load deploy context", 'c'),
            ("insert deployment", 'd'),
            ("supersede older deployment", 'e'),
        ] {
            let cut = Cut::run_result(SERVICE, "HandlePush", step).of_key(&world.key());
            let cut = world.proxy.cut(cut);
            world.handle(&push(before, after)).await;
            assert!(cut.wait(SOON).await.is_some(), "{step} was not cut");
            expect(after, step).await;
            before = after;
        }
        let digits: Vec<char> = "123456789".chars().collect();
        let commands = commands(&world).await;
        assert!(commands >= 9, "{commands}");
        for (index, after) in (1..commands).zip(digits) {
            let cut = Cut::command(SERVICE, "HandlePush", index).of_key(&world.key());
            let cut = world.proxy.cut(cut);
            world.handle(&push(before, after)).await;
            assert!(
                cut.wait(SOON).await.is_some(),
                "command {index} was not cut"
            );
            expect(after, &format!("command {index}")).await;
            before = after;
        }
    });
}

/// Commands of the last push's journal.
async fn commands(world: &World) -> usize {
    let sql = format!(
        "SELECT j.index FROM sys_journal j JOIN sys_invocation i ON i.id = j.id
         WHERE i.target_service_name = '{SERVICE}' AND i.target_service_key = {} AND j.entry_type LIKE 'Command:%'
         AND i.created_at = (SELECT MAX(created_at) FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND target_service_key = {})",
        quoted(&world.key()),
        quoted(&world.key())
    );
    let admin = testbed::admin().await;
    admin.query(&sql).await.expect("asked").len()
}

#[test]
fn a_lost_status_is_told_again_and_makes_no_second_deployment() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let step = "create commit status for authorization";
        let cut = Cut::run_result(SERVICE, "HandlePush", step).of_key(&world.key());
        let cut = world.proxy.cut(cut);
        world.handle(&world.fork("fix", &sha('a'), "d1")).await;
        assert!(cut.wait(SOON).await.is_some(), "not cut");
        assert_eq!(world.row(&app).await.status, "awaiting_approval");
        let statuses = world.fake.statuses();
        // the newest of a context counts, so that once more changes nothing
        assert!(statuses.iter().all(|s| *s == statuses[0]), "{statuses:?}");
    });
}
