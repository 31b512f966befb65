//! Everything a secret could come to lie in, as bytes: Restate's files and what its SQL tells, the tables, the log, the
//! metrics, the health answers, the configuration as it is shown.
//!
//! Not for what is searched for: see `needles`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use restate_api::Admin;

use crate::entry;
use crate::needles::{Hit, Needles};
use crate::wal;
use crate::world::World;

/// A kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Store {
    /// Restate's files on disk.
    Files,
    /// `sys_journal` with `raw` and `entry_json`.
    Journal,
    /// Objects' state.
    State,
    /// Texts of failures, and whatever else Restate tells of invocations.
    Invocations,
    /// MySQL.
    Tables,
    /// The worker's log.
    Log,
    /// `/metrics`.
    Metrics,
    /// `/health/*`.
    Health,
    /// Output of `check-config`.
    Config,
}

impl Store {
    /// Each.
    pub(crate) const ALL: [Self; 9] = [
        Self::Files,
        Self::Journal,
        Self::State,
        Self::Invocations,
        Self::Tables,
        Self::Log,
        Self::Metrics,
        Self::Health,
        Self::Config,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Files => "Restate's files",
            Self::Journal => "sys_journal",
            Self::State => "state",
            Self::Invocations => "failure texts",
            Self::Tables => "MySQL tables",
            Self::Log => "log",
            Self::Metrics => "metrics",
            Self::Health => "health",
            Self::Config => "check-config",
        }
    }
}

/// What Restate's SQL is asked for.
const QUERIES: &[(Store, &str)] = &[
    (Store::Journal, "sys_journal"),
    (Store::State, "state"),
    (Store::Invocations, "sys_invocation"),
    (Store::Invocations, "sys_journal_events"),
    (Store::Invocations, "sys_inbox"),
    (Store::Invocations, "sys_promise"),
];

/// What Restate's SQL has told so far, each text once: store, column, text. The reason of a failure that is tried again is
/// told for a moment only, so it is asked again and again.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeSet<(Store, String, String)>);

impl Told {
    /// Asks for everything there is now.
    pub(crate) async fn ask(&mut self, admin: &Admin) -> Result<(), String> {
        for (store, table) in QUERIES {
            let rows = admin.query(&format!("SELECT * FROM {table}")).await;
            let rows = rows.map_err(|e| format!("{table}: {e}"))?;
            for row in rows {
                for (column, value) in row.as_object().into_iter().flatten() {
                    let text = match value.as_str() {
                        Some(text) => text.to_owned(),
                        None => value.to_string(),
                    };
                    // of a journal it matters which of its entries it is
                    let of = match row["entry_type"].as_str() {
                        Some(entry) => format!(" of {entry}"),
                        None => String::new(),
                    };
                    let place = format!("{table}.{column}{of}");
                    let parts = entry::input(&text).unwrap_or_default();
                    if parts.is_empty() {
                        self.0.insert((*store, place, text));
                    } else {
                        let parts = parts.into_iter();
                        self.0.extend(
                            parts.map(|(part, text)| (*store, format!("{place}, {part}"), text)),
                        );
                    }
                }
            }
        }
        Ok(())
    }
}

/// What was searched and what was found in it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    bytes: BTreeMap<Store, usize>,
    found: BTreeMap<(Store, String), BTreeSet<Hit>>,
}

impl Findings {
    /// Searches these bytes of a store.
    pub(crate) fn search(&mut self, needles: &Needles, store: Store, place: &str, bytes: &[u8]) {
        *self.bytes.entry(store).or_default() += bytes.len();
        let hits = needles.find(bytes);
        if !hits.is_empty() {
            let known = self.found.entry((store, place.to_owned())).or_default();
            known.extend(hits);
        }
    }

    /// Bytes searched in a store.
    pub(crate) fn bytes(&self, store: Store) -> usize {
        self.bytes.get(&store).copied().unwrap_or_default()
    }

    /// Whether a canary was found in a store, in any form.
    pub(crate) fn has(&self, store: Store, canary: &str) -> bool {
        let here = self.found.iter().filter(|((s, _), _)| *s == store);
        here.flat_map(|(_, hits)| hits)
            .any(|hit| hit.canary == canary)
    }

    /// Whether a canary was found in a place of a store that begins so.
    pub(crate) fn has_at(&self, store: Store, place: &str, canary: &str) -> bool {
        let here = self.found.iter();
        let here = here.filter(|((s, p), _)| *s == store && p.starts_with(place));
        here.flat_map(|(_, hits)| hits)
            .any(|hit| hit.canary == canary)
    }

    /// One line for each canary, form and place, but for those that `expected` takes.
    pub(crate) fn lines(&self, expected: impl Fn(Store, &str, &str) -> bool) -> Vec<String> {
        let all = self.found.iter();
        let all =
            all.flat_map(|((store, place), hits)| hits.iter().map(move |h| (*store, place, h)));
        all.filter(|(store, place, hit)| !expected(*store, place, &hit.canary))
            .map(|(store, place, hit)| {
                format!("{}, {place}: {} ({})", store.name(), hit.canary, hit.form)
            })
            .collect()
    }

    /// What Restate has told.
    pub(crate) fn read_told(&mut self, needles: &Needles, told: &Told) {
        for (store, place, text) in &told.0 {
            self.search(needles, *store, place, text.as_bytes());
        }
    }

    /// Restate's files. A log of writes is searched as it is and with its records put together.
    pub(crate) fn read_files(&mut self, needles: &Needles, dir: &Path) -> Result<(), String> {
        let told = |e: std::io::Error| format!("{}: {e}", dir.display());
        for entry in std::fs::read_dir(dir).map_err(told)? {
            let path = entry.map_err(told)?.path();
            if path.is_dir() {
                self.read_files(needles, &path)?;
                continue;
            }
            let Ok(bytes) = std::fs::read(&path) else {
                continue;
            };
            let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
            let name = path.file_name().unwrap_or_default();
            let place = format!("{}/{}", parent.display(), name.display());
            self.search(needles, Store::Files, &place, &bytes);
            if path.extension().is_some_and(|e| e == "log") {
                self.search(needles, Store::Files, &place, &wal::records(&bytes));
            }
        }
        Ok(())
    }

    /// Every column of every table.
    pub(crate) async fn read_tables(
        &mut self,
        needles: &Needles,
        world: &World,
    ) -> Result<(), String> {
        let columns = "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = DATABASE()";
        for row in world.rows(columns).await? {
            let text = |c: &str| row.try_get::<String>("", c).map_err(|e| e.to_string());
            let (table, column) = (text("t")?, text("c")?);
            let sql = format!("SELECT CAST(`{column}` AS BINARY) AS v FROM `{table}`");
            for row in world.rows(&sql).await? {
                let value: Option<Vec<u8>> = row.try_get("", "v").map_err(|e| e.to_string())?;
                let place = format!("{table}.{column}");
                self.search(needles, Store::Tables, &place, &value.unwrap_or_default());
            }
        }
        Ok(())
    }
}
