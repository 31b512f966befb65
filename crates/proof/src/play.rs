//! One play: a story in a fresh scene with at most one fault, and the proof that the fault happened.
//!
//! Not for which faults there are to try: see `runner`.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use faults::{CutHandle, Kind, Seen};
use restate_api::ApiError;

use crate::armed::{Armed, UNDO_STEPS, arm, inactivity};
use crate::lane::patience;
use crate::{Fault, Form, Lane, Point, Scene, Story, effects, invariants, journal};

/// How a play ended.
#[derive(Debug)]
pub struct Played {
    /// Status and text of the failure, if the request failed.
    pub failure: Option<(u16, String)>,
    /// Before the request.
    pub before: Form,
    /// At rest after it.
    pub after: Form,
    /// Commands and run results of the world's invocations, each once, in order.
    pub points: Vec<Point>,
    /// Effects that were seen outside.
    pub effects: usize,
    /// Time it took to make the world.
    pub prepared: Duration,
    /// Undo steps whose bodies ran, counted with repetition.
    pub undos: usize,
    /// Invariants that were looked at and held.
    pub invariants: usize,
    /// Whether the fault really happened where it was wanted.
    pub happened: bool,
    /// Commands of the covered handler's first invocation, in order.
    pub journal: Vec<String>,
    /// What is broken, if anything.
    pub broken: Option<String>,
}

/// The step that ends a build at the builder; where it fails for good, the sweep of builds ends it.
const FINISH_BUILD: &str = "finish build";

/// Plays a story with a fault.
///
/// # Errors
/// The play could not be carried out, or something was left in flight.
pub(crate) async fn play(lane: &Lane, story: &Story, fault: &Fault) -> Result<Played, String> {
    lane.dress(story.authority);
    lane.revive()?;
    let began = Instant::now();
    let scene = (story.prepare)(lane).await;
    lane.quiet(scene.beside.as_deref()).await?;
    lane.outside.forget();
    let before = Form::read(lane, story, &scene).await?;
    lane.proxy.forget();
    if let Some(late) = &scene.late {
        scene.hold_instances(late);
    }
    let prepared = began.elapsed();
    let armed = arm(lane, &scene, fault).await?;
    let result = request(lane, story, &scene, &armed).await;
    let happened = proof(lane, &scene, fault, armed).await?;
    lane.revive()?;
    if let Some(beside) = &scene.beside {
        if let Some((_, id)) = scene
            .deployments
            .iter()
            .find(|(role, _)| *role == "<subject>")
        {
            scene.let_instances_start(id);
        }
        let ended = lane.ingress().attach(beside).await;
        ended.map_err(|e| format!("the invocation beside it failed: {e}"))?;
    }
    lane.quiet(None).await?;
    if let Fault::Terminal(at) | Fault::UndoTwice(at) | Fault::UndoFails(at) = fault
        && (is_undo(&at.name) || at.name == FINISH_BUILD)
    {
        let app = &scene.app.app_id;
        if at.name == FINISH_BUILD {
            // whose own Deploy is none of the story has ended for as long as the sweep takes
            let sql = "UPDATE deployments SET status = 'failed', updated_at = 1 WHERE app_id = ? AND status = 'building'";
            lane.execute(sql, &[app]).await;
        }
        reconciled(lane, &scene).await;
        if at.name == FINISH_BUILD {
            let sql = "UPDATE deployments SET status = 'building' WHERE app_id = ? AND status = 'failed' AND updated_at = 1";
            lane.execute(sql, &[app]).await;
        }
    }
    let mut after = Form::read(lane, story, &scene).await?;
    let told = after.effects();
    let repeated = effects::once(story, fault, &mut after);
    let failure = match result {
        Ok(()) => None,
        Err(error) => Some((
            error.status().unwrap_or_default(),
            error.message().unwrap_or_default().to_owned(),
        )),
    };
    let mut played = Played {
        failure,
        before,
        points: points(lane, story, &scene),
        effects: told,
        prepared,
        undos: undos(lane),
        after,
        invariants: 0,
        happened,
        journal: journal::of(lane, story, &scene),
        broken: None,
    };
    match invariants::check(lane, &scene, &played.before).await {
        // and that no effect was seen twice
        Ok(count) => played.invariants += count + 1,
        Err(broken) => played.broken = Some(broken),
    }
    if let Err(repeated) = repeated {
        played.broken = Some(repeated);
    }
    let status = played.failure.as_ref().map(|(status, _)| *status);
    // a one-way message that fails for good leaves something undone; the comparison says what may be
    let whole = match fault {
        Fault::Terminal(_) => false,
        // who ends the build then knows only that nobody wants it
        Fault::UndoTwice(at) | Fault::UndoFails(at) => at.name != FINISH_BUILD,
        _ => true,
    };
    if played.broken.is_none() && whole && status == story.fails_with {
        match (story.holds)(lane, &scene).await {
            Ok(count) => played.invariants += count,
            Err(broken) => played.broken = Some(broken),
        }
    }
    for agent in scene.agents {
        agent.stop().await;
    }
    Ok(played)
}

