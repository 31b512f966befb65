//! Sections for builds from Git: `[depot]`, `[buildkit]`, `[registry]` and `[github]`.
//!
//! Not for rules that span several keys (see `rules`).

use serde::Serialize;

use crate::Secret;
use crate::reader::Reader;

/// `[depot]`.
#[derive(Clone, Debug, Serialize)]
pub struct Depot {
    /// Empty: no builds.
    pub api_url: String,
    /// Where build projects are created.
    pub project_region: String,
    /// First part of the names of build projects.
    pub project_prefix: String,
    /// Where builds are run; empty: the environment's `DEPOT_API_URL`, or Depot's own address.
    pub build_url: String,
}

/// `[buildkit]`: a builder of the operator's own, instead of Depot.
#[derive(Clone, Debug, Serialize)]
pub struct Buildkit {
    /// `unix:///path` or `tcp://host:port`; empty: none.
    pub address: String,
    /// Certificates that are trusted, PEM file; empty: no TLS.
    pub ca_file: String,
    /// Our certificate, PEM file.
    pub cert_file: String,
    /// Its key, PEM file.
    pub key_file: String,
    /// Name the server's certificate must have; empty: the host of `address`.
    pub server_name: String,
}

/// `[registry]`.
#[derive(Clone, Debug, Serialize)]
pub struct Registry {
    /// Repository images are pushed to.
    pub repository: String,
    /// Login.
    pub username: String,
    /// Password; with it, the rest of the section and a builder (`depot` or `buildkit`) are required.
    pub password: Secret,
    /// Development only: the registry is pushed to without TLS.
    pub insecure: bool,
}

/// `[github]`.
#[derive(Clone, Debug, Serialize)]
pub struct Github {
    /// The app's id; 0: GitHub is off.
    pub app_id: i64,
    /// The app's key; empty: GitHub is off.
    pub private_key_pem: Secret,
    /// Development only: deploy public repositories without credentials.
    pub allow_unauthenticated_deployments: bool,
    /// Base of the API.
    pub api_url: String,
    /// Where repositories are fetched from.
    pub git_url: String,
}

impl Github {
    /// Whether there are credentials to work with.
    pub fn enabled(&self) -> bool {
        self.app_id != 0 && !self.private_key_pem.is_empty()
    }
}
pub(crate) fn depot(r: &mut Reader) -> Depot {
    Depot {
        api_url: r.url_or("depot.api_url", ""),
        project_region: r.text_or("depot.project_region", "us-east-1"),
        project_prefix: r.text_or("depot.project_prefix", "builds-local"),
        build_url: r.url_or("depot.build_url", ""),
    }
}

pub(crate) fn buildkit(r: &mut Reader) -> Buildkit {
    Buildkit {
        address: r.text("buildkit.address"),
        ca_file: r.text("buildkit.ca_file"),
        cert_file: r.text("buildkit.cert_file"),
        key_file: r.text("buildkit.key_file"),
        server_name: r.text("buildkit.server_name"),
    }
}

pub(crate) fn registry(r: &mut Reader) -> Registry {
    Registry {
        repository: r.text("registry.repository"),
        username: r.text("registry.username"),
        password: r.secret("registry.password"),
        insecure: r.flag("registry.insecure", false),
    }
}

pub(crate) fn github(r: &mut Reader) -> Option<Github> {
    let there = r.has("github");
    let section = Github {
        app_id: r.int("github.app_id", 0, 0..=i64::MAX),
        private_key_pem: r.secret("github.private_key_pem"),
        allow_unauthenticated_deployments: r
            .flag("github.allow_unauthenticated_deployments", false),
        api_url: r.url_or("github.api_url", "https://api.github.com"),
        git_url: r.url_or("github.git_url", "https://github.com"),
    };
    there.then_some(section)
}
