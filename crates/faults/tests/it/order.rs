//! The service under test: three steps with counted effects, a call, a wait, state.
//!
//! Not for checks: see the other modules.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use faults::StreamProxy;
use restate_sdk::prelude::*;
use tokio::sync::OnceCell;

pub(crate) const SERVICE: &str = "test.Order";
pub(crate) const STEPS: [&str; 3] = ["reserve", "charge", "ship"];

/// Effects by object key and step: what a neighbour would have seen.
static EFFECTS: LazyLock<Mutex<BTreeMap<(String, String), usize>>> = LazyLock::new(Mutex::default);

pub(crate) fn effects(key: &str) -> [usize; 3] {
    let effects = EFFECTS.lock().unwrap();
    STEPS.map(|step| {
        effects
            .get(&(key.to_owned(), step.to_owned()))
            .copied()
            .unwrap_or_default()
    })
}

struct Order;

#[restate_sdk::object(
    name = "test.Order",
    invocation_retry_policy(initial_interval = "20ms", max_interval = "20ms")
)]
impl Order {
    #[handler(name = "Place")]
    async fn place(&self, ctx: ObjectContext<'_>, amount: u64) -> HandlerResult<u64> {
        let mut sum = step(&ctx, STEPS[0], amount).await?;
        ctx.set("reserved", sum);
        sum += step(&ctx, STEPS[1], amount).await?;
        ctx.sleep(Duration::from_millis(1)).await?;
        sum += ctx
            .object_client::<OrderClient>(format!("{}-ledger", ctx.key()))
            .note(sum)
            .call()
            .await?;
        sum += step(&ctx, STEPS[2], amount).await?;
        Ok(sum)
    }

    /// Gives a value of so many bytes, all of them in a run result too.
    #[handler(name = "Large")]
    async fn large(&self, ctx: ObjectContext<'_>, text: String) -> HandlerResult<String> {
        let text = ctx
            .run(|| async move { Ok(text.to_uppercase()) })
            .name("upper")
            .await?;
        Ok(text)
    }

    #[handler(name = "Note")]
    async fn note(&self, _ctx: ObjectContext<'_>, sum: u64) -> HandlerResult<u64> {
        Ok(sum * 10)
    }
}

async fn step(
    ctx: &ObjectContext<'_>,
    name: &'static str,
    amount: u64,
) -> Result<u64, TerminalError> {
    let key = ctx.key().to_owned();
    let effect = || async move {
        *EFFECTS
            .lock()
            .unwrap()
            .entry((key, name.to_owned()))
            .or_default() += 1;
        Ok(amount + name.len() as u64)
    };
    ctx.run(effect).name(name).await
}

/// The service behind a proxy, once per process.
pub(crate) async fn proxy() -> &'static StreamProxy {
    static PROXY: OnceCell<StreamProxy> = OnceCell::const_new();
    PROXY
        .get_or_init(|| faults::serve_behind(Endpoint::builder().bind(Order).build()))
        .await
}

pub(crate) async fn place(key: &str) -> u64 {
    let answer = testbed::ingress()
        .await
        .call(SERVICE, key, "Place", &5)
        .await;
    answer.unwrap().as_u64().unwrap()
}
