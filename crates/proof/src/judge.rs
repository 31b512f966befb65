//! Whether a play ended as it must: like the plain one, or taken back.
//!
//! Not for what holds in every world (see `invariants`).

use crate::play::Played;
use crate::{Fault, Form, Point, Story, Undo};

/// Whether the play ended as it must.
pub(crate) fn judge(
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
        let mut without = Vec::new();
        if let Fault::Terminal(at) = fault
            && one_way(story, at)
        {
            without.extend(UNDONE_LATER.iter().chain(story.may_change));
        }
        if let Some(at) = fault.point().filter(|_| injected) {
            let dispensable = story
                .dispensable
                .iter()
                .filter(|(step, _)| *step == at.name);
            without.extend(dispensable.flat_map(|(_, sections)| *sections));
        }
        let differences = dry.after.differences(&played.after, &without);
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
pub(crate) fn can_undo(story: &Story, at: &Point) -> bool {
    // nothing is taken back of what goes on without the step
    let without = |(step, _): &(&str, &[&str])| *step == at.name;
    let goes_on = story.fails_with.is_none() && story.dispensable.iter().any(without);
    !goes_on && !one_way(story, at) && !crate::play::is_undo(&at.name)
}

/// What a failed one-way message to DeploymentService leaves as it was.
const UNDONE_LATER: &[&str] = &["state", "topology", "versions", "counters", "deployments"];

/// Whether the step is of an invocation that nobody waits for. When it fails for good, what it was to do is left
/// undone and the failed invocation tells of it; everything else is as without the fault.
fn one_way(story: &Story, at: &Point) -> bool {
    (at.service == crate::lane::DEPLOYMENT || story.one_way.contains(&at.service.as_str()))
        && (at.service != story.service || at.handler != story.handler)
}
