//! The service with a limit of two and short audits, and a service whose handler builds: it asks for a slot, waits for
//! it, notes when it had it, and gives it back.

use build_slot::{BuildSlot, Deps, Timings};
use build_slot_client::{BuildSlotClient, BuildSlotService};
use messages::hydra::v1::{AcquireBuildSlotRequest, ReleaseBuildSlotRequest};
use restate_sdk::endpoint::Endpoint;
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::OnceCell;

pub(crate) const LIMIT: usize = 2;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A build as a test wants it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Build {
    pub(crate) workspace: String,
    pub(crate) app: String,
    pub(crate) production: bool,
    pub(crate) millis: u64,
}

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) workspace: String,
    pub(crate) deployment: String,
    pub(crate) begins: bool,
}

static EVENTS: Mutex<Vec<Event>> = Mutex::new(Vec::new());

fn note(build: &Build, deployment: &str, begins: bool) {
    EVENTS.lock().expect("not poisoned").push(Event {
        workspace: build.workspace.clone(),
        deployment: deployment.to_owned(),
        begins,
    });
}

/// What happened in a workspace so far; a repeated note of a replay is left out.
pub(crate) fn events(workspace: &str) -> Vec<Event> {
    let mut seen: Vec<Event> = Vec::new();
    for event in EVENTS.lock().expect("not poisoned").iter() {
        if event.workspace == workspace && !seen.contains(event) {
            seen.push(event.clone());
        }
    }
    seen
}

struct Builder;

#[restate_sdk::object(name = "test.Builder")]
impl Builder {
    /// Builds the deployment it is keyed by.
    #[handler(name = "Build")]
    async fn build(&self, ctx: ObjectContext<'_>, Json(build): Json<Build>) -> HandlerResult<()> {
        let (awakeable_id, granted) = ctx.awakeable::<Json<bool>>();
        let slots = ctx.object_client::<BuildSlotClient<'_>>(&build.workspace);
        slots
            .acquire_or_wait(AcquireBuildSlotRequest {
                deployment_id: ctx.key().to_owned(),
                awakeable_id,
                is_production: build.production,
                invocation_id: ctx.invocation_id().to_owned(),
                app_id: build.app.clone(),
            })
            .call()
            .await?;
        let Json(granted) = granted.await?;
        assert!(granted);
        note(&build, ctx.key(), true);
        ctx.sleep(Duration::from_millis(build.millis)).await?;
        note(&build, ctx.key(), false);
        for _ in 0..2 {
            slots
                .release(ReleaseBuildSlotRequest {
                    deployment_id: ctx.key().to_owned(),
                })
                .call()
                .await?;
        }
        Ok(())
    }

    /// Calls `AcquireOrWait` or `Release` with what it is given.
    #[handler(name = "Ask")]
    async fn ask(
        &self,
        ctx: ObjectContext<'_>,
        Json((acquire, body)): Json<(bool, Value)>,
    ) -> HandlerResult<()> {
        let slots = ctx.object_client::<BuildSlotClient<'_>>(ctx.key());
        if acquire {
            let request = serde_json::from_value(body).expect("a request");
            slots.acquire_or_wait(request).call().await?;
        } else {
            let request = serde_json::from_value(body).expect("a request");
            slots.release(request).call().await?;
        }
        Ok(())
    }
}

/// Serves both on the shared server, once.
pub(crate) async fn served() {
    static SERVED: OnceCell<()> = OnceCell::const_new();
    SERVED
        .get_or_init(|| async {
            let deps = Deps {
                admin: testbed::admin().await,
                limit: LIMIT,
                timings: Timings {
                    audit_every: Duration::from_millis(300),
                    settle: Duration::from_millis(500),
                    ..Timings::default()
                },
            };
            let endpoint = Endpoint::builder()
                .bind(BuildSlotService(BuildSlot::new(deps)))
                .bind(Builder)
                .build();
            testbed::serve(endpoint).await;
        })
        .await;
}

pub(crate) fn workspace() -> String {
    ids::random(ids::Prefix::WORKSPACE)
}

/// Sends a build of a deployment of its own; gives the deployment and the invocation.
pub(crate) async fn start(build: &Build) -> (String, String) {
    let deployment = ids::random(ids::Prefix::DEPLOYMENT);
    let ingress = testbed::ingress().await;
    let invocation = ingress
        .send("test.Builder", &*deployment, "Build", build, None)
        .await
        .expect("sent");
    (deployment, invocation)
}

/// Calls the service with this request, in the name of a handler.
pub(crate) async fn ask(
    workspace: &str,
    acquire: bool,
    body: Value,
) -> Result<Value, restate_api::ApiError> {
    let ingress = testbed::ingress().await;
    ingress
        .call("test.Builder", workspace, "Ask", &(acquire, body))
        .await
}

/// The state of the queue, as stored; nothing when nobody builds or waits.
pub(crate) async fn state(workspace: &str) -> Option<String> {
    let sql = format!(
        "SELECT value_utf8 FROM state WHERE service_name = 'hydra.v1.BuildSlotService' AND service_key = {}",
        restate_api::quoted(workspace)
    );
    let rows = testbed::admin().await.query(&sql).await.expect("state");
    rows.first()
        .map(|row| row["value_utf8"].as_str().expect("text").to_owned())
}
