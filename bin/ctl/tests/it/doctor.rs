//! `ctl doctor` finds what is broken on purpose, and nothing before. Each test has servers of its own: a doctor looks at
//! everything.

use std::time::{Duration, Instant};

use certificate_client::CertificateService;
use github_status::{Deps, GitHubStatus, Timings};
use github_status_client::GitHubStatusService;
use mysql::{Db, Options};
use restate_sdk::prelude::*;
use serde_json::Value;
use testbed::{Database, MariaDb, MariaDbOptions, Proxy, Restate, RestateOptions, Served};

use crate::program::{Ran, ctl};
use crate::worker::{self, NoCertificates};

const PATIENCE: Duration = Duration::from_secs(30);

/// Restate, a worker behind a proxy at whose address it is registered, and a database.
struct World {
    restate: Restate,
    database: Database,
    proxy: Proxy,
    db: Db,
    _served: Served,
}

/// The real ones, of a worker without GitHub.
fn statuses(db: &Db) -> GitHubStatusService<GitHubStatus> {
    GitHubStatusService(GitHubStatus::new(Deps {
        db: db.clone(),
        github: None,
        app_id: 0,
        timings: Timings::default(),
    }))
}

async fn listen(endpoint: Endpoint) -> Served {
    let served = testbed::runtime().spawn(testbed::listen(endpoint)).await;
    served.expect("no panic").expect("a loopback port")
}

impl World {
    async fn new(database: Database) -> Self {
        let restate = Restate::start(RestateOptions::default());
        let restate = restate.await.expect("Restate starts");
        let options = Options::new(database.dsn.clone()).lazy();
        let db = Db::connect(&options).await.expect("an address");
        let certificates = CertificateService(NoCertificates).into_service_definition();
        let endpoint = worker::services(&db).bind(certificates);
        let endpoint = endpoint.bind(statuses(&db).into_service_definition());
        let endpoint = endpoint.build();
        let served = listen(endpoint).await;
        let proxy = Proxy::start(served.addr).await.expect("a loopback port");
        let world = Self {
            restate,
            database,
            proxy,
            db,
            _served: served,
        };
        let uri = world.uri();
        let registered = world.restate.admin().register(&uri, true).await;
        registered.expect("registered");
        world
    }

    async fn fresh(label: &str) -> Self {
        Self::new(testbed::migrated_database(label).await).await
    }

    fn uri(&self) -> String {
        format!("http://{}", self.proxy.addr())
    }

    fn ctl(&self, args: &[&str]) -> Ran {
        let environment = [
            ("CTRL_DATABASE", self.database.dsn.as_str()),
            ("CTRL_INGRESS", self.restate.ingress_url.as_str()),
            ("CTRL_ADMIN", self.restate.admin_url.as_str()),
        ];
        ctl(&environment, args)
    }

    fn doctor(&self) -> Seen {
        let ran = self.ctl(&["--json", "doctor", "--timeout", "5"]);
        let report = ran.json().into_iter().next();
        Seen {
            report: report.unwrap_or_else(|| panic!("no report: {ran:?}")),
            ran,
        }
    }

