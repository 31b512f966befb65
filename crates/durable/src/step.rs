//! One durable step: a closure whose result is journaled, measured, and retried under a preset.

use crate::error::Stop;
use crate::handler::SERVICE;
use restate_sdk::errors::{HandlerError, HandlerResult};
use restate_sdk::serde::Json;
use std::future::Future;

/// Runs the body of a step: its outcome is counted in `ctrl_worker_step_seconds{service,step,outcome}`, its
/// error converted. Called by [`run!`](crate::run); services do not call it.
pub fn step<T, F>(name: &'static str, body: F) -> impl Future<Output = HandlerResult<Json<T>>>
where
    F: Future<Output = Result<T, Stop>> + Send,
{
    // What is around the body would hold it several times over, and a handler holds all of its steps: enough, in a build
    // without optimisation, to fill a thread's stack.
    measured(name, Box::pin(body))
}

async fn measured<T, F>(name: &'static str, body: F) -> HandlerResult<Json<T>>
where
    F: Future<Output = Result<T, Stop>> + Send,
{
    let started = crate::clock::monotonic();
    #[cfg(feature = "faults")]
    let body = crate::faults::around(name, body);
    let result = trace_context::step(name, body).await;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(Stop::Retry(_)) => "retry",
        Err(_) => "terminal",
    };
    let service = SERVICE.try_with(|s| *s).unwrap_or("-");
    metrics::histogram!("ctrl_worker_step_seconds", "service" => service, "step" => name, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
    match result {
        Ok(value) => Ok(Json(value)),
        Err(stop) => {
            if let Stop::Retry(source) = &stop {
                tracing::warn!(step = name, error = %source, "step failed, will be tried again");
            }
            Err(HandlerError::from(stop))
        }
    }
}

/// Runs one durable step and returns its value: `durable::run!(ctx, NAME, Preset::Database, async move { … })`.
///
/// The body is an expression of type `Future<Output = Result<T, Stop>> + Send`; it may run more than once, so its
/// effect must be idempotent. `T` is journaled as JSON: no secret, no `HashMap`. Gives `Result<T, Stop>`.
#[macro_export]
macro_rules! run {
    ($ctx:expr, $name:expr, $preset:expr, $body:expr) => {{
        use $crate::macro_support::{ContextSideEffects as _, RunFuture as _};
        match $ctx
            .run(|| $crate::step($name, $body))
            .name($name)
            .retry_policy($preset.policy())
            .await
        {
            Ok($crate::macro_support::Json(value)) => Ok(value),
            Err(ended) => Err($crate::Stop::from(ended)),
        }
    }};
}