/// What fails for good on the way to an end is finished by the reconciler, or by the sweep of builds: waits until nothing
/// is in work any more, or too long.
async fn reconciled(lane: &Lane, scene: &Scene) {
    let until = Instant::now() + patience() / 4;
    let sql = "SELECT d.id AS t FROM deployments d LEFT JOIN deployment_topology t ON t.deployment_id = d.id
               LEFT JOIN ctrl_worker_builds b ON b.deployment_id = d.id
               WHERE d.app_id = ? AND (d.status IN ('starting','building','deploying','network','finalizing')
                 OR d.status = 'failed' AND t.desired_status = 'running' OR b.finished_at IS NULL AND b.build_id IS NOT NULL)";
    while Instant::now() < until && !lane.texts(sql, &[&scene.app.app_id]).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How often what backs off after a cut is looked for.
const LOOKS: usize = 25;

/// Sends the request, lets late instances start once they are waited for or the fault has happened, and waits for
/// the end. A worker that was killed is followed by another.
async fn request(lane: &Lane, story: &Story, scene: &Scene, armed: &Armed) -> Result<(), ApiError> {
    let invocation = lane.send(&scene.request).await?;
    let ingress = lane.ingress();
    let end = ingress.attach(&invocation);
    let watch = async {
        let mut late = scene.late.as_ref();
        let (mut revived, mut looks) = (false, 0);
        loop {
            let cut = match armed {
                Armed::Stream(handle) | Armed::Kill(handle, _) | Armed::Upgrade(handle, ..) => {
                    !handle.happened().is_empty()
                }
                _ => false,
            };
            if cut && !revived {
                match armed {
                    Armed::Kill(..) => drop(
                        lane.revive()
                            .unwrap_or_else(|e| panic!("another worker: {e}")),
                    ),
                    Armed::Upgrade(_, _, ends) => lane.succeed(*ends).await,
                    _ => {}
                }
                revived = true;
            }
            if cut && looks < LOOKS {
                // Restate would wait for half a second before it calls again
                looks += 1;
                lane.resume().await;
            }
            let sleeps = || -> BTreeSet<Option<usize>> {
                let of = |s: &Seen| s.kind == Kind::SLEEP && s.handler == story.handler;
                let all = lane.proxy.journal();
                all.into_iter().filter(of).map(|s| s.index).collect()
            };
            if let Some(id) = late
                && (cut || sleeps().len() > scene.sleeps_before)
            {
                scene.let_instances_start(id);
                late = None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        answer = end => answer.map(drop),
        () = watch => unreachable!("it watches for ever"),
    }
}

/// Whether the fault happened. A one-way message behind the request may still be on its way to it.
async fn proof(lane: &Lane, scene: &Scene, fault: &Fault, armed: Armed) -> Result<bool, String> {
    let happened = match armed {
        Armed::Nothing => true,
        Armed::Stream(handle) => occurred(lane, scene, &handle).await,
        Armed::Kill(handle, killed) | Armed::Upgrade(handle, killed, _) => {
            let cut = occurred(lane, scene, &handle).await;
            let successor = lane.revive()?;
            let killed = *killed.lock().unwrap_or_else(PoisonError::into_inner);
            cut && killed.is_some_and(|pid| pid != successor)
        }
        Armed::Step(point) => {
            lane.quiet(scene.beside.as_deref()).await?;
            let hits = lane.tell_worker("hits")?;
            lane.tell_worker("clear")?;
            let undone = hits
                .iter()
                .filter(|h| is_undo(h.split('\t').next().unwrap_or_default()))
                .count();
            let wants_undo = matches!(fault, Fault::UndoTwice(_) | Fault::UndoFails(_));
            hits.iter()
                .any(|h| h.split('\t').next() == Some(&point.name))
                && (!wants_undo || undone > 0)
        }
        Armed::Suspending => {
            lane.quiet(scene.beside.as_deref()).await?;
            if let Fault::Suspend(services) = fault {
                inactivity(lane, services, None).await?;
            }
            let suspended = |s: &Seen| s.kind == Kind::SUSPENSION;
            lane.proxy.journal().iter().any(suspended)
        }
    };
    Ok(happened)
}

/// Waits until the cut happened or nothing is in flight that could lead to it.
async fn occurred(lane: &Lane, scene: &Scene, handle: &CutHandle) -> bool {
    let until = Instant::now() + patience();
    while handle.happened().is_empty() && Instant::now() < until {
        if let Some(seen) = handle.wait(Duration::from_millis(20)).await {
            return !seen.invocation.is_empty();
        }
        let ids = scene.beside.as_deref().unwrap_or_default();
        let sql = format!(
            "SELECT id FROM sys_invocation WHERE status NOT IN ('completed', 'scheduled') AND id <> {} LIMIT 1",
            restate_api::quoted(ids)
        );
        match lane.admin().query(&sql).await {
            Ok(rows) if rows.is_empty() => break,
            _ => {}
        }
    }
    !handle.happened().is_empty()
}

pub(crate) fn is_undo(step: &str) -> bool {
    UNDO_STEPS.contains(&step)
}

fn undos(lane: &Lane) -> usize {
    let ran = |s: &&Seen| s.kind == Kind::RUN_RESULT && is_undo(&s.name);
    lane.proxy.journal().iter().filter(ran).count()
}

fn points(lane: &Lane, story: &Story, scene: &Scene) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let keys: Vec<&str> = scene.names.iter().map(|(_, p)| p.as_str()).collect();
    for seen in lane.proxy.journal() {
        let Some(index) = seen.index else { continue };
        let key = scene.nameless(&seen.key);
        let keyless = key.is_empty() && seen.service == story.service;
        if !keyless && !keys.contains(&key.as_str()) {
            continue;
        }
        let point = Point {
            service: seen.service,
            handler: seen.handler,
            key,
            index,
            kind: seen.kind,
            name: seen.name,
        };
        if !points.contains(&point) {
            points.push(point);
        }
    }
    points
}
