//! The worker is killed in five chunks of one refill, and others bring it to its end: every key once.
//!
//! `KILL_SEED=<number>` repeats a run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faults::{Cut, CutHandle, StreamProxy};
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use restate_api::Admin;
use serde_json::json;
use testbed::{Restate, RestateOptions};

use crate::process::{PATIENCE, Worker, config};

const SERVICE: &str = "hydra.v1.KeyRefillService";
const HANDLER: &str = "RunRefill";
const DATE: &str = "2026-01-31";
const KEYS: usize = 20_000;
const KILLS: usize = 5;
/// Keys of one transaction in production.
const CHUNK: usize = 900;
/// Keys that somebody uses up again between two kills.
const USED: usize = 10;

/// Journal index of a chunk's step: before the first come clock, two states and the plan, between two a state.
fn step_of(chunk: usize) -> usize {
    5 + 2 * chunk
}

struct World {
    restate: Restate,
    db: Db,
    proxy: StreamProxy,
    worker: Arc<Mutex<Option<Worker>>>,
    address: SocketAddr,
    config: String,
}

impl World {
    async fn start() -> Self {
        let database = testbed::migrated_database("refill_kill").await;
        let options = mysql::Options::new(database.dsn.clone());
        let db = Db::connect(&options).await.expect("connects");
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate starts");
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"",
            restate.admin_url, restate.ingress_url
        );
        let config = config(&database.dsn, &lines, "[scheduler]\nenabled = false");
        let worker = Worker::start(&config);
        let address = worker.address().await;
        worker.ready().await;
        let proxy = StreamProxy::start(address).await.expect("a port");
        let registered = restate.admin().register(&proxy.url(), true).await;
        registered.expect("registered");
        Self {
            restate,
            db,
            proxy,
            worker: Arc::new(Mutex::new(Some(worker))),
            address,
            config,
        }
    }

    /// A rule that kills the worker right before Restate has the message.
    fn killing(&self, cut: Cut) -> (CutHandle, Arc<Mutex<Option<u32>>>) {
        let (worker, killed) = (self.worker.clone(), Arc::new(Mutex::new(None)));
        let pid = killed.clone();
        let cut = cut.of_key(DATE).doing(move |_| {
            let victim = worker
                .lock()
                .expect("unpoisoned")
                .take()
                .expect("a worker runs");
            *pid.lock().expect("unpoisoned") = Some(victim.pid());
            // SIGKILL, and its end is awaited
            drop(victim);
            std::future::ready(())
        });
        (self.proxy.cut(cut), killed)
    }

    /// Starts a worker where the killed one listened; gives its pid.
    async fn start_another(&self) -> u32 {
        let config = self
            .config
            .replace("127.0.0.1:0", &self.address.to_string());
        let worker = Worker::start(&config);
        worker.logged("started").await;
        let pid = worker.pid();
        let before = self.worker.lock().expect("unpoisoned").replace(worker);
        assert!(before.is_none(), "the killed worker still runs");
        pid
    }

    async fn execute(&self, sql: &str) {
        self.db.primary().execute_unprepared(sql).await.expect(sql);
    }

    async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(DbBackend::MySql, sql);
        let row = self.db.primary().query_one_raw(statement).await.expect(sql);
        row.expect("a row").try_get_by_index(0).expect("a count")
    }
}

async fn status(admin: &Admin, id: &str) -> String {
    let found = admin
        .invocation_status(&[id])
        .await
        .expect("Restate answers");
    found.get(id).cloned().unwrap_or_default()
}

