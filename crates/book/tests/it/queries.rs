//! The queries of a page are ones the stores understand: blocks of `sql`, and what is given to `restate "…"`. What they find is not looked at: nothing is broken here.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::pages::Read;
use crate::world::world;

/// Restate reads an id before it looks for it.
const AN_INVOCATION: &str = "inv_1iinm1Cn0lFm1buNwh5jbk0aJG6lcxL4vn";

/// Fails with every query that is refused.
pub(crate) async fn page(read: &Read) {
    let world = world().await;
    let mut wrong = Vec::new();
    for (line, sql) in all(read) {
        // Restate's tables have a name of their own kind
        let refused = if sql.contains("sys_") {
            testbed::admin()
                .await
                .query(&sql)
                .await
                .err()
                .map(|e| format!("{e:?}"))
        } else {
            let statement = Statement::from_string(DbBackend::MySql, sql.as_str());
            let asked = world.db.primary().query_all_raw(statement).await;
            asked.err().map(|e| e.to_string())
        };
        wrong.extend(refused.map(|why| format!("{}:{line}: {sql}\n  {why}", read.path)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The queries of a page, with their lines.
pub(crate) fn all(read: &Read) -> Vec<(usize, String)> {
    let blocks = read.page.blocks.iter().filter(|b| b.language() == "sql");
    let of_blocks = blocks.flat_map(|b| {
        b.text
            .split(';')
            .map(move |sql| (b.line, sql.trim().to_owned()))
    });
    let commands = read.commands("restate").into_iter();
    let of_commands = commands.filter_map(|(line, words)| {
        // others are Restate's own command line
        let sql = words
            .into_iter()
            .next()
            .filter(|sql| sql.starts_with("SELECT "))?;
        Some((line, sql.replace("<id>", AN_INVOCATION)))
    });
    of_blocks
        .chain(of_commands)
        .filter(|(_, sql)| !sql.is_empty())
        .collect()
}
