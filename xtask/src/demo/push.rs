//! The part of the story about a push: a repository is connected, GitHub's webhook arrives, first forged, then signed, then
//! again; the image is built by a real BuildKit with its log on screen, pushed, and live; GitHub is told.
//!
//! Not for judging it: see `expect`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::beside::Beside;
use super::command;
use super::end::End;
use super::http;
use super::story::{number, word};
use super::world::{REGIONS, World};
use crate::run::{Because, Failure, Result};

/// Name of the variable with the webhook's secret, in the processes that need it.
const SECRET: &str = "CTRL_WEBHOOK_SECRET";
/// What the build writes and nothing else does.
pub(crate) const WORDS: &str = "the shop is compiled";
/// Until the worker has made a deployment of the push.
const MADE_WITHIN: Duration = Duration::from_secs(30);
/// Until the front answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Seconds the log is followed.
const FOLLOW: &str = "180";

/// A small image from nothing: the builder reaches no other registry, and a build has no network.
const DOCKERFILE: &str = r#"FROM scratch
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
WORKDIR /srv
COPY index.html .
RUN --network=none for step in fetch compile link; do echo "$step the shop"; /bin/busybox sleep 1; done
RUN --network=none echo "the shop is compiled"
CMD exec /bin/busybox httpd -f -p 8080 -h /srv
"#;

/// A repository and the app it feeds.
struct Shop {
    repository: String,
    repository_id: u64,
    installation: u64,
    sha: String,
    app: String,
    app_id: String,
}

/// Tells it; gives what was seen. `app` is the one of the story before: the new one is of the same project.
pub(crate) fn tell(world: &mut World, app: &str, end: &End) -> Result<Value> {
    world.headline("a repository at GitHub, and an app connected to it");
    let shop = connect(world, app, end)?;

    world.headline("ctl webhook: GitHub's deliveries, as the control API takes them");
    let secret = word(40);
    let endpoint = Endpoint::start(world, &secret)?;
    let deliver =
        |id: &str, forged: bool| deliver(world, &shop, &endpoint.url, &secret, id, forged, end);
    let id = word(30);
    let forged = deliver(&id, true)?;
    let taken = deliver(&id, false)?;

    let until = Instant::now() + MADE_WITHIN;
    let deployment = loop {
        let read = world.read_now(&shop.app_id, end)?;
        match read["database"]["deployments"][0]["id"].as_str() {
            Some(id) => break id.to_owned(),
            None if Instant::now() > until => {
                return Err(Failure("the push made no deployment".to_owned()));
            }
            None => end.pause(Duration::from_millis(200))?,
        }
    };

    world.headline("ctl logs: the build, as it runs");
    let followed = world.ctl(&["logs", &deployment, "--follow", "--timeout", FOLLOW], end);
    if let Err(reason) = &followed {
        println!("{reason}");
    }
    let logs = world.ctl_lines(&["logs", &deployment], end)?;

    world.headline("the same push is delivered again, and once more under another id");
    let again = [deliver(&id, false)?, deliver(&word(30), false)?];
    world.ctl(&["status", &deployment], end)?;
    let answer = ask(world, &shop, &deployment, end)?;

    // waits for what is still under way
    let read = world.read_back(&shop.app_id, end)?;
    let image = &read["database"]["deployments"][0]["image"];
    let builds = world.builds()?;
    let manifest = match image.as_str() {
        Some(image) => builds.ask(&json!({ "manifest": image }).to_string())?["manifest"].clone(),
        None => Value::Null,
    };
    let fetches =
        builds.ask(&json!({ "fetches": shop.repository }).to_string())?["fetches"].clone();
    let github = builds.ask(&json!({ "github": true }).to_string())?;
    Ok(json!({
        "app": shop.app, "app_id": shop.app_id, "repository": shop.repository, "sha": shop.sha,
        "forged": forged, "delivered": taken, "again": again,
        "deployment": deployment, "followed": followed.err().map(|reason| reason.to_string()),
        "log_lines": logs.len(), "log_has_the_builds_words": has_words(&logs),
        "http": answer, "stores": read, "images": world.address("registry", "repository"),
        "manifest": manifest, "fetches": fetches, "github": github,
    }))
}

