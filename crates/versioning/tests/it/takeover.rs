//! A running cluster changes hands: the state the existing worker left is where we go on.

use crate::world::*;
use messages::hydra::v1::{
    GetVersionRequest, GetVersionResponse, NextVersionRequest, NextVersionResponse,
};
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::prelude::*;
use restate_sdk::serde::Json;
use serde_json::json;
use testbed::{Restate, RestateOptions};
use versioning_client::{SERVICE, VersioningBackend, VersioningService};

/// Counts as the existing worker does: in the object state alone.
struct Existing;

impl VersioningBackend for Existing {
    async fn next_version<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: NextVersionRequest,
    ) -> HandlerResult<NextVersionResponse> {
        let version = ctx
            .get::<Json<u64>>("version")
            .await?
            .map_or(0, Json::into_inner)
            + 1;
        ctx.set("version", Json(version));
        Ok(NextVersionResponse { version })
    }

    async fn get_version<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        _: GetVersionRequest,
    ) -> HandlerResult<GetVersionResponse> {
        Ok(GetVersionResponse {
            version: ctx
                .get::<Json<u64>>("version")
                .await?
                .map_or(0, Json::into_inner),
        })
    }
}

#[test]
fn ver_8_after_a_restart_counting_goes_on_where_the_state_stands() {
    testbed::scenario!("VER-8");
    testbed::run(async {
        let (db, region) = (testbed::db().await, region());
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let call = |handler: &'static str| {
            let (ingress, region) = (restate.ingress(), region.clone());
            async move {
                version(
                    &ingress
                        .call(SERVICE, &*region, handler, &json!({}))
                        .await
                        .expect(handler),
                )
            }
        };
        let existing = VersioningService(Existing)
            .into_service_definition()
            .options(ServiceOptions::new().ingress_private(false));
        let before = testbed::serve_on(&restate, Endpoint::builder().bind(existing).build()).await;
        for _ in 0..7 {
            call("NextVersion").await;
        }
        assert_eq!(state(&restate, &region).await.as_deref(), Some("7"));
        drop(before);

        let ours = testbed::serve_on(&restate, endpoint(db.clone())).await;
        assert_eq!(
            call("GetVersion").await,
            7,
            "the state counts while the database knows nothing"
        );
        assert_eq!(counter(&db, &region).await, None);
        assert_eq!(call("NextVersion").await, 8);
        assert_eq!(state(&restate, &region).await.as_deref(), Some("8"));
        drop(ours);

        let _again = testbed::serve_on(&restate, endpoint(db.clone())).await;
        assert_eq!(call("NextVersion").await, 9);
        assert_eq!(call("GetVersion").await, 9);
    });
}
