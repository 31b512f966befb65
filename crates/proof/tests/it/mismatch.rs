//! A handler whose steps changed their order under an invocation in flight: seen, stopped, and brought to its end by the
//! steps of `docs/upgrades.md`.
//!
//! Not the product's own handlers: their journals are kept in `crates/proof/journals`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faults::StreamProxy;
use restate_api::Admin;
use restate_sdk::endpoint::ServiceOptions;
use restate_sdk::prelude::*;
use serde_json::{Value, json};
use testbed::{Restate, RestateOptions, Served};

const SERVICE: &str = "upgrade.Order";
const SOON: Duration = Duration::from_secs(30);

/// What happened, in order, and the promise that is waited for.
#[derive(Default)]
struct World {
    effects: Mutex<Vec<&'static str>>,
    gate: Mutex<Option<String>>,
}

impl World {
    fn effect(&self, name: &'static str) {
        self.effects.lock().expect("unpoisoned").push(name);
    }

    fn effects(&self) -> Vec<&'static str> {
        self.effects.lock().expect("unpoisoned").clone()
    }

    async fn gate(&self) -> String {
        testbed::eventually(SOON, || async {
            let gate = self.gate.lock().expect("unpoisoned").clone();
            gate.ok_or("nothing waits")
        })
        .await
    }
}

async fn step(
    ctx: &ObjectContext<'_>,
    world: &World,
    name: &'static str,
) -> Result<(), TerminalError> {
    ctx.run(|| async {
        world.effect(name);
        Ok(())
    })
    .name(name)
    .await
}

async fn wait(ctx: &ObjectContext<'_>, world: &World) -> Result<(), TerminalError> {
    let (id, told) = ctx.awakeable::<Json<bool>>();
    *world.gate.lock().expect("unpoisoned") = Some(id);
    told.await.map(drop)
}

/// As it was released: reserve, wait, charge.
struct Released(Arc<World>);

#[restate_sdk::object(name = "upgrade.Order")]
impl Released {
    #[handler(name = "Place")]
    async fn place(&self, ctx: ObjectContext<'_>, _: Json<Value>) -> HandlerResult<()> {
        step(&ctx, &self.0, "reserve").await?;
        wait(&ctx, &self.0).await?;
        Ok(step(&ctx, &self.0, "charge").await?)
    }
}

/// With the order of steps changed.
struct Changed(Arc<World>);

#[restate_sdk::object(name = "upgrade.Order")]
impl Changed {
    #[handler(name = "Place")]
    async fn place(&self, ctx: ObjectContext<'_>, _: Json<Value>) -> HandlerResult<()> {
        step(&ctx, &self.0, "charge").await?;
        step(&ctx, &self.0, "reserve").await?;
        Ok(wait(&ctx, &self.0).await?)
    }
}

/// Mended: what was journaled comes first and in its order again, what is new comes behind.
struct Mended(Arc<World>);

#[restate_sdk::object(name = "upgrade.Order")]
impl Mended {
    #[handler(name = "Place")]
    async fn place(&self, ctx: ObjectContext<'_>, _: Json<Value>) -> HandlerResult<()> {
        step(&ctx, &self.0, "reserve").await?;
        wait(&ctx, &self.0).await?;
        step(&ctx, &self.0, "charge").await?;
        Ok(step(&ctx, &self.0, "receipt").await?)
    }
}

/// Restate's own patience, in short: some attempts, then a pause.
fn patience(attempts: u64) -> ServiceOptions {
    ServiceOptions::new()
        .retry_policy_initial_interval(Duration::from_millis(50))
        .retry_policy_max_interval(Duration::from_millis(100))
        .retry_policy_max_attempts(attempts)
        .retry_policy_pause_on_max_attempts()
}

/// One server, the released build behind an address, an order in flight.
struct Shop {
    restate: Restate,
    world: Arc<World>,
    attempts: u64,
    proxy: StreamProxy,
    /// The deployment it began at.
    first: String,
    order: String,
    served: Vec<Served>,
}

impl Shop {
    async fn with_an_order_in_flight(attempts: u64) -> Self {
        let restate = Restate::start(RestateOptions::default()).await;
        let restate = restate.expect("Restate starts");
        let world = Arc::<World>::default();
        let released = Released(world.clone()).into_service_definition();
        let released = Endpoint::builder().bind(released.options(patience(attempts)));
        let served = testbed::listen(released.build()).await.expect("a port");
        let proxy = StreamProxy::start(served.addr).await.expect("a port");
        let registered = restate.admin().register(&proxy.url(), false).await;
        let first = registered.expect("registered").id;
        let ingress = restate.ingress();
        let order = ingress.send(SERVICE, "o_1", "Place", &json!(null), None);
        let order = order.await.expect("sent");
        world.gate().await;
        Self {
            restate,
            world,
            attempts,
            proxy,
            first,
            order,
            served: vec![served],
        }
    }

    fn admin(&self) -> Admin {
        self.restate.admin()
    }

    /// The mistake: another build answers at the address of the first, and the order goes on.
    async fn replaced_in_place(&mut self) {
        let changed = Changed(self.world.clone()).into_service_definition();
        let changed = Endpoint::builder().bind(changed.options(patience(self.attempts)));
        let served = testbed::listen(changed.build()).await.expect("a port");
        self.proxy.retarget(served.addr);
        // the connection to the first build ends with it
        self.served = vec![served];
        let gate = self.world.gate().await;
        let told = self.restate.ingress().resolve_awakeable(&gate, &true).await;
        told.expect("resolved");
    }

