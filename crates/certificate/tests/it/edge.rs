//! The edge's answers to the authority, from the rows, with a note of what the row said at that moment.

use crate::world::challenge_of;
use mysql::Db;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use testbed::{ChallengeRows, TokenSource};

/// What the edge has been asked for, and what the row said at that moment.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) db: Db,
    pub(crate) rows: Arc<ChallengeRows>,
    pub(crate) seen: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    pub(crate) hooks: Arc<Mutex<BTreeMap<String, Hook>>>,
}

pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

#[async_trait::async_trait]
impl TokenSource for Edge {
    async fn answer(&self, host: &str, token: &str) -> Result<Option<String>, String> {
        let answer = self.rows.answer(host, token).await?;
        if let Some(answer) = &answer {
            let row = challenge_of(&self.db, host).await.ok_or("no row")?;
            let right = row.token == token && row.authorization == *answer;
            let said = format!("{} {right}", row.status);
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.entry(host.to_owned()).or_default().push(said);
            let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(hook) = hooks.get(host) {
                hook();
            }
        }
        Ok(answer)
    }
}