    /// Sends a deployment of an image and waits until an invocation has taken it; ids of deployment and invocation.
    async fn deployment(&self, image: &str) -> (String, String) {
        let seeded = self.ctl(&["--json", "seed"]);
        assert_eq!(seeded.code, 0, "{seeded:?}");
        let ran = self.ctl(&["--json", "deploy", image, "--app", "demo/shop", "--no-wait"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let id = ran.json()[0]["deployment_id"].as_str().map(str::to_owned);
        let id = id.expect("an id");
        let invocation = testbed::eventually(PATIENCE, || async {
            let shown = self.ctl(&["--json", "status", &id]);
            let shown = shown.json().into_iter().next()?;
            let begun = shown["steps"].as_array().is_some_and(|s| !s.is_empty());
            let invocation = shown["invocation_id"].as_str().filter(|_| begun);
            invocation.map(str::to_owned)
        })
        .await;
        (id, invocation)
    }

    async fn until(&self, invocation: &str, status: &str) {
        testbed::eventually(PATIENCE, || async {
            let known = self.restate.admin().invocation_status(&[invocation]).await;
            let known = known.map_err(|e| e.to_string())?;
            match known.get(invocation) {
                Some(found) if found == status => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}

/// What a doctor said.
struct Seen {
    report: Value,
    ran: Ran,
}

impl Seen {
    fn check(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["check"] == name);
        found.unwrap_or_else(|| panic!("no check {name}: {:#}", self.report))
    }

    /// Nothing is wrong with this, and nothing at all is so wrong that the exit code says it.
    #[track_caller]
    fn clean(&self, name: &str) {
        assert_eq!(self.check(name)["verdict"], "ok", "{:#}", self.report);
        assert_eq!(self.ran.code, 0, "{:#}", self.report);
    }

    /// The one finding of a check that fails, and that the exit code and the last line name it.
    #[track_caller]
    fn finding(&self, name: &str) -> &Value {
        let check = self.check(name);
        assert_eq!(check["verdict"], "fail", "{:#}", self.report);
        assert_eq!(self.ran.code, 1, "{:?}", self.ran);
        assert!(
            self.ran.err.contains("not well: ") && self.ran.err.contains(name),
            "{:?}",
            self.ran.err
        );
        &check["findings"][0]
    }
}

#[track_caller]
fn says(value: &Value, part: &str) {
    let text = value.as_str().unwrap_or_default();
    assert!(text.contains(part), "no {part:?} in {text:?}");
}

#[test]
fn doctor_finds_a_deployment_whose_invocation_was_killed() {
    testbed::run(async {
        let world = World::fresh("doctor_killed").await;
        let (id, invocation) = world.deployment("held:1").await;
        world.until(&invocation, "running").await;
        world.doctor().clean("deployments");

        let killed = world.restate.admin().kill(&invocation).await;
        killed.expect("killed");
        let seen = testbed::eventually(PATIENCE, || async {
            let seen = world.doctor();
            if seen.check("deployments")["verdict"] == "fail" {
                Ok(seen)
            } else {
                Err(seen.report)
            }
        })
        .await;
        let finding = seen.finding("deployments");
        assert_eq!(finding["subject"], id);
        says(&finding["what"], &invocation);
        says(&finding["what"], "nobody works on it");
        says(&finding["cure"], &format!("ctl cancel {id}"));

        // what it says to do by hand does it
        let cancelled = world.ctl(&["cancel", &id, "--actor", "mo"]);
        assert_eq!(cancelled.code, 0, "{cancelled:?}");
        world.doctor().clean("deployments");
    });
}

#[test]
fn doctor_finds_a_paused_invocation_and_names_the_command_that_resumes_it() {
    testbed::run(async {
        let world = World::fresh("doctor_paused").await;
        world.doctor().clean("paused");

        let (_, invocation) = world.deployment("broken:1").await;
        world.until(&invocation, "paused").await;
        let seen = world.doctor();
        let finding = seen.finding("paused");
        assert_eq!(finding["subject"], invocation);
        says(&finding["what"], "hydra.v1.DeployService/");
        says(&finding["what"], "is paused, begun 0 min ago");
        says(&finding["what"], "the registry has no route to it");
        let cancel = format!("{}/invocations/{invocation}", world.restate.admin_url);
        says(&finding["cure"], &format!("curl -X PATCH {cancel}/resume"));
        says(&finding["cure"], &format!("curl -X PATCH {cancel}/cancel"));
        let text = world.ctl(&["doctor"]);
        assert!(text.out.contains("FAIL  paused"), "{text:?}");

        // it fails before it could see that it was cancelled
        let killed = world.restate.admin().kill(&invocation).await;
        killed.expect("killed");
        world.until(&invocation, "completed").await;
        assert_eq!(world.doctor().check("paused")["verdict"], "ok");
    });
}

#[test]
fn doctor_finds_a_deployment_of_whose_end_nobody_will_tell_github() {
    testbed::run(async {
        let world = World::fresh("doctor_statuses").await;
        let admin = world.restate.admin();
        let put = async |key: &str, names: &[&str]| {
            let all = [
                ("config", "{\"repo\":\"acme/shop\"}"),
                ("settle", "{\"nonce\":\"n\",\"looks\":1}"),
            ];
            let named = all.iter().filter(|(name, _)| names.contains(name));
            let state = named.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
            let state = state.collect();
            let set = admin.set_state(github_status_client::SERVICE, key, &state);
            set.await.expect("taken");
        };
        // the worker before this one had no timers, so none of its can be lost
        put("d_before", &["config"]).await;
        let there = "SELECT 1 AS one FROM state WHERE service_key = 'd_before'";
        testbed::eventually(PATIENCE, || async {
            admin.query(there).await.is_ok_and(|rows| rows.len() == 1)
        })
        .await;
        world.doctor().clean("statuses");

        put("d_1", &["config", "settle"]).await;
        let seen = testbed::eventually(PATIENCE, || async {
            let seen = world.doctor();
            if seen.check("statuses")["verdict"] == "fail" {
                Ok(seen)
            } else {
                Err(seen.report)
            }
        })
        .await;
        let finding = seen.finding("statuses");
        assert_eq!(finding["subject"], "d_1");
        says(&finding["what"], "in progress");

        // what it says to do at the end, done as it is written
        let cure = finding["cure"].as_str().expect("a cure");
        let (_, command) = cure.split_once("then forget it: ").expect("a command");
        let ran = std::process::Command::new("sh")
            .args(["-c", &command.replace("curl", "curl -fsS")])
            .output();
        let ran = ran.expect("a shell");
        assert!(ran.status.success(), "{ran:?}");
        testbed::eventually(PATIENCE, || async {
            world.doctor().check("statuses")["verdict"] == "ok"
        })
        .await;
    });
}

#[test]
fn doctor_finds_a_worker_that_does_not_offer_what_is_registered() {
    testbed::run(async {
        let world = World::fresh("doctor_drifted").await;
        let before = world.doctor();
        before.clean("manifest");
        before.clean("registration");
        before.clean("workers");

        // another version answers at the same address, and nobody registered it
        let other = statuses(&world.db).into_service_definition();
        let other = worker::services(&world.db).bind(other).build();
        let other = listen(other).await;
        world.proxy.retarget(other.addr);
        world.proxy.drop_connections();
        let seen = world.doctor();
        let finding = seen.finding("manifest");
        assert_eq!(finding["subject"], certificate_client::SERVICE);
        says(&finding["what"], "not offered");
        says(
            &finding["cure"],
            &format!("worker register --config <file> --uri {}", world.uri()),
        );
        // looking at it registered nothing
        let known = world.restate.admin().services().await.expect("services");
        assert!(
            known
                .iter()
                .any(|service| service.name == certificate_client::SERVICE)
        );
    });
}

#[test]
fn doctor_finds_a_stopped_mysql_in_bounded_time_and_leaves_out_what_needs_it() {
    testbed::run(async {
        let mut server = MariaDb::start(MariaDbOptions::default())
            .await
            .expect("MariaDB starts");
        let database = testbed::create_database_on(&server.url(), "doctor_mysql").await;
        testbed::migrate(&database).await;
        let world = World::new(database).await;
        let before = world.doctor();
        before.clean("mysql");
        before.clean("tables");

        for frozen in [false, true] {
            if frozen {
                server.freeze(true);
            } else {
                server.stop().await;
            }
            let began = Instant::now();
            let seen = world.doctor();
            assert!(began.elapsed() < Duration::from_secs(20), "bounded");
            let finding = seen.finding("mysql");
            says(&finding["cure"], "CTRL_DATABASE");
            for name in ["tables", "deployments", "domains", "jobs"] {
                assert_eq!(seen.check(name)["verdict"], "skip", "{name}");
            }
            assert_eq!(seen.check("workers")["verdict"], "ok");
            if frozen {
                server.freeze(false);
            } else {
                server.restart().await.expect("it starts again");
            }
            world.doctor().clean("mysql");
        }
    });
}

#[test]
fn doctor_finds_a_worker_that_is_gone_and_a_restate_that_is_gone() {
    testbed::run(async {
        let mut world = World::fresh("doctor_gone").await;
        world.doctor().clean("workers");
        world.proxy.cut();
        let seen = world.doctor();
        let finding = seen.finding("workers");
        says(&finding["subject"], &world.uri());
        says(&finding["what"], "cannot reach the worker");
        assert_eq!(seen.check("calls")["verdict"], "fail");
        world.proxy.heal();
        world.doctor().clean("calls");

        world.restate.stop().await;
        let seen = world.doctor();
        says(&seen.finding("admin")["cure"], "CTRL_ADMIN");
        says(&seen.finding("ingress")["cure"], "CTRL_INGRESS");
        assert_eq!(seen.check("mysql")["verdict"], "ok");
        assert_eq!(seen.check("paused")["verdict"], "skip");
    });
}
