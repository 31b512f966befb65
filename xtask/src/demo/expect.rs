//! What should have happened, held against what the stores and the front said. Pure.
//!
//! Not for reading: see `story`.

mod domain;
mod push;

use std::fmt;

use serde_json::Value;

use super::story::{FIRST, PROMOTED, ROLLED_BACK, SECOND, Told};
use super::world::REGIONS;

/// The ways in which a host name follows deployments.
const STICKY: [&str; 5] = ["none", "branch", "environment", "live", "deployment"];
/// The periodic jobs.
const JOBS: [&str; 5] = [
    "key-refill",
    "quota-check",
    "certificate-renewal",
    "idle-scale-down",
    "key-last-used-sync",
];
const NAMES: [&str; 2] = ["the first deployment", "the second deployment"];

/// One thing that should be so.
#[derive(Debug)]
pub(crate) struct Expectation {
    /// In words.
    pub(crate) what: String,
    pub(crate) held: bool,
    /// What was found instead.
    found: String,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.found)
    }
}

/// A point of the story: the live deployment, the newest one, whether a rollback holds the app.
struct Point {
    when: &'static str,
    live: usize,
    newest: usize,
    rolled_back: bool,
}

const POINTS: [Point; 4] = [
    Point {
        when: FIRST,
        live: 0,
        newest: 0,
        rolled_back: false,
    },
    Point {
        when: SECOND,
        live: 1,
        newest: 1,
        rolled_back: false,
    },
    Point {
        when: PROMOTED,
        live: 0,
        newest: 1,
        rolled_back: false,
    },
    Point {
        when: ROLLED_BACK,
        live: 1,
        newest: 1,
        rolled_back: true,
    },
];

/// Everything that was expected, in the order of the story. Of a story cut short only what its end
/// can be asked for.
pub(crate) fn judge(told: &Told) -> Vec<Expectation> {
    let mut list = List(Vec::new());
    let cut = told.cut_short.as_deref();
    list.add(
        "the story reaches its end",
        cut.is_none(),
        cut.unwrap_or_default(),
    );
    // a story cut short may not have come so far
    if cut.is_none() || told.refills.len() == 2 {
        jobs(told, &mut list);
    }
    let last = told.read(ROLLED_BACK);
    for (store, name) in [
        ("database", "the database answers"),
        ("restate", "Restate answers"),
    ] {
        let error = &last[store]["error"];
        list.add(name, !last[store].is_null() && error.is_null(), error);
    }
    let database = &last["database"];
    if database["error"].is_null() {
        if told.refills.len() == 2 {
            keys(told, &database["keys"], &mut list);
        }
        deployments(told, database, &mut list);
    }
    for point in &POINTS {
        // the last read of a story cut short does not show a rollback
        if cut.is_none() {
            state(told, point, &mut list);
            answer(told, point, &mut list);
        }
    }
    if cut.is_none() {
        domain::judge(told, &mut list);
        push::judge(told, &mut list);
    }
    let restate = &last["restate"];
    if restate["error"].is_null() {
        let rest = restate["in_flight"].as_array().is_some_and(Vec::is_empty);
        list.add(
            "nothing is running, paused or backing off in Restate",
            rest,
            &restate["in_flight"],
        );
    }
    list.0
}

/// What the clock of the periodic jobs said.
fn jobs(told: &Told, list: &mut List) {
    let jobs = told.jobs.as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = jobs.iter().filter_map(|job| job["job"].as_str()).collect();
    list.add("`ctl jobs` lists the five jobs", names == JOBS, &told.jobs);
    let refill = jobs.iter().find(|job| job["job"] == JOBS[0]);
    let next = refill.and_then(|job| job["next_run_at"].as_str());
    list.add(
        "the refill is on and next at midnight UTC",
        refill.is_some_and(|job| job["state"] == "on")
            && next.is_some_and(|at| at.ends_with("T00:00:00Z")),
        refill.unwrap_or(&Value::Null),
    );
    for (number, (which, count)) in [("first", told.due_keys), ("second", 0)].iter().enumerate() {
        let ran = told.refills.get(number).unwrap_or(&Value::Null);
        let run = &ran["run"];
        let held = run["outcome"] == "succeeded" && run["items"].as_u64() == Some(*count);
        list.add(
            format!("the {which} refill by hand counts {count} keys"),
            held,
            ran,
        );
    }
}

/// The keys as their rows show them at the end.
fn keys(told: &Told, found: &Value, list: &mut List) {
    let due = Some(told.due_keys);
    let refilled = found["total"].as_u64() == due && found["refilled"].as_u64() == due;
    list.add("every key that was due is refilled", refilled, found);
    let audited = found["audited"].as_u64() == due;
    list.add("every refill has one audit row", audited, found);
}

