//! The command line: verbs, options, where the addresses come from.

mod deployments;
mod domains;
mod operator;

use clap::{Args, Parser, Subcommand};

pub(crate) use deployments::{Cancel, Deploy, Environment, Logs, Patience, Store};
pub(crate) use domains::{AddDomain, Certificates, Domains};
pub(crate) use operator::{Doctor, Jobs, Seed, Webhook};

/// Restate's ingress unless told otherwise.
pub(crate) const INGRESS: &str = "http://127.0.0.1:8080";
/// Restate's admin API unless told otherwise.
pub(crate) const ADMIN: &str = "http://127.0.0.1:9070";

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  the worker refused or the deployment failed, its words are printed; or doctor found something
  2  the command line is wrong
  3  the database or Restate cannot be reached, or the worker is not registered
  4  what was named does not exist
  5  not finished within --timeout; it goes on";

/// Deploys images and moves traffic through the control plane worker.
#[derive(Debug, Parser)]
#[command(name = "ctl", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) addresses: Addresses,
    /// Print JSON: one object, or one object a line while something is followed.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Where database and Restate are.
#[derive(Args, Clone, Debug)]
pub(crate) struct Addresses {
    /// Connection string of the database: user:password@tcp(host:port)/name.
    #[arg(
        long,
        global = true,
        env = "CTRL_DATABASE",
        hide_env_values = true,
        value_name = "DSN"
    )]
    pub(crate) database: Option<String>,
    /// Restate's ingress.
    #[arg(
        long,
        global = true,
        env = "CTRL_INGRESS",
        default_value = INGRESS,
        value_name = "URL"
    )]
    pub(crate) ingress: String,
    /// Restate's admin API; only asked about the state of invocations.
    #[arg(
        long,
        global = true,
        env = "CTRL_ADMIN",
        default_value = ADMIN,
        value_name = "URL"
    )]
    pub(crate) admin: String,
    /// Bearer token for both.
    #[arg(
        long,
        global = true,
        env = "CTRL_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub(crate) api_key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Deploy an image, or what is built from a repository, and follow it until it is live or has failed.
    Deploy(Deploy),
    /// Show the log of a deployment: its steps, and what its build wrote.
    Logs(Logs),
    /// End a deployment that is not done: its build stops, nothing of it goes live.
    Cancel(Cancel),
    /// Move production traffic to a deployment; for the live one after a rollback: confirm the rollback.
    Promote {
        /// Deployment that shall be live, `d_…`.
        deployment: String,
    },
    /// Move production traffic back to an earlier deployment and keep it there.
    Rollback {
        /// Deployment that shall be live again, `d_…`.
        deployment: String,
        /// Deployment to leave; the app's live one when not given.
        #[arg(long, value_name = "DEPLOYMENT")]
        from: Option<String>,
    },
    /// Start a sleeping deployment and wait until it runs.
    Wake {
        /// Deployment to start, `d_…`.
        deployment: String,
    },
    /// Show a deployment: steps, regions, routes, invocation.
    Status {
        /// Deployment to show, `d_…`.
        deployment: String,
    },
    /// Follow a deployment until it is live or has failed.
    Watch {
        /// Deployment to follow, `d_…`.
        deployment: String,
        #[command(flatten)]
        patience: Patience,
    },
    /// List host names and the deployments they lead to.
    Routes {
        /// App: id, or workspace/project[/app].
        #[arg(long, required_unless_present = "deployment", value_name = "APP")]
        app: Option<String>,
        /// Only those that lead to this deployment.
        #[arg(long)]
        deployment: Option<String>,
    },
    /// List, show and renew certificates.
    Certificates {
        #[command(subcommand)]
        verb: Certificates,
    },
    /// Add, show, verify again and delete custom domains.
    Domains {
        #[command(subcommand)]
        verb: Domains,
    },
    /// Create workspace, project, app and regions of a fresh installation; what exists is kept.
    Seed(Seed),
    /// Take GitHub's webhooks as the control API does, check them, and hand them to the worker.
    Webhook(Webhook),
    /// Show the periodic jobs; run, pause or resume one.
    Jobs {
        #[command(subcommand)]
        verb: Option<Jobs>,
    },
    /// Look at everything an alert would look at, and say what to do: servers, registration, stuck work, jobs.
    Doctor(Doctor),
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn error(args: &[&str]) -> String {
        Cli::try_parse_from([&["ctl"], args].concat())
            .expect_err("refused")
            .to_string()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_after_the_verb() {
        let args = [
            "ctl",
            "--json",
            "deploy",
            "img:1",
            "--app",
            "acme/shop",
            "--database",
            "u@tcp(h)/d",
            "--timeout",
            "5",
        ];
        let cli = Cli::try_parse_from(args).expect("parsed");
        assert_eq!(
            (cli.json, cli.addresses.database.as_deref()),
            (true, Some("u@tcp(h)/d"))
        );
        let Verb::Deploy(deploy) = cli.verb else {
            panic!("{:?}", cli.verb)
        };
        assert_eq!(
            (deploy.image.as_deref(), deploy.environment.slug()),
            (Some("img:1"), "production")
        );
        assert_eq!((deploy.patience.timeout, deploy.no_wait), (5, false));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(error(&["deploy", "img:1"]).contains("--app"));
        assert!(
            error(&["deploy", "img:1", "--app", "a", "--environment", "staging"])
                .contains("production, preview")
        );
        assert!(error(&["routes"]).contains("--app <APP>"));
        assert!(error(&["promte", "d_1"]).contains("'promote'"));
        assert!(error(&["domains", "add", "a.test"]).contains("--cname-domain"));
        assert!(error(&["domains", "status"]).contains("<DOMAIN>"));
        assert!(error(&["promote"]).contains("<DEPLOYMENT>"));
    }

    #[test]
    fn seed_has_two_regions_unless_told_otherwise() {
        let seed = |args: &[&str]| match Cli::try_parse_from([&["ctl", "seed"], args].concat())
            .expect("parsed")
            .verb
        {
            Verb::Seed(seed) => seed.regions,
            other => panic!("{other:?}"),
        };
        assert_eq!(seed(&[]), ["local-1", "local-2"]);
        assert_eq!(seed(&["--region", "eu"]), ["eu"]);
    }
}
