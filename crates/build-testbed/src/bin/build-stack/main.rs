//! The servers of builds for a person and the demo: BuildKit, a registry, Git, a Depot in front of that BuildKit, and a
//! GitHub whose tokens that Git accepts. Prints one JSON line with addresses and logins, and stops everything when its input
//! ends or it gets SIGTERM.
//!
//! Each line on its input is a command in JSON, answered by one JSON line: see `commands`.
//! Not for production: the logins are public and every port is on loopback.

mod commands;

use std::process::ExitCode;
use std::sync::Arc;

use build_testbed::{
    Access, BuildPeers, DEPOT_TOKEN, DepotFake, GitServer, InstantBuildKit, Registry, USER,
};
use clap::Parser;
use github_fake::{APP, Fake, INSTALLATION, keys};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Starts the servers that builds need and prints their addresses as one JSON line.
#[derive(Debug, Parser)]
struct Args {
    /// Build nothing: answer every build at once, without dockerd and registry.
    #[arg(long)]
    instant: bool,
}

/// What builds and keeps images.
enum Builders {
    Real(Box<BuildPeers>),
    Instant(Box<(InstantBuildKit, GitServer)>),
}

/// What runs.
struct Stack {
    builders: Builders,
    depot: DepotFake,
    github: Arc<Fake>,
}

impl Stack {
    async fn start(args: &Args) -> Result<Self, Box<dyn std::error::Error>> {
        let (builders, depot) = if args.instant {
            let (buildkit, git) = (InstantBuildKit::start().await?, GitServer::start().await?);
            let depot = DepotFake::start(&buildkit.address()).await?;
            (Builders::Instant(Box::new((buildkit, git))), depot)
        } else {
            let peers = BuildPeers::start().await?;
            let depot = DepotFake::start(&peers.buildkit_address()).await?;
            (Builders::Real(Box::new(peers)), depot)
        };
        let github = Arc::new(Fake::start(&keys().public).await);
        let stack = Self {
            builders,
            depot,
            github: Arc::clone(&github),
        };
        stack.git().ask(move |repository, token| {
            let Some((of, permissions)) = github.issued(token) else {
                return Access::Unknown;
            };
            let reads = ["read", "write"].contains(&permissions["contents"].as_str().unwrap_or(""));
            if of == repository && reads {
                Access::Granted
            } else {
                Access::Hidden
            }
        });
        Ok(stack)
    }

    fn git(&self) -> &GitServer {
        match &self.builders {
            Builders::Real(peers) => peers.git(),
            Builders::Instant(both) => &both.1,
        }
    }

    fn registry(&self) -> Option<&Registry> {
        match &self.builders {
            Builders::Real(peers) => Some(peers.registry()),
            Builders::Instant(_) => None,
        }
    }

    fn addresses(&self) -> Value {
        let buildkit = match &self.builders {
            Builders::Real(peers) => peers.buildkit_address(),
            Builders::Instant(both) => both.0.address(),
        };
        let repository = self.registry().map(|r| r.repository.clone());
        json!({
            "pid": std::process::id(),
            "buildkit": { "address": buildkit },
            "registry": {
                "repository": repository.as_deref().unwrap_or("registry.test/apps"),
                "username": USER, "password": DEPOT_TOKEN, "insecure": true,
            },
            "git": { "url": self.git().url() },
            // its token is the registry's password
            "depot": { "url": self.depot.api_url(), "region": "us-east-1" },
            "github": {
                "url": self.github.url(), "app_id": APP, "installation_id": INSTALLATION,
                "private_key": keys().pkcs8,
            },
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    // on the testbed's own runtime, as in tests
    testbed::run(async {
        match serve(args).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                // where the addresses would be, for whoever started it
                println!("{}", json!({ "error": e.to_string() }));
                eprintln!("build-stack: {e}");
                ExitCode::FAILURE
            }
        }
    })
}

async fn serve(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stack = tokio::select! {
        started = Stack::start(&args) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    println!("{}", stack.addresses());
    let mut lines = input();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
        };
        let Some(line) = line else { return Ok(()) };
        let answer = commands::obey(&stack, line.trim()).await;
        println!("{}", answer.unwrap_or_else(|e| json!({ "error": e })));
    }
}

/// The lines of standard input; closed at its end. The thread goes with the process.
fn input() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