/// Each deployment as its rows show it at the end.
fn deployments(told: &Told, database: &Value, list: &mut List) {
    let rows = database["deployments"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    list.add(
        "the app has exactly two deployments",
        rows.len() == 2,
        rows.len(),
    );
    for (number, name) in NAMES.iter().enumerate() {
        let id = told.id(number);
        let Some(row) = rows
            .iter()
            .find(|row| id.is_some() && row["id"].as_str() == id)
        else {
            list.add(format!("{name} exists"), false, "no row");
            continue;
        };
        let steps = row["steps"].as_array().map_or(&[][..], Vec::as_slice);
        let error = steps
            .iter()
            .find_map(|step| step["error"].as_str())
            .unwrap_or_default();
        let status = row["status"].as_str().unwrap_or_default();
        list.add(
            format!("{name} is ready"),
            status == "ready",
            format!("{} is {status} {error}", row["id"]),
        );
        let desired = &row["desired_state"];
        list.add(
            format!("{name} is desired to run"),
            desired == "running",
            desired,
        );
        let image = row["image"] == told.images[number].as_str();
        list.add(format!("{name} has its image"), image, &row["image"]);
        let ended = steps
            .iter()
            .all(|step| step["ended"] == 1 && step["error"].is_null());
        list.add(
            format!("every step of {name} ended well"),
            ended && !steps.is_empty(),
            &row["steps"],
        );
        let topology = row["topology"].as_array().map_or(&[][..], Vec::as_slice);
        let regions: Vec<&str> = topology
            .iter()
            .filter_map(|t| t["region"].as_str())
            .collect();
        list.add(
            format!("{name} has one topology row per region"),
            regions == REGIONS,
            &row["topology"],
        );
        let running = topology.iter().all(|t| t["desired_status"] == "running");
        list.add(
            format!("every topology row of {name} says running"),
            running,
            &row["topology"],
        );
    }
}

/// Pointer, flag and routes at one point.
fn state(told: &Told, point: &Point, list: &mut List) {
    let Point {
        when,
        live,
        newest,
        rolled_back,
    } = *point;
    let database = &told.read(when)["database"];
    let app = &database["app"];
    let (live, newest) = (told.id(live), told.id(newest));
    let pointer = app["live_deployment_id"].as_str();
    list.add(
        format!("{when}, {} is live", NAMES[point.live]),
        pointer.is_some() && pointer == live,
        app,
    );
    let word = if rolled_back {
        "a rollback holds"
    } else {
        "no rollback holds"
    };
    let flag = app["rolled_back"] == i32::from(rolled_back);
    list.add(format!("{when}, {word} the app"), flag, &app["rolled_back"]);
    let routes = database["routes"].as_array().map_or(&[][..], Vec::as_slice);
    for sticky in STICKY {
        let own: Vec<&Value> = routes
            .iter()
            .filter(|route| route["sticky"] == sticky)
            .collect();
        let leads = |route: &&Value| {
            let to = route["deployment_id"].as_str();
            match sticky {
                "live" | "environment" => to == live,
                "branch" => to == newest,
                // these never move: they lead to the deployment they were made for
                _ => to.is_some() && to == first_owner(told, &route["host"]),
            }
        };
        let held = !own.is_empty() && own.iter().all(leads);
        list.add(
            format!("{when}, every `{sticky}` route leads where it should"),
            held,
            Value::from_iter(own.into_iter().cloned()),
        );
    }
    for (number, name) in NAMES.iter().enumerate().take(point.newest + 1) {
        let id = told.id(number);
        let found = routes
            .iter()
            .any(|r| r["sticky"] == "deployment" && r["deployment_id"].as_str() == id);
        list.add(
            format!("{when}, {name} has a host name of its own"),
            found,
            "no such route",
        );
    }
}

/// The deployment a host name led to when it was first seen.
fn first_owner<'a>(told: &'a Told, host: &Value) -> Option<&'a str> {
    POINTS.iter().find_map(|point| {
        let routes = told.read(point.when)["database"]["routes"].as_array()?;
        routes.iter().find(|route| route["host"] == *host)?["deployment_id"].as_str()
    })
}

/// What the front said at one point.
fn answer(told: &Told, point: &Point, list: &mut List) {
    let got = told
        .answers
        .iter()
        .find(|answer| answer["when"] == point.when);
    let held = got
        .is_some_and(|got| got["status"] == 200 && got["answer"].as_str() == told.id(point.live));
    let what = format!(
        "{}, GET of the live host answers {}",
        point.when, NAMES[point.live]
    );
    list.add(what, held, got.unwrap_or(&Value::Null));
}

struct List(Vec<Expectation>);

impl List {
    fn add(&mut self, what: impl Into<String>, held: bool, found: impl fmt::Display) {
        // one line each, whatever words a program ended with
        let found = found.to_string().replace('\n', "; ");
        self.0.push(Expectation {
            what: what.into(),
            held,
            found,
        });
    }
}

#[cfg(test)]
mod tests;
