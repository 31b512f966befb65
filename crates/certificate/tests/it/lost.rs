//! Every step runs twice: its effect has happened and its answer is lost. Still one certificate, one row, one order, but
//! for the one exchange that an authority cannot be asked about.

use crate::gate::FINALIZE;
use crate::world::*;
use certificate_client::SERVICE;
use faults::Cut;
use serde_json::json;

#[test]
fn a_lost_answer_costs_nothing_but_at_most_one_order() {
    testbed::run(async {
        let world = World::shared().await;
        for step in [
            "resolve domain",
            "claim challenge",
            "preflight",
            "account",
            "new order",
            "publish challenge",
            "set ready",
            "look at order",
            "make key",
            "finalize",
            "store certificate",
        ] {
            let domain = world.domain(&host()).await;
            let cut = Cut::run_result(SERVICE, "ProcessChallenge", step).of_key(&domain.host);
            let cut = world.proxy.cut(cut);
            let answer = world.process(&domain).await.expect(step);
            assert!(cut.wait(SOON).await.is_some(), "{step} was not cut");
            let row = world.certificate(&domain.host).await.expect(step);
            assert_eq!(
                answer,
                json!({ "certificateId": row.id, "status": "success" }),
                "{step}"
            );
            assert_eq!(row.updated_at, None, "{step}: stored once");
            let orders = world.gate.orders(&domain.host);
            assert_eq!(orders, if step == "new order" { 2 } else { 1 }, "{step}");
            assert_eq!(
                world.challenge_row(&domain).await.status,
                "verified",
                "{step}"
            );
        }
    });
}

#[test]
fn a_lost_answer_of_a_failure_counts_one_failure() {
    testbed::run(async {
        let world = World::shared().await;
        let domain = world.domain(&host()).await;
        let dns = testbed::dns().await;
        dns.add(
            &domain.host,
            testbed::DnsData::caa("issue", "otherca.example"),
        );
        let cut = Cut::run_result(SERVICE, "ProcessChallenge", "mark failed").of_key(&domain.host);
        let cut = world.proxy.cut(cut);
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "failed"
        );
        assert!(cut.wait(SOON).await.is_some());
        let renewal = world.renewal(&domain.host).await.expect("a renewal");
        assert_eq!((&*renewal.reason, renewal.failures), ("customer", 1));
    });
}

#[test]
fn the_request_of_a_lost_answer_is_sent_for_the_same_key() {
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let domain = world.domain(&host()).await;
        let cut = Cut::run_result(SERVICE, "ProcessChallenge", "finalize").of_key(&domain.host);
        let cut = world.proxy.cut(cut);
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );
        assert!(cut.wait(SOON).await.is_some());
        let sent = world.gate.seen(FINALIZE, "csr");
        let accepted: std::collections::BTreeSet<String> = sent
            .iter()
            .map(|e| e.payload["csr"].to_string().len().to_string())
            .collect();
        assert_eq!(accepted.len(), 1, "{sent:?}");
        let row = world
            .certificate(&domain.host)
            .await
            .expect("a certificate");
        let key = world
            .vault
            .decrypt(&domain.workspace, &row.encrypted_private_key)
            .await;
        let names = [domain.host.clone()];
        let key = key.expect("opens");
        assert!(acme::check(&row.certificate, key.expose(), &names, mysql::now_ms()).is_ok());
    });
}

/// Cut right before Restate has command k, for every k: whoever goes on comes to one account, one order, one certificate.
#[test]
fn a_crash_at_any_command_resumes_the_same_order() {
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let first = world.domain(&host()).await;
        assert_eq!(
            world.process(&first).await.expect("an answer")["status"],
            "success"
        );
        let sql = format!(
            "SELECT j.index FROM sys_journal j JOIN sys_invocation i ON i.id = j.id WHERE i.target_service_key = {} AND j.entry_type LIKE 'Command:%'",
            restate_api::quoted(&first.host)
        );
        let commands = world
            .restate()
            .admin()
            .query(&sql)
            .await
            .expect("the journal")
            .len();
        assert!(commands > 15, "{commands}");
        let (mut happened, mut spare) = (0, 0);
        for index in 1..commands {
            let domain = world.domain(&host()).await;
            let cut = Cut::command(SERVICE, "ProcessChallenge", index).of_key(&domain.host);
            let cut = world.proxy.cut(cut);
            assert_eq!(
                world.settled(&domain).await["status"],
                "success",
                "command {index}"
            );
            // how often an order is looked at differs, and with it the number of commands
            if cut.happened().is_empty() {
                continue;
            }
            happened += 1;
            let orders = world.gate.orders(&domain.host);
            assert!(
                (1..=2).contains(&orders),
                "command {index}: {orders} orders"
            );
            spare += orders - 1;
            let row = world
                .certificate(&domain.host)
                .await
                .expect("a certificate");
            assert_eq!(row.updated_at, None, "command {index}: stored once");
            assert_eq!(world.challenge_row(&domain).await.status, "verified");
        }
        // the one command after which a second order may be made is the order itself
        assert!(spare <= 1, "{spare} orders too many");
        assert!(
            happened > commands / 2,
            "{happened} of {commands} cuts came to pass"
        );
        let sql = "SELECT * FROM acme_users";
        let users: Vec<mysql::entity::acme_users::Model> =
            mysql::sql::all(world.db.primary(), sql, [])
                .await
                .expect("accounts");
        assert_eq!(users.len(), 1);
    });
}
