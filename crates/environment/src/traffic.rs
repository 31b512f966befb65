//! Traffic first: the environment's host names go, and the app has no live deployment any more if it was one of these.
//!
//! Under the app's lock, as everything that moves routes: whoever comes later finds no environment or no pointer.

use crate::owner::Owner;
use durable::Stop;
use mysql::{Db, DbError, Lock, Tx, now_ms, sql};
use sea_orm::FromQueryResult;
use teardown::chunk;

#[derive(FromQueryResult)]
struct App {
    current_deployment_id: Option<String>,
}

#[derive(FromQueryResult)]
struct Flag {
    yes: bool,
}

/// The locked app: who holds this may change pointer and routes.
pub(crate) struct Locked {
    /// Empty when the app is gone already.
    current: Option<String>,
}

/// Locks the app. Call it first in a transaction.
pub(crate) async fn lock(tx: &Tx, owner: &Owner) -> Result<Locked, DbError> {
    tx.touch(Lock::Apps);
    let app: Option<App> = sql::one(
        &**tx,
        "SELECT current_deployment_id FROM apps WHERE id = ? FOR UPDATE",
        [owner.app_id.as_str().into()],
    )
    .await?;
    Ok(Locked {
        current: app.and_then(|app| app.current_deployment_id),
    })
}

/// Deletes a chunk of routes; with the last one the pointer, so that no live route ever leads elsewhere than the
/// pointer. True while there are more.
pub(crate) async fn detach(db: &Db, owner: &Owner) -> Result<bool, Stop> {
    mysql::retry_as(|| async {
        let tx = db.begin().await?;
        let app = lock(&tx, owner).await?;
        let more = routes(&tx, owner).await?;
        if !more {
            release(&tx, owner, &app).await?;
        }
        tx.commit().await?;
        Ok(more)
    })
    .await
}

/// Deletes a chunk of routes of this app and environment; true when there may be more.
pub(crate) async fn routes(tx: &Tx, owner: &Owner) -> Result<bool, DbError> {
    tx.touch(Lock::FrontlineRoutes);
    let deleted = chunk::delete(
        &**tx,
        "frontline_routes",
        "t.environment_id = ? AND t.app_id = ?",
        [owner.id.as_str().into(), owner.app_id.as_str().into()],
    )
    .await?;
    Ok(deleted == chunk::SIZE)
}

/// Whether any route is left.
pub(crate) async fn has_routes(tx: &Tx, owner: &Owner) -> Result<bool, DbError> {
    exists(
        tx,
        "SELECT EXISTS (SELECT 1 FROM frontline_routes WHERE environment_id = ? AND app_id = ?) AS yes",
        owner,
    )
    .await
}

/// Takes the pointer away from a deployment of this environment, and from one that is not there any more. The app must
/// be locked and the routes gone.
pub(crate) async fn release(tx: &Tx, owner: &Owner, app: &Locked) -> Result<(), DbError> {
    let Some(current) = &app.current else {
        return Ok(());
    };
    let kept: Option<Flag> = sql::one(
        &**tx,
        "SELECT environment_id <> ? AS yes FROM deployments WHERE id = ?",
        [owner.id.as_str().into(), current.as_str().into()],
    )
    .await?;
    if kept.is_some_and(|elsewhere| elsewhere.yes) {
        return Ok(());
    }
    sql::execute(
        &**tx,
        "UPDATE apps SET current_deployment_id = NULL, is_rolled_back = 0, updated_at = ? WHERE id = ?",
        [now_ms().into(), owner.app_id.as_str().into()],
    )
    .await
    .map(drop)
}

pub(crate) async fn exists(tx: &Tx, sql: &str, owner: &Owner) -> Result<bool, DbError> {
    let flag: Option<Flag> = sql::one(
        &**tx,
        sql,
        [owner.id.as_str().into(), owner.app_id.as_str().into()],
    )
    .await?;
    Ok(flag.is_some_and(|flag| flag.yes))
}
