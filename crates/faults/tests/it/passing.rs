//! Without a rule nothing changes, and everything is seen.

use faults::{Kind, Seen, StreamProxy};
use restate_sdk::prelude::*;
use serde_json::json;

use crate::order::{self, SERVICE};

fn of_key(proxy: &StreamProxy, key: &str) -> Vec<Seen> {
    proxy
        .journal()
        .into_iter()
        .filter(|s| s.key == key)
        .collect()
}

#[test]
fn a_dry_run_lists_the_commands_with_their_journal_index() {
    testbed::run(async {
        let proxy = order::proxy().await;
        assert_eq!(order::place("dry").await, 12 + 11 + 230 + 9);
        assert_eq!(order::effects("dry"), [1, 1, 1]);
        let seen = of_key(proxy, "dry");
        let commands: Vec<(usize, String)> = seen
            .iter()
            .filter(|s| s.kind.is_command())
            .map(|s| (s.index.unwrap(), s.step()))
            .collect();
        let expected = [
            (1, "Run reserve"),
            (2, "SetState"),
            (3, "Run charge"),
            (4, "Sleep"),
            (5, "Call test.Order/Note"),
            (6, "Run ship"),
            (7, "Output"),
        ];
        assert_eq!(
            commands,
            expected.map(|(index, step)| (index, step.to_owned()))
        );
        let results: Vec<(usize, &str)> = seen
            .iter()
            .filter(|s| s.kind == Kind::RUN_RESULT)
            .map(|s| (s.index.unwrap(), s.name.as_str()))
            .collect();
        assert_eq!(results, [(1, "reserve"), (3, "charge"), (6, "ship")]);
        assert_eq!(seen.last().map(|s| s.kind), Some(Kind::END));
        assert!(
            seen.iter()
                .all(|s| s.attempt == 1 && !s.cut && s.invocation == seen[0].invocation)
        );
        // the same as the server has it
        let sql = format!(
            "SELECT count(*) AS n FROM sys_journal WHERE id = '{}' AND entry_type LIKE 'Command: %'",
            seen[0].invocation
        );
        let rows = testbed::admin().await.query(&sql).await.unwrap();
        assert_eq!(rows[0]["n"], json!(8), "with the input");
    });
}

#[test]
fn large_values_pass_whole_in_both_directions() {
    testbed::run(async {
        order::proxy().await;
        let text = "abcdefgh".repeat(100_000);
        let answer = testbed::ingress()
            .await
            .call(SERVICE, "large", "Large", &text)
            .await
            .unwrap();
        assert_eq!(answer, json!(text.to_uppercase()));
    });
}

struct Where(&'static str);

#[restate_sdk::object(name = "test.Where")]
impl Where {
    #[handler(name = "Am")]
    async fn am(&self, _ctx: ObjectContext<'_>, _body: String) -> HandlerResult<String> {
        Ok(self.0.to_owned())
    }
}

#[test]
fn a_retargeted_proxy_sends_new_attempts_to_the_other_worker() {
    testbed::run(async {
        let endpoint = |name| Endpoint::builder().bind(Where(name)).build();
        let proxy = faults::serve_behind(endpoint("first")).await;
        let second = testbed::listen(endpoint("second")).await.unwrap();
        let ask = || async {
            testbed::ingress()
                .await
                .call("test.Where", "k", "Am", &"")
                .await
                .unwrap()
        };
        assert_eq!(ask().await, json!("first"));
        proxy.retarget(second.addr);
        assert_eq!(ask().await, json!("second"));
    });
}
