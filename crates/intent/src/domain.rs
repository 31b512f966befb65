//! Custom domains, as the control API's AddCustomDomain, RetryVerification and DeleteCustomDomain write them. The
//! calls in between (sending, cancelling) are the caller's: they go to Restate, not to the database.

use mysql::entity::custom_domains::{Column, Entity, Model};
use mysql::{Db, sql};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{AppRows, IntentError, insert};

/// Writes a `pending` domain of one environment. `cname_domain`: below which its CNAME target shall lie.
///
/// # Errors
/// The database refuses it, also when the workspace has this domain already.
pub async fn add_domain(
    db: &Db,
    app: &AppRows,
    environment_id: &str,
    domain: &str,
    cname_domain: &str,
) -> Result<Model, IntentError> {
    let id = ids::random(ids::Prefix::DOMAIN);
    let token = ids::random_of_length(ids::Prefix::DOMAIN, 24);
    let token = token.rsplit('_').next().unwrap_or_default();
    let target = format!("{}.{cname_domain}", ids::dns_label(16));
    insert::row(
        db.primary(),
        "custom_domains",
        vec![
            ("id", id.clone().into()),
            ("workspace_id", app.workspace_id.clone().into()),
            ("project_id", app.project_id.clone().into()),
            ("app_id", app.app_id.clone().into()),
            ("environment_id", environment_id.into()),
            ("domain", domain.into()),
            ("challenge_type", "HTTP-01".into()),
            ("verification_status", "pending".into()),
            ("verification_token", token.into()),
            ("target_cname", target.into()),
            ("created_at", mysql::now_ms().into()),
        ],
    )
    .await?;
    domain_row(db, &id).await
}

/// The row as it is now.
///
/// # Errors
/// [`IntentError::NotFound`] when it is gone.
pub async fn domain_row(db: &Db, id: &str) -> Result<Model, IntentError> {
    let row = Entity::by_id(id).one(db.primary()).await?;
    row.ok_or_else(|| IntentError::NotFound {
        what: "domain",
        id: id.to_owned(),
    })
}

/// The workspace's domain with this host name.
pub async fn find_domain(
    db: &Db,
    workspace_id: &str,
    domain: &str,
) -> Result<Option<Model>, IntentError> {
    let rows = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace_id))
        .filter(Column::Domain.eq(domain));
    Ok(rows.one(db.primary()).await?)
}

/// The domains of an environment, oldest first.
pub async fn domains_of(db: &Db, environment_id: &str) -> Result<Vec<Model>, IntentError> {
    let rows = Entity::find()
        .filter(Column::EnvironmentId.eq(environment_id))
        .order_by_asc(Column::Pk);
    Ok(rows.all(db.primary()).await?)
}

/// Stores the invocation that AddCustomDomain's send was answered with.
pub async fn store_invocation(db: &Db, id: &str, invocation_id: &str) -> Result<(), IntentError> {
    let statement = "UPDATE custom_domains SET invocation_id = ? WHERE id = ?";
    sql::execute(db.primary(), statement, [invocation_id.into(), id.into()]).await?;
    Ok(())
}

/// What RetryVerification writes after it has sent: the row is new again. An empty id: none is stored.
pub async fn reset_domain(db: &Db, id: &str, invocation_id: &str) -> Result<(), IntentError> {
    let statement = "UPDATE custom_domains SET verification_status = 'pending', check_attempts = 0, verification_error = NULL, \
         last_checked_at = NULL, invocation_id = NULLIF(?, ''), updated_at = ? WHERE id = ?";
    let values = [invocation_id.into(), mysql::now_ms().into(), id.into()];
    sql::execute(db.primary(), statement, values).await?;
    Ok(())
}

/// Deletes a domain, its challenge, and the route of its host name where that belongs to the domain's own app and
/// environment; whether there was such a domain.
pub async fn delete_domain(db: &Db, id: &str) -> Result<bool, IntentError> {
    let Some(row) = Entity::by_id(id).one(db.primary()).await? else {
        return Ok(false);
    };
    let tx = db.begin().await?;
    tx.touch(mysql::Lock::FrontlineRoutes);
    let route = "DELETE FROM frontline_routes WHERE fully_qualified_domain_name = ? AND project_id = ? AND app_id = ? \
         AND environment_id = ?";
    let owner = [row.domain, row.project_id, row.app_id, row.environment_id];
    sql::execute(&tx, route, owner.map(Into::into)).await?;
    tx.touch(mysql::Lock::CustomDomains);
    let domain = "DELETE FROM custom_domains WHERE id = ?";
    let deleted = sql::execute(&tx, domain, [id.into()]).await?;
    tx.touch(mysql::Lock::AcmeChallenges);
    let challenge = "DELETE FROM acme_challenges WHERE domain_id = ?";
    sql::execute(&tx, challenge, [id.into()]).await?;
    tx.commit().await?;
    Ok(deleted == 1)
}
