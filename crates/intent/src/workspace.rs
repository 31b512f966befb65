//! Workspaces and their quota, as the dashboard creates them.

use mysql::Db;

use crate::{IntentError, insert};

/// How much all running deployments of a workspace may allocate together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Thousandths of a core.
    pub cpu_millicores: u32,
    /// MiB.
    pub memory_mib: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            cpu_millicores: 10_000,
            memory_mib: 20_480,
        }
    }
}

/// A workspace to be created.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// Display name.
    pub name: String,
    /// Unique; part of every generated host name. At most 64 characters.
    pub slug: String,
    /// `None` writes no quota row, which an incomplete installation may look like.
    pub quota: Option<Quota>,
}

/// Writes the workspace and its quota; returns the workspace id.
///
/// The Kubernetes namespace stays empty: the worker chooses it with the first deployment.
pub async fn create_workspace(db: &Db, new: &NewWorkspace) -> Result<String, IntentError> {
    let id = ids::random(ids::Prefix::WORKSPACE);
    let tx = db.begin().await?;
    insert::row(
        &*tx,
        "workspaces",
        vec![
            ("id", id.clone().into()),
            ("org_id", format!("org_{}", new.slug).into()),
            ("name", new.name.clone().into()),
            ("slug", new.slug.clone().into()),
            ("beta_features", r#"{"deployments":true}"#.into()),
            ("created_at_m", mysql::now_ms().into()),
        ],
    )
    .await?;
    if let Some(quota) = new.quota {
        insert::row(
            &*tx,
            "quota",
            vec![
                ("workspace_id", id.clone().into()),
                (
                    "allocated_cpu_millicores_total",
                    quota.cpu_millicores.into(),
                ),
                ("allocated_memory_mib_total", quota.memory_mib.into()),
            ],
        )
        .await?;
    }
    tx.commit().await?;
    Ok(id)
}
