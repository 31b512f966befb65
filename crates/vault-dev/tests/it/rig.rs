//! A running server, the client for it, and raw requests to it.

use std::sync::Arc;

use serde_json::Value;
use vault::Vault;
use vault_dev::{MasterKey, MasterKeys, MasterSource, Options, Server, Storage, Store};

/// The token every rig accepts.
pub(crate) const TOKEN: &str = "token-of-the-tests";

/// The published test vector.
pub(crate) mod vector {
    pub(crate) const MASTER: &str =
        "CgxrZWtfc3BlY0tlazEQgNCV/7wxGiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==";
    pub(crate) const STORED: &str = "CgxkZWtfc3BlY0RlazEQ6NeV/7wxGmwSDKChoqOkpaanqKmqqxpH7BQYSC6Ucc8HBsO2bEvQNqc5pqyjrWJMvSwFolqNUin7XGzTggx8DW6uN/w8TLTBfiF9dF/uJWzdkvCNdIHTJS/7MY9F/TciDGtla19zcGVjS2VrMSjQ35X/vDE=";
    pub(crate) const HELLO: &str =
        "EgywsbKztLW2t7i5ursaG16fRiv9A75vR2FpGJVV9mlN5XPP13NEC4x9hSIMZGVrX3NwZWNEZWsxKLjnlf+8MQ==";
    pub(crate) const EMPTY: &str =
        "EgywsbKztLW2t7i5ursaEMSaP9seBiHhq3peESkHG+kiDGRla19zcGVjRGVrMSi455X/vDE=";
}

/// A running server.
pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) vault: Vault,
    http: reqwest::Client,
}

/// An answer to a raw request.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and Connect code of an error answer.
    pub(crate) fn refusal(&self) -> (u16, String) {
        assert_eq!(self.content_type, "application/json", "{self:?}");
        (
            self.status,
            self.json()["code"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

impl Rig {
    pub(crate) async fn start(options: Options) -> Self {
        let server = Server::start(options).await.unwrap();
        let vault = Vault::new(&server.url(), TOKEN).unwrap();
        Self {
            server,
            vault,
            http: reqwest::Client::new(),
        }
    }

    pub(crate) async fn in_memory() -> Self {
        Self::start(Options::in_memory(TOKEN).unwrap()).await
    }

    /// Over a store of the test's, with a known master key.
    pub(crate) async fn over(
        store: Arc<dyn Store>,
        current: &MasterKey,
        previous: Option<&MasterKey>,
    ) -> Self {
        let masters = MasterKeys::new(current.clone(), previous.cloned()).unwrap();
        Self::start(Options {
            master: MasterSource::Given(masters),
            storage: Storage::Other(store),
            ..Options::in_memory(TOKEN).unwrap()
        })
        .await
    }

    /// A request as it is, with only the headers given.
    pub(crate) async fn raw(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Raw {
        let mut request = self
            .http
            .post(format!("{}{path}", self.server.url()))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::read(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Raw {
        Self::read(
            self.http
                .get(format!("{}{path}", self.server.url()))
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    async fn read(response: reqwest::Response) -> Raw {
        let status = response.status().as_u16();
        let content_type = response
            .headers()
            .get("content-type")
            .map(|v| v.to_str().unwrap().to_owned());
        let body = response.bytes().await.unwrap().to_vec();
        Raw {
            status,
            content_type: content_type.unwrap_or_default(),
            body,
        }
    }

    /// A call of the service with the right token.
    pub(crate) async fn call(&self, method: &str, content_type: &str, body: Vec<u8>) -> Raw {
        let authorization = format!("Bearer {TOKEN}");
        let headers = [
            ("content-type", content_type),
            ("authorization", authorization.as_str()),
        ];
        self.raw(&path(method), &headers, body).await
    }

    pub(crate) async fn json(&self, method: &str, body: Value) -> Raw {
        self.call(method, "application/json", body.to_string().into_bytes())
            .await
    }

    pub(crate) async fn decrypt(&self, keyring: &str, blob: &str) -> Raw {
        self.json(
            "Decrypt",
            serde_json::json!({ "keyring": keyring, "encrypted": blob }),
        )
        .await
    }
}

/// The path of a method.
pub(crate) fn path(method: &str) -> String {
    format!("/vault.v1.VaultService/{method}")
}

/// Every object of the keyrings.
pub(crate) async fn objects(store: &dyn Store) -> Vec<String> {
    store.list("keyring/", "", usize::MAX).await.unwrap()
}
