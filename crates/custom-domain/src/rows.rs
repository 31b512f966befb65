//! The rows the transactions look at and lock. Not for decisions.
//!
//! Locks are taken in the order route → domains, and only on rows that exist, so no gap is locked. `custom_domains` has no
//! index on the host name: its rows are found by a plain read and locked one by one by primary key; whoever holds the
//! lock of its own row then reads the list again, and starts over when it has changed.

use mysql::entity::custom_domains::{Column, Entity, Model, VerificationStatus};
use mysql::entity::frontline_routes;
use mysql::{Db, DbError, Lock, Tx};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// Starts over at most so often before the step is tried again later.
const ROUNDS: usize = 5;

/// The locked rows of one host name.
pub(crate) struct Locked {
    /// The domain in question.
    pub(crate) own: Model,
    /// Domains of other workspaces with the same host name.
    pub(crate) others: Vec<Model>,
    /// The route of the host name, whoever has it.
    pub(crate) route: Option<frontline_routes::Model>,
}

/// What of a row is asked often.
pub(crate) trait Row {
    /// Whether it holds its host name.
    fn is_verified(&self) -> bool;
    /// Whether it was given up.
    fn is_failed(&self) -> bool;
}

impl Row for Model {
    fn is_verified(&self) -> bool {
        self.verification_status == VerificationStatus::Verified
    }

    fn is_failed(&self) -> bool {
        self.verification_status == VerificationStatus::Failed
    }
}

impl Locked {
    /// Those that hold the name and are of another workspace.
    pub(crate) fn holders(&self) -> impl Iterator<Item = &Model> {
        self.others.iter().filter(|row| row.is_verified())
    }

    /// Whether the host name leads to another project, app or environment than that of the domain.
    pub(crate) fn is_routed_elsewhere(&self) -> bool {
        self.route
            .as_ref()
            .is_some_and(|route| !owns(&self.own, route))
    }

    /// Whether somebody else holds the name, or traffic for it goes to somebody else.
    pub(crate) fn is_contested(&self) -> bool {
        self.holders().next().is_some() || self.is_routed_elsewhere()
    }
}

/// Whether a route belongs to the domain's project, app and environment.
pub(crate) fn owns(row: &Model, route: &frontline_routes::Model) -> bool {
    (&route.project_id, &route.app_id, &route.environment_id)
        == (&row.project_id, &row.app_id, &row.environment_id)
}

/// Whether somebody else holds the name, without locks: for what to ask the DNS about.
pub(crate) async fn looks_contested(db: &Db, own: &Model) -> Result<bool, DbError> {
    let conn = db.primary();
    let held = of_name(conn, &own.domain).await?;
    if held
        .iter()
        .any(|row| row.workspace_id != own.workspace_id && row.is_verified())
    {
        return Ok(true);
    }
    let route = route_of(conn, &own.domain).await?;
    Ok(route.is_some_and(|route| !owns(own, &route)))
}

/// Locks everything that concerns the host name of a domain, in a new transaction; `None` when the domain is gone.
pub(crate) async fn lock(db: &Db, id: &str) -> Result<Option<(Tx, Locked)>, DbError> {
    for _ in 0..ROUNDS {
        let Some(seen) = Entity::by_id(id).one(db.primary()).await? else {
            return Ok(None);
        };
        let listed = of_name(db.primary(), &seen.domain).await?;
        let route = route_of(db.primary(), &seen.domain).await?;
        let tx = db.begin().await?;
        let route = match route {
            Some(route) => {
                tx.touch(Lock::FrontlineRoutes);
                let by_id = frontline_routes::Entity::by_id(route.id);
                by_id.lock_exclusive().one(&tx).await?
            }
            None => None,
        };
        tx.touch(Lock::CustomDomains);
        let pks = listed.iter().map(|row| row.pk);
        let locked = Entity::find()
            .filter(Column::Pk.is_in(pks))
            .order_by_asc(Column::Pk)
            .lock_exclusive()
            .all(&tx)
            .await?;
        // The first plain read of the transaction: it sees all that was committed before the locks were had.
        let now = of_name(&tx, &seen.domain).await?;
        let ids = |rows: &[Model]| rows.iter().map(|row| row.pk).collect::<Vec<_>>();
        if ids(&now) == ids(&locked) {
            let (mut own, others): (Vec<_>, Vec<_>) =
                locked.into_iter().partition(|row| row.id == seen.id);
            let Some(own) = own.pop() else {
                return Ok(None);
            };
            return Ok(Some((tx, Locked { own, others, route })));
        }
        tx.rollback().await?;
    }
    Err(sea_orm::DbErr::Custom(format!(
        "the domains with the host name of {id} keep changing"
    ))
    .into())
}

async fn of_name(conn: &impl ConnectionTrait, domain: &str) -> Result<Vec<Model>, DbError> {
    let rows = Entity::find()
        .filter(Column::Domain.eq(domain))
        .order_by_asc(Column::Pk);
    Ok(rows.all(conn).await?)
}

async fn route_of(
    conn: &impl ConnectionTrait,
    domain: &str,
) -> Result<Option<frontline_routes::Model>, DbError> {
    let by_name = frontline_routes::Column::FullyQualifiedDomainName.eq(domain);
    let found = frontline_routes::Entity::find()
        .filter(by_name)
        .one(conn)
        .await?;
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mysql::entity::custom_domains::ChallengeType;

    /// Some row.
    pub(crate) fn row() -> Model {
        Model {
            pk: 1,
            id: "dom_1".into(),
            workspace_id: "ws_1".into(),
            project_id: "proj_1".into(),
            app_id: "app_1".into(),
            environment_id: "env_1".into(),
            domain: "api.acme.test".into(),
            challenge_type: ChallengeType::Http01,
            verification_status: VerificationStatus::Pending,
            verification_token: "t".into(),
            ownership_verified: false,
            cname_verified: false,
            target_cname: "abc.cname.test".into(),
            last_checked_at: None,
            check_attempts: 0,
            verification_error: None,
            domain_connect_provider: None,
            domain_connect_url: None,
            invocation_id: None,
            created_at: 1,
            updated_at: None,
        }
    }

    fn route(app: &str) -> frontline_routes::Model {
        frontline_routes::Model {
            pk: 1,
            id: "flr_1".into(),
            project_id: "proj_1".into(),
            app_id: app.into(),
            deployment_id: String::new(),
            environment_id: "env_1".into(),
            fully_qualified_domain_name: "api.acme.test".into(),
            sticky: frontline_routes::Sticky::Live,
            created_at: 1,
            updated_at: None,
        }
    }

    #[test]
    fn a_name_is_contested_by_a_holder_or_a_foreign_route_and_by_nothing_else() {
        let other = |status| Model {
            id: "dom_2".into(),
            workspace_id: "ws_2".into(),
            verification_status: status,
            ..row()
        };
        let contested = |others, route| {
            let own = row();
            Locked { own, others, route }.is_contested()
        };
        assert!(!contested(vec![], None));
        assert!(!contested(vec![other(VerificationStatus::Verifying)], None));
        assert!(contested(vec![other(VerificationStatus::Verified)], None));
        assert!(!contested(vec![], Some(route("app_1"))));
        assert!(contested(vec![], Some(route("app_2"))));
    }
}