/// Restate's pauses between attempts grow with each failure; this one is cut short.
async fn go_on(admin: &Admin, id: &str) {
    for _ in 0..100 {
        if status(admin, id).await == "backing-off" {
            // it may have begun by itself in between
            let _resumed = admin.resume(id).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn killed_in_five_chunks_of_twenty_thousand_keys_each_key_is_refilled_once() {
    testbed::run(async {
        let seed = match std::env::var("KILL_SEED") {
            Ok(text) => text.parse().expect("KILL_SEED is a number"),
            Err(_) => rand::random(),
        };
        let world = World::start().await;
        world
            .execute(&format!(
                "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id, refill_amount, remaining_requests) \
                 SELECT CONCAT('key_', seq), 'ks', CONCAT('hash', seq), 'abc', CONCAT('ws_', seq % 50), 1000, 7 FROM seq_1_to_{KEYS}"
            ))
            .await;
        let chunks = KEYS.div_ceil(CHUNK);
        let mut rng = StdRng::seed_from_u64(seed);
        // the first is left alone, and no two neighbours: each kill needs the chunk before its own
        let mut drawn: Vec<usize> = rand::seq::index::sample(&mut rng, (chunks - 1) / 2, KILLS)
            .into_iter()
            .map(|n| 1 + 2 * n)
            .collect();
        drawn.sort_unstable();
        println!("KILL_SEED={seed}: chunks {drawn:?} of {chunks}");

        let ingress = world.restate.ingress().with_timeout(None);
        let admin = world.restate.admin();
        // stopped right before the chunk in front of the first victim, so that the rule is there in time
        let mut next = world
            .proxy
            .cut(Cut::command(SERVICE, HANDLER, step_of(drawn[0] - 1)).of_key(DATE));
        let sent = ingress.send(SERVICE, DATE, HANDLER, &json!({}), None).await;
        let id = sent.expect("sent");
        let mut used = BTreeMap::new();
        for (number, chunk) in drawn.iter().copied().enumerate() {
            next.wait(PATIENCE)
                .await
                .expect("the chunk before was reached");
            let after_the_effect = number % 2 == 1;
            let (cut, killed) = if after_the_effect {
                // the chunk before is tried again now; the one after it is the victim
                let before = Cut::command(SERVICE, HANDLER, step_of(chunk) - 1).of_key(DATE);
                let before = world.proxy.cut(before);
                go_on(&admin, &id).await;
                before
                    .wait(PATIENCE)
                    .await
                    .expect("the chunk before was done");
                world.killing(Cut::run_result(SERVICE, HANDLER, "refill"))
            } else {
                world.killing(Cut::command(SERVICE, HANDLER, step_of(chunk)))
            };
            go_on(&admin, &id).await;
            let seen = cut.wait(PATIENCE).await.expect("the worker was killed");
            let killed = killed.lock().expect("unpoisoned").expect("a pid");
            assert_eq!(seen.index, Some(step_of(chunk)), "{}", seen.step());
            let stands = status(&admin, &id).await;
            assert!(
                !stands.is_empty() && stands != "completed",
                "unfinished at the kill: {stands}"
            );
            let audited = world.count("SELECT COUNT(*) FROM audit_log").await;
            let keys_of = |chunks: usize| i64::try_from((chunks * CHUNK).min(KEYS)).expect("small");
            // a step begins while its command is on the way, so even then its effect may have happened
            let possible = [
                keys_of(chunk + usize::from(after_the_effect)),
                keys_of(chunk + 1),
            ];
            assert!(
                possible.contains(&audited),
                "{audited} instead of {possible:?}"
            );
            // Keys that are refilled already are used up again.
            let first = 1 + number * USED;
            world
                .execute(&format!(
                    "UPDATE `keys` SET remaining_requests = 3 WHERE pk >= {first} AND pk < {}",
                    first + USED
                ))
                .await;
            used.insert(first, USED);
            if let Some(following) = drawn.get(number + 1) {
                next = world
                    .proxy
                    .cut(Cut::command(SERVICE, HANDLER, step_of(following - 1)).of_key(DATE));
            }
            let successor = world.start_another().await;
            go_on(&admin, &id).await;
            assert_ne!(killed, successor);
            println!(
                "kill {}: chunk {chunk:2}, {} {}; {audited} keys done, invocation {stands}; pid {killed} → {successor}",
                number + 1,
                seen.step(),
                if audited == keys_of(chunk) {
                    "before the effect"
                } else {
                    "after the effect"
                },
            );
        }
        let answer = ingress.attach(&id).await.expect("the refill ends");
        assert_eq!(answer["keysRefilled"], json!(KEYS));
        let keys = i64::try_from(KEYS).expect("small");
        let used = i64::try_from(used.values().sum::<usize>()).expect("small");
        for (sql, expected) in [
            (
                "SELECT COUNT(*) FROM `keys` WHERE remaining_requests = 1000",
                keys - used,
            ),
            (
                "SELECT COUNT(*) FROM `keys` WHERE remaining_requests = 3",
                used,
            ),
            ("SELECT COUNT(*) FROM audit_log", keys),
            ("SELECT COUNT(*) FROM audit_log_target", 2 * keys),
            (
                "SELECT COUNT(DISTINCT id) FROM audit_log_target WHERE type = 'key'",
                keys,
            ),
            (
                "SELECT COUNT(DISTINCT audit_log_id) FROM audit_log_target WHERE type = 'key'",
                keys,
            ),
            ("SELECT COUNT(*) FROM ctrl_worker_refills", 0),
        ] {
            assert_eq!(world.count(sql).await, expected, "{sql}");
        }
        let last = world.worker.lock().expect("unpoisoned").take();
        assert!(
            last.is_some_and(|mut worker| worker.runs()),
            "the last worker lives"
        );
    });
}
