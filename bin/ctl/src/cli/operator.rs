//! What an operator does: a fresh installation, the periodic jobs, the webhook endpoint.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::deployments::Store;
use crate::source;

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// Show every job: state, next run, last run.
    List,
    /// Run a job now, whatever its schedule says, and wait for its end.
    Run {
        /// Which job.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(scheduler_client::JOBS))]
        job: String,
        /// Start it and return at once.
        #[arg(long)]
        no_wait: bool,
        /// Seconds to wait before giving up on waiting; the run itself goes on.
        #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
        timeout: u64,
    },
    /// Start nothing any more until resumed; a run on its way goes on.
    Pause {
        /// Which job.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(scheduler_client::JOBS))]
        job: String,
    },
    /// Go on with the schedule; what was missed meanwhile is caught up.
    Resume {
        /// Which job.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(scheduler_client::JOBS))]
        job: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Seed {
    /// Slug of the workspace.
    #[arg(long, default_value = "demo")]
    pub(crate) workspace: String,
    /// Slug of the project.
    #[arg(long, default_value = "shop")]
    pub(crate) project: String,
    /// Slug of the app.
    #[arg(long, default_value = "default")]
    pub(crate) app: String,
    /// Region to deploy to; may be repeated.
    #[arg(long = "region", default_values_t = ["local-1".to_owned(), "local-2".to_owned()], value_name = "NAME")]
    pub(crate) regions: Vec<String>,
    /// Platform of the regions.
    #[arg(long, default_value = "sim")]
    pub(crate) platform: String,
    /// Replicas per region, fewest.
    #[arg(long, default_value_t = 1)]
    pub(crate) min: i32,
    /// Replicas per region, most.
    #[arg(long, default_value_t = 1)]
    pub(crate) max: i32,
    /// Port the container listens on.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: i32,
    /// Thousandths of a core per replica.
    #[arg(long, default_value_t = 250)]
    pub(crate) cpu: i32,
    /// MiB per replica.
    #[arg(long, default_value_t = 256)]
    pub(crate) memory: i32,
    /// Connect the app to this repository on GitHub, in place of another one.
    #[arg(long, requires_all = ["installation", "repository_id"], value_name = "OWNER/NAME", value_parser = source::repository)]
    pub(crate) repository: Option<String>,
    /// Number of the GitHub App's installation there.
    #[arg(long, requires = "repository", value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) installation: Option<i64>,
    /// The repository's number at GitHub.
    #[arg(long, requires = "repository", value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) repository_id: Option<i64>,
    /// Branch whose pushes go to production; of an app that is there already it stays.
    #[arg(long, default_value = "main", value_name = "BRANCH", value_parser = source::branch_name)]
    pub(crate) default_branch: String,
    /// Directory in the repository that is built.
    #[arg(long, value_name = "PATH", value_parser = source::path)]
    pub(crate) context: Option<String>,
    /// Dockerfile, relative to that directory.
    #[arg(long, value_name = "PATH", value_parser = source::path)]
    pub(crate) dockerfile: Option<String>,
    /// Build only pushes that change a file this glob matches; may be repeated.
    #[arg(long = "watch-path", value_name = "GLOB")]
    pub(crate) watch_paths: Vec<String>,
    /// API keys of the workspace whose refill is due.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(crate) due_keys: usize,
}

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// The worker's configuration file: what no option names is looked for where the worker does.
    #[arg(long, env = "CTRL_WORKER_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The Vault's address.
    #[arg(long, env = "CTRL_VAULT", value_name = "URL")]
    pub(crate) vault: Option<String>,
    /// Bearer token for the Vault.
    #[arg(
        long,
        env = "CTRL_VAULT_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub(crate) vault_token: Option<String>,
    #[command(flatten)]
    pub(crate) store: Store,
    /// Seconds each check may take.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) timeout: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Webhook {
    /// Address and port to listen on; port 0 lets the system choose one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Environment variable that holds the webhook's secret, as GitHub has it.
    #[arg(long, value_name = "NAME")]
    pub(crate) secret_env: String,
}
