//! `ConfigureUser`: creates the user of a workspace or brings it up to date. May be called again at any time: the
//! password stays, everything else becomes what this request and the retention of now say.

use std::time::Duration;

use analytics::{AnalyticsError, Class};
use clickhouse_user_client::SERVICE;
use durable::{Preset, Stop, codes};
use messages::hydra::v1::{ConfigureUserRequest, ConfigureUserResponse};
use mysql::Db;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use vault::{Plaintext, Vault, VaultError};

use crate::limits::Limits;
use crate::{Access, ClickhouseUser, key, password, rows, statements, steps};

/// Tries to open a password that the Vault calls unreadable: older ones say so while their storage is away.
const OPENINGS: u32 = 3;
const BETWEEN_OPENINGS: Duration = Duration::from_millis(200);

pub(crate) async fn handler(
    service: &ClickhouseUser,
    ctx: ObjectContext<'_>,
    request: &ConfigureUserRequest,
) -> HandlerResult<ConfigureUserResponse> {
    let (invocation, workspace) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "ConfigureUser", &invocation, &workspace, async {
        let db = &service.db;
        let admin = service.access.as_ref().map_or("", |a| a.admin.user());
        let user = key::checked(&workspace, admin)?;
        let access = service.access.as_ref().ok_or_else(not_configured)?;
        let limits = Limits::of(request);

        let found = durable::run!(
            ctx,
            steps::CHECK_EXISTING,
            Preset::Database,
            rows::find(db, user)
        )?;
        if found.settings {
            let update = rows::update(db, user, &limits);
            durable::run!(ctx, steps::UPDATE_LIMITS, Preset::Database, update)?;
        } else {
            let store = store_credentials(db, &access.vault, user, &limits);
            durable::run!(ctx, steps::STORE_CREDENTIALS, Preset::Database, store)?;
        }
        let configure = configure(db, access, user, &limits, found.days);
        durable::run!(
            ctx,
            steps::CONFIGURE_CLICKHOUSE,
            Preset::Database,
            configure
        )?;
        Ok(ConfigureUserResponse::default())
    })
    .await
}

fn not_configured() -> Stop {
    Stop::fault(
        codes::CLICKHOUSE_NOT_CONFIGURED,
        "This worker gives no ClickHouse users: set clickhouse.admin_url and vault.url in its configuration.",
    )
}

/// The password is drawn, sealed and stored in one step: it leaves it only as what the Vault made of it.
async fn store_credentials(
    db: &Db,
    vault: &Vault,
    user: &str,
    limits: &Limits,
) -> Result<(), Stop> {
    #[expect(clippy::disallowed_methods, reason = "inside a step")]
    let drawn = password::draw(&mut rand::rng());
    let sealed = vault.encrypt(user, &drawn).await.map_err(vault_stop)?;
    rows::insert(db, user, &sealed.blob, limits).await
}

/// Every statement may run again, so a step that failed in the middle starts over.
async fn configure(
    db: &Db,
    access: &Access,
    user: &str,
    limits: &Limits,
    days: u32,
) -> Result<(), Stop> {
    let sealed = rows::sealed(db, user).await?;
    let password = open(&access.vault, user, &sealed).await?;
    for statement in statements::in_order(user, limits, days) {
        let (operation, sql) = (statement.operation, statement.sql.as_str());
        let done = if statement.needs_password {
            access
                .admin
                .execute_with_password(operation, sql, password.expose())
                .await
        } else {
            access.admin.execute(operation, sql).await
        };
        done.map_err(clickhouse_stop)?;
    }
    Ok(())
}

async fn open(vault: &Vault, user: &str, sealed: &str) -> Result<Plaintext, Stop> {
    let mut opened = vault.decrypt(user, sealed).await;
    for _ in 1..OPENINGS {
        if !opened.as_ref().is_err_and(VaultError::possibly_transient) {
            break;
        }
        #[expect(clippy::disallowed_methods, reason = "inside a step, and short")]
        tokio::time::sleep(BETWEEN_OPENINGS).await;
        opened = vault.decrypt(user, sealed).await;
    }
    opened.map_err(vault_stop)
}

fn vault_stop(error: VaultError) -> Stop {
    match error.class() {
        vault::Class::BadRequest | vault::Class::NotFound => Stop::fault(
            codes::PASSWORD_UNREADABLE,
            format!("The Vault does not take or open the workspace's password: {error}."),
        ),
        _ => Stop::retry(error),
    }
}

fn clickhouse_stop(error: AnalyticsError) -> Stop {
    match error.class() {
        Class::BadRequest => Stop::fault(codes::CLICKHOUSE_REFUSED, format!("{error}.")),
        _ => Stop::retry(error),
    }
}
