//! Regions and where an app may run: what the edge's heartbeat and the dashboard's settings write.

use mysql::Db;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{AppRows, IntentError, Quota, Region, insert};

/// How many replicas an app gets in a region.
#[derive(Clone, Copy, Debug)]
pub struct Autoscaling {
    /// Fewest replicas.
    pub min: i32,
    /// Most replicas; counted against the quota.
    pub max: i32,
    /// CPU target in percent.
    pub cpu_threshold: Option<i8>,
    /// Memory target in percent.
    pub memory_threshold: Option<i8>,
}

impl Autoscaling {
    /// A policy without thresholds.
    pub fn replicas(min: i32, max: i32) -> Self {
        Self {
            min,
            max,
            cpu_threshold: None,
            memory_threshold: None,
        }
    }
}

/// Makes sure the region exists, as an edge agent's first heartbeat does; returns its id.
///
/// The same name on two platforms is two regions.
pub async fn create_region(db: &Db, name: &str, platform: &str) -> Result<String, IntentError> {
    insert::row_unless_present(
        db.primary(),
        "regions",
        vec![
            ("id", ids::random(ids::Prefix::REGION).into()),
            ("name", name.into()),
            ("platform", platform.into()),
        ],
    )
    .await?;
    let row = db
        .primary()
        .query_one_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            "SELECT id FROM regions WHERE name = ? AND platform = ?",
            [name.into(), platform.into()],
        ))
        .await?
        .ok_or_else(|| IntentError::NotFound {
            what: "region",
            id: format!("{platform}::{name}"),
        })?;
    Ok(row.try_get("", "id")?)
}

/// Says whether new deployments may be placed in a region.
pub async fn set_can_schedule(
    db: &Db,
    region_id: &str,
    can_schedule: bool,
) -> Result<(), IntentError> {
    db.primary()
        .execute_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            "UPDATE regions SET can_schedule = ? WHERE id = ?",
            [can_schedule.into(), region_id.into()],
        ))
        .await?;
    Ok(())
}

/// Lets both environments of an app run in a region. Without a policy it gets exactly one replica.
pub async fn allow_region(
    db: &Db,
    app: &AppRows,
    region: &Region,
    policy: Option<Autoscaling>,
) -> Result<(), IntentError> {
    let now = mysql::now_ms();
    let tx = db.begin().await?;
    for environment_id in [&app.production_environment_id, &app.preview_environment_id] {
        let policy_id = policy.map(|_| ids::random(ids::Prefix::AUTOSCALING_POLICY));
        if let (Some(policy), Some(id)) = (policy, &policy_id) {
            insert::row(
                &*tx,
                "horizontal_autoscaling_policies",
                vec![
                    ("id", id.clone().into()),
                    ("workspace_id", app.workspace_id.clone().into()),
                    ("replicas_min", policy.min.into()),
                    ("replicas_max", policy.max.into()),
                    ("cpu_threshold", policy.cpu_threshold.into()),
                    ("memory_threshold", policy.memory_threshold.into()),
                    ("created_at", now.into()),
                ],
            )
            .await?;
        }
        insert::row(
            &*tx,
            "app_regional_settings",
            vec![
                ("workspace_id", app.workspace_id.clone().into()),
                ("app_id", app.app_id.clone().into()),
                ("environment_id", environment_id.clone().into()),
                ("region_id", region.id.clone().into()),
                ("replicas", policy.map_or(1, |p| p.min).into()),
                ("horizontal_autoscaling_policy_id", policy_id.into()),
                ("created_at", now.into()),
            ],
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Changes what the running deployments of a workspace may allocate.
pub async fn set_quota(db: &Db, workspace_id: &str, quota: Quota) -> Result<(), IntentError> {
    db.primary()
        .execute_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            "UPDATE quota SET allocated_cpu_millicores_total = ?, allocated_memory_mib_total = ? WHERE workspace_id = ?",
            [quota.cpu_millicores.into(), quota.memory_mib.into(), workspace_id.into()],
        ))
        .await?;
    Ok(())
}
