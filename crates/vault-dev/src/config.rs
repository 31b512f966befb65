//! The configuration file of the real Vault, as far as a development one needs it. Keys it does not know are passed
//! over, so existing files load.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::keys::{BadMasterKey, MasterKey, MasterKeys};
use crate::options::{
    Limits, MasterSource, Options, PORT, Storage, Tokens, TokensError, key_file_of,
};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A variable in the file is not in the environment.
    #[error("${{{0}}} is not set in the environment")]
    Variable(String),
    /// Not TOML, or a value of the wrong type. The parser's own words quote the value, which may be a secret.
    #[error(
        "the configuration is not usable: line {line} is not TOML or its value has the wrong type"
    )]
    Syntax {
        /// Counted from 1.
        line: usize,
    },
    /// Not exactly one storage section.
    #[error(
        "exactly one of [storage.disk], [storage.memory], [storage.s3] must be there, found {0}"
    )]
    Storage(String),
    /// S3 is the real Vault's.
    #[error("[storage.s3]: a development Vault has no S3 storage, use [storage.disk] path = \"…\"")]
    S3,
    /// A key that must be there.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A master key that cannot be used.
    #[error("{key} {cause}")]
    MasterKey {
        /// Which.
        key: &'static str,
        /// Why.
        cause: BadMasterKey,
    },
    /// No usable token.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

#[derive(Deserialize)]
struct File {
    http_host: Option<IpAddr>,
    http_port: Option<u16>,
    bearer_token: Option<String>,
    previous_bearer_token: Option<String>,
    #[serde(default)]
    encryption: Encryption,
    #[serde(default)]
    storage: BTreeMap<String, StorageSection>,
    /// Where older files have it.
    s3: Option<toml::Table>,
    #[serde(default)]
    limits: LimitsSection,
}

#[derive(Deserialize, Default)]
struct Encryption {
    #[serde(default)]
    master_key: String,
    #[serde(default)]
    previous_master_key: String,
    /// Ours: where a master key that was drawn is kept.
    key_file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct StorageSection {
    path: Option<PathBuf>,
}

/// Ours.
#[derive(Deserialize, Default)]
struct LimitsSection {
    body_bytes: Option<usize>,
    items: Option<usize>,
}

/// Reads a configuration file.
///
/// # Errors
/// [`ConfigError`], without any secret in it.
pub fn load(path: &Path) -> Result<Options, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.to_path_buf(),
        source,
    })?;
    from_text(&text, |name| std::env::var(name).ok())
}

/// Reads the text of a configuration file; `variable` looks up what `${…}` names.
///
/// # Errors
/// As [`load`].
pub fn from_text(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Options, ConfigError> {
    let text = expand(text, variable)?;
    let file: File = toml::from_str(&text).map_err(|error| syntax(&text, &error))?;
    let storage = storage(&file)?;
    let token = file
        .bearer_token
        .as_deref()
        .ok_or(ConfigError::Missing("bearer_token"))?;
    let previous = file
        .previous_bearer_token
        .as_deref()
        .filter(|token| !token.is_empty());
    let master = master(&file.encryption, &storage)?;
    let defaults = Limits::default();
    Ok(Options {
        listen: SocketAddr::new(
            file.http_host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            file.http_port.unwrap_or(PORT),
        ),
        tokens: Tokens::new(token, previous)?,
        master,
        storage,
        limits: Limits {
            body_bytes: file.limits.body_bytes.unwrap_or(defaults.body_bytes),
            items: file.limits.items.unwrap_or(defaults.items),
            ..defaults
        },
    })
}

fn syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    ConfigError::Syntax {
        line: before.matches('\n').count() + 1,
    }
}

fn storage(file: &File) -> Result<Storage, ConfigError> {
    let mut sections: Vec<String> = file
        .storage
        .keys()
        .map(|name| format!("[storage.{name}]"))
        .collect();
    if file.s3.is_some() {
        sections.push("[s3]".to_owned());
    }
    let [section] = sections.as_slice() else {
        let found = if sections.is_empty() {
            "none".to_owned()
        } else {
            sections.join(", ")
        };
        return Err(ConfigError::Storage(found));
    };
    match section.as_str() {
        "[storage.memory]" => Ok(Storage::Memory),
        "[storage.disk]" => {
            let path = file
                .storage
                .get("disk")
                .and_then(|section| section.path.clone());
            let path = path.filter(|path| !path.as_os_str().is_empty());
            Ok(Storage::Disk(
                path.ok_or(ConfigError::Missing("storage.disk.path"))?,
            ))
        }
        "[storage.s3]" | "[s3]" => Err(ConfigError::S3),
        other => Err(ConfigError::Storage(other.to_owned())),
    }
}

fn master(encryption: &Encryption, storage: &Storage) -> Result<MasterSource, ConfigError> {
    let parse = |key, text: &str| {
        MasterKey::parse(text).map_err(|cause| ConfigError::MasterKey { key, cause })
    };
    if encryption.master_key.is_empty() {
        if !encryption.previous_master_key.is_empty() {
            return Err(ConfigError::Missing(
                "encryption.master_key (beside encryption.previous_master_key)",
            ));
        }
        let beside = match storage {
            Storage::Disk(path) => Some(key_file_of(path)),
            Storage::Memory | Storage::Other(_) => None,
        };
        return Ok(MasterSource::Generate {
            file: encryption.key_file.clone().or(beside),
        });
    }
    let current = parse("encryption.master_key", &encryption.master_key)?;
    let previous = Some(encryption.previous_master_key.as_str()).filter(|text| !text.is_empty());
    let key = "encryption.previous_master_key";
    let previous = previous.map(|text| parse(key, text)).transpose()?;
    let masters = MasterKeys::new(current, previous)
        .map_err(|cause| ConfigError::MasterKey { key, cause })?;
    Ok(MasterSource::Given(masters))
}

/// Puts the environment's values in place of `${NAME}`, before the file is parsed, as the real Vault does; whole-line
/// comments are left alone.
fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String, ConfigError> {
    let mut expanded = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else {
                break;
            };
            if line.trim_start().starts_with('#') {
                break;
            }
            expanded.push_str(before);
            expanded
                .push_str(&variable(name).ok_or_else(|| ConfigError::Variable(name.to_owned()))?);
            rest = behind;
        }
        expanded.push_str(rest);
    }
    Ok(expanded)
}
