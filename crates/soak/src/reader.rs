//! A reader that keeps a cursor per region and table and nothing else, as an edge agent does. At the end it must know
//! every row as it is.
//!
//! Not for what an agent does with a row.

use std::collections::BTreeMap;

use sqlx::Row as _;

use crate::Error;
use crate::look::{Eye, Value};

/// Table, statement for what is newer than a cursor, statement for all rows of a region.
const TABLES: [(&str, &str, &str); 3] = [
    (
        "deployment_topology",
        "SELECT version, deployment_id, CAST(desired_status AS CHAR) FROM deployment_topology WHERE region_id = ? AND version > ? ORDER BY version",
        "SELECT version, deployment_id, CAST(desired_status AS CHAR) FROM deployment_topology WHERE region_id = ?",
    ),
    (
        "sentinels",
        "SELECT version, id, CAST(desired_state AS CHAR) FROM sentinels WHERE region_id = ? AND version > ? ORDER BY version",
        "SELECT version, id, CAST(desired_state AS CHAR) FROM sentinels WHERE region_id = ?",
    ),
    (
        "cilium_network_policies",
        "SELECT version, id, CAST(SHA2(CAST(policy AS CHAR), 256) AS CHAR) FROM cilium_network_policies WHERE region_id = ? AND version > ? ORDER BY version",
        "SELECT version, id, CAST(SHA2(CAST(policy AS CHAR), 256) AS CHAR) FROM cilium_network_policies WHERE region_id = ?",
    ),
];

/// What was seen of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    version: u64,
    value: String,
}

#[derive(Default)]
struct Feed {
    cursor: u64,
    rows: BTreeMap<String, Seen>,
}

/// The reader.
pub(crate) struct Reader {
    regions: Vec<String>,
    feeds: BTreeMap<(String, &'static str), Feed>,
    /// Changes seen.
    pub(crate) changes: usize,
}

impl Reader {
    pub(crate) fn new(regions: Vec<String>) -> Self {
        Self {
            regions,
            feeds: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Takes in what is newer than the cursors.
    pub(crate) async fn follow(&mut self, eye: &mut Eye) -> Result<(), Error> {
        for region in &self.regions {
            for (table, newer, _) in TABLES {
                let feed = self.feeds.entry((region.clone(), table)).or_default();
                let values = [Value::Text(region.clone()), Value::Unsigned(feed.cursor)];
                for row in eye.rows(newer, &values).await? {
                    let version: u64 = row.try_get(0)?;
                    let value = row.try_get(2)?;
                    feed.cursor = version;
                    feed.rows.insert(row.try_get(1)?, Seen { version, value });
                    self.changes += 1;
                }
            }
        }
        Ok(())
    }

    /// Compares what was seen with the rows; gives what differs.
    pub(crate) async fn compare(&self, eye: &mut Eye) -> Result<Vec<String>, Error> {
        let mut differences = Vec::new();
        for ((region, table), feed) in &self.feeds {
            let Some((_, _, all)) = TABLES.iter().find(|(name, ..)| name == table) else {
                continue;
            };
            let mut there = BTreeMap::new();
            for row in eye.rows(all, &[Value::Text(region.clone())]).await? {
                let seen = Seen {
                    version: row.try_get(0)?,
                    value: row.try_get(2)?,
                };
                there.insert(row.try_get::<String, _>(1)?, seen);
            }
            for (id, row) in &there {
                if feed.rows.get(id) != Some(row) {
                    let seen = feed.rows.get(id);
                    differences.push(format!("{table} {region} {id}: is {row:?}, seen {seen:?}"));
                }
            }
            // A row that is gone must have been seen stopped before.
            for (id, seen) in feed.rows.iter().filter(|(id, _)| !there.contains_key(*id)) {
                if *table != "cilium_network_policies" && seen.value == "running" {
                    differences.push(format!("{table} {region} {id}: gone, last seen {seen:?}"));
                }
            }
        }
        Ok(differences)
    }
}
