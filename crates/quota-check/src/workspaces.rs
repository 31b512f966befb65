//! The step that reads the workspaces and quotas of some hundred ids, a hundred at a time, and says which are over.

use crate::decide;
use crate::usage::WorkspaceUsage;
use durable::Stop;
use mysql::{Db, DbError, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ids of one step.
pub(crate) const STEP: usize = 10 * BATCH;
/// Ids of one statement.
const BATCH: usize = 100;

#[derive(FromQueryResult)]
struct Row {
    id: String,
    org_id: String,
    name: String,
    stripe_customer_id: Option<String>,
    tier: Option<String>,
    enabled: bool,
    deleted_at_m: Option<i64>,
    requests_per_month: Option<i64>,
}

/// A workspace over its quota; journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exceeded {
    pub(crate) id: String,
    pub(crate) org_id: String,
    pub(crate) name: String,
    pub(crate) stripe_customer_id: Option<String>,
    pub(crate) tier: Option<String>,
    /// Requests a month.
    pub(crate) limit: i64,
    /// Requests of this month so far.
    pub(crate) used: i64,
}

/// What was found; journaled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Looked {
    /// Ids of each statement.
    pub(crate) asked: Vec<usize>,
    /// Workspaces that exist.
    pub(crate) checked: usize,
    /// Those over their quota, in the order of their ids.
    pub(crate) over: Vec<Exceeded>,
    /// Those that were told before and are below their quota now: it was raised.
    pub(crate) below: Vec<String>,
}

/// Reads from the replica: a quota changed a moment ago may count tomorrow.
pub(crate) async fn look(
    db: &Db,
    usage: &[WorkspaceUsage],
    told: &BTreeMap<String, i64>,
) -> Result<Looked, Stop> {
    let mut looked = Looked::default();
    for batch in usage.chunks(BATCH) {
        looked.asked.push(batch.len());
        judge(batch, rows(db, batch).await?, told, &mut looked);
    }
    Ok(looked)
}

async fn rows(db: &Db, batch: &[WorkspaceUsage]) -> Result<Vec<Row>, DbError> {
    let text = format!(
        "SELECT w.id, w.org_id, w.name, w.stripe_customer_id, w.tier, w.enabled, w.deleted_at_m, q.requests_per_month \
         FROM workspaces w LEFT JOIN quota q ON q.workspace_id = w.id WHERE w.id IN ({})",
        sql::marks(BATCH)
    );
    // always a hundred values, the last one repeated: the server prepares one statement
    let last = batch.last().map_or("", |usage| usage.workspace_id.as_str());
    let ids = batch.iter().map(|usage| usage.workspace_id.as_str());
    let values = ids.chain(std::iter::repeat(last)).take(BATCH);
    sql::all(db.replica(), &text, values.map(Into::into)).await
}

fn judge(
    batch: &[WorkspaceUsage],
    mut rows: Vec<Row>,
    told: &BTreeMap<String, i64>,
    looked: &mut Looked,
) {
    let used: BTreeMap<&str, i64> = batch
        .iter()
        .map(|usage| (usage.workspace_id.as_str(), usage.total))
        .collect();
    // the database compares ids without case and gives them in its own order
    rows.retain(|row| used.contains_key(row.id.as_str()));
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    looked.checked += rows.len();
    for row in rows {
        let used = used.get(row.id.as_str()).copied().unwrap_or(0);
        match row.requests_per_month {
            _ if !row.enabled || row.deleted_at_m.is_some() => {}
            Some(limit) if decide::is_over(Some(limit), used) => looked.over.push(Exceeded {
                id: row.id,
                org_id: row.org_id,
                name: row.name,
                stripe_customer_id: row.stripe_customer_id,
                tier: row.tier,
                limit,
                used,
            }),
            Some(_) if told.contains_key(&row.id) => looked.below.push(row.id),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, limit: Option<i64>) -> Row {
        Row {
            id: id.to_owned(),
            org_id: "org".to_owned(),
            name: "name".to_owned(),
            stripe_customer_id: None,
            tier: None,
            enabled: true,
            deleted_at_m: None,
            requests_per_month: limit,
        }
    }

    #[test]
    fn rows_are_judged_in_the_order_of_their_ids_and_told_apart_by_case() {
        let usage = |id: &str| WorkspaceUsage {
            workspace_id: id.to_owned(),
            total: 200_000,
        };
        let batch: Vec<_> = ["ws_B", "ws_a", "ws_c", "ws_d", "ws_e", "ws_f"]
            .map(usage)
            .into();
        let mut rows = vec![
            row("ws_c", Some(200_001)),
            row("ws_a", Some(0)),
            row("ws_b", Some(0)),
            row("ws_B", Some(200_000)),
            row("ws_d", None),
            row("ws_e", Some(1)),
            row("ws_f", Some(1)),
        ];
        rows[5].enabled = false;
        rows[6].deleted_at_m = Some(1);
        let told = BTreeMap::from([("ws_c".to_owned(), 5)]);
        let mut looked = Looked::default();
        judge(&batch, rows, &told, &mut looked);
        assert_eq!(looked.checked, 6);
        let over: Vec<&str> = looked.over.iter().map(|w| w.id.as_str()).collect();
        assert_eq!(over, ["ws_B", "ws_a"]);
        assert_eq!(looked.below, ["ws_c"]);
    }
}
