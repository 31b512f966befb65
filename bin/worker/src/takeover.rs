//! What a fresh process takes over from the worker before it: the version counters that lived in Restate's state.
//!
//! Not for work in flight, which stays with the deployment it began on.

use mysql::{Db, DbError, counter};
use restate_api::Admin;

/// Where the worker before this one kept its counters; the value is a bare JSON number.
const COUNTERS: &str = "SELECT service_key, value_utf8 FROM state WHERE service_name = 'hydra.v1.VersioningService' AND key = 'version'";

/// Lifts every region's counter to at least the number in Restate's state, so that no row gets a version that the
/// edge has passed already. Done before registration: until then nobody calls this process. Idempotent.
///
/// # Errors
/// What the admin API or the database said; worth another try.
pub async fn raise_versions(db: &Db, admin: &Admin) -> Result<usize, String> {
    let rows = admin
        .query(COUNTERS)
        .await
        .map_err(|e| crate::connect::chain(&e))?;
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
            .map_err(|e| crate::connect::chain(&e))?
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
