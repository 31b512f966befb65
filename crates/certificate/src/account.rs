//! The account at the authority, shared by all certificates: found in `acme_users` or made, exactly once.
//!
//! The private key is opened inside the step that needs it and never leaves it. Keys the existing worker stored are used as
//! they are.

use crate::Deps;
use crate::authority::{Told, told};
use acme::{Account, AccountKey, Acme};
use durable::Stop;
use mysql::{Db, DbError, sql};
use sea_orm::{FromQueryResult, Value};
use vault::Vault;

/// Owner of the shared account, and keyring of its key.
const OWNER: &str = "acme";

#[derive(Debug, FromQueryResult)]
struct User {
    id: String,
    encrypted_key: String,
    registration_uri: Option<String>,
}

/// Finds or makes the account; gives its URL. A repetition finds what it made: the key by its row, the account at the
/// authority by the key.
pub(crate) async fn ensure(deps: &Deps, acme: &Acme, vault: &Vault) -> Result<Told<String>, Stop> {
    let user = match find(&deps.db).await? {
        Some(user) => user,
        None => make(deps, acme, vault).await?,
    };
    let key = open(vault, &user).await?;
    match &user.registration_uri {
        Some(url) if same_authority(url, &deps.settings.directory) => Ok(Told::Done(url.clone())),
        _ => match told(acme.register(&key).await)? {
            Told::Refused(problem) => Ok(Told::Refused(problem)),
            Told::Done(account) => {
                set_url(&deps.db, &user.id, Some(account.url())).await?;
                Ok(Told::Done(account.url().to_owned()))
            }
        },
    }
}

/// The account, for one call.
pub(crate) async fn of(
    deps: &Deps,
    acme: &Acme,
    vault: &Vault,
    url: &str,
) -> Result<Account, Stop> {
    let user = find(&deps.db)
        .await?
        .ok_or_else(|| Stop::retry("the account's row is gone"))?;
    let key = open(vault, &user).await?;
    Ok(acme.account(&key, url))
}

/// Forgets the URL of an account the authority says it does not know; the key stays.
pub(crate) async fn drop_url(deps: &Deps, url: &str) -> Result<(), Stop> {
    if let Some(user) = find(&deps.db).await?
        && user.registration_uri.as_deref() == Some(url)
    {
        set_url(&deps.db, &user.id, None).await?;
    }
    Ok(())
}

async fn find(db: &Db) -> Result<Option<User>, DbError> {
    let sql = "SELECT id, encrypted_key, registration_uri FROM acme_users WHERE workspace_id = ? ORDER BY pk LIMIT 1";
    sql::one(db.primary(), sql, [OWNER.into()]).await
}

/// Makes key and row. The id is always the same and unique, so that of several who do this at once one wins and all use
/// its key.
async fn make(deps: &Deps, acme: &Acme, vault: &Vault) -> Result<User, Stop> {
    let kind = acme.key_kind();
    let key = tokio::task::spawn_blocking(move || AccountKey::generate(kind))
        .await
        .map_err(Stop::retry)?
        .map_err(Stop::retry)?;
    let pem = key.to_pem().map_err(Stop::retry)?;
    let sealed = vault.encrypt(OWNER, &pem).await.map_err(Stop::retry)?;
    let id = ids::derived(ids::Prefix::ACME_ACCOUNT, &[OWNER]);
    let sql = "INSERT IGNORE INTO acme_users (id, workspace_id, encrypted_key, created_at) VALUES (?, ?, ?, ?)";
    let values: [Value; 4] = [
        id.into(),
        OWNER.into(),
        sealed.blob.into(),
        durable::clock::wall_ms().into(),
    ];
    sql::execute(deps.db.primary(), sql, values).await?;
    find(&deps.db)
        .await?
        .ok_or_else(|| Stop::retry("the account's row is gone"))
}

async fn open(vault: &Vault, user: &User) -> Result<AccountKey, Stop> {
    let pem = vault
        .decrypt(OWNER, &user.encrypted_key)
        .await
        .map_err(Stop::retry)?;
    AccountKey::from_pem(pem.expose()).map_err(Stop::retry)
}

async fn set_url(db: &Db, id: &str, url: Option<&str>) -> Result<(), DbError> {
    let sql = "UPDATE acme_users SET registration_uri = ?, updated_at = ? WHERE id = ?";
    let values: [Value; 3] = [url.into(), durable::clock::wall_ms().into(), id.into()];
    sql::execute(db.primary(), sql, values).await?;
    Ok(())
}

/// Whether an account's URL belongs to the authority of a directory: scheme and host are the same. After a change of the
/// directory the same key is registered at the other authority, and again at the first one after a change back.
fn same_authority(account: &str, directory: &str) -> bool {
    let origin = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split('/').next()?;
        Some(format!("{scheme}://{host}").to_ascii_lowercase())
    };
    !account.is_empty() && origin(account) == origin(directory)
}

#[cfg(test)]
mod tests {
    use super::same_authority;

    #[test]
    fn an_account_belongs_to_the_authority_it_was_made_at() {
        let production = "https://acme-v02.api.letsencrypt.org/directory";
        let account = "https://acme-v02.api.letsencrypt.org/acme/acct/1";
        assert!(same_authority(account, production));
        assert!(!same_authority("", production));
        assert!(!same_authority(
            "https://acme-staging-v02.api.letsencrypt.org/acme/acct/1",
            production
        ));
        assert!(!same_authority(
            "https://localhost:1/x",
            "https://localhost:2/dir"
        ));
    }
}
