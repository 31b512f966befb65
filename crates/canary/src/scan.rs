//! The two runs: one with plants, which must all be found, and one without, in which nothing may be.
//!
//! Not for how a store is read: see `stores`.

use std::time::Instant;

use serde_json::Value;

use crate::needles::{Canary, Needles};
use crate::plants::{self, PLANTS, SERVICE};
use crate::process::{PATIENCE, Worker, check_config};
use crate::stores::{Findings, Store, Told};
use crate::stories::{self, Customer};
use crate::world::{Outside, World};

/// What a contract makes plain text: canary, store, beginning of the place, and why.
const BY_CONTRACT: &[(&str, Store, &str, &str)] = &[
    (
        API_KEY,
        Store::Journal,
        "sys_journal.raw of Command: Input",
        HEADERS,
    ),
    (
        API_KEY,
        Store::Journal,
        "sys_journal.entry_json of Command: Input, header authorization",
        HEADERS,
    ),
    // they, and `raw`, have the entry without the names of its parts; a key in any other part is found in `entry_json`
    (API_KEY, Store::Files, "", HEADERS),
];
const API_KEY: &str = "Restate API key";
const HEADERS: &str = "Restate's ingress keeps the headers of a request with the invocation, the one by which a caller \
                       proves itself included; whoever reads the journal may call anyway";

/// Both runs; whether all plants were found and nothing else.
pub(crate) async fn run() -> Result<bool, String> {
    let began = Instant::now();
    let found = planted().await?;
    let clean = unplanted().await?;
    println!(
        "plants: {found} of {} found; without plants: {} found",
        PLANTS.len(),
        clean.len()
    );
    for line in &clean {
        println!("  FOUND {line}");
    }
    println!("{} s in all", began.elapsed().as_secs());
    Ok(found == PLANTS.len() && clean.is_empty())
}

/// How many plants are found where they were planted.
async fn planted() -> Result<usize, String> {
    let seed = ids::dns_label(16);
    let mut world = World::start("plants").await?;
    let mut worker =
        Worker::start(&world.config(Outside::Fine), Some(&seed)).map_err(|e| e.to_string())?;
    let url = worker.plants().await;
    ready(&worker).await;
    let admin = world.restate.admin();
    admin
        .register(&url, true)
        .await
        .map_err(|e| e.to_string())?;
    let ingress = world.restate.ingress();
    for (number, plant) in PLANTS.iter().enumerate() {
        if plant.name == plants::TABLE {
            let (app, _agent) = world.app().await?;
            let value = plants::value(&seed, plant.name);
            let sql = format!(
                "UPDATE workspaces SET name = '{value}' WHERE id = '{}'",
                app.workspace_id
            );
            world.execute(&sql).await?;
            continue;
        }
        let answer = ingress
            .call(
                SERVICE,
                format!("plant-{number}").as_str(),
                "Plant",
                &plant.name,
            )
            .await;
        // the text of its error is the plant of one of them
        if answer.is_err() != (plant.name == "error text") {
            return Err(format!("{}: {answer:?}", plant.name));
        }
    }
    let mut told = Told::default();
    told.ask(&admin).await?;
    let mut findings = Findings::default();
    let needles = Needles::new(&plants::canaries(&seed));
    shown(&mut findings, &needles, &worker).await?;
    worker.stop().await;
    findings.search(&needles, Store::Log, "log", worker.log().as_bytes());
    rest(&mut findings, &needles, &mut world, &told).await?;
    let mut found = 0;
    for plant in &PLANTS {
        let missed: Vec<&str> = plant
            .stores
            .iter()
            .filter(|store| !findings.has(**store, plant.name))
            .map(|store| store.name())
            .collect();
        let places: Vec<&str> = plant.stores.iter().map(|s| s.name()).collect();
        if missed.is_empty() {
            found += 1;
            println!("planted: {}: found in {}", plant.name, places.join(", "));
        } else {
            println!(
                "planted: {}: NOT FOUND in {}",
                plant.name,
                missed.join(", ")
            );
        }
    }
    Ok(found)
}

