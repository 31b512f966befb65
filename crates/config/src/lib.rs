//! The worker's configuration file: every key, its default, its rules.
//!
//! Reads TOML, expands environment variables per value, reports every problem at once and never prints a secret.
//! Not for opening connections or building clients: it only says what was configured.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::{Table, Value};

mod builds;
mod domains;
mod duration;
mod expand;
mod reader;
mod rules;
mod secret;
mod sections;
#[cfg(test)]
mod tests;

pub use builds::{Buildkit, Depot, Github, Registry};
pub use domains::{Acme, Dns, Route53};
pub use secret::Secret;
pub use sections::*;

use reader::Reader;

/// Every key with its default and a comment, as a file to start from.
pub const DEFAULT_TEXT: &str = include_str!("../../../deploy/worker.default.toml");

/// The whole configuration, defaults filled in.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// Identity in logs and traces; drawn at random when the file has none.
    pub instance_id: String,
    /// Region in logs and traces.
    pub region: String,
    /// The platform's domain.
    pub default_domain: String,
    /// Domain below which each region has its own.
    pub regional_domain: String,
    /// Links in statuses and comments.
    pub dashboard_url: String,
    /// `linux/<architecture>` of builds.
    pub build_platform: String,
    /// Image of the gateway.
    pub sentinel_image: String,
    /// Domain below which customers' CNAME targets lie.
    pub cname_domain: String,
    /// `[database]`.
    pub database: Database,
    /// `[vault]`.
    pub vault: Vault,
    /// `[dns]`.
    pub dns: Dns,
    /// `[acme]`.
    pub acme: Acme,
    /// `[restate]`.
    pub restate: Restate,
    /// `[deploy]`.
    pub deploy: Deploy,
    /// `[scheduler]`.
    pub scheduler: Scheduler,
    /// `[depot]`.
    pub depot: Depot,
    /// `[buildkit]`.
    pub buildkit: Buildkit,
    /// `[registry]`.
    pub registry: Registry,
    /// `[clickhouse]`.
    pub clickhouse: Clickhouse,
    /// `[github]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<Github>,
    /// `[heartbeat]`.
    pub heartbeat: Heartbeat,
    /// `[slack]`.
    pub slack: Slack,
    /// `[observability]`.
    pub observability: Observability,
    /// `[test_timings.<service>]`.
    #[serde(skip)]
    pub test_timings: TestTimings,
    /// `[test_faults] panic_at_start`: the worker panics while it starts. A release build refuses it.
    #[serde(skip)]
    pub panic_at_start: bool,
    /// What should be looked at, though the worker starts.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
}

/// Something about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key's path in the file, with dots.
    pub path: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// A key worth a look. Same shape as a problem, but nothing is refused because of it.
pub type Warning = Problem;

impl Problem {
    pub(crate) fn new(path: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file's name does not end in `.toml`.
    #[error("{}: the configuration file's name must end in .toml", .0.display())]
    Extension(PathBuf),
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is no TOML. The line itself is not shown: it may hold a secret.
    #[error("line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// Values are missing or wrong: all of them.
    #[error("the configuration has {} problem(s):{}", .0.len(), .0.iter().map(|p| format!("\n  {p}")).collect::<String>())]
    Invalid(Vec<Problem>),
}

impl Config {
    /// Reads a file with the variables of the process environment.
    ///
    /// # Errors
    /// A wrong extension, an unreadable file, broken TOML, or every wrong or missing key at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_with(path, false)
    }

    /// As [`Config::load`]; with `strict`, a key that this worker does not know is an error.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(path: &Path, strict: bool) -> Result<Self, ConfigError> {
        if path.extension().is_none_or(|e| e != "toml") {
            return Err(ConfigError::Extension(path.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, strict, &|name| std::env::var(name).ok())
    }

    /// Reads a text. `lookup` answers for environment variables.
    ///
    /// # Errors
    /// Broken TOML, or every wrong or missing key at once.
    pub fn parse(
        text: &str,
        strict: bool,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let quoted = expand::quote_bare(text);
        let mut root: Table =
            toml::from_str(&quoted).map_err(|e: toml::de::Error| ConfigError::Syntax {
                line: e.span().map_or(1, |s| {
                    quoted
                        .get(..s.start)
                        .unwrap_or_default()
                        .matches('\n')
                        .count()
                        + 1
                }),
                message: e.message().to_owned(),
            })?;
        // Newer files have the address alone.
        if let Some(Value::String(dsn)) = root.get("database").cloned() {
            root.insert(
                "database".to_owned(),
                Table::from_iter([("primary".to_owned(), Value::String(dsn))]).into(),
            );
        }
        let mut value = Value::Table(root);
        let mut expanded = expand::Expanded::default();
        expand::expand(&mut value, "", lookup, &mut expanded);
        let root = if let Value::Table(root) = value {
            root
        } else {
            Table::new()
        };

        let mut reader = Reader::new(root, expanded.whole);
        let mut config = Self::read(&mut reader);
        rules::check(&mut config, &mut reader);

        // A value that could not be expanded has its problem already; what follows from it is noise.
        let mut problems = expanded.problems;
        let known: Vec<String> = problems.iter().map(|p| p.path.clone()).collect();
        let unread = rules::unread(&config, &reader, &expanded.unexpanded);
        problems.extend(
            reader
                .problems
                .into_iter()
                .filter(|p| !known.contains(&p.path)),
        );
        for (warning, refuse) in unread {
            if strict && refuse {
                problems.push(warning)
            } else {
                config.warnings.push(warning)
            }
        }
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }

    fn read(r: &mut Reader) -> Self {
        let drawn = ids::random(ids::Prefix::INSTANCE);
        Self {
            instance_id: r.text_or("instance_id", &drawn),
            region: r.text("region"),
            default_domain: r.text_or("default_domain", "unkey.app"),
            regional_domain: r.text("regional_domain"),
            dashboard_url: r.url_or("dashboard_url", "https://app.unkey.com"),
            build_platform: r.text_or("build_platform", "linux/amd64"),
            sentinel_image: r.text_or("sentinel_image", "ghcr.io/unkeyed/unkey:local"),
            cname_domain: r.required("cname_domain"),
            database: sections::database(r),
            vault: sections::vault(r),
            dns: domains::dns(r),
            acme: domains::acme(r),
            restate: sections::restate(r),
            deploy: sections::deploy(r),
            scheduler: sections::scheduler(r),
            depot: builds::depot(r),
            buildkit: builds::buildkit(r),
            registry: builds::registry(r),
            clickhouse: sections::clickhouse(r),
            github: builds::github(r),
            heartbeat: sections::heartbeat(r),
            slack: sections::slack(r),
            observability: sections::observability(r),
            test_timings: sections::test_timings(r),
            panic_at_start: r.flag("test_faults.panic_at_start", false),
            warnings: Vec::new(),
        }
    }

    /// The effective configuration as TOML, defaults filled in and secrets hidden.
    pub fn to_text(&self) -> String {
        // The shape is plain tables, texts, numbers and lists, which TOML can always express.
        toml::to_string_pretty(self).unwrap_or_default()
    }
}

impl std::str::FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, false, &|name| std::env::var(name).ok())
    }
}
