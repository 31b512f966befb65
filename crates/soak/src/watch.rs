//! The observer beside the run: looks all the time, remembers the first violation, keeps the cursor reader going.
//!
//! Not for the rules themselves: see `invariants` and `reader`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Error;
use crate::book::Book;
use crate::invariants::{Checks, NONE};
use crate::look::Eye;
use crate::reader::Reader;
use crate::report::Violation;
use crate::world::Stage;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// What the observer has at its end.
pub(crate) struct Watched {
    pub(crate) checks: Checks,
    pub(crate) reader: Reader,
    pub(crate) violations: Vec<Violation>,
}

/// A running observer.
pub(crate) struct Watch {
    stop: watch::Sender<bool>,
    violated: watch::Receiver<bool>,
    task: JoinHandle<Watched>,
}

impl Watch {
    pub(crate) fn start(stage: Arc<Stage>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (violation, violated) = watch::channel(false);
        let task = tokio::spawn(observe(stage, stopped, violation));
        Self {
            stop,
            violated,
            task,
        }
    }

    /// Returns at the first violation.
    pub(crate) async fn violated(&self) {
        let mut violated = self.violated.clone();
        if violated.wait_for(|v| *v).await.is_err() {
            // The observer ended without one.
            std::future::pending::<()>().await;
        }
    }

    pub(crate) async fn stop(self) -> Watched {
        self.stop.send_replace(true);
        self.task.await.expect("the observer does not panic")
    }
}

async fn observe(
    stage: Arc<Stage>,
    stopped: watch::Receiver<bool>,
    violation: watch::Sender<bool>,
) -> Watched {
    let mut eye = Eye::new(&stage.database.url);
    let regions = stage.regions.iter().map(|r| r.id.clone()).collect();
    let mut watched = Watched {
        checks: Checks::new(),
        reader: Reader::new(regions),
        violations: Vec::new(),
    };
    while !*stopped.borrow() {
        match look(&stage, &mut eye, &mut watched).await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => {
                watched.violations = found;
                violation.send_replace(true);
                return watched;
            }
            // The database is down for a moment: that is a fault, not a finding.
            Err(_) => eye.drop_connection(),
        }
        tokio::time::sleep(PAUSE).await;
    }
    watched
}

async fn look(
    stage: &Stage,
    eye: &mut Eye,
    watched: &mut Watched,
) -> Result<Vec<Violation>, Error> {
    eye.open().await?;
    let whole = !stage.health.is_disturbed();
    let found = watched.checks.look(eye, whole).await?;
    watched.reader.follow(eye).await?;
    eye.close().await?;
    Ok(found)
}

/// What the rows tell at the end.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) timers: usize,
    pub(crate) statuses: BTreeMap<String, usize>,
}

/// Counts deployments by status, and those that sleep without an operation having said so.
pub(crate) async fn facts(eye: &mut Eye, book: &Book) -> Result<Facts, Error> {
    eye.open().await?;
    let mut facts = Facts::default();
    let by_status = "SELECT CAST(status AS CHAR), COUNT(*) FROM deployments GROUP BY status";
    for row in eye.rows(by_status, NONE).await? {
        let count: i64 = row.try_get(1)?;
        facts
            .statuses
            .insert(row.try_get(0)?, usize::try_from(count).unwrap_or(0));
    }
    let asleep = eye
        .texts(
            "SELECT id FROM deployments WHERE desired_state = 'standby'",
            NONE,
        )
        .await?;
    eye.close().await?;
    let inner = book.lock();
    let by_timer = |id: &&String| !inner.put_to_standby.contains(*id);
    facts.timers = asleep.iter().filter(by_timer).count();
    Ok(facts)
}
