//! One trace from the control API's request through Restate, the attempts of handlers, their steps and what they call outside.
//!
//! Not for where spans go when nothing is configured: nowhere, and no header is sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testbed::{Restate, RestateOptions};

use crate::collector::{Collector, Seen};
use crate::fake_admin::FakeAdmin;
use crate::process::{PATIENCE, Worker, config};

/// The span of the control API that sends the request.
const CALLER: &str = "b7ad6b7169203331";

struct World {
    collector: Collector,
    restate: Restate,
    /// Stands for the Vault, and keeps the headers it is sent.
    vault: FakeAdmin,
    worker: Worker,
    db: mysql::Db,
}

impl World {
    async fn start() -> Self {
        let database = testbed::migrated_database("traces").await;
        let db = mysql::Db::connect(&mysql::Options::new(database.dsn.clone())).await;
        let collector = Collector::start().await;
        let endpoint = format!("http://{}", collector.address);
        let restate = Restate::start(RestateOptions {
            env: vec![("RESTATE_TRACING_ENDPOINT".to_owned(), endpoint.clone())],
            ..RestateOptions::default()
        })
        .await
        .expect("Restate starts");
        let sealed =
            json!({ "encrypted": "sealed", "keyId": "k", "plaintext": "Aa1!opened-password" });
        let vault = FakeAdmin::start(vec![(200, sealed.to_string())]).await;
        let engine = clickhouse_engine::shared().await;
        let (http, native) = (engine.http_url(), engine.native_url());
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
            restate.admin_url, restate.ingress_url
        );
        let sections = format!(
            "[scheduler]\nenabled = false\n[vault]\nurl = \"http://{}\"\ntoken = \"t\"\n\
             [clickhouse]\nadmin_url = \"{native}\"\nadmin_http_url = \"{http}\"\n\
             [observability.tracing]\nsample_rate = 1.0",
            vault.address
        );
        let text = config(&database.dsn, &lines, &sections);
        let worker = Worker::start_with(&text, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        worker.ready().await;
        Self {
            collector,
            restate,
            vault,
            worker,
            db: db.expect("connected"),
        }
    }

    /// A request with the headers of a caller that traces.
    async fn ask(&self, trace: &str, path: &str, body: Value) -> u16 {
        let url = format!("{}/{path}", self.restate.ingress_url);
        let request = reqwest::Client::new().post(url).json(&body);
        let request = request.header("traceparent", format!("00-{trace}-{CALLER}-01"));
        request.send().await.expect("answered").status().as_u16()
    }
}

/// Whether the chain of a span's parents ends at the caller.
fn from_caller(span: &Seen, all: &BTreeMap<&str, &Seen>) -> bool {
    let mut parent = span.parent.as_str();
    for _ in 0..all.len() {
        match all.get(parent) {
            Some(next) => parent = &next.parent,
            None => break,
        }
    }
    parent == CALLER
}

/// The spans of the worker in a trace, by name; each of them leads back to the caller.
fn of_worker<'a>(spans: &'a [Seen], trace: &str) -> BTreeMap<&'a str, &'a Seen> {
    let all: BTreeMap<&str, &Seen> = spans.iter().map(|s| (s.id.as_str(), s)).collect();
    for span in spans {
        assert!(
            from_caller(span, &all),
            "{span:?} of {trace} hangs in the air"
        );
    }
    let ours = spans.iter().filter(|s| s.of == "worker");
    ours.map(|s| (s.name.as_str(), s)).collect()
}

/// The nearest span above with this name.
fn below<'a>(span: &'a Seen, name: &str, spans: &'a [Seen]) -> Option<&'a Seen> {
    let parent = spans.iter().find(|s| s.id == span.parent)?;
    match parent.name == name {
        true => Some(parent),
        false => below(parent, name, spans),
    }
}

