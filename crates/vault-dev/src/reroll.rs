//! Sealing every stored key with the current master key, so that the previous one can be taken away.
//!
//! Ids, times and key bytes stay. Goes page by page, can be resumed, and can only look.

use crate::engine::Engine;
use crate::envelope;
use crate::keyring::{PREFIX, keyring_of};
use crate::refusal::Refusal;

/// Names asked for at a time.
const PAGE: usize = 500;

/// What to do.
#[derive(Debug, Clone, Default)]
pub struct Reroll {
    /// Only count.
    pub dry_run: bool,
    /// Begin behind this object: the `last` of a report whose run was cut short.
    pub after: String,
}

/// What was done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects looked at.
    pub seen: usize,
    /// Objects sealed anew (or, in a dry run, to be sealed).
    pub changed: usize,
    /// Objects that could not be read, with the reason; they are as they were.
    pub failed: Vec<(String, String)>,
    /// The last object looked at.
    pub last: String,
}

impl Engine {
    /// Runs to the end, telling `report` after each page.
    ///
    /// # Errors
    /// [`Refusal::Storage`]; what the last report says is done.
    pub async fn reroll(
        &self,
        run: &Reroll,
        mut report: impl FnMut(&Progress),
    ) -> Result<Progress, Refusal> {
        let mut progress = Progress {
            last: run.after.clone(),
            ..Progress::default()
        };
        loop {
            let names = self.store.list(PREFIX, &progress.last, PAGE).await?;
            if names.is_empty() {
                return Ok(progress);
            }
            for name in names {
                match self.reroll_object(&name, run.dry_run).await {
                    Ok(changed) => progress.changed += usize::from(changed),
                    Err(outage @ Refusal::Storage(_)) => return Err(outage),
                    Err(refusal) => progress.failed.push((name.clone(), refusal.to_string())),
                }
                progress.seen += 1;
                progress.last = name;
            }
            report(&progress);
        }
    }

    async fn reroll_object(&self, name: &str, dry_run: bool) -> Result<bool, Refusal> {
        let Some(keyring) = keyring_of(name) else {
            return Ok(false);
        };
        // Against a rotation that moves LATEST between our reading and writing.
        let _alone = self.lock(&keyring).await;
        let Some(object) = self.store.get(name).await? else {
            return Ok(false);
        };
        if envelope::master_of(&object).as_deref() == Some(self.masters.current.id()) {
            return Ok(false);
        }
        let key = self.unseal(&object)?;
        if !dry_run {
            self.store
                .put(name, envelope::seal_key(&self.masters.current, &key))
                .await?;
        }
        Ok(true)
    }
}
