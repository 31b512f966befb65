//! What is worth telling while a deployment is followed: the difference of two snapshots as events,
//! and their words. Pure.

use serde::Serialize;

use crate::read::{Region, Route, Snapshot};
use crate::text;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The row is written.
    Created {
        deployment_id: String,
        app: String,
        environment: String,
        /// Unless it is to be built.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<String>,
        /// The image, or `owner/name@branch-or-commit`.
        source: String,
    },
    /// Restate has it.
    Sent { invocation_id: String },
    /// A step began.
    StepStarted { step: String },
    /// A step ended well.
    StepDone { step: String, seconds: f64 },
    /// A step failed; the text is for customers.
    StepFailed { step: String, error: String },
    /// A region changed.
    Region {
        #[serde(flatten)]
        region: Region,
    },
    /// A step of the build ended.
    BuildStep {
        step_id: String,
        name: String,
        seconds: Option<f64>,
        cached: bool,
        error: Option<String>,
    },
    /// The build wrote something.
    BuildLine { step_id: String, message: String },
    /// Restate tries the worker again.
    Retrying {
        invocation_id: String,
        retries: u64,
        failure: Option<String>,
    },
    /// It is over.
    End {
        deployment_id: String,
        status: String,
        live: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        routes: Vec<Route>,
    },
}

/// Statuses in which nothing more happens by itself.
pub(crate) fn ended(status: &str) -> bool {
    matches!(
        status,
        "ready" | "failed" | "skipped" | "stopped" | "awaiting_approval"
    )
}

/// What happened between two looks.
pub(crate) fn difference(before: Option<&Snapshot>, now: &Snapshot) -> Vec<Event> {
    let mut events = Vec::new();
    for step in &now.steps {
        let known =
            before.and_then(|before| before.steps.iter().find(|other| other.name == step.name));
        if known.is_none_or(|known| known.started_at != step.started_at) {
            events.push(Event::StepStarted {
                step: step.name.clone(),
            });
        }
        let ended_before = known.is_some_and(|known| known.ended_at.is_some());
        match (step.ended_at, &step.error) {
            (Some(_), _) if ended_before => {}
            (Some(_), Some(error)) => {
                events.push(Event::StepFailed {
                    step: step.name.clone(),
                    error: error.clone(),
                });
            }
            (Some(ended), None) => {
                let seconds = ended.saturating_sub(step.started_at) as f64 / 1000.0;
                events.push(Event::StepDone {
                    step: step.name.clone(),
                    seconds,
                });
            }
            (None, _) => {}
        }
    }
    for region in &now.regions {
        let known = before.and_then(|before| {
            before
                .regions
                .iter()
                .find(|other| other.name == region.name)
        });
        if known != Some(region) {
            events.push(Event::Region {
                region: region.clone(),
            });
        }
    }
    // Regions are told while their step is open: before it is said to be done.
    events.sort_by_key(|event| match event {
        Event::StepStarted { .. } => 0,
        Event::Region { .. } => 1,
        _ => 2,
    });
    events
}

/// The last event of a deployment.
pub(crate) fn end(now: &Snapshot, error: Option<String>) -> Event {
    Event::End {
        deployment_id: now.deployment_id.clone(),
        status: now.status.clone(),
        live: now.live,
        error,
        routes: now.routes.clone(),
    }
}

