//! A fault put in force before the request is sent.
//!
//! Not for whether it then happened: see `play`.

use std::sync::{Arc, Mutex, PoisonError};

use faults::{Cut, CutHandle, Kind, Seen};

use crate::upgrade::Ends;
use crate::{Fault, Lane, Point, Scene};

/// Undo steps that may follow a failure; the names of the services' own constants. A service with an undo adds its own.
pub(crate) const UNDO_STEPS: &[&str] = &[
    "undo: stop topology",
    "undo: mark failed",
    "undo: forget wait",
    "withdraw",
];

/// A fault put in force.
pub(crate) enum Armed {
    Nothing,
    Stream(CutHandle),
    Kill(CutHandle, Arc<Mutex<Option<u32>>>),
    Upgrade(CutHandle, Arc<Mutex<Option<u32>>>, Ends),
    Step(Point),
    Suspending,
}

pub(crate) async fn arm(lane: &Lane, scene: &Scene, fault: &Fault) -> Result<Armed, String> {
    let rule = |kind: &str, step: &str, key: &str| {
        lane.tell_worker(&format!("add\t{kind}\t1\t{step}\t{key}"))
    };
    let undo = |kind: &str| -> Result<(), String> {
        for step in UNDO_STEPS {
            rule(kind, step, "")?;
        }
        Ok(())
    };
    Ok(match fault {
        Fault::None => Armed::Nothing,
        Fault::Kill(point) => {
            let (handle, killed) = kill(lane, cut(scene, point));
            Armed::Kill(handle, killed)
        }
        Fault::Upgrade(point, ends) => {
            let (handle, killed) = kill(lane, cut(scene, point));
            Armed::Upgrade(handle, killed, *ends)
        }
        Fault::Cut(point) | Fault::Lost(point) => Armed::Stream(lane.proxy.cut(cut(scene, point))),
        Fault::Cancel(point) => {
            let admin = lane.admin();
            let cut = cut(scene, point).doing(move |seen: Seen| {
                let admin = admin.clone();
                async move {
                    // seen in the result: an invocation that was not cancelled ends like the plain one
                    if let Err(error) = admin.cancel(&seen.invocation).await {
                        eprintln!("cancel {}: {error}", seen.invocation);
                    }
                }
            });
            Armed::Stream(lane.proxy.cut(cut))
        }
        Fault::Transient(point) => {
            rule("transient", &point.name, scene.real(&point.key))?;
            Armed::Step(point.clone())
        }
        Fault::Terminal(point) => {
            rule("terminal", &point.name, scene.real(&point.key))?;
            Armed::Step(point.clone())
        }
        Fault::UndoTwice(point) => {
            rule("terminal", &point.name, scene.real(&point.key))?;
            undo("lost")?;
            Armed::Step(point.clone())
        }
        Fault::UndoFails(point) => {
            rule("terminal", &point.name, scene.real(&point.key))?;
            undo("transient")?;
            Armed::Step(point.clone())
        }
        Fault::Suspend(services) => {
            inactivity(lane, services, Some("0s")).await?;
            Armed::Suspending
        }
    })
}

fn cut(scene: &Scene, point: &Point) -> Cut {
    let cut = if point.kind == Kind::RUN_RESULT {
        Cut::run_result(&point.service, &point.handler, &point.name)
    } else {
        Cut::command(&point.service, &point.handler, point.index)
    };
    if point.key.is_empty() {
        return cut;
    }
    cut.of_key(scene.real(&point.key))
}

/// The worker is killed (SIGKILL) at the cut, and its end awaited.
fn kill(lane: &Lane, cut: Cut) -> (CutHandle, Arc<Mutex<Option<u32>>>) {
    let (slot, killed) = (lane.worker.clone(), Arc::new(Mutex::new(None)));
    let (pid, struck) = (killed.clone(), lane.struck.clone());
    let cut = cut.doing(move |seen| {
        let (slot, pid, struck) = (slot.clone(), pid.clone(), struck.clone());
        async move {
            *struck.lock().unwrap_or_else(PoisonError::into_inner) = seen.invocation;
            let victim = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            *pid.lock().unwrap_or_else(PoisonError::into_inner) = victim.as_ref().map(|v| v.pid());
            drop(victim);
        }
    });
    (lane.proxy.cut(cut), killed)
}

/// Sets the inactivity timeout of these services of the worker, or what the worker itself asks for.
pub(crate) async fn inactivity(
    lane: &Lane,
    services: &[String],
    timeout: Option<&str>,
) -> Result<(), String> {
    let chosen = |(name, _): &&(String, _)| services.contains(name);
    for (service, own) in lane.services.iter().filter(chosen) {
        let timeout = timeout.map_or(own.clone(), Into::into);
        let settings = serde_json::json!({ "inactivity_timeout": timeout });
        let patched = lane.admin().patch_service(service, &settings).await;
        patched.map_err(|e| e.to_string())?;
    }
    Ok(())
}
