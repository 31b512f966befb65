//! Phase `deploying`, first half: topology, sentinels and network policies of a deployment in one transaction,
//! with the workspace's quota row locked, every row with a version taken in that transaction.

use crate::capacity::{self, Placement, RegionSetting};
use crate::claim::Subject;
use crate::phase::{self, Phase};
use crate::policies::{PolicyInput, policies};
use durable::{Stop, codes};
use mysql::quota::{self, Exceeded, Resources};
use mysql::sql;
use mysql::{Db, Lock, Tx, counter, now_ms};
use sea_orm::FromQueryResult;
use std::collections::BTreeSet;

#[derive(FromQueryResult)]
struct SettingRow {
    region_id: String,
    region_name: String,
    can_schedule: bool,
    replicas_min: Option<i32>,
    replicas_max: Option<i32>,
    cpu_threshold: Option<i8>,
    memory_threshold: Option<i8>,
}

#[derive(FromQueryResult)]
struct SpecRow {
    cpu_millicores: i32,
    memory_mib: i32,
    port: i32,
    namespace: String,
}

#[derive(FromQueryResult)]
struct IdRow {
    id: String,
}

/// Creates what the edge needs to run the deployment. Repeating it changes nothing.
pub(crate) async fn provision(
    db: &Db,
    subject: &Subject,
    sentinel_image: &str,
) -> Result<(), Stop> {
    mysql::retry_as(|| async {
        let _turn = quota::turn(db, &subject.workspace_id).await;
        let tx = db.begin().await?;
        write(&tx, subject, sentinel_image).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

async fn write(tx: &Tx, s: &Subject, sentinel_image: &str) -> Result<(), Stop> {
    let now = now_ms();
    let quota = quota::lock(tx, &s.workspace_id).await?;
    phase::begin(tx, &s.id, "'building','deploying'", Phase::Deploying, now).await?;
    let existing: Vec<IdRow> = sql::all(
        &**tx,
        "SELECT region_id AS id FROM deployment_topology WHERE deployment_id = ?",
        [s.id.as_str().into()],
    )
    .await?;
    if !existing.is_empty() {
        // This step committed before and its answer was lost.
        return Ok(());
    }
    let placements = capacity::place(&settings(tx, s).await?);
    if placements.is_empty() {
        return Err(Stop::fault(
            codes::NO_SCHEDULABLE_REGION,
            "No region can take this deployment. Configure at least one schedulable region for the environment.",
        ));
    }
    let spec: Option<SpecRow> = sql::one(
        &**tx,
        "SELECT d.cpu_millicores, d.memory_mib, d.port, COALESCE(w.k8s_namespace, '') AS namespace
         FROM deployments d JOIN workspaces w ON w.id = d.workspace_id WHERE d.id = ?",
        [s.id.as_str().into()],
    )
    .await?;
    let Some(spec) = spec else {
        return Err(Stop::fault(
            codes::OWNER_NOT_FOUND,
            "The workspace of this deployment does not exist any more.",
        ));
    };
    let Some(quota) = quota else {
        return Err(Stop::fault(
            codes::NO_QUOTA,
            "The workspace has no quota. Contact support to have one set.",
        ));
    };
    check_quota(tx, s, &placements, &spec, quota).await?;

    let regions: BTreeSet<&str> = placements.iter().map(|p| p.region_id.as_str()).collect();
    let guarded: Vec<IdRow> = sql::all(
        &**tx,
        "SELECT region_id AS id FROM sentinels WHERE environment_id = ?",
        [s.environment_id.as_str().into()],
    )
    .await?;
    let guarded: BTreeSet<String> = guarded.into_iter().map(|r| r.id).collect();

    // From here on the counters are locked until commit: nothing but inserts.
    topology(tx, s, &placements, now).await?;
    let created = sentinels(
        tx,
        s,
        regions.iter().copied().filter(|r| !guarded.contains(*r)),
        sentinel_image,
        now,
    )
    .await?;
    network_policies(tx, s, &spec, &regions, now).await?;
    if !created.is_empty() {
        sql::execute(
            &**tx,
            "UPDATE ctrl_worker_runs SET new_sentinel_regions = ? WHERE deployment_id = ?",
            [created.join(",").into(), s.id.as_str().into()],
        )
        .await?;
    }
    Ok(())
}

async fn settings(tx: &Tx, s: &Subject) -> Result<Vec<RegionSetting>, Stop> {
    let rows: Vec<SettingRow> = sql::all(
        &**tx,
        "SELECT s.region_id, r.name AS region_name, r.can_schedule, p.replicas_min, p.replicas_max, p.cpu_threshold, p.memory_threshold
         FROM app_regional_settings s JOIN regions r ON r.id = s.region_id
         LEFT JOIN horizontal_autoscaling_policies p ON p.id = s.horizontal_autoscaling_policy_id
         WHERE s.app_id = ? AND s.environment_id = ? ORDER BY s.region_id",
        [s.app_id.as_str().into(), s.environment_id.as_str().into()],
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| RegionSetting {
            region_id: r.region_id,
            region_name: r.region_name,
            can_schedule: r.can_schedule,
            replicas_min: r.replicas_min,
            replicas_max: r.replicas_max,
            cpu_threshold: r.cpu_threshold,
            memory_threshold: r.memory_threshold,
        })
        .collect())
}

async fn check_quota(
    tx: &Tx,
    s: &Subject,
    placements: &[Placement],
    spec: &SpecRow,
    quota: Resources,
) -> Result<(), Stop> {
    let allocated = quota::allocated(tx, &s.workspace_id, &s.id).await?;
    let each = Resources {
        cpu: spec.cpu_millicores.into(),
        memory: spec.memory_mib.into(),
    };
    let more = capacity::wanted(placements, each);
    quota::fits(allocated, more, quota).map_err(|exceeded| match exceeded {
        Exceeded::Cpu(want, have) => Stop::fault(
            codes::CPU_QUOTA,
            format!("The workspace's CPU quota would be exceeded: {want} of {have} millicores. Stop another deployment, lower the replicas, or ask for a larger quota."),
        ),
        Exceeded::Memory(want, have) => Stop::fault(
            codes::MEMORY_QUOTA,
            format!("The workspace's memory quota would be exceeded: {want} of {have} MiB. Stop another deployment, lower the replicas, or ask for a larger quota."),
        ),
    })
}

async fn topology(tx: &Tx, s: &Subject, placements: &[Placement], now: i64) -> Result<(), Stop> {
    tx.touch(Lock::DeploymentTopology);
    let regions: BTreeSet<String> = placements.iter().map(|p| p.region_id.clone()).collect();
    let versions = counter::next_many(tx, &regions).await?;
    for p in placements {
        sql::execute(
            &**tx,
            "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, autoscaling_replicas_min, autoscaling_replicas_max,
                 autoscaling_threshold_cpu, autoscaling_threshold_memory, version, desired_status, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)",
            [
                s.workspace_id.as_str().into(),
                s.id.as_str().into(),
                p.region_id.as_str().into(),
                p.min.into(),
                p.max.into(),
                p.cpu_threshold.into(),
                p.memory_threshold.into(),
                versions[&p.region_id].into(),
                now.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Inserts the environment's missing sentinels; gives the regions where this deployment created one.
async fn sentinels(
    tx: &Tx,
    s: &Subject,
    regions: impl Iterator<Item = &str>,
    image: &str,
    now: i64,
) -> Result<Vec<String>, Stop> {
    let replicas = if s.is_production() { 3 } else { 1 };
    let mut created = Vec::new();
    for region in regions {
        let version = counter::next(tx, region).await?;
        let owner = [s.environment_id.as_str(), region];
        let name = ids::derived_dns_label(8, &owner);
        let inserted = sql::execute(
            &**tx,
            "INSERT INTO sentinels (id, workspace_id, project_id, environment_id, k8s_name, k8s_address, region_id, image, health,
                 desired_replicas, available_replicas, cpu_millicores, memory_mib, version, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'unknown', ?, 0, 250, 256, ?, ?)",
            [
                ids::derived(ids::Prefix::SENTINEL, &owner).into(),
                s.workspace_id.as_str().into(),
                s.project_id.as_str().into(),
                s.environment_id.as_str().into(),
                name.as_str().into(),
                format!("{name}.sentinel.svc.cluster.local:8040").into(),
                region.into(),
                image.into(),
                replicas.into(),
                version.into(),
                now.into(),
            ],
        )
        .await;
        let inserted = match inserted {
            // Another deployment of the environment was faster: its row stays.
            Err(e) if e.is_duplicate_of("one_env_per_region") => 0,
            done => done?,
        };
        if inserted == 1 {
            created.push(region.to_owned());
        }
    }
    Ok(created)
}

async fn network_policies(
    tx: &Tx,
    s: &Subject,
    spec: &SpecRow,
    regions: &BTreeSet<&str>,
    now: i64,
) -> Result<(), Stop> {
    for region in regions {
        let input = PolicyInput {
            deployment_id: &s.id,
            k8s_name: &s.k8s_name,
            environment_id: &s.environment_id,
            workspace_id: &s.workspace_id,
            namespace: &spec.namespace,
            port: spec.port,
            region_id: region,
        };
        for row in policies(&input) {
            let version = counter::next(tx, region).await?;
            sql::execute(
                &**tx,
                "INSERT INTO cilium_network_policies (id, workspace_id, project_id, app_id, environment_id, deployment_id, k8s_name,
                     k8s_namespace, region_id, policy, version, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    row.id.into(),
                    s.workspace_id.as_str().into(),
                    s.project_id.as_str().into(),
                    s.app_id.as_str().into(),
                    s.environment_id.as_str().into(),
                    s.id.as_str().into(),
                    row.k8s_name.into(),
                    row.k8s_namespace.into(),
                    (*region).into(),
                    row.policy.to_string().into(),
                    version.into(),
                    now.into(),
                ],
            )
            .await?;
        }
    }
    Ok(())
}
