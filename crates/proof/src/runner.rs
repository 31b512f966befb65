//! Plays every story with every fault, in lanes, and counts.
//!
//! Not for how a single play goes: see `play`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use faults::Kind;

use crate::play::{Played, Point, play};
use crate::report::{Cell, FaultKind, Report, Row};
use crate::{Fault, Form, Lane, Story, Undo};

/// What to play.
#[derive(Debug, Clone)]
pub struct Options {
    /// `program worker <config>` is the worker.
    pub program: PathBuf,
    /// Number of lanes.
    pub lanes: usize,
    /// Kinds of fault; plain is always played.
    pub faults: Vec<FaultKind>,
    /// At most so many faults of a kind, spread evenly over the story; all when absent.
    pub at_most: Option<usize>,
    /// Whether each play is told of on standard error.
    pub verbose: bool,
}

/// Plays the stories.
///
/// # Errors
/// A lane did not start.
pub async fn run(stories: &[Story], options: &Options) -> Result<Report, String> {
    let began = Instant::now();
    let queue = Arc::new(Mutex::new(stories.to_vec()));
    let rows = Arc::new(Mutex::new(Vec::new()));
    let mut lanes = tokio::task::JoinSet::new();
    for number in 0..options.lanes {
        let (queue, rows, options) = (queue.clone(), rows.clone(), options.clone());
        lanes.spawn(async move {
            let lane = Lane::start(&options.program, number).await?;
            loop {
                let Some(story) = pop(&queue) else {
                    return Ok::<_, String>(());
                };
                let row = row(&lane, &story, &options).await;
                rows.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(row);
            }
        });
    }
    while let Some(ended) = lanes.join_next().await {
        ended.map_err(|e| e.to_string())??;
    }
    let mut rows = std::mem::take(&mut *rows.lock().unwrap_or_else(PoisonError::into_inner));
    let place = |row: &Row| stories.iter().position(|s| s.name == row.story);
    rows.sort_by_key(place);
    Ok(Report {
        rows,
        uncovered: Vec::new(),
        seconds: began.elapsed().as_secs_f32(),
    })
}

fn pop(queue: &Mutex<Vec<Story>>) -> Option<Story> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    (!queue.is_empty()).then(|| queue.remove(0))
}

async fn row(lane: &Lane, story: &Story, options: &Options) -> Row {
    let began = Instant::now();
    let mut row = Row {
        story: story.name.to_owned(),
        handler: format!("{}/{}", story.service, story.handler),
        commands: 0,
        steps: 0,
        seconds: 0.0,
        cells: BTreeMap::new(),
    };
    let mut plain = Cell {
        wanted: 1,
        ..Cell::default()
    };
    let dry = attempt(lane, story, &Fault::None, None, &mut plain, options).await;
    row.cells.insert(FaultKind::Plain.name(), plain);
    if let Some(dry) = dry {
        row.commands = dry.points.iter().filter(|p| p.kind.is_command()).count();
        row.steps = dry.points.len() - row.commands;
        for kind in options.faults.iter().filter(|k| **k != FaultKind::Plain) {
            let faults = thinned(faults_of(*kind, story, &dry), options.at_most);
            let mut cell = Cell {
                wanted: faults.len(),
                ..Cell::default()
            };
            for fault in &faults {
                attempt(lane, story, fault, Some(&dry), &mut cell, options).await;
            }
            row.cells.insert(kind.name(), cell);
        }
    }
    row.seconds = began.elapsed().as_secs_f32();
    row
}

fn thinned(faults: Vec<Fault>, at_most: Option<usize>) -> Vec<Fault> {
    match at_most {
        Some(most) if faults.len() > most => {
            let all = faults.len();
            (0..most)
                .map(|i| faults[(2 * i + 1) * all / (2 * most)].clone())
                .collect()
        }
        _ => faults,
    }
}

fn faults_of(kind: FaultKind, story: &Story, dry: &Played) -> Vec<Fault> {
    let own = |p: &Point| p.service == story.service && p.handler == story.handler;
    let chosen = |p: &&Point| !story.own_commands_only || own(p);
    let commands = || {
        dry.points
            .iter()
            .filter(chosen)
            .filter(|p| p.kind.is_command())
            .cloned()
    };
    let steps = || {
        dry.points
            .iter()
            .filter(chosen)
            .filter(|p| p.kind == Kind::RUN_RESULT)
            .cloned()
    };
    match kind {
        FaultKind::Plain => Vec::new(),
        FaultKind::Kill => commands().map(Fault::Kill).collect(),
        FaultKind::Cut => commands().map(Fault::Cut).collect(),
        FaultKind::Lost => steps().map(Fault::Lost).collect(),
        FaultKind::Transient => steps().map(Fault::Transient).collect(),
        FaultKind::Terminal => steps().map(Fault::Terminal).collect(),
        FaultKind::UndoTwice | FaultKind::UndoFails if story.undo == Undo::Before => Vec::new(),
        // whoever sent a one-way message has nothing to undo when its receiver fails
        FaultKind::UndoTwice => steps()
            .filter(|p| can_undo(story, p))
            .map(Fault::UndoTwice)
            .collect(),
        FaultKind::UndoFails => steps()
            .filter(|p| can_undo(story, p))
            .map(Fault::UndoFails)
            .collect(),
        FaultKind::Cancel => {
            // before the effect of a step, and between its effect and its record
            let awaits = |p: &&Point| {
                let kinds = [Kind::RUN, Kind::RUN_RESULT, Kind::CALL, Kind::SLEEP];
                own(p) && kinds.contains(&p.kind)
            };
            dry.points
                .iter()
                .filter(awaits)
                .cloned()
                .map(Fault::Cancel)
                .collect()
        }
        FaultKind::Suspend => vec![Fault::Suspend],
    }
}

