//! The environment variables of a deployment, opened for the one build that uses them.

use crate::Deps;
use builder::Secret;
use durable::{Stop, codes};
use messages::ctrl::v1::SecretsConfig;
use mysql::sql;
use sea_orm::FromQueryResult;
use std::collections::BTreeMap;

#[derive(FromQueryResult)]
struct Row {
    sealed: Vec<u8>,
}

/// Opens them. Never journaled: it is called within the step that builds.
pub(crate) async fn open(
    deps: &Deps,
    environment_id: &str,
    deployment_id: &str,
) -> Result<BTreeMap<String, Secret>, Stop> {
    let row: Option<Row> = sql::one(
        deps.db.primary(),
        "SELECT encrypted_environment_variables AS sealed FROM deployments WHERE id = ?",
        [deployment_id.into()],
    )
    .await?;
    let blob = row.map(|r| r.sealed).unwrap_or_default();
    if blob.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sealed = sealed(&blob)?;
    if sealed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let Some(vault) = &deps.vault else {
        return Err(unreadable(
            "The deployment has environment variables and this worker has no Vault to open them. Ask the operator to set `vault.url`.",
        ));
    };
    let opened = vault.decrypt_bulk(environment_id, &sealed).await;
    let opened = opened.map_err(|error| {
        if error.possibly_transient() {
            return Stop::retry(error);
        }
        tracing::error!(deployment = deployment_id, %error, "the Vault does not open the variables of a deployment");
        unreadable("The Vault does not open the environment variables of this deployment. Set them again, or ask the operator.")
    })?;
    Ok(opened
        .into_iter()
        .map(|(name, text)| (name, Secret::new(text.expose())))
        .collect())
}

/// Names and sealed texts of the column `encrypted_environment_variables`.
fn sealed(blob: &[u8]) -> Result<BTreeMap<String, String>, Stop> {
    let config: Option<SecretsConfig> = serde_json::from_slice(blob).ok();
    match config {
        Some(config) => Ok(config.secrets.into_iter().collect()),
        None => Err(unreadable(
            "The environment variables stored with this deployment cannot be read. Set them again and deploy again.",
        )),
    }
}

fn unreadable(text: &str) -> Stop {
    Stop::fault(codes::VARIABLES_UNREADABLE, text)
}
