//! API keys, as the dashboard creates them: only what the worker's refill reads of them.

use mysql::Db;

use crate::{IntentError, insert};

/// Rows of one statement.
const CHUNK: usize = 500;

/// What a key that is due has left, and what it is refilled to.
const REMAINING: i32 = 3;
const AMOUNT: i32 = 1_000;

/// Writes so many keys of a workspace that every refill is due for, unless it has them already.
pub async fn create_due_keys(db: &Db, workspace_id: &str, count: usize) -> Result<(), IntentError> {
    for chunk in (0..count).collect::<Vec<_>>().chunks(CHUNK) {
        let tx = db.begin().await?;
        for number in chunk {
            let id = ids::derived(ids::Prefix::KEY, &[workspace_id, &number.to_string()]);
            insert::row_unless_present(
                &*tx,
                "keys",
                vec![
                    ("id", id.clone().into()),
                    ("key_auth_id", format!("ks_{workspace_id}").into()),
                    ("hash", id.clone().into()),
                    ("start", "due".into()),
                    ("workspace_id", workspace_id.into()),
                    ("name", format!("due {number}").into()),
                    ("created_at_m", mysql::now_ms().into()),
                    ("refill_amount", AMOUNT.into()),
                    ("remaining_requests", REMAINING.into()),
                ],
            )
            .await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
