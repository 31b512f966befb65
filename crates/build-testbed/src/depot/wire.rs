//! The protocols in which a client of Depot may call, all on one port: Connect with JSON or protobuf over HTTP/1.1 and
//! HTTP/2, and gRPC over HTTP/2.
//!
//! Not for what is answered: `calls`.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{Empty, Full, StreamBody};
use hyper::body::Frame;
use serde_json::json;

use super::messages::{FromJson, ToJson};

pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// How the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    ConnectJson,
    ConnectProto,
    ConnectStream,
    Grpc,
}

impl Protocol {
    /// By the type of what it sent.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let sent = headers.get("content-type")?.to_str().ok()?;
        match sent.split(';').next().unwrap_or_default() {
            "application/json" => Some(Self::ConnectJson),
            "application/proto" => Some(Self::ConnectProto),
            "application/grpc" | "application/grpc+proto" => Some(Self::Grpc),
            other if other.starts_with("application/connect+") => Some(Self::ConnectStream),
            _ => None,
        }
    }

    /// What was asked; nothing where it cannot be read.
    pub(crate) fn read<M: FromJson>(self, body: &Bytes) -> Option<M> {
        match self {
            Self::ConnectJson => Some(M::from_json(&serde_json::from_slice(body).ok()?)),
            Self::ConnectProto => M::decode(body.clone()).ok(),
            // a flag, four bytes of length, the message
            Self::Grpc | Self::ConnectStream => {
                let compressed = *body.first()? != 0;
                let message = body.get(5..).filter(|_| !compressed)?;
                M::decode(Bytes::copy_from_slice(message)).ok()
            }
        }
    }

    /// A good answer.
    pub(crate) fn write(self, message: &impl ToJson) -> Response<Body> {
        match self {
            Self::ConnectJson => whole(200, "application/json", message.to_json().to_string()),
            Self::ConnectProto => whole(200, "application/proto", message.encode_to_vec()),
            Self::ConnectStream => {
                let mut body = framed(&message.encode_to_vec(), 0);
                body.extend_from_slice(&framed(b"{}", 2));
                whole(200, "application/connect+proto", body)
            }
            Self::Grpc => {
                let body = framed(&message.encode_to_vec(), 0);
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                let frames = [Frame::data(body.freeze()), Frame::trailers(trailers)];
                let frames = futures::stream::iter(frames.map(Ok));
                let mut response = Response::new(StreamBody::new(frames).boxed());
                typed(&mut response, "application/grpc");
                response
            }
        }
    }

    /// A refusal.
    pub(crate) fn refuse(self, refusal: &Refusal) -> Response<Body> {
        let (status, number) = refusal.numbers();
        let said = json!({ "code": refusal.code, "message": refusal.message });
        let mut response = match self {
            Self::ConnectJson | Self::ConnectProto => {
                whole(status, "application/json", said.to_string())
            }
            Self::ConnectStream => {
                let end = json!({ "error": said }).to_string();
                whole(200, "application/connect+proto", framed(end.as_bytes(), 2))
            }
            Self::Grpc => {
                let nothing = Empty::new().map_err(|never| match never {});
                let mut response = Response::new(nothing.boxed());
                typed(&mut response, "application/grpc");
                let headers = response.headers_mut();
                headers.insert("grpc-status", HeaderValue::from(number));
                if let Ok(text) = HeaderValue::from_str(&refusal.message) {
                    headers.insert("grpc-message", text);
                }
                response
            }
        };
        if let Some(seconds) = refusal.retry_after {
            let headers = response.headers_mut();
            headers.insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }
}

/// A no in Connect's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `unauthenticated`, `unavailable`, …
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The status over HTTP and the number in gRPC.
    fn numbers(&self) -> (u16, u16) {
        match self.code {
            "canceled" => (499, 1),
            "invalid_argument" => (400, 3),
            "deadline_exceeded" => (504, 4),
            "not_found" => (404, 5),
            "permission_denied" => (403, 7),
            "resource_exhausted" => (429, 8),
            "failed_precondition" => (400, 9),
            "unimplemented" => (501, 12),
            "internal" => (500, 13),
            "unavailable" => (503, 14),
            "unauthenticated" => (401, 16),
            _ => (500, 2),
        }
    }
}

fn framed(message: &[u8], flag: u8) -> BytesMut {
    let mut body = BytesMut::new();
    body.put_u8(flag);
    body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    body.extend_from_slice(message);
    body
}

fn whole(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Response<Body> {
    let body = Full::new(Bytes::from(body.into()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.status_mut() = status;
    typed(&mut response, kind);
    response
}

fn typed(response: &mut Response<Body>, kind: &'static str) {
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(kind));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depot::messages::{CreateBuild, Nothing};

    #[test]
    fn each_protocol_reads_the_same_request() {
        let json = Bytes::from_static(br#"{"project_id":"p1"}"#);
        let other = Bytes::from_static(br#"{"projectId":"p1"}"#);
        let proto = Bytes::from_static(b"\x0a\x02p1");
        let framed = framed(&proto, 0).freeze();
        for (protocol, body) in [
            (Protocol::ConnectJson, json),
            (Protocol::ConnectJson, other),
            (Protocol::ConnectProto, proto),
            (Protocol::Grpc, framed.clone()),
            (Protocol::ConnectStream, framed),
        ] {
            let read: CreateBuild = protocol.read(&body).expect("readable");
            assert_eq!(read.project_id, "p1", "{protocol:?}");
        }
    }

    #[test]
    fn a_refusal_is_one_in_each_protocol() {
        let refusal = Refusal::new("unauthenticated", "bad token");
        assert_eq!(Protocol::ConnectJson.refuse(&refusal).status(), 401);
        let grpc = Protocol::Grpc.refuse(&refusal);
        assert_eq!(grpc.headers()["grpc-status"], "16");
        assert_eq!(Protocol::Grpc.write(&Nothing {}).status(), 200);
    }
}
