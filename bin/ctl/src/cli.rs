//! The command line: verbs, options, where the addresses come from.

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  the worker refused or the deployment failed; its words are printed
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
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    pub(crate) ingress: String,
    /// Restate's admin API; only asked about the state of invocations.
    #[arg(
        long,
        global = true,
        env = "CTRL_ADMIN",
        default_value = "http://127.0.0.1:9070",
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
    /// Deploy an image and follow it until it is live or has failed.
    Deploy(Deploy),
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
    /// Show the periodic jobs; run, pause or resume one.
    Jobs {
        #[command(subcommand)]
        verb: Option<Jobs>,
    },
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Deploy {
    /// Image as a container runtime takes it, e.g. ghcr.io/acme/shop:1.2.
    pub(crate) image: String,
    /// App: id, or workspace/project[/app].
    #[arg(long, env = "CTRL_APP")]
    pub(crate) app: String,
    /// Which environment.
    #[arg(long, default_value = "production")]
    pub(crate) environment: Environment,
    /// Branch the image was built from.
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Commit the image was built from.
    #[arg(long)]
    pub(crate) commit: Option<String>,
    /// Message of that commit.
    #[arg(long)]
    pub(crate) message: Option<String>,
    /// Hand it over and return at once.
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum Certificates {
    /// List certificates: host name, end, next renewal.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u64,
    },
    /// Show a certificate: names, issuer, serial number, end, next renewal.
    Show {
        /// Host name; a wildcard keeps its `*.`.
        host: String,
    },
    /// Obtain a new certificate now, whenever the stored one ends.
    Renew {
        /// Host name; a wildcard keeps its `*.`.
        host: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Domains {
    /// Add a domain to an app, print the records to publish, and follow it until it is verified or has failed.
    Add(AddDomain),
    /// Show a domain: status, what the last check saw, records, route, certificate.
    Status {
        /// Domain: `dom_…`, or the host name.
        domain: String,
    },
    /// Begin a new verification.
    Retry {
        /// Domain: `dom_…`, or the host name.
        domain: String,
        /// Begin it and return at once.
        #[arg(long)]
        no_wait: bool,
        /// Seconds to follow it; the checks go on.
        #[arg(long, default_value_t = 300, value_name = "SECONDS")]
        timeout: u64,
    },
    /// Delete a domain with its challenge and its own route.
    Delete {
        /// Domain: `dom_…`, or the host name.
        domain: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct AddDomain {
    /// Host name, e.g. www.example.com.
    pub(crate) domain: String,
    /// App: id, or workspace/project[/app].
    #[arg(long, env = "CTRL_APP")]
    pub(crate) app: String,
    /// Which environment.
    #[arg(long, default_value = "production")]
    pub(crate) environment: Environment,
    /// Domain below which CNAME targets lie: the worker's `cname_domain`.
    #[arg(long, env = "CTRL_CNAME_DOMAIN", value_name = "DOMAIN")]
    pub(crate) cname_domain: String,
    /// Begin the verification and return at once.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Seconds to follow it; the checks go on.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub(crate) timeout: u64,
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
    /// API keys of the workspace whose refill is due.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(crate) due_keys: usize,
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
            (deploy.image.as_str(), deploy.environment.slug()),
            ("img:1", "production")
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
