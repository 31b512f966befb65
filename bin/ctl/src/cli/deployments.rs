//! What deployments are told: to begin, to be followed, to end.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use crate::source::{self, Reference};

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("what").required(true).args(["image", "repo"])))]
pub(crate) struct Deploy {
    /// Image as a container runtime takes it, e.g. ghcr.io/acme/shop:1.2.
    pub(crate) image: Option<String>,
    /// Build the image from this repository, which must be the one the app is connected to.
    #[arg(long, value_name = "OWNER/NAME", value_parser = source::repository)]
    pub(crate) repo: Option<String>,
    /// What to build: a branch, or a commit's whole hash; the app's default branch when not given.
    #[arg(long = "ref", value_name = "BRANCH|SHA", conflicts_with = "image", value_parser = Reference::parse)]
    pub(crate) reference: Option<Reference>,
    /// Directory in the repository to build; when not given, what the app's settings say.
    #[arg(long, conflicts_with = "image", value_name = "PATH", value_parser = source::path)]
    pub(crate) context: Option<String>,
    /// Dockerfile, relative to the directory; when not given, what the app's settings say.
    #[arg(long, conflicts_with = "image", value_name = "PATH", value_parser = source::path)]
    pub(crate) dockerfile: Option<String>,
    /// App: id, or workspace/project[/app].
    #[arg(long, env = "CTRL_APP")]
    pub(crate) app: String,
    /// Which environment.
    #[arg(long, default_value = "production")]
    pub(crate) environment: Environment,
    /// Branch the image was built from, or that the commit given as --ref is on.
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Commit the image was built from.
    #[arg(long, conflicts_with = "repo")]
    pub(crate) commit: Option<String>,
    /// Message of that commit.
    #[arg(long, conflicts_with = "repo")]
    pub(crate) message: Option<String>,
    /// Hand it over and return at once.
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Deployment, `d_…`.
    pub(crate) deployment: String,
    /// Go on until the deployment ends; the exit code says how it ended.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// File that keeps where this log was read to: what it covers is not printed again.
    #[arg(long, value_name = "FILE")]
    pub(crate) cursor: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: Store,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Where the lines of builds are.
#[derive(Args, Clone, Debug)]
pub(crate) struct Store {
    /// ClickHouse, as the worker's `clickhouse.url`; without it, nothing of it is shown.
    #[arg(
        long,
        env = "CTRL_CLICKHOUSE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) clickhouse: Option<String>,
    /// Its HTTP address where that does not follow, as `clickhouse.http_url`.
    #[arg(
        long,
        env = "CTRL_CLICKHOUSE_HTTP",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) clickhouse_http: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Cancel {
    /// Deployment to end, `d_…`.
    pub(crate) deployment: String,
    /// Who cancels it; told to everybody who looks at the deployment.
    #[arg(long, env = "USER", value_name = "NAME")]
    pub(crate) actor: Option<String>,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Seconds to wait before giving up on following; the deployment itself goes on.
    #[arg(long, default_value_t = 1200, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Environment {
    Production,
    Preview,
}

impl Environment {
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Preview => "preview",
        }
    }
}