/// Why a deployment failed, as far as the database tells: the public texts of its steps.
pub(crate) fn public_reason(now: &Snapshot) -> Option<String> {
    let texts: Vec<&str> = now
        .steps
        .iter()
        .filter_map(|step| step.error.as_deref())
        .filter(|text| !text.is_empty())
        .collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// Enough of a digest to tell the steps of one build apart.
fn short(step_id: &str) -> &str {
    let digest = step_id.rsplit(':').next().unwrap_or(step_id);
    digest.get(..6).unwrap_or(digest)
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Created {
                deployment_id,
                app,
                environment,
                source,
                ..
            } => {
                write!(f, "{deployment_id}  {source} to {environment} of {app}")
            }
            Self::Sent { invocation_id } => write!(f, "  handed to Restate as {invocation_id}"),
            Self::StepStarted { step } => write!(f, "  {step} …"),
            Self::StepDone { step, seconds } => write!(f, "  {step} done in {seconds:.2} s"),
            Self::StepFailed { step, error } if error.is_empty() => write!(f, "  {step} failed"),
            Self::StepFailed { step, error } => write!(f, "  {step} failed: {error}"),
            Self::Region { region } => write!(f, "    {region}"),
            Self::BuildStep {
                step_id,
                name,
                seconds,
                cached,
                error,
            } => {
                write!(f, "    {} {}", short(step_id), text::one_line(name))?;
                match (error, cached, seconds) {
                    (Some(error), ..) => write!(f, " failed: {}", text::one_line(error)),
                    (None, true, _) => write!(f, ", cached"),
                    (None, false, Some(seconds)) => write!(f, ", done in {seconds:.2} s"),
                    (None, false, None) => write!(f, ", done"),
                }
            }
            Self::BuildLine { step_id, message } => {
                let mut between = "";
                text::lines(message).try_for_each(|line| {
                    write!(f, "{between}    {} \u{2502} {line}", short(step_id))?;
                    between = "\n";
                    Ok(())
                })
            }
            Self::Retrying {
                retries, failure, ..
            } => {
                write!(f, "  Restate tries again ({retries} attempts so far)")?;
                failure
                    .as_ref()
                    .map_or(Ok(()), |failure| write!(f, ": {failure}"))
            }
            Self::End {
                deployment_id,
                status,
                live,
                routes,
                ..
            } => {
                write!(
                    f,
                    "{deployment_id} is {status}{}",
                    if *live { " and live" } else { "" }
                )?;
                routes.iter().try_for_each(|route| {
                    write!(f, "\n  https://{}  ({})", route.host, route.sticky)
                })
            }
        }
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            desired,
            wanted,
            running,
            pending,
            failed,
            sentinel,
        } = self;
        write!(f, "{name}: {running} of {wanted} running")?;
        for (count, word) in [(pending, "pending"), (failed, "failed")] {
            if *count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        if let Some(health) = sentinel {
            write!(f, ", sentinel {health}")?;
        }
        if desired == "stopped" {
            write!(f, ", to be stopped")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Step;

    fn snapshot() -> Snapshot {
        Snapshot {
            deployment_id: "d_1".to_owned(),
            app_id: "app_1".to_owned(),
            environment: "production".to_owned(),
            image: Some("img:1".to_owned()),
            branch: None,
            commit: None,
            status: "deploying".to_owned(),
            desired_state: "running".to_owned(),
            live: false,
            rolled_back: false,
            steps: Vec::new(),
            regions: Vec::new(),
            routes: Vec::new(),
            invocation_id: None,
        }
    }

    fn step(name: &str, ended_at: Option<u64>, error: Option<&str>) -> Step {
        Step {
            name: name.to_owned(),
            started_at: 1000,
            ended_at,
            error: error.map(str::to_owned),
        }
    }

    fn words(events: &[Event]) -> Vec<String> {
        events.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_change_is_told_once_and_regions_before_the_end_of_their_step() {
        let mut first = snapshot();
        first.steps = vec![step("deploying", None, None)];
        assert_eq!(words(&difference(None, &first)), ["  deploying …"]);
        assert!(difference(Some(&first), &first).is_empty());

        let mut second = first.clone();
        second.steps = vec![
            step("deploying", Some(2500), None),
            step("network", None, None),
        ];
        second.regions = vec![Region {
            name: "eu".to_owned(),
            desired: "running".to_owned(),
            wanted: 2,
            running: 1,
            pending: 1,
            sentinel: Some("healthy".to_owned()),
            ..Region::default()
        }];
        assert_eq!(
            words(&difference(Some(&first), &second)),
            [
                "  network …",
                "    eu: 1 of 2 running, 1 pending, sentinel healthy",
                "  deploying done in 1.50 s"
            ]
        );
    }

    #[test]
    fn a_failure_names_the_step_and_keeps_the_words() {
        let mut now = snapshot();
        now.steps = vec![
            step("starting", Some(1100), None),
            step("deploying", Some(2000), Some("No region became healthy.")),
        ];
        assert_eq!(
            words(&difference(None, &now))[2..],
            [
                "  starting done in 0.10 s".to_owned(),
                "  deploying failed: No region became healthy.".to_owned()
            ]
        );
        assert_eq!(
            public_reason(&now).as_deref(),
            Some("No region became healthy.")
        );
    }

    #[test]
    fn json_events_carry_their_name() {
        let event = Event::StepDone {
            step: "network".to_owned(),
            seconds: 0.5,
        };
        let json = serde_json::to_value(event).expect("json");
        assert_eq!(
            json,
            serde_json::json!({"event": "step_done", "step": "network", "seconds": 0.5})
        );
        let region = Event::Region {
            region: Region {
                name: "eu".to_owned(),
                wanted: 1,
                ..Region::default()
            },
        };
        assert_eq!(serde_json::to_value(region).expect("json")["name"], "eu");
    }
}