/// One play, judged and counted. Gives it when everything was as it must be.
async fn attempt(
    lane: &Lane,
    story: &Story,
    fault: &Fault,
    dry: Option<&Played>,
    cell: &mut Cell,
    options: &Options,
) -> Option<Played> {
    let began = Instant::now();
    let played = match play(lane, story, fault).await {
        Ok(played) => played,
        Err(error) => {
            cell.tried += 1;
            cell.broken.push(format!("{}: {error}", place(fault)));
            // the next play must not meet the rest of this one
            let _cleared = lane.tell_worker("clear");
            lane.sweep().await;
            return None;
        }
    };
    let verdict = judge(story, fault, dry, &played);
    if options.verbose {
        let word = match (&verdict, played.happened) {
            (Err(_), _) => "BROKEN",
            (Ok(()), true) => "survived",
            (Ok(()), false) => "did not happen",
        };
        let seconds = began.elapsed().as_secs_f32();
        let failure = played
            .failure
            .as_ref()
            .map_or(String::new(), |(status, _)| format!(" ({status})"));
        eprintln!(
            "{:14} {:60} {word}{failure} {seconds:.1} s",
            story.name,
            place(fault)
        );
    }
    cell.undos += played.undos;
    cell.invariants += played.invariants;
    cell.effects += played.after.effects();
    cell.tried += usize::from(played.happened);
    match verdict {
        Ok(()) => {
            cell.survived += usize::from(played.happened);
            Some(played)
        }
        Err(broken) => {
            cell.broken.push(format!("{}: {broken}", place(fault)));
            None
        }
    }
}

fn place(fault: &Fault) -> String {
    match fault {
        Fault::None => "plain".to_owned(),
        Fault::Kill(at) => format!("kill at {at}"),
        Fault::Cut(at) => format!("cut at {at}"),
        Fault::Lost(at) => format!("answer lost of {at}"),
        Fault::Transient(at) => format!("transient error at {at}"),
        Fault::Terminal(at) => format!("terminal error at {at}"),
        Fault::UndoTwice(at) => format!("undo twice after {at}"),
        Fault::UndoFails(at) => format!("undo failing once after {at}"),
        Fault::Cancel(at) => format!("cancelled at {at}"),
        Fault::Suspend => "always suspending".to_owned(),
    }
}

/// Whether the play ended as it must.
fn judge(
    story: &Story,
    fault: &Fault,
    dry: Option<&Played>,
    played: &Played,
) -> Result<(), String> {
    if let Some(broken) = &played.broken {
        return Err(broken.clone());
    }
    let status = played.failure.as_ref().map(|(status, _)| *status);
    let Some(dry) = dry else {
        return if status == story.fails_with {
            Ok(())
        } else {
            Err(format!("it ended with {:?}", played.failure))
        };
    };
    let injected = matches!(
        fault,
        Fault::Terminal(_) | Fault::UndoTwice(_) | Fault::UndoFails(_) | Fault::Cancel(_)
    );
    if status == story.fails_with {
        let without = match fault {
            Fault::Terminal(at) if one_way(story, at) => UNDONE_LATER,
            _ => &[],
        };
        let differences = dry.after.differences(&played.after, without);
        if differences.is_empty() {
            return Ok(());
        }
        if !(injected && story.fails_with.is_some()) {
            return Err(format!(
                "not the end of the plain story: {}",
                differences.join("; ")
            ));
        }
    } else if !injected {
        return Err(format!("it ended with {:?}", played.failure));
    }
    taken_back(story, dry, played)
}

fn taken_back(story: &Story, dry: &Played, played: &Played) -> Result<(), String> {
    let failed = (story.undo == Undo::Failed).then_some("<subject>");
    let left = played
        .after
        .not_taken_back(&played.before, failed, story.may_change);
    if left.is_empty() || same(&dry.after, &played.after) {
        return Ok(());
    }
    Err(format!("neither taken back nor done: {}", left.join("; ")))
}

/// A step may have committed although its invocation was ended: then everything is as after the plain story.
fn same(plain: &Form, after: &Form) -> bool {
    plain.differences(after, &["told"]).is_empty()
}

/// Whether a failure at the step leads to an undo; a failure of an undo step itself is the reconciler's.
fn can_undo(story: &Story, at: &Point) -> bool {
    !one_way(story, at) && !crate::play::is_undo(&at.name)
}

/// What a failed one-way message to DeploymentService leaves as it was.
const UNDONE_LATER: &[&str] = &["state", "topology", "versions", "counters", "deployments"];

/// Whether the step is of an invocation that nobody waits for. When it fails for good, what it was to do is left
/// undone and the failed invocation tells of it; everything else is as without the fault.
fn one_way(story: &Story, at: &Point) -> bool {
    at.service == crate::lane::DEPLOYMENT
        && (at.service != story.service || at.handler != story.handler)
}
