//! The adapter against a real engine, and against servers that misbehave.

mod broken;
mod builds;
mod reads;

use analytics::{Address, Analytics};
use clickhouse_engine::ClickHouse;

async fn engine() -> (&'static ClickHouse, Analytics) {
    let engine = clickhouse_engine::shared().await;
    let address =
        Address::parse(&engine.native_url(), Some(&engine.http_url())).expect("an address");
    (engine, Analytics::new(&address).expect("a client"))
}

/// Words that no other test uses.
fn unique(word: &str) -> String {
    format!("{word}_{}", ids::random(ids::Prefix::ROUTE))
}
