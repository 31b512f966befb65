//! Faults at a chosen message of Restate's service protocol: a proxy between the Restate server and a worker that
//! knows which journal command of which invocation is passing, and can cut the stream right before it.
//!
//! ```text
//! let proxy = faults::serve_behind(endpoint).await;
//! let cut = proxy.cut(Cut::run_result("test.Orders", "Place", "charge").of_key("order-1"));
//! testbed::ingress().await.call("test.Orders", "order-1", "Place", &body).await.unwrap();
//! let at = cut.wait(Duration::from_secs(10)).await.expect("the cut happened");
//! ```
//!
//! Beside it: [`MySqlProxy`] cuts a database connection after its COMMIT was sent, [`http::ScriptedHttp`] is a fake of an
//! HTTP server that follows a script, [`Flood`] one whose answers have no end.
//!
//! Not for production code: it is a dev-dependency. Not for faults of whole connections or servers: `testbed::Proxy`,
//! `testbed::Restate` and `testbed::MariaDb` have those.

mod flood;
mod frames;
pub mod http;
mod message;
mod mysql;
mod pipe;
mod proxy;
mod rules;
mod serve;
mod stream;

pub use flood::Flood;
pub use message::{Kind, Seen};
pub use mysql::MySqlProxy;
pub use proxy::StreamProxy;
pub use rules::{Cut, CutHandle};
pub use serve::{serve_behind, serve_behind_on};