#[test]
fn one_trace_leads_from_the_caller_through_restate_to_what_is_called_outside() {
    testbed::run(async {
        let mut world = World::start().await;
        let new = intent::NewWorkspace {
            name: "Traced".to_owned(),
            slug: ids::dns_label(12),
            quota: Some(intent::Quota {
                cpu_millicores: 1_000,
                memory_mib: 1_024,
            }),
        };
        let workspace = intent::create_workspace(&world.db, &new)
            .await
            .expect("a row");
        let (configured, nested, refused) = (
            "0af7651916cd43dd8448eb211c80319c",
            "1bf7651916cd43dd8448eb211c80319d",
            "2cf7651916cd43dd8448eb211c80319e",
        );
        let users = "hydra.v1.ClickhouseUserService";
        let path = format!("{users}/{workspace}/ConfigureUser");
        assert_eq!(world.ask(configured, &path, json!({})).await, 200);
        let path = "hydra.v1.CronService/2026-01-01/RunKeyRefill";
        assert_eq!(world.ask(nested, path, json!({})).await, 200);
        let path = format!("{users}/ws_none/ConfigureUser");
        assert_eq!(world.ask(refused, &path, json!({})).await, 404);

        // what is buffered is sent before the end
        world.worker.terminate();
        assert!(world.worker.ended().await.success());
        let wanted = [(configured, 8), (nested, 4), (refused, 2)];
        testbed::eventually(PATIENCE, || async {
            // Restate and the worker send theirs when it suits them
            let whole = |spans: &[Seen]| {
                let all = spans.iter().map(|s| (s.id.as_str(), s)).collect();
                spans.iter().all(|span| from_caller(span, &all))
            };
            let few = wanted.iter().find(|(id, n)| {
                let spans = world.collector.trace(id);
                spans.len() < *n || !whole(&spans)
            });
            few.map_or(Ok(()), |(id, _)| Err(world.collector.trace(id)))
        })
        .await;

        let spans = world.collector.trace(configured);
        let ours = of_worker(&spans, configured);
        assert!(ours.values().all(|s| !s.failed), "{ours:#?}");
        let attempt = ours[format!("{users}/ConfigureUser").as_str()];
        let above = spans.iter().find(|s| s.id == attempt.parent);
        let above = above.expect("Restate's own span is there");
        assert_ne!(above.of, "worker", "{above:?}");
        let invocation = attempt
            .attributes
            .iter()
            .find(|(key, _)| key == "invocation");
        assert!(
            invocation.is_some_and(|(_, id)| id.starts_with("inv_")),
            "{attempt:?}"
        );
        for outside in ["vault encrypt", "clickhouse"] {
            let name = ours.keys().find(|name| name.starts_with(outside));
            let call = ours[name.unwrap_or_else(|| panic!("no {outside} in {ours:#?}"))];
            let step = spans
                .iter()
                .find(|s| s.id == call.parent)
                .expect("a parent");
            assert_eq!(step.of, "worker");
            let handler = below(call, "handler", &spans).expect("in a handler");
            let attempt = below(handler, &attempt.name, &spans);
            assert!(attempt.is_some(), "{outside} is below the attempt");
        }
        // the Vault was told where it belongs, and what called it
        let asked = world.vault.asked();
        let told = asked[0].headers["traceparent"].to_str().expect("a text");
        let call = spans
            .iter()
            .find(|s| told.contains(&s.id))
            .expect("its span");
        assert!(
            call.name.starts_with("vault") && told.contains(configured),
            "{told} {call:?}"
        );

        let spans = world.collector.trace(nested);
        let ours = of_worker(&spans, nested);
        // a call from a handler: two attempts, of one trace
        for name in [
            "hydra.v1.CronService/RunKeyRefill",
            "hydra.v1.KeyRefillService/RunRefill",
        ] {
            assert!(
                ours.contains_key(name),
                "{name} is not among {:?}",
                ours.keys()
            );
        }

        // lines say where they belong
        let spans = world.collector.trace(refused);
        assert!(
            of_worker(&spans, refused)
                .values()
                .any(|s| s.name == "handler")
        );
        let all = world.worker.lines();
        let mut lines = all.iter().filter_map(|l| serde_json::from_str(l).ok());
        let line = lines.find(|l: &Value| l["trace_id"] == refused);
        let line = line.unwrap_or_else(|| panic!("no line of this trace in {all:#?}"));
        assert_eq!(line["span"]["handler"], "ConfigureUser", "{line}");
        assert!(
            spans.iter().any(|s| line["span_id"] == s.id.as_str()),
            "{line}"
        );
    });
}
