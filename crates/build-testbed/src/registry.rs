//! A real registry that demands a login, and reading back what was pushed to it.
//!
//! Not for speaking a builder's side of the protocol: BuildKit does.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use testbed::{Guarded, PORT_TRIES, Spec, StartError, free_port};

use crate::programs::program;

/// The login of every registry started here.
pub const USER: &str = "builder";
/// Its password: not a secret, the registry listens on loopback only. Unlike any other word, so that a leak is found.
pub const PASSWORD: &str = "builder-password-3fd1c2";
/// The password as the registry wants it, by bcrypt: `python3 -c 'import crypt; print(crypt.crypt(…, "$2b$04$…"))'`.
const HASHED: &str = "$2b$04$YmVzdG9mdGVzdHNhbHRzLewH7Pr.a87sT1hpSV0k8jyipG4vaEm2K";

const READY_WITHIN: Duration = Duration::from_secs(30);
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// A server. Dropping it ends the process and removes its folder.
#[derive(Debug)]
pub struct Registry {
    /// Where it listens: the host of its images.
    pub addr: SocketAddr,
    /// Who may pull and push.
    pub username: String,
    /// With which password.
    pub password: String,
    /// What images are named by before the tag: `127.0.0.1:port/apps`.
    pub repository: String,
    http: reqwest::Client,
    _process: Guarded,
}

impl Registry {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// It is not installed or does not come up.
    pub async fn start() -> Result<Self, StartError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::start_at(free_port()?).await {
                // somebody else's server may have taken the port in between
                Err(StartError::Died(_)) if tries < PORT_TRIES => {}
                other => return other,
            }
        }
    }

    async fn start_at(addr: SocketAddr) -> Result<Self, StartError> {
        let dir = testbed::server_dir("registry")?;
        let config = json!({
            "version": "0.1",
            "log": { "level": "info", "accesslog": { "disabled": false } },
            "storage": { "filesystem": { "rootdirectory": dir.join("data") }, "delete": { "enabled": true } },
            "http": { "addr": addr.to_string() },
            "auth": { "htpasswd": { "realm": "tests", "path": dir.join("htpasswd") } },
        });
        // JSON is YAML
        write(&dir.join("config.yml"), &config.to_string())?;
        write(&dir.join("htpasswd"), &format!("{USER}:{HASHED}\n"))?;
        let spec = Spec {
            program: &program("docker-registry", "DOCKER_REGISTRY")?,
            args: vec![
                "serve".to_owned(),
                dir.join("config.yml").display().to_string(),
            ],
            env: Vec::new(),
            dir: &dir,
            remove: true,
        };
        let (process, _) = Guarded::start(spec).await?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|e| StartError::Files {
                what: "make an HTTP client".to_owned(),
                source: std::io::Error::other(e),
            })?;
        let registry = Self {
            addr,
            username: USER.to_owned(),
            password: PASSWORD.to_owned(),
            repository: format!("{addr}/apps"),
            http,
            _process: process,
        };
        registry.ready(&dir.join("log")).await?;
        Ok(registry)
    }

    async fn ready(&self, log: &Path) -> Result<(), StartError> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            let last = match self.get("", ACCEPTED).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => "it knows no API".to_owned(),
                Err(last) => last,
            };
            let log = log.to_owned();
            if !self._process.is_running() {
                return Err(StartError::Died(log));
            }
            if Instant::now() > until {
                return Err(StartError::NotReady { log, last });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// `GET /v2/<path>`; nothing where it says 404.
    async fn get(&self, path: &str, accept: &str) -> Result<Option<Bytes>, String> {
        let url = format!("http://{}/v2/{path}", self.addr);
        let request = self.http.get(url).header("accept", accept);
        let request = request.basic_auth(&self.username, Some(&self.password));
        let answer = request.send().await.map_err(|e| e.to_string())?;
        if answer.status() == http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.error_for_status().map_err(|e| e.to_string())?;
        answer.bytes().await.map(Some).map_err(|e| e.to_string())
    }

    /// The manifest of `host:port/name:tag` or `host:port/name@digest`; of an index the manifest of its first image.
    /// Nothing where there is none.
    ///
    /// # Panics
    /// The image is of another registry, or the registry is gone.
    pub async fn manifest(&self, image: &str) -> Option<Value> {
        let (name, reference) = self.parts(image);
        let mut found = self.json(&format!("{name}/manifests/{reference}")).await?;
        if let Some(images) = found["manifests"].as_array() {
            let platform = |m: &&Value| m["platform"]["os"] != "unknown";
            let digest = images.iter().find(platform)?["digest"].as_str()?.to_owned();
            found = self.json(&format!("{name}/manifests/{digest}")).await?;
        }
        Some(found)
    }

    /// The configuration of an image: its labels, command, history, layers.
    ///
    /// # Panics
    /// As [`Registry::manifest`].
    pub async fn config(&self, image: &str) -> Option<Value> {
        let manifest = self.manifest(image).await?;
        let digest = manifest["config"]["digest"].as_str()?;
        let (name, _) = self.parts(image);
        self.json(&format!("{name}/blobs/{digest}")).await
    }

    /// The layers of an image as they are kept: gzipped archives, the lowest first.
    ///
    /// # Panics
    /// As [`Registry::manifest`]; a layer is missing.
    pub async fn layers(&self, image: &str) -> Vec<Bytes> {
        let manifest = self.manifest(image).await.unwrap_or_default();
        let (name, _) = self.parts(image);
        let mut layers = Vec::new();
        for layer in manifest["layers"].as_array().into_iter().flatten() {
            let digest = layer["digest"].as_str().unwrap_or_default();
            let blob = self.get(&format!("{name}/blobs/{digest}"), "*/*").await;
            let blob = blob.unwrap_or_else(|e| panic!("the registry: {e}"));
            layers.push(blob.unwrap_or_else(|| panic!("{image} has no layer {digest}")));
        }
        layers
    }

    async fn json(&self, path: &str) -> Option<Value> {
        let found = self.get(path, ACCEPTED).await;
        let found = found.unwrap_or_else(|e| panic!("the registry: {e}"))?;
        serde_json::from_slice(&found).ok()
    }

    /// Name and tag or digest.
    fn parts<'a>(&self, image: &'a str) -> (&'a str, &'a str) {
        let host = format!("{}/", self.addr);
        let rest = image.strip_prefix(&host);
        let rest = rest.unwrap_or_else(|| panic!("{image} is not of the registry at {host}"));
        let parts = rest.split_once('@').or_else(|| rest.rsplit_once(':'));
        parts.unwrap_or((rest, "latest"))
    }
}

fn write(path: &Path, text: &str) -> Result<(), StartError> {
    std::fs::write(path, text).map_err(|source| StartError::Files {
        what: format!("write {}", path.display()),
        source,
    })
}
