//! Plays every story with every fault, in lanes, and counts.
//!
//! Not for how a single play goes: see `play`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use faults::Kind;

use crate::judge::{can_undo, judge};
use crate::play::{Played, play};
use crate::report::{Cell, FaultKind, Report, Row};
use crate::{Fault, Lane, Point, Story, Undo};

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
    /// Time after which faults are left out at commands and steps at which an earlier story of the list has the same
    /// kind, but for one of each story and kind; every other fault is played however long it takes. Nothing is left out when absent.
    pub budget: Option<Duration>,
    /// How long a deployment waits for its instances.
    pub ready_timeout: Duration,
    /// Whether each play is told of on standard error.
    pub verbose: bool,
}

/// So short that a deployment without instances has soon failed.
const READY_TIMEOUT: Duration = Duration::from_secs(4);

impl Options {
    /// No faults; `program worker <config>` is the worker.
    pub fn plain(program: PathBuf, lanes: usize) -> Self {
        Self {
            program,
            lanes: lanes.max(1),
            faults: Vec::new(),
            at_most: None,
            budget: None,
            ready_timeout: READY_TIMEOUT,
            verbose: false,
        }
    }
}

/// How often a play is begun whose fault does not come to pass.
const TRIES: usize = 3;

/// One play to be made.
#[derive(Clone)]
struct Job {
    story: usize,
    kind: FaultKind,
    fault: Fault,
    /// Whether it may be left out: an earlier story has the same kind of fault at the same place.
    again: bool,
}

/// Where the results are kept.
pub(crate) struct Board {
    pub(crate) rows: Vec<Row>,
    pub(crate) dry: Vec<Option<Arc<Played>>>,
}

/// Plays the stories: each plain, then every fault. Plays are handed to whichever lane is free.
///
/// # Errors
/// A lane did not start.
pub async fn run(stories: &[Story], options: &Options) -> Result<Report, String> {
    let began = Instant::now();
    let (lanes, board) = plain(stories, options).await?;
    let until = options.budget.map(|budget| began + budget);
    let jobs = plan(stories, options, &mut lock(&board));
    work(&lanes, jobs, stories, options.verbose, until, &board).await?;
    let rows = std::mem::take(&mut lock(&board).rows);
    Ok(Report {
        rows,
        uncovered: Vec::new(),
        seconds: began.elapsed().as_secs_f32(),
    })
}

