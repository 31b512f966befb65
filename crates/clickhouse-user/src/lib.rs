//! `hydra.v1.ClickhouseUserService`: gives a workspace a ClickHouse user of its own, who sees the workspace's rows within
//! its retention and nothing else.
//!
//! What a user may do is stated in one place, `statements.rs`, in an order in which no moment has a grant without its row
//! policy. Not here: the queries of the worker itself (crate `analytics`), and taking users away.

mod configure_user;
mod key;
mod limits;
mod password;
mod rows;
mod statements;
mod steps;

use analytics::Admin;
use clickhouse_user_client::ClickhouseUserBackend;
use messages::hydra::v1::{ConfigureUserRequest, ConfigureUserResponse};
use mysql::Db;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use vault::Vault;

/// What provisioning needs besides the database.
#[derive(Clone, Debug)]
pub struct Access {
    /// The administrator's connection.
    pub admin: Admin,
    /// Where passwords are sealed.
    pub vault: Vault,
}

/// The service. The key of an object is a workspace id.
#[derive(Clone, Debug)]
pub struct ClickhouseUser {
    db: Db,
    access: Option<Access>,
}

impl ClickhouseUser {
    /// Provisions through `access`; without it every call is refused with a text that says what to configure.
    pub fn new(db: Db, access: Option<Access>) -> Self {
        Self { db, access }
    }
}

impl ClickhouseUserBackend for ClickhouseUser {
    async fn configure_user<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: ConfigureUserRequest,
    ) -> HandlerResult<ConfigureUserResponse> {
        configure_user::handler(self, ctx, &req).await
    }
}