fn connect(world: &mut World, app: &str, end: &End) -> Result<Shop> {
    let repository = format!("acme/{}", word(8));
    let create = json!({
        "create_repo": repository, "busybox": true,
        "files": { "Dockerfile": DOCKERFILE, "index.html": "<h1>shop</h1>\n" },
    });
    let sha = world.builds()?.ask(&create.to_string())?["sha"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    println!("{repository} has a Dockerfile; main is at {sha}");
    let installation = world.builds()?.addresses["github"]["installation_id"]
        .as_u64()
        .unwrap_or_default();
    // as large as GitHub's are
    let repository_id = 1 + number() % 1_000_000_000;
    let (workspace, project) = parts(app)?;
    let numbers = [installation.to_string(), repository_id.to_string()];
    let mut args = vec!["seed", "--workspace", workspace, "--project", project];
    args.extend(["--app", "web", "--repository", &repository]);
    args.extend([
        "--installation",
        &numbers[0],
        "--repository-id",
        &numbers[1],
    ]);
    for region in REGIONS {
        args.extend(["--region", region]);
    }
    world.ctl(&args, end)?;
    let seeded = world.ctl_json(&args, end)?;
    let text = |name: &str| seeded[name].as_str().unwrap_or_default().to_owned();
    Ok(Shop {
        repository,
        repository_id,
        installation,
        sha,
        app: text("app"),
        app_id: text("app_id"),
    })
}

fn parts(app: &str) -> Result<(&str, &str)> {
    let mut parts = app.split('/');
    match (parts.next(), parts.next()) {
        (Some(workspace), Some(project)) => Ok((workspace, project)),
        _ => Err(Failure(format!("{app} is no workspace/project/app"))),
    }
}

/// `ctl webhook`, with its lines on our output.
struct Endpoint {
    url: String,
    _process: Beside,
}

impl Endpoint {
    fn start(world: &World, secret: &str) -> Result<Self> {
        let mut ctl = Command::new(world.ctl_path());
        ctl.args(["webhook", "--listen", "127.0.0.1:0", "--secret-env", SECRET]);
        println!("$ {}", command::typed(&ctl));
        ctl.envs(world.variables()).env(SECRET, secret);
        let mut process = Beside::start(ctl.stdout(Stdio::piped()))?;
        let output = process.child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(output)
            .lines()
            .map_while(std::result::Result::ok);
        let first = lines.next().unwrap_or_default();
        let url = first.strip_prefix("listening at ").map(str::to_owned);
        let url = url.ok_or_else(|| Failure(format!("ctl webhook said {first:?}")))?;
        println!("{first}");
        std::thread::spawn(move || lines.for_each(|line| println!("  webhook: {line}")));
        Ok(Self {
            url,
            _process: process,
        })
    }
}

/// Delivers the push; what was answered.
fn deliver(
    world: &World,
    shop: &Shop,
    url: &str,
    secret: &str,
    id: &str,
    forged: bool,
    end: &End,
) -> Result<Value> {
    let mut delivery = Command::new(world.program("github-delivery"));
    delivery.env(SECRET, secret);
    delivery.args(["--url", url, "--secret-env", SECRET, "--delivery", id]);
    delivery.args(["--repository", &shop.repository, "--after", &shop.sha]);
    delivery.args(["--repository-id", &shop.repository_id.to_string()]);
    delivery.args(["--installation", &shop.installation.to_string()]);
    delivery.args(["--message", "Sell more", "--changed", "index.html"]);
    if forged {
        delivery.arg("--forged");
    }
    let answered = command::json(&mut delivery, end).because("the delivery")?;
    let how = if forged {
        "signed with another secret"
    } else {
        "signed"
    };
    println!("POST of the push, {how} \u{2192} {}", answered["status"]);
    Ok(answered)
}

/// Asks the front for the app's live host until the deployment answers, for a short time.
fn ask(world: &World, shop: &Shop, deployment: &str, end: &End) -> Result<Value> {
    let read = world.read_now(&shop.app_id, end)?;
    let routes = read["database"]["routes"].as_array();
    let live = routes.and_then(|all| all.iter().find(|route| route["sticky"] == "live"));
    let Some(host) = live.and_then(|route| route["host"].as_str()) else {
        return Ok(json!({ "status": null, "answer": "there is no live route" }));
    };
    let front = world.address("edge", "front");
    let until = Instant::now() + ANSWER_WITHIN;
    loop {
        let (status, answer) = http::get(&front, host, "/").because("the edge's front")?;
        if (status == 200 && answer == deployment) || Instant::now() > until {
            println!("GET http://{host}/ \u{2192} {status} {answer}");
            return Ok(json!({ "host": host, "status": status, "answer": answer }));
        }
        end.pause(Duration::from_millis(100))?;
    }
}

fn has_words(logs: &[Value]) -> bool {
    logs.iter()
        .filter(|entry| entry["event"] == "build_line")
        .any(|entry| {
            entry["message"]
                .as_str()
                .is_some_and(|text| text.contains(WORDS))
        })
}