/// Starts the lanes and plays the stories plain.
///
/// # Errors
/// A lane did not start.
pub(crate) async fn plain(
    stories: &[Story],
    options: &Options,
) -> Result<(Vec<Arc<Lane>>, Arc<Mutex<Board>>), String> {
    let starting = (0..options.lanes)
        .map(|number| Lane::start(&options.program, number, options.ready_timeout));
    let lanes = futures::future::try_join_all(starting).await?;
    let lanes: Vec<Arc<Lane>> = lanes.into_iter().map(Arc::new).collect();
    let board = Arc::new(Mutex::new(Board {
        rows: stories.iter().map(empty).collect(),
        dry: vec![None; stories.len()],
    }));
    let jobs = (0..stories.len()).map(|story| Job {
        story,
        kind: FaultKind::Plain,
        fault: Fault::None,
        again: false,
    });
    let jobs = jobs.collect();
    work(&lanes, jobs, stories, options.verbose, None, &board).await?;
    Ok((lanes, board))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn empty(story: &Story) -> Row {
    Row {
        story: story.name.to_owned(),
        handler: format!("{}/{}", story.service, story.handler),
        commands: 0,
        steps: 0,
        seconds: 0.0,
        cells: BTreeMap::new(),
    }
}

async fn work(
    lanes: &[Arc<Lane>],
    jobs: VecDeque<Job>,
    stories: &[Story],
    verbose: bool,
    until: Option<Instant>,
    board: &Arc<Mutex<Board>>,
) -> Result<(), String> {
    let queue = Arc::new(Mutex::new(jobs));
    let mut workers = tokio::task::JoinSet::new();
    for lane in lanes {
        let (lane, queue, board) = (lane.clone(), queue.clone(), board.clone());
        let stories = stories.to_vec();
        workers.spawn(async move {
            loop {
                let Some(job) = lock(&queue).pop_front() else {
                    return;
                };
                let began = Instant::now();
                if job.again && until.is_some_and(|until| began > until) {
                    let mut board = lock(&board);
                    let cell = board.rows[job.story].cells.entry(job.kind.name());
                    let cell = cell.or_default();
                    cell.wanted -= 1;
                    cell.left_out += 1;
                    continue;
                }
                let story = &stories[job.story];
                let dry = lock(&board).dry[job.story].clone();
                let mut tries = 0;
                // a fault that did not come to pass shows nothing: the story is played again
                let (cell, played) = loop {
                    let ended = attempt(&lane, story, &job.fault, dry.as_deref(), verbose).await;
                    tries += 1;
                    if tries == TRIES || ended.0.tried > 0 || !ended.0.broken.is_empty() {
                        break ended;
                    }
                };
                let mut board = lock(&board);
                let row = &mut board.rows[job.story];
                row.seconds += began.elapsed().as_secs_f32();
                row.cells.entry(job.kind.name()).or_default().add(cell);
                if let (FaultKind::Plain, Some(played)) = (job.kind, played) {
                    row.commands = played.points.iter().filter(|p| p.kind.is_command()).count();
                    row.steps = played.points.len() - row.commands;
                    board.dry[job.story] = Some(Arc::new(played));
                }
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Every fault of every story whose plain play was as it must be: first those at places no earlier story has and one of
/// each kind and story, then the rest, mixed, so that whatever is left out is spread over all.
fn plan(stories: &[Story], options: &Options, board: &mut Board) -> VecDeque<Job> {
    let (mut jobs, mut again) = (Vec::new(), Vec::new());
    let mut known = BTreeSet::new();
    for (index, story) in stories.iter().enumerate() {
        let Some(dry) = board.dry[index].clone() else {
            continue;
        };
        for kind in options.faults.iter().filter(|k| **k != FaultKind::Plain) {
            let faults = thinned(faults_of(*kind, story, &dry), options.at_most);
            let cell = Cell {
                wanted: faults.len(),
                ..Cell::default()
            };
            board.rows[index].cells.insert(kind.name(), cell);
            let mut firsts: Vec<bool> = faults
                .iter()
                .map(|fault| place_of(fault).is_none_or(|p| known.insert((*kind, p))))
                .collect();
            // a story has one of every kind, also where others have shown all its places
            let middle = firsts.len() / 2;
            if let (false, Some(one)) = (firsts.contains(&true), firsts.get_mut(middle)) {
                *one = true;
            }
            for (fault, first) in faults.into_iter().zip(firsts) {
                let job = Job {
                    story: index,
                    kind: *kind,
                    fault,
                    again: !first,
                };
                if first { &mut jobs } else { &mut again }.push(job);
            }
        }
    }
    let mut mixed: Vec<(usize, Job)> = again.into_iter().enumerate().collect();
    // multiplicative hashing by the golden ratio: the same order in every run
    mixed.sort_by_key(|(i, _)| (*i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    jobs.extend(mixed.into_iter().map(|(_, job)| job));
    jobs.into()
}

/// What makes two faults of a kind the same one, whichever story they are of.
fn place_of(fault: &Fault) -> Option<(String, String, usize, String, String)> {
    let point = fault.point()?;
    let (service, handler) = (point.service.clone(), point.handler.clone());
    let kind = point.kind.to_string();
    Some((service, handler, point.index, kind, point.name.clone()))
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
        // a handler that awaits nothing never lets go of its stream
        FaultKind::Suspend => {
            let kinds = [Kind::RUN, Kind::CALL, Kind::SLEEP];
            let waits = dry.points.iter().any(|p| kinds.contains(&p.kind));
            let services: BTreeSet<String> = dry.points.iter().map(|p| p.service.clone()).collect();
            let fault = Fault::Suspend(services.into_iter().collect());
            waits.then_some(fault).into_iter().collect()
        }
    }
}

/// One play, judged and counted; with it, when everything was as it must be.
async fn attempt(
    lane: &Lane,
    story: &Story,
    fault: &Fault,
    dry: Option<&Played>,
    verbose: bool,
) -> (Cell, Option<Played>) {
    let began = Instant::now();
    let mut cell = Cell {
        wanted: usize::from(matches!(fault, Fault::None)),
        ..Cell::default()
    };
    let played = match play(lane, story, fault).await {
        Ok(played) => played,
        Err(error) => {
            cell.tried += 1;
            cell.broken.push(format!("{}: {error}", place(fault)));
            if verbose {
                eprintln!("{:24} {:60} BROKEN {error}", story.name, place(fault));
            }
            // the next play must not meet the rest of this one
            let _cleared = lane.tell_worker("clear");
            lane.sweep().await;
            return (cell, None);
        }
    };
    let verdict = judge(story, fault, dry, &played);
    if verbose {
        let word = match (&verdict, played.happened) {
            (Err(_), _) => "BROKEN",
            (Ok(()), true) => "survived",
            (Ok(()), false) => "did not happen",
        };
        let failure = played
            .failure
            .as_ref()
            .map_or(String::new(), |(status, _)| format!(" ({status})"));
        eprintln!(
            "{:24} {:60} {word}{failure} {:.2} s, {:.2} s of it for the world",
            story.name,
            place(fault),
            began.elapsed().as_secs_f32(),
            played.prepared.as_secs_f32()
        );
    }
    cell.undos += played.undos;
    cell.invariants += played.invariants;
    cell.effects += played.effects;
    cell.tried += usize::from(played.happened);
    match verdict {
        Ok(()) => {
            cell.survived += usize::from(played.happened);
            (cell, Some(played))
        }
        Err(broken) => {
            cell.broken.push(format!("{}: {broken}", place(fault)));
            (cell, None)
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
        Fault::Upgrade(at, ends) => format!("upgraded at {at}, ends at the {ends}"),
        Fault::Suspend(_) => "always suspending".to_owned(),
    }
}