    /// Serves the mended build; gives its address.
    async fn mended(&mut self) -> (String, std::net::SocketAddr) {
        let mended = Mended(self.world.clone()).into_service_definition();
        let mended = Endpoint::builder().bind(mended.options(patience(self.attempts)));
        let served = testbed::listen(mended.build()).await.expect("a port");
        let at = (served.url.clone(), served.addr);
        self.served.push(served);
        at
    }

    /// What an operator sees of the order.
    async fn row(&self) -> BTreeMap<String, Value> {
        let sql = format!(
            "SELECT status, pinned_deployment_id, last_failure, last_failure_error_code, last_failure_related_command_name \
             FROM sys_invocation WHERE id = {}",
            restate_api::quoted(&self.order)
        );
        let rows = self.admin().query(&sql).await.expect("query");
        let row = rows.first().and_then(Value::as_object).expect("a row");
        row.clone().into_iter().collect()
    }

    /// Why it was paused.
    async fn why(&self) -> Value {
        let sql = format!(
            "SELECT event_json FROM sys_journal_events WHERE event_type = 'Paused' AND id = {}",
            restate_api::quoted(&self.order)
        );
        let rows = self.admin().query(&sql).await.expect("query");
        let text = rows.last().and_then(|row| row["event_json"].as_str());
        serde_json::from_str(text.expect("it was paused")).expect("JSON")
    }

    async fn becomes(&self, status: &str) -> BTreeMap<String, Value> {
        testbed::eventually(SOON, || async {
            let row = self.row().await;
            if row["status"] == status {
                Ok(row)
            } else {
                Err(row)
            }
        })
        .await
    }

    /// The mended build at an address of its own; its deployment's id.
    async fn mended_and_registered(&mut self) -> String {
        let (url, _) = self.mended().await;
        let registered = self.admin().register(&url, false).await;
        registered.expect("registered").id
    }

    /// It ends: each effect once, in the released order.
    async fn ends_whole(&self, at: &str) {
        let ingress = self.restate.ingress().with_timeout(Some(SOON));
        ingress.attach(&self.order).await.expect("it ends");
        assert_eq!(self.world.effects(), ["reserve", "charge", "receipt"]);
        assert_eq!(self.row().await["pinned_deployment_id"], at);
    }
}

#[test]
fn a_changed_order_pauses_visibly_and_goes_on_at_the_mended_build() {
    testbed::run(async {
        let mut shop = Shop::with_an_order_in_flight(3).await;
        shop.replaced_in_place().await;
        let row = shop.becomes("paused").await;
        assert_eq!(row["pinned_deployment_id"], shop.first.as_str());
        // of what is paused sys_invocation no longer says why
        let why = shop.why().await;
        println!("{why}");
        let failure = &why["last_failure"];
        assert_eq!(failure["restate_doc_error_code"], "RT0016", "{why}");
        assert_eq!(failure["related_command_name"], "charge", "{why}");
        let said = failure["error_message"].as_str().unwrap_or_default();
        assert!(said.contains("reserve != charge"), "{said}");
        assert_eq!(
            shop.world.effects(),
            ["reserve"],
            "nothing was done in the wrong order"
        );
        // the fix, at an address of its own
        let mended = shop.mended_and_registered().await;
        assert_ne!(mended, shop.first);
        let resumed = shop.admin().resume_on(&shop.order, "latest").await;
        resumed.expect("resumed");
        shop.ends_whole(&mended).await;
    });
}

#[test]
fn what_still_backs_off_is_paused_by_hand_and_goes_on() {
    testbed::run(async {
        let mut shop = Shop::with_an_order_in_flight(10_000).await;
        shop.replaced_in_place().await;
        let row = testbed::eventually(SOON, || async {
            let row = shop.row().await;
            if row["last_failure_error_code"] == "RT0016" {
                Ok(row)
            } else {
                Err(row)
            }
        })
        .await;
        assert_ne!(row["status"], "paused", "{row:?}");
        shop.admin().pause(&shop.order).await.expect("paused");
        shop.becomes("paused").await;
        let mended = shop.mended_and_registered().await;
        let resumed = shop.admin().resume_on(&shop.order, &mended).await;
        resumed.expect("resumed");
        shop.ends_whole(&mended).await;
    });
}

#[test]
fn the_mended_build_at_the_first_address_needs_no_more_than_a_resume() {
    testbed::run(async {
        let mut shop = Shop::with_an_order_in_flight(3).await;
        shop.replaced_in_place().await;
        shop.becomes("paused").await;
        let (_, addr) = shop.mended().await;
        shop.proxy.retarget(addr);
        shop.admin().resume(&shop.order).await.expect("resumed");
        let first = shop.first.clone();
        shop.ends_whole(&first).await;
    });
}

#[test]
fn an_address_of_its_own_for_each_build_keeps_what_is_in_flight_from_it() {
    testbed::run(async {
        let shop = Shop::with_an_order_in_flight(3).await;
        let changed = Changed(shop.world.clone()).into_service_definition();
        let changed = Endpoint::builder().bind(changed.options(patience(3)));
        let _changed = testbed::serve_on(&shop.restate, changed.build()).await;
        let gate = shop.world.gate().await;
        let told = shop.restate.ingress().resolve_awakeable(&gate, &true).await;
        told.expect("resolved");
        let ingress = shop.restate.ingress().with_timeout(Some(SOON));
        ingress.attach(&shop.order).await.expect("it ends");
        assert_eq!(shop.world.effects(), ["reserve", "charge"]);
        assert_eq!(
            shop.row().await["pinned_deployment_id"],
            shop.first.as_str()
        );
        // the same registration with force keeps its id; new orders are the changed build's
        let services = shop.admin().services().await.expect("services");
        let now = services.iter().find(|s| s.name == SERVICE).expect("known");
        assert_ne!(now.deployment_id, shop.first);
    });
}
