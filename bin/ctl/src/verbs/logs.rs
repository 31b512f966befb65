//! `ctl logs`: the steps of a deployment and what its build wrote, once or until the deployment ends.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use analytics::{Analytics, AnalyticsError, BuildOf};

use crate::access::{Access, clickhouse};
use crate::cli::Logs;
use crate::failure::Failure;
use crate::follow;
use crate::log::{Entry, Position, of_steps, sort};
use crate::output::Output;
use crate::progress::ended;
use crate::read::{self, Snapshot};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(400);
/// The worker writes the lines of a build within this time; what follows the build is told after them.
const WRITTEN: Duration = Duration::from_secs(3);
/// A deployment that ended so long ago has nothing to be waited for, milliseconds; clocks may differ.
const LONG_AGO: u64 = 60_000;
/// Longest ClickHouse may take for a log.
const ANSWER: Duration = Duration::from_secs(60);

/// What is read, and how far.
struct Reader<'a> {
    access: &'a Access,
    store: Option<Analytics>,
    workspace_id: String,
    project_id: String,
    position: Position,
}

pub(crate) async fn run(access: &Access, output: Output, logs: Logs) -> Result<(), Failure> {
    let store = clickhouse(&logs.store, ANSWER)?;
    let row = read::deployment(&access.db, &logs.deployment).await?;
    let position = match &logs.cursor {
        Some(file) => load(file, &row.id)?,
        None => Position::of(&row.id),
    };
    if store.is_none() {
        eprintln!(
            "only the steps of the deployment: set CTRL_CLICKHOUSE or --clickhouse for what its build wrote"
        );
    }
    let mut reader = Reader {
        access,
        store,
        workspace_id: row.workspace_id,
        project_id: row.project_id,
        position,
    };
    if !logs.follow {
        let (_, entries) = reader.look(true, |_| true).await?;
        reader.tell(output, entries, logs.cursor.as_deref())?;
        return Ok(());
    }
    let follow = reader.follow(output, &logs);
    match &logs.cursor {
        None => follow.await,
        // ends between two looks, so that what was printed is in the file
        Some(file) => tokio::select! {
            done = follow => done,
            _ = tokio::signal::ctrl_c() => Err(Failure::StillRunning(format!(
                "stopped; the same command goes on where {} says", file.display()
            ))),
        },
    }
}

impl Reader<'_> {
    /// Looks again and again until the deployment has ended and all is told. What cannot be reached in between is waited
    /// for.
    async fn follow(&mut self, output: Output, logs: &Logs) -> Result<(), Failure> {
        let started = Instant::now();
        let timeout = Duration::from_secs(logs.patience.timeout);
        // what was unreachable last, and since when the build is over
        let (mut away, mut reached, mut built) = (String::new(), false, None::<Instant>);
        loop {
            let waits = self.store.is_some();
            let looked = self
                .look(false, |now| !waits || is_written(now, &mut built))
                .await;
            match looked {
                Ok((now, entries)) => {
                    (reached, away) = (true, String::new());
                    if !self.tell(output, entries, logs.cursor.as_deref())? {
                        return Ok(());
                    }
                    if ended(&now.status) && (!waits || is_written(&now, &mut built)) {
                        // rows may have come out of turn: this time all are looked at
                        if let Ok((_, late)) = self.look(true, |_| true).await {
                            self.tell(output, late, logs.cursor.as_deref())?;
                        }
                        return match now.status.as_str() {
                            // asleep since: it was ready
                            "stopped" => Ok(()),
                            _ => follow::over(self.access, output, &now).await,
                        };
                    }
                }
                Err(Failure::Unreachable(why)) if reached => {
                    if away != why {
                        eprintln!("waiting: {why}");
                        away = why;
                    }
                }
                Err(failure) => return Err(failure),
            }
            if started.elapsed() >= timeout {
                let id = &self.position.deployment_id;
                return Err(Failure::StillRunning(format!(
                    "{id} has not ended after {} s; it goes on, follow it with `ctl logs {id} --follow`",
                    timeout.as_secs()
                )));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The deployment now, and what of its log was not told yet. `with_end` says whether what comes after the build is
    /// told already.
    async fn look(
        &mut self,
        whole: bool,
        with_end: impl FnOnce(&Snapshot) -> bool,
    ) -> Result<(Snapshot, Vec<Entry>), Failure> {
        // the rows of the build after the deployment's: what these say is over is in them, or on its way
        let now = read::snapshot(&self.access.db, &self.position.deployment_id).await?;
        let mut entries = of_steps(&now.steps, with_end(&now));
        if let Some(store) = &self.store {
            let of = BuildOf {
                workspace_id: &self.workspace_id,
                project_id: &self.project_id,
                deployment_id: &self.position.deployment_id,
            };
            let since = self.position.since(whole);
            let steps = store.build_steps(of, since).await.map_err(unreachable)?;
            entries.extend(steps.into_iter().map(Entry::from));
            store
                .build_lines(of, since, |line| entries.push(line.into()))
                .await
                .map_err(unreachable)?;
        }
        let mut entries = self.position.untold(entries);
        sort(&mut entries);
        Ok((now, entries))
    }

    /// Prints, and keeps the position. `false` when nobody reads any more.
    fn tell(
        &self,
        output: Output,
        entries: Vec<Entry>,
        cursor: Option<&Path>,
    ) -> Result<bool, Failure> {
        let listened = entries.iter().all(|entry| output.tell(entry));
        match cursor {
            Some(file) if listened && !entries.is_empty() => save(file, &self.position)?,
            _ => {}
        }
        Ok(listened)
    }
}

/// Whether all that the build wrote should be in the store by now.
fn is_written(now: &Snapshot, built: &mut Option<Instant>) -> bool {
    let over = now.ended_at("building").or_else(|| {
        let last = now.steps.iter().filter_map(|step| step.ended_at).max();
        last.filter(|_| ended(&now.status))
    });
    let Some(over) = over else {
        return ended(&now.status);
    };
    let clock = u64::try_from(mysql::now_ms()).unwrap_or_default();
    let since = *built.get_or_insert_with(Instant::now);
    over.saturating_add(LONG_AGO) < clock || since.elapsed() >= WRITTEN
}

fn unreachable(error: AnalyticsError) -> Failure {
    Failure::Unreachable(format!(
        "ClickHouse: {error}\nis the server up, and CTRL_CLICKHOUSE (or --clickhouse) right?"
    ))
}

fn load(file: &Path, deployment_id: &str) -> Result<Position, Failure> {
    let wrong = |why: String| Failure::Usage(format!("--cursor {}: {why}", file.display()));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Position::of(deployment_id));
        }
        Err(error) => return Err(wrong(error.to_string())),
    };
    let position: Position = serde_json::from_str(&text)
        .map_err(|_| wrong("is no cursor of `ctl logs`; name another file".to_owned()))?;
    match position.deployment_id == deployment_id {
        true => Ok(position),
        false => Err(wrong(format!(
            "is that of {}; name another file",
            position.deployment_id
        ))),
    }
}

/// In place of the file at once: a reader that is killed leaves the old one or the new one.
fn save(file: &Path, position: &Position) -> Result<(), Failure> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let text = serde_json::to_string(&position.kept()).unwrap_or_default();
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, file))
        .map_err(|error| Failure::Usage(format!("--cursor {}: {error}", file.display())))
}
