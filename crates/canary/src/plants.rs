//! A service that puts a secret into each store on purpose, so that the search is known to find one there. Only this program
//! binds it, inside the very process whose stores are searched.
//!
//! Not part of a run without plants.

use restate_sdk::context::RequestTarget;
use restate_sdk::prelude::*;

use crate::needles::Canary;
use crate::stores::Store;

/// Its name.
pub(crate) const SERVICE: &str = "canary.Plants";
/// Where the process finds what to plant: nothing that is searched.
pub(crate) const VARIABLE: &str = "CANARY_PLANT";
/// The file into which the process writes where the service is.
pub(crate) const ADDRESS: &str = "CANARY_ADDRESS";

/// One way for a secret to get out, and the stores in which it then must be found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plant {
    pub(crate) name: &'static str,
    pub(crate) stores: &'static [Store],
}

/// The eight of them.
pub(crate) const PLANTS: [Plant; 8] = [
    Plant {
        name: "run result",
        stores: &[Store::Files, Store::Journal],
    },
    Plant {
        name: "call payload",
        stores: &[Store::Files, Store::Journal],
    },
    Plant {
        name: "object state",
        stores: &[Store::Files, Store::State],
    },
    Plant {
        name: "awakeable payload",
        stores: &[Store::Files, Store::Journal],
    },
    Plant {
        name: "error text",
        stores: &[Store::Files, Store::Invocations],
    },
    Plant {
        name: "log",
        stores: &[Store::Log],
    },
    Plant {
        name: "metric label",
        stores: &[Store::Metrics],
    },
    Plant {
        name: TABLE,
        stores: &[Store::Tables],
    },
];

/// The one that is not planted by the service.
pub(crate) const TABLE: &str = "table column";

/// What is planted, each its own, so that none is found in place of another.
pub(crate) fn canaries(seed: &str) -> Vec<Canary> {
    PLANTS
        .iter()
        .map(|plant| Canary::new(plant.name, value(seed, plant.name)))
        .collect()
}

/// The secret of one plant.
pub(crate) fn value(seed: &str, name: &str) -> String {
    format!("planted {seed}\"/{}", name.replace(' ', "&"))
}

/// Serves the plants from this process, on a thread of their own, when the environment says so.
pub(crate) fn serve_from_env() {
    let (Ok(seed), Ok(file)) = (std::env::var(VARIABLE), std::env::var(ADDRESS)) else {
        return;
    };
    std::thread::spawn(move || {
        testbed::run(async {
            let endpoint = Endpoint::builder().bind(Plants(seed)).build();
            let served = testbed::listen(endpoint).await.expect("a port");
            std::fs::write(&file, &served.url).expect("the address is written");
            std::future::pending::<()>().await;
        });
    });
}

struct Plants(String);

#[restate_sdk::object(name = "canary.Plants")]
impl Plants {
    /// Plants the secret of the plant that has this name.
    #[handler(name = "Plant")]
    async fn plant(&self, ctx: ObjectContext<'_>, Json(name): Json<String>) -> HandlerResult<()> {
        let secret = value(&self.0, &name);
        match name.as_str() {
            "run result" => {
                ctx.run(|| async move { Ok::<_, HandlerError>(secret) })
                    .name("plant")
                    .await?;
            }
            "call payload" => {
                let other = format!("{}-other", ctx.key());
                let target = RequestTarget::object(SERVICE, other, "Take");
                ctx.request::<Json<String>, ()>(target, Json(secret))
                    .call()
                    .await?;
            }
            "object state" => ctx.set("plant", secret),
            "awakeable payload" => {
                let (id, told) = ctx.awakeable::<Json<String>>();
                ctx.resolve_awakeable(&id, Json(secret));
                told.await?;
            }
            "error text" => return Err(TerminalError::new(secret).into()),
            "log" => tracing::info!(secret, "planted"),
            "metric label" => {
                metrics::counter!("canary_planted_total", "secret" => secret).increment(1)
            }
            _ => return Err(TerminalError::new("no such plant").into()),
        }
        Ok(())
    }

    /// Takes what it is given.
    #[handler(name = "Take")]
    async fn take(&self, _: ObjectContext<'_>, Json(_): Json<String>) -> HandlerResult<()> {
        Ok(())
    }
}
