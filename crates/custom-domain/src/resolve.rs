//! Which row a key means: an id names its row, anything else is a host name and names its only row that has not failed.

use mysql::entity::custom_domains::{Column, Entity, Model, VerificationStatus};
use mysql::{Db, DbError};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// Rows read for one host name. Each is another workspace's; more are no use to anybody.
const MAX_ROWS: u64 = 200;

/// What a key means.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// This row.
    One(Box<Model>),
    /// No row.
    Missing,
    /// Several rows, none of them verified: their ids.
    Several(Vec<String>),
}

/// Reads on the primary: the row may have been written a moment ago.
pub(crate) async fn find(db: &Db, key: &str) -> Result<Found, DbError> {
    let id = format!("{}_", ids::Prefix::DOMAIN.as_str());
    if key.starts_with(&id) {
        let row = Entity::by_id(key).one(db.primary()).await?;
        return Ok(row.map_or(Found::Missing, |row| Found::One(Box::new(row))));
    }
    let rows = Entity::find()
        .filter(Column::Domain.eq(key))
        .filter(Column::VerificationStatus.ne(VerificationStatus::Failed))
        .order_by_asc(Column::Pk)
        .limit(MAX_ROWS)
        .all(db.primary())
        .await?;
    Ok(choose(rows))
}

/// The only one, or the verified one.
fn choose(mut rows: Vec<Model>) -> Found {
    if rows.len() > 1 {
        let verified = VerificationStatus::Verified;
        let Some(at) = rows.iter().position(|r| r.verification_status == verified) else {
            return Found::Several(rows.into_iter().map(|row| row.id).collect());
        };
        return Found::One(Box::new(rows.swap_remove(at)));
    }
    rows.pop()
        .map_or(Found::Missing, |row| Found::One(Box::new(row)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::row;

    #[test]
    fn several_rows_mean_the_verified_one_or_nobody() {
        let row = |id: &str, status| Model {
            id: id.to_owned(),
            verification_status: status,
            ..row()
        };
        use VerificationStatus::{Pending, Verified, Verifying};
        assert_eq!(choose(vec![]), Found::Missing);
        let one = |found| match found {
            Found::One(row) => row.id,
            other => format!("{other:?}"),
        };
        assert_eq!(one(choose(vec![row("dom_a", Pending)])), "dom_a");
        let three = vec![
            row("dom_a", Pending),
            row("dom_b", Verified),
            row("dom_c", Verifying),
        ];
        assert_eq!(one(choose(three)), "dom_b");
        assert_eq!(
            choose(vec![row("dom_a", Pending), row("dom_c", Verifying)]),
            Found::Several(vec!["dom_a".into(), "dom_c".into()])
        );
    }
}
