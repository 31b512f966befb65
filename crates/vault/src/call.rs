//! One call: its deadline, its attempts, the pauses between them, and what is measured of it.

use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::{Operation, Vault, VaultError, answer};

/// Seconds of each attempt by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";

impl Vault {
    /// Sends `request` until it is answered, refused, or its time is over. `secret` is a text of the request that
    /// no error may repeat.
    pub(crate) async fn call<A: DeserializeOwned>(
        &self,
        operation: Operation,
        request: &(impl Serialize + Sync),
        items: usize,
        secret: &str,
    ) -> Result<A, VaultError> {
        let body = serde_json::to_vec(request)
            .map(Bytes::from)
            .map_err(|_| VaultError::Settings("a request cannot be written as JSON".into()))?;
        let end = Instant::now() + self.options.call_limit(items);
        let mut retries = 0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let limit = left.min(self.options.attempt_limit(items, body.len()));
            let error = match self
                .measured_attempt(operation, body.clone(), limit, secret)
                .await
            {
                Ok(answer) => return answer::read(operation, &answer),
                Err(error) => error,
            };
            let pause = jitter(self.options.pause, retries);
            if retries == self.options.retries
                || !error.retry_now()
                || Instant::now() + pause >= end
            {
                return Err(error);
            }
            retries += 1;
            tracing::debug!(%operation, retries, ?pause, "the Vault did not serve a call, trying again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn measured_attempt(
        &self,
        operation: Operation,
        body: Bytes,
        limit: Duration,
        secret: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let begun = Instant::now();
        let attempt = async {
            match tokio::time::timeout(limit, self.attempt(operation, body, limit, secret)).await {
                Ok(result) => result,
                Err(_) => Err(VaultError::TooLate {
                    operation,
                    after: limit,
                }),
            }
        };
        let result = trace_context::outside("vault", operation.label(), attempt).await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.class().label(), |_| "ok");
        let labels = [
            ("adapter", "vault"),
            ("operation", operation.label()),
            ("outcome", outcome),
        ];
        metrics::histogram!(OUTSIDE_SECONDS, &labels).record(begun.elapsed().as_secs_f64());
        result
    }

    async fn attempt(
        &self,
        operation: Operation,
        body: Bytes,
        limit: Duration,
        secret: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let unreachable = |error: reqwest::Error| VaultError::Connection {
            operation,
            source: error.without_url(),
        };
        let url = self
            .base
            .join(&format!("vault.v1.VaultService/{}", operation.method()))
            .map_err(|error| VaultError::Settings(error.to_string()))?;
        let mut request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("connect-protocol-version", "1")
            .header("connect-timeout-ms", limit.as_millis().max(1).to_string())
            .body(body);
        if operation != Operation::Liveness {
            request = request.header(AUTHORIZATION, self.authorization()?);
        }
        if let Some((name, value)) = trace_context::header() {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let answer = self.body(operation, response).await?;
        if status == 200 {
            return match headers.get(CONTENT_ENCODING) {
                Some(encoding) if encoding != "identity" => Err(VaultError::BadAnswer {
                    operation,
                    what: "compressed, which was not asked for",
                }),
                _ => Ok(answer),
            };
        }
        Err(answer::refusal(
            operation,
            status,
            &headers,
            &answer,
            &[secret, self.token.as_str()],
        ))
    }

    /// The bearer header, marked so that HTTP libraries do not print it.
    fn authorization(&self) -> Result<HeaderValue, VaultError> {
        let text = Zeroizing::new(format!("Bearer {}", self.token.as_str()));
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| VaultError::Settings("the token cannot be sent in a header".into()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Reads the body up to the limit, whatever length it announces.
    async fn body(
        &self,
        operation: Operation,
        mut response: Response,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let most = self.options.answer_bytes;
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        let mut body = Zeroizing::new(Vec::with_capacity(announced.min(most)));
        let broken = |error: reqwest::Error| VaultError::Connection {
            operation,
            source: error.without_url(),
        };
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > most {
                return Err(VaultError::BadAnswer {
                    operation,
                    what: "larger than this client reads",
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// A pause drawn between zero and a bound that doubles with each retry, so that many callers do not come back at once.
fn jitter(first: Duration, retries: u32) -> Duration {
    let bound = first.saturating_mul(2u32.saturating_pow(retries));
    bound.mul_f64(rand::rng().random::<f64>())
}
