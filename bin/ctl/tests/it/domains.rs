//! `ctl domains` against real servers and a make-believe verification.

use custom_domain_client::CustomDomainBackend;
use messages::hydra::v1 as msg;
use mysql::Db;
use restate_sdk::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::online::Bench;

/// Verifies every name but those that begin with `slow`, which stay in work, and `bad`, which fail.
pub(crate) struct Verifier(pub(crate) Db);

impl CustomDomainBackend for Verifier {
    async fn verify_domain<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::VerifyDomainRequest,
    ) -> HandlerResult<msg::VerifyDomainResponse> {
        let sql = "UPDATE custom_domains SET check_attempts = check_attempts + 1, last_checked_at = 7, \
             verification_status = CASE WHEN domain LIKE 'slow%' THEN 'verifying' WHEN domain LIKE 'bad%' THEN 'failed' ELSE 'verified' END, \
             verification_error = CASE WHEN domain LIKE 'slow%' THEN 'no CNAME yet' WHEN domain LIKE 'bad%' THEN 'no such name' END \
             WHERE id = ?";
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, [ctx.key().into()]);
        self.0.primary().execute_raw(statement).await?;
        Ok(msg::VerifyDomainResponse::default())
    }

    async fn retry_verification<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::RetryVerificationRequest,
    ) -> HandlerResult<msg::RetryVerificationResponse> {
        Err(TerminalError::new("ctl does what the control API does").into())
    }

    async fn check<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::CheckDomainRequest,
    ) -> HandlerResult<msg::CheckDomainResponse> {
        Err(TerminalError::new("private").into())
    }
}

const BELOW: [&str; 2] = ["--cname-domain", "cname.test"];

fn host(kind: &str) -> String {
    format!("{kind}.{}.test", ids::dns_label(10))
}

#[test]
fn a_domain_is_added_shown_and_deleted() {
    testbed::run(async {
        let bench = Bench::new().await;
        let host = host("good");
        let shouted = format!("{}.", host.to_ascii_uppercase());
        let added = bench.ctl(&[&["--json", "domains", "add", &shouted], &BELOW[..]].concat());
        assert_eq!(added.code, 0, "{added:?}");
        let lines = added.json();
        assert_eq!(
            (&lines[0]["event"], &lines[0]["domain"]),
            (&"added".into(), &host.clone().into())
        );
        assert!(
            lines[0]["cname_target"]
                .as_str()
                .is_some_and(|t| t.ends_with(".cname.test"))
        );
        assert_eq!(lines[0]["txt_name"], format!("_unkey.{host}"));
        let last = lines.last().expect("an end");
        assert_eq!(
            (&last["status"], &last["check_attempts"]),
            (&"verified".into(), &1.into())
        );

        let again = bench.ctl(&[&["domains", "add", &host], &BELOW[..]].concat());
        assert_eq!(again.code, 2, "{again:?}");
        assert!(again.err.contains("already"), "{again:?}");

        let id = lines[0]["domain_id"].as_str().expect("an id").to_owned();
        let by_name = bench.ctl(&["--json", "domains", "status", &host]);
        let by_id = bench.ctl(&["--json", "domains", "status", &id]);
        assert_eq!((by_name.code, &by_name.out), (0, &by_id.out));
        // a verified domain is looked at again, not reset
        let retried = bench.ctl(&["--json", "domains", "retry", &id]);
        assert_eq!(retried.code, 0, "{retried:?}");

        let deleted = bench.ctl(&["--json", "domains", "delete", &host]);
        assert_eq!(deleted.json()[0]["domain_id"], id.as_str());
        let gone = bench.ctl(&["domains", "status", &id]);
        assert_eq!(gone.code, 4, "{gone:?}");
    });
}

#[test]
fn what_the_worker_says_of_a_domain_is_printed_and_decides_the_exit_code() {
    testbed::run(async {
        let bench = Bench::new().await;
        let bad = bench.ctl(&[&["domains", "add", &host("bad")], &BELOW[..]].concat());
        assert_eq!(
            (bad.code, bad.err.trim_end()),
            (1, "error: no such name"),
            "{bad:?}"
        );

        let name = host("slow");
        let slow = bench.ctl(&[&["domains", "add", &name, "--timeout", "1"], &BELOW[..]].concat());
        assert_eq!(slow.code, 5, "{slow:?}");
        assert!(
            slow.out.contains("verifying\n  no CNAME yet") && slow.out.contains("CNAME  "),
            "{slow:?}"
        );
        // begun anew: counted from zero
        bench.ctl(&["domains", "retry", &name, "--no-wait"]);
        testbed::eventually(std::time::Duration::from_secs(10), || async {
            let seen = bench
                .ctl(&["--json", "domains", "status", &name])
                .json()
                .remove(0);
            seen["check_attempts"] == 1 && seen["status"] == "verifying"
        })
        .await;
    });
}

/// Two workspaces may have one name: it is named by its id then.
#[test]
fn a_name_that_two_workspaces_have_is_named_by_its_id() {
    testbed::run(async {
        let (a, b) = (Bench::new().await, Bench::new().await);
        let name = host("good");
        for bench in [&a, &b] {
            let added = bench.ctl(&[&["domains", "add", &name], &BELOW[..]].concat());
            assert_eq!(added.code, 0, "{added:?}");
        }
        let which = a.ctl(&["domains", "status", &name]);
        assert_eq!(which.code, 2, "{which:?}");
        assert!(which.err.contains("dom_"), "{which:?}");
    });
}
