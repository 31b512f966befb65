//! What `/health/live`, `/health/startup` and `/health/ready` answer.
//!
//! Not for serving them (see `server`) nor for deciding what is checked (see `serve`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// What one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Something it cannot do without is not there yet.
    NotStarted,
    /// Serves.
    Running,
    /// Ends what it has begun.
    ShuttingDown,
}

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The phase and the named checks of readiness.
pub struct Health {
    phase: AtomicU8,
    checks: Vec<(&'static str, Check)>,
}

#[derive(Serialize)]
struct Body {
    status: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    checks: BTreeMap<&'static str, String>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Not started, nothing checked.
    pub fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::NotStarted as u8),
            checks: Vec::new(),
        }
    }

    /// Adds a check of readiness. It runs at each question, beside the others, for at most 500 ms.
    #[must_use]
    pub fn check<F>(
        mut self,
        name: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks
            .push((name, Box::new(move || Box::pin(check()))));
        self
    }

    /// Moves on to the next phase.
    pub fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::NotStarted,
            1 => Phase::Running,
            _ => Phase::ShuttingDown,
        }
    }

    /// Answers a request below `/health/`; nothing for any other path. Only GET and HEAD are allowed there.
    pub async fn answer(&self, method: &Method, path: &str) -> Option<Response<Full<Bytes>>> {
        let (status, body) = match path {
            "/health/live" | "/health/startup" | "/health/ready"
                if method != Method::GET && method != Method::HEAD =>
            {
                (
                    StatusCode::METHOD_NOT_ALLOWED,
                    Body {
                        status: "use GET",
                        checks: BTreeMap::new(),
                    },
                )
            }
            "/health/live" | "/health/startup" => self.alive(),
            "/health/ready" => self.ready().await,
            _ => return None,
        };
        Some(json(status, &body))
    }

    fn alive(&self) -> (StatusCode, Body) {
        let (code, status) = match self.phase() {
            Phase::NotStarted => (StatusCode::SERVICE_UNAVAILABLE, "not started"),
            Phase::Running | Phase::ShuttingDown => (StatusCode::OK, "ok"),
        };
        (
            code,
            Body {
                status,
                checks: BTreeMap::new(),
            },
        )
    }

    async fn ready(&self) -> (StatusCode, Body) {
        let status = match self.phase() {
            Phase::Running => None,
            Phase::NotStarted => Some("not started"),
            Phase::ShuttingDown => Some("shutting down"),
        };
        if let Some(status) = status {
            return (
                StatusCode::SERVICE_UNAVAILABLE,
                Body {
                    status,
                    checks: BTreeMap::new(),
                },
            );
        }
        let results = join_all(self.checks.iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            let late = || Err(format!("no answer within {} ms", CHECK_TIMEOUT.as_millis()));
            (*name, result.unwrap_or_else(|_| late()))
        }))
        .await;
        let failed = results.iter().any(|(_, result)| result.is_err());
        let checks = results
            .into_iter()
            .map(|(name, result)| (name, result.err().unwrap_or_else(|| "ok".to_owned())))
            .collect();
        if failed {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                Body {
                    status: "fail",
                    checks,
                },
            )
        } else {
            (
                StatusCode::OK,
                Body {
                    status: "ok",
                    checks,
                },
            )
        }
    }
}

fn json(status: StatusCode, body: &Body) -> Response<Full<Bytes>> {
    // A struct of texts always has a JSON form.
    let text = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn ask(health: &Health, path: &str) -> (u16, String) {
        let response = health
            .answer(&Method::GET, path)
            .await
            .expect("a health path");
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("in memory")
            .to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    #[tokio::test]
    async fn each_phase_has_its_answers() {
        let health = Health::new();
        for path in ["/health/live", "/health/startup", "/health/ready"] {
            assert_eq!(
                ask(&health, path).await,
                (503, r#"{"status":"not started"}"#.to_owned()),
                "{path}"
            );
        }
        health.set(Phase::Running);
        for path in ["/health/live", "/health/startup", "/health/ready"] {
            assert_eq!(
                ask(&health, path).await,
                (200, r#"{"status":"ok"}"#.to_owned()),
                "{path}"
            );
        }
        health.set(Phase::ShuttingDown);
        assert_eq!(
            ask(&health, "/health/ready").await,
            (503, r#"{"status":"shutting down"}"#.to_owned())
        );
        assert_eq!(ask(&health, "/health/live").await.0, 200);
        assert_eq!(ask(&health, "/health/startup").await.0, 200);
    }

    #[tokio::test]
    async fn other_methods_are_refused_and_other_paths_are_not_ours() {
        let health = Health::new();
        assert_eq!(
            health
                .answer(&Method::POST, "/health/live")
                .await
                .map(|r| r.status().as_u16()),
            Some(405)
        );
        assert!(health.answer(&Method::GET, "/discover").await.is_none());
    }

    #[tokio::test]
    async fn wrk_12_a_failing_or_slow_check_makes_it_unready() {
        testbed::scenario!("WRK-12");
        let health = Health::new()
            .check("good", || async { Ok(()) })
            .check("bad", || async { Err("broken".to_owned()) })
            .check("slow", || async {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(())
            });
        health.set(Phase::Running);
        let (status, body) = ask(&health, "/health/ready").await;
        assert_eq!(status, 503);
        assert_eq!(
            body,
            r#"{"status":"fail","checks":{"bad":"broken","good":"ok","slow":"no answer within 500 ms"}}"#
        );
    }
}
