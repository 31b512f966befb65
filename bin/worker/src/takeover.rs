//! What a fresh process takes over from the worker before it, and what is given back to it on the way back: the version
//! counters that live in Restate's state there.
//!
//! Not for work in flight, which stays with the deployment it began on. The steps around it: `docs/takeover.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use mysql::sea_orm::{self, FromQueryResult};
use mysql::{Db, DbError, counter, sql};
use restate_api::Admin;

/// Who kept them.
const VERSIONING: &str = "hydra.v1.VersioningService";
/// Whoever is in flight may draw a version after the counters were handed over.
const IN_FLIGHT: &str = "SELECT target FROM sys_invocation WHERE target_service_name LIKE 'hydra.v1.%' AND status NOT IN ('completed', 'scheduled') ORDER BY target LIMIT 5";

/// Where the worker before this one kept its counters; the value is a bare JSON number.
const COUNTERS: &str = "SELECT service_key, value_utf8 FROM state WHERE service_name = 'hydra.v1.VersioningService' AND key = 'version'";

/// Lifts every region's counter to at least the number in Restate's state, so that no row gets a version that the
/// edge has passed already. Done before registration: until then nobody calls this process. Idempotent.
///
/// # Errors
/// What the admin API or the database said; worth another try.
pub async fn raise_versions(db: &Db, admin: &Admin) -> Result<usize, String> {
    let rows = admin.query(COUNTERS).await.map_err(|e| causes::chain(&e))?;
    let mut raised = 0;
    for row in &rows {
        let (Some(region), Some(value)) = (row["service_key"].as_str(), row["value_utf8"].as_str())
        else {
            continue;
        };
        let Ok(floor) = value.trim().parse::<u64>() else {
            tracing::warn!(
                region,
                value,
                "the version in Restate's state is not a number; left alone"
            );
            continue;
        };
        if raise(db, region, floor)
            .await
            .map_err(|e| causes::chain(&e))?
        {
            tracing::info!(region, floor, "took over the region's version counter");
            raised += 1;
        }
    }
    Ok(raised)
}

async fn raise(db: &Db, region: &str, floor: u64) -> Result<bool, DbError> {
    if counter::read(db.primary(), region).await? >= floor {
        return Ok(false);
    }
    mysql::retry(|| async {
        let tx = db.begin().await?;
        counter::raise(&tx, region, floor).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await
}

#[derive(FromQueryResult)]
struct Counter {
    region_id: String,
    v: u64,
}

/// Writes every region's counter into Restate's state, from where the existing worker counts on. To be done when nothing
/// of this worker is in flight, right before the existing one is registered again. Gives the number of regions.
///
/// # Errors
/// What is in flight, or what the admin API or the database said.
pub async fn hand_back(db: &Db, admin: &Admin) -> Result<usize, String> {
    let busy = admin
        .query(IN_FLIGHT)
        .await
        .map_err(|e| causes::chain(&e))?;
    let busy: Vec<&str> = busy.iter().filter_map(|r| r["target"].as_str()).collect();
    if !busy.is_empty() {
        return Err(format!(
            "still in flight: {}; wait until it has ended, or end it",
            busy.join(", ")
        ));
    }
    let counters = "SELECT region_id, v FROM ctrl_worker_region_counters ORDER BY region_id";
    let rows: Vec<Counter> = sql::all(db.primary(), counters, [])
        .await
        .map_err(|e| causes::chain(&e))?;
    for Counter { region_id, v } in &rows {
        let state = BTreeMap::from([("version".to_owned(), v.to_string().into_bytes())]);
        let set = admin.set_state(VERSIONING, region_id, &state).await;
        set.map_err(|e| causes::chain(&e))?;
        arrived(admin, region_id, *v).await?;
    }
    Ok(rows.len())
}

/// The admin API answers before the state is there.
async fn arrived(admin: &Admin, region: &str, v: u64) -> Result<(), String> {
    for _ in 0..100 {
        let rows = admin.query(COUNTERS).await.map_err(|e| causes::chain(&e))?;
        let there = rows.iter().any(|row| {
            row["service_key"].as_str() == Some(region)
                && row["value_utf8"].as_str() == Some(&*v.to_string())
        });
        if there {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!(
        "the version of {region} did not reach Restate's state"
    ))
}