/// What is found though nothing was planted, one line each.
async fn unplanted() -> Result<Vec<String>, String> {
    let mut world = World::start("clean").await?;
    let mut told = Told::default();
    let mut logs = Vec::new();
    let mut pages = Vec::new();
    let mut config = Vec::new();
    let mut seen = String::new();
    for (number, outside) in [
        Outside::Fine,
        Outside::Echoing,
        Outside::VaultToo,
        Outside::Alone,
    ]
    .into_iter()
    .enumerate()
    {
        let text = world.config(outside);
        config.extend(check_config(&text)?);
        let mut worker = Worker::start(&text, None).map_err(|e| e.to_string())?;
        if outside == Outside::Alone {
            // it waits for everything, and says so
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        } else {
            let customer = Customer::new(&world, number).await?;
            ready(&worker).await;
            match outside {
                Outside::Fine => {
                    let served = customer.served(&world, &mut told).await;
                    served.map_err(|why| format!("{why}; {}", warnings(&worker)))?;
                    seen = customer.app.workspace_id.clone();
                }
                _ => customer.refused(&world, &mut told).await?,
            }
        }
        for (store, message, path) in PAGES {
            pages.push((*store, *path, worker.get(message, path).await?));
        }
        worker.stop().await;
        logs.push(worker.log());
    }
    let secrets = world.secrets.canaries();
    let made = stories::made(&world).await?;
    let wanted = [
        "GitHub token",
        "ClickHouse password of a workspace",
        "ACME account key (PEM)",
        "certificate's key (PEM)",
    ];
    for name in wanted {
        if !made.iter().any(|canary| canary.name == name) {
            return Err(format!("the stories made no {name}"));
        }
    }
    println!(
        "{} secrets given, {} made; the outside that repeats was asked {} times",
        secrets.len(),
        made.len(),
        world.echo.asked()
    );
    let mut all: Vec<Canary> = secrets.into_iter().chain(made).collect();
    for (store, text) in controls(&seen) {
        all.push(Canary::new(control(store), text));
    }
    let needles = Needles::new(&all);
    let mut findings = Findings::default();
    let shown = Shown {
        logs,
        pages,
        config,
    };
    shown.search(&needles, &mut findings);
    rest(&mut findings, &needles, &mut world, &told).await?;
    for store in Store::ALL {
        println!(
            "searched: {}: {} bytes",
            store.name(),
            findings.bytes(store)
        );
    }
    for (store, _) in controls(&seen) {
        if !findings.has(store, &control(store)) {
            return Err(format!(
                "{}: not even what must be there was found",
                store.name()
            ));
        }
    }
    for (canary, store, column, why) in BY_CONTRACT {
        if !findings.has_at(*store, column, canary) {
            return Err(format!(
                "{canary} is not in {}, {column}, any more: take the exception away",
                store.name()
            ));
        }
        println!(
            "plain by contract: {canary} in {}, {column}: {why}",
            store.name()
        );
    }
    Ok(findings.lines(|store, place, canary| {
        let mut contract = BY_CONTRACT.iter();
        canary.starts_with("control: ")
            || contract
                .any(|(c, s, column, _)| *c == canary && *s == store && place.starts_with(column))
    }))
}

/// What is no secret and must be there, or else the search looks at nothing. State has none of it: a worker at rest keeps
/// none.
fn controls(workspace: &str) -> [(Store, &str); 8] {
    [
        (Store::Files, workspace),
        (Store::Journal, workspace),
        (Store::Invocations, workspace),
        (Store::Tables, workspace),
        (Store::Log, "listening\",\"address"),
        (Store::Metrics, "ctrl_worker_step_seconds"),
        (Store::Health, "restate_ingress"),
        (Store::Config, "cname_domain"),
    ]
}

fn control(store: Store) -> String {
    format!("control: {}", store.name())
}

/// What workers have shown.
struct Shown {
    logs: Vec<String>,
    pages: Vec<(Store, &'static str, String)>,
    config: Vec<u8>,
}

impl Shown {
    fn search(&self, needles: &Needles, findings: &mut Findings) {
        for line in self.logs.iter().flat_map(|log| log.lines()) {
            let line_said = serde_json::from_str::<Value>(line).unwrap_or_default();
            let said = line_said["fields"]["message"].as_str().unwrap_or("a line");
            let said: String = said.chars().take(40).collect();
            findings.search(needles, Store::Log, &said, line.as_bytes());
        }
        for (store, path, page) in &self.pages {
            findings.search(needles, *store, path, page.as_bytes());
        }
        findings.search(needles, Store::Config, "output", &self.config);
    }
}

/// The last warnings of a worker that does not do what it should.
fn warnings(worker: &Worker) -> String {
    let log = worker.log();
    let bad = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
    let bad: Vec<&str> = log.lines().filter(bad).collect();
    let last = bad.len().saturating_sub(12);
    format!("its last warnings:\n{}", bad[last..].join("\n"))
}

/// What a worker answers: store, the log line that tells the address, path.
const PAGES: &[(Store, &str, &str)] = &[
    (Store::Metrics, "metrics are served", "/metrics"),
    (Store::Health, "listening", "/health/live"),
    (Store::Health, "listening", "/health/ready"),
    (Store::Health, "listening", "/health/startup"),
];

async fn shown(findings: &mut Findings, needles: &Needles, worker: &Worker) -> Result<(), String> {
    for (store, message, path) in PAGES {
        let page = worker.get(message, path).await?;
        findings.search(needles, *store, path, page.as_bytes());
    }
    Ok(())
}

/// What Restate has told and what it has on disk once it has stopped, and the tables.
async fn rest(
    findings: &mut Findings,
    needles: &Needles,
    world: &mut World,
    told: &Told,
) -> Result<(), String> {
    findings.read_told(needles, told);
    findings.read_tables(needles, world).await?;
    world.restate.stop().await;
    findings.read_files(needles, &world.restate.dir().join("data"))
}

async fn ready(worker: &Worker) {
    testbed::eventually(PATIENCE, || async {
        match worker.get("listening", "/health/ready").await {
            Ok(page) if page.contains(r#""status":"ok""#) => Ok(()),
            Ok(page) => Err(page),
            Err(error) => Err(error),
        }
    })
    .await;
}
