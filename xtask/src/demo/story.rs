//! The story: the clock of the periodic jobs is asked for a refill twice; two images go live one after the
//! other, the first is promoted again, then traffic is rolled back to the second; a custom domain gets a certificate (see
//! `domain`); a push is built and goes live (see `push`). What the stores and the edge's front said at each point is kept.
//!
//! Not for judging it: see `expect`.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::end::End;
use super::world::{REGIONS, World};
use super::{Break, http};
use crate::run::{Because, Failure, Result};

/// When the stores were read.
pub(crate) const FIRST: &str = "after the first deployment";
pub(crate) const SECOND: &str = "after the second deployment";
pub(crate) const PROMOTED: &str = "after the promote";
pub(crate) const ROLLED_BACK: &str = "after the rollback";

/// Seconds `ctl deploy` follows a deployment.
const FOLLOW: &str = "120";
/// Until every job is armed: the worker does it as soon as Restate knows its services.
const ARMED_WITHIN: Duration = Duration::from_secs(20);
/// Until the front answers: the second region may report after the deployment is ready.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What happened.
pub(crate) struct Told {
    /// How `ctl` names the app.
    pub(crate) app: String,
    /// The images, first and second.
    pub(crate) images: [String; 2],
    /// How many keys were due for a refill.
    pub(crate) due_keys: u64,
    /// What `ctl jobs` listed.
    pub(crate) jobs: Value,
    /// What `ctl jobs run key-refill` said, each time.
    pub(crate) refills: Vec<Value>,
    /// What the stores said, by when. The last one is read when the story is over, however far it came.
    pub(crate) reads: BTreeMap<&'static str, Value>,
    /// What the front of the edge said of the live host: when, host, status, answer.
    pub(crate) answers: Vec<Value>,
    /// The custom domain: its host name, certificate, and what a client saw before and after.
    pub(crate) domain: Value,
    /// The push and what came of it; null where nothing is built.
    pub(crate) push: Value,
    /// Why nothing is built here.
    pub(crate) no_builds: Option<String>,
    /// Why the story ended early.
    pub(crate) cut_short: Option<String>,
}

impl Told {
    /// What the stores said at a point that was reached, otherwise null.
    pub(crate) fn read(&self, when: &str) -> &Value {
        self.reads.get(when).unwrap_or(&Value::Null)
    }

    /// Id of the first or second deployment, as far as the stores know it.
    pub(crate) fn id(&self, number: usize) -> Option<&str> {
        let last = self.read(ROLLED_BACK);
        let earlier = self.reads.values().rev();
        std::iter::once(last).chain(earlier).find_map(|read| {
            let rows = read["database"]["deployments"].as_array()?;
            let row = rows
                .iter()
                .find(|row| row["image"] == self.images[number].as_str())
                // the image is written when it is first looked at
                .or_else(|| rows.get(number))?;
            row["id"].as_str()
        })
    }

    /// The host name that follows the live deployment.
    pub(crate) fn live_host(&self) -> Option<&str> {
        let routes = self
            .reads
            .values()
            .find_map(|read| read["database"]["routes"].as_array())?;
        routes.iter().find(|route| route["sticky"] == "live")?["host"].as_str()
    }
}

/// Tells the story. A failure is one of the demo itself; a story cut short is not.
pub(crate) fn tell(world: &mut World, broken: Option<Break>, end: &End) -> Result<Told> {
    let (workspace, project) = (format!("acme-{}", word(6)), format!("shop-{}", word(6)));
    let image = || format!("registry.example/{workspace}/{}:{}", word(5), word(7));
    let images = [image(), image()];

    // some dozens, another number each time
    let due_keys = 20 + number() % 80;
    let due = due_keys.to_string();

    world.headline(
        "ctl seed: a workspace with a project, an app, two regions and keys due for a refill",
    );
    let mut args = vec!["seed", "--workspace", &workspace, "--project", &project];
    args.extend(["--due-keys", &due]);
    for region in REGIONS {
        args.extend(["--region", region]);
    }
    args.extend(["--min", "2", "--max", "2"]);
    let seeded = world.ctl_json(&args, end)?;
    let text = |name: &str| seeded[name].as_str().unwrap_or_default().to_owned();
    let (app, app_id) = (text("app"), text("app_id"));
    println!(
        "{app} ({app_id}) deploys to {}; {due} keys are due",
        REGIONS.join(" and ")
    );

    let mut told = Told {
        app,
        images,
        due_keys,
        jobs: Value::Null,
        refills: Vec::new(),
        reads: BTreeMap::new(),
        answers: Vec::new(),
        domain: Value::Null,
        push: Value::Null,
        no_builds: world.no_builds.clone(),
        cut_short: None,
    };
    if let Err(reason) = parts(world, &mut told, &app_id, broken, end) {
        // an interrupted demo has nothing to judge
        end.pause(Duration::ZERO)?;
        eprintln!("the story ends here: {reason}");
        told.cut_short = Some(reason.to_string());
    }
    // over fresh connections, whatever became of the story
    let last = world.read_back(&app_id, end)?;
    told.reads.insert(ROLLED_BACK, last);
    Ok(told)
}

