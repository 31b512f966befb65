//! The methods of `vault.v1.VaultService`: bytes of a request to bytes of an answer, in protobuf or JSON.

use buffa::Message;
use bytes::Bytes;
use messages::vault::v1::{
    DecryptBulkRequest, DecryptBulkResponse, DecryptRequest, DecryptResponse, EncryptBulkRequest,
    EncryptBulkResponse, EncryptBulkResponseItem, EncryptRequest, EncryptResponse, LivenessRequest,
    LivenessResponse, ReEncryptRequest, ReEncryptResponse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::{Zeroize as _, Zeroizing};

use crate::engine::Engine;
use crate::refusal::{Code, Refusal};

/// A method of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Liveness,
    Encrypt,
    EncryptBulk,
    Decrypt,
    DecryptBulk,
    ReEncrypt,
}

impl Method {
    /// The method a path names.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        Some(match path.strip_prefix("/vault.v1.VaultService/")? {
            "Liveness" => Self::Liveness,
            "Encrypt" => Self::Encrypt,
            "EncryptBulk" => Self::EncryptBulk,
            "Decrypt" => Self::Decrypt,
            "DecryptBulk" => Self::DecryptBulk,
            "ReEncrypt" => Self::ReEncrypt,
            _ => return None,
        })
    }
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Proto,
    Json,
}

impl Format {
    /// The format a content type names; parameters such as `charset` change nothing.
    pub(crate) fn from_content_type(text: &str) -> Option<Self> {
        match text
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "application/proto" => Some(Self::Proto),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Proto => "application/proto",
            Self::Json => "application/json",
        }
    }

    /// What a decoder says about a bad message may quote it, so it is dropped.
    fn read<M: Message + DeserializeOwned>(self, body: &[u8]) -> Result<M, Failure> {
        let message = match self {
            Self::Proto => M::decode_from_slice(body).ok(),
            Self::Json => serde_json::from_slice(body).ok(),
        };
        message.ok_or(Failure {
            code: Code::InvalidArgument,
            message: "the request is not its message".into(),
        })
    }

    fn write<M: Message + Serialize>(self, message: &M) -> Result<Bytes, Failure> {
        match self {
            Self::Proto => Ok(message.encode_to_bytes()),
            Self::Json => serde_json::to_vec(message)
                .map(Bytes::from)
                .map_err(|_| Failure {
                    code: Code::Internal,
                    message: "the answer cannot be written".into(),
                }),
        }
    }
}

/// An error answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code(),
            message: refusal.to_string(),
        }
    }
}

/// Serves one call.
pub(crate) async fn serve(
    engine: &Engine,
    method: Method,
    format: Format,
    body: &[u8],
) -> Result<Bytes, Failure> {
    match method {
        Method::Liveness => {
            format.read::<LivenessRequest>(body)?;
            format.write(&LivenessResponse {
                status: "ok".into(),
            })
        }
        Method::Encrypt => {
            let request: EncryptRequest = format.read(body)?;
            let text = Zeroizing::new(request.data);
            let sealed = engine.encrypt(&request.keyring, &text).await?;
            format.write(&EncryptResponse {
                encrypted: sealed.blob,
                key_id: sealed.key_id,
            })
        }
        Method::EncryptBulk => {
            let mut request: EncryptBulkRequest = format.read(body)?;
            let sealed = engine.encrypt_bulk(&request.keyring, &request.items).await;
            request.items.values_mut().for_each(|text| text.zeroize());
            let items = sealed?.into_iter().map(|(id, sealed)| {
                (
                    id,
                    EncryptBulkResponseItem {
                        encrypted: sealed.blob,
                        key_id: sealed.key_id,
                    },
                )
            });
            format.write(&EncryptBulkResponse {
                items: items.collect(),
            })
        }
        Method::Decrypt => {
            let request: DecryptRequest = format.read(body)?;
            let mut text = engine.decrypt(&request.keyring, &request.encrypted).await?;
            let mut response = DecryptResponse {
                plaintext: std::mem::take(&mut *text),
            };
            let answer = format.write(&response);
            response.plaintext.zeroize();
            answer
        }
        Method::DecryptBulk => {
            let request: DecryptBulkRequest = format.read(body)?;
            let texts = engine
                .decrypt_bulk(&request.keyring, &request.items)
                .await?;
            let items = texts
                .into_iter()
                .map(|(id, mut text)| (id, std::mem::take(&mut *text)))
                .collect();
            let mut response = DecryptBulkResponse { items };
            let answer = format.write(&response);
            response.items.values_mut().for_each(|text| text.zeroize());
            answer
        }
        Method::ReEncrypt => {
            let request: ReEncryptRequest = format.read(body)?;
            let sealed = engine
                .re_encrypt(&request.keyring, &request.encrypted)
                .await?;
            format.write(&ReEncryptResponse {
                encrypted: sealed.blob,
                key_id: sealed.key_id,
            })
        }
    }
}