fn parts(
    world: &mut World,
    told: &mut Told,
    app_id: &str,
    broken: Option<Break>,
    end: &End,
) -> Result<()> {
    world.headline("ctl jobs: the periodic jobs, and the refill by hand, twice");
    refill(world, told, end)?;

    world.headline("the first image goes live");
    deploy(world, told, 0, end)?;
    look(world, told, app_id, FIRST, end)?;
    ask(world, told, FIRST, 0, end)?;

    if let Some(broken) = broken {
        breaks(world, broken)?;
    }
    world.headline("the second image takes its place");
    deploy(world, told, 1, end)?;
    look(world, told, app_id, SECOND, end)?;
    ask(world, told, SECOND, 1, end)?;

    world.headline("promote: traffic goes back to the first");
    let (first, second) = both(told)?;
    world.ctl(&["promote", &first], end).because("promote")?;
    look(world, told, app_id, PROMOTED, end)?;
    ask(world, told, PROMOTED, 0, end)?;

    world.headline("rollback: from the first to the one before, the second");
    world
        .ctl(&["rollback", &second, "--from", &first], end)
        .because("rollback")?;
    ask(world, told, ROLLED_BACK, 1, end)?;

    world.headline("a custom domain: verified, with a certificate, fetched over TLS");
    let app = told.app.clone();
    told.domain = super::domain::tell(world, &app, end)?;

    world.headline("where every host name leads");
    let app = told.app.clone();
    world.ctl(&["routes", "--app", &app], end)?;

    if world.has_builds() {
        told.push = super::push::tell(world, &app, end)?;
    } else {
        world.headline("no push: BuildKit does not run here, and what was deployed were images");
    }
    Ok(())
}

/// Waits until the clock is armed, then has the keys refilled, and once more.
fn refill(world: &World, told: &mut Told, end: &End) -> Result<()> {
    let until = Instant::now() + ARMED_WITHIN;
    loop {
        let listed = world.ctl_json(&["jobs"], end).because("ctl jobs")?;
        let jobs = listed["jobs"].as_array().map_or(&[][..], Vec::as_slice);
        let armed = jobs.iter().any(|job| job["state"] == "on");
        if armed || Instant::now() > until {
            told.jobs = listed["jobs"].clone();
            break;
        }
        end.pause(Duration::from_millis(100))?;
    }
    world.ctl(&["jobs"], end).because("ctl jobs")?;
    for _ in 0..2 {
        let ran = world
            .ctl_json(&["jobs", "run", "key-refill"], end)
            .because("ctl jobs run key-refill")?;
        let run = &ran["run"];
        println!(
            "$ ctl jobs run key-refill → {} with {} keys for {}",
            run["outcome"].as_str().unwrap_or_default(),
            run["items"],
            run["window"].as_str().unwrap_or_default()
        );
        told.refills.push(ran);
    }
    Ok(())
}

fn deploy(world: &World, told: &Told, number: usize, end: &End) -> Result<()> {
    let commit: String = format!("{}{}{}", word(12), word(12), word(16));
    // a commit is hexadecimal
    let commit: String = commit
        .bytes()
        .map(|b| char::from(b"0123456789abcdef"[usize::from(b % 16)]))
        .collect();
    let image = told.images[number].as_str();
    let args = [
        "deploy",
        image,
        "--app",
        &told.app,
        "--branch",
        "main",
        "--commit",
        &commit,
        "--timeout",
        FOLLOW,
    ];
    let which = ["the first", "the second"][number];
    world.ctl(&args, end).because(format!("{which} ctl deploy"))
}

fn look(world: &World, told: &mut Told, app_id: &str, when: &'static str, end: &End) -> Result<()> {
    let read = world.read_back(app_id, end)?;
    told.reads.insert(when, read);
    Ok(())
}

/// Asks the front for the live host until the expected deployment answers, for a short time.
fn ask(world: &World, told: &mut Told, when: &str, number: usize, end: &End) -> Result<()> {
    let front = world.address("edge", "front");
    let host = told
        .live_host()
        .ok_or_else(|| Failure("there is no live route".to_owned()))?;
    let host = host.to_owned();
    let until = Instant::now() + ANSWER_WITHIN;
    loop {
        let (status, answer) = http::get(&front, &host, "/").because("the edge's front")?;
        let expected = status == 200 && Some(answer.as_str()) == told.id(number);
        if expected || Instant::now() > until {
            println!("GET http://{host}/ → {status} {answer}");
            told.answers
                .push(json!({ "when": when, "host": host, "status": status, "answer": answer }));
            return Ok(());
        }
        end.pause(Duration::from_millis(100))?;
    }
}

fn both(told: &Told) -> Result<(String, String)> {
    match (told.id(0), told.id(1)) {
        (Some(first), Some(second)) => Ok((first.to_owned(), second.to_owned())),
        _ => Err(Failure(
            "the stores do not know both deployments".to_owned(),
        )),
    }
}

fn breaks(world: &mut World, broken: Break) -> Result<()> {
    let (what, command) = match broken {
        Break::Edge => ("the agents of both regions stop", "stop edge"),
        Break::Database => ("MariaDB stops", "stop mysql"),
        Break::Restate => ("Restate stops", "stop restate"),
    };
    world.headline(&format!("on request: {what}"));
    match &mut world.stack {
        Some(stack) => stack.tell(command),
        None => Ok(()),
    }
}

/// Random small letters and digits, a letter first.
pub(crate) fn word(length: usize) -> String {
    let mut seed = number();
    let mut next = |choice: &[u8]| {
        let count = choice.len() as u64;
        let letter = choice[usize::try_from(seed % count).unwrap_or(0)];
        seed = (seed / count) ^ RandomState::new().hash_one(seed);
        char::from(letter)
    };
    let first = next(b"abcdefghijklmnopqrstuvwxyz");
    let rest = (1..length).map(|_| next(b"abcdefghijklmnopqrstuvwxyz0123456789"));
    std::iter::once(first)
        .chain(rest.collect::<Vec<_>>())
        .collect()
}

/// A random number: each state is keyed anew by the system's randomness.
pub(crate) fn number() -> u64 {
    RandomState::new().hash_one(Instant::now())
}
