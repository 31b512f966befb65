//! Carries out the plan's operations at their times, as the control API, an edge or an operator would.
//!
//! Not for judging what comes of them: a refusal is as good an outcome as success.

mod remove;

use std::sync::Arc;
use std::time::Duration;

use intent::NewDeployment;
use restate_api::{ApiError, Class};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::book::{Book, Outcome};
use crate::driver;
use crate::plan::{Environment, Kind, Name, Operation};
use crate::world::{BROKEN_IMAGE, IMAGE, Stage};

const DEPLOY: &str = "hydra.v1.DeployService";
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
/// A row must be written within this, a message sent within as much.
const TRY_FOR: Duration = Duration::from_secs(8);
/// Longer than the longest wait of a handler.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// Issues every operation at its time and waits until all have ended.
pub(crate) async fn run(stage: Arc<Stage>, book: Arc<Book>, operations: Vec<Operation>) {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, operation) in operations.into_iter().enumerate() {
        sleep_until(began + operation.at).await;
        let (stage, book) = (stage.clone(), book.clone());
        tasks.spawn(async move {
            let line = book.begin(format!("[{number}] {operation}"));
            book.lock()
                .operations
                .entry(operation.kind)
                .or_default()
                .issued += 1;
            let outcome = one(&stage, &book, number, &operation).await;
            let how = {
                let mut inner = book.lock();
                let tally = inner.operations.entry(operation.kind).or_default();
                match outcome {
                    Outcome::Done => {
                        tally.done += 1;
                        "done".to_owned()
                    }
                    Outcome::Refused(text) => {
                        tally.refused += 1;
                        format!("refused: {text}")
                    }
                    Outcome::Lost(text) => {
                        tally.lost += 1;
                        format!("lost: {text}")
                    }
                }
            };
            book.end(line, &how);
        });
    }
    while tasks.join_next().await.is_some() {}
}

async fn one(stage: &Stage, book: &Book, number: usize, operation: &Operation) -> Outcome {
    match operation.kind {
        Kind::DeployProduction
        | Kind::DeployPreview
        | Kind::DeployBranch
        | Kind::DeployFork
        | Kind::DeployBroken
        | Kind::DeployUnsent => deploy(stage, book, number, operation).await,
        Kind::IdleScaleDown => idle(stage, book, operation.app).await,
        Kind::Cancel => cancel(stage, book, operation).await,
        Kind::DeleteEnvironment => remove::preview(stage, &stage.apps[operation.app]).await,
        kind => match operation.target.and_then(|name| book.row(&name)) {
            Some(id) => about(stage, book, number, operation.app, kind, &id).await,
            None => Outcome::Lost("its row was not written".to_owned()),
        },
    }
}

async fn deploy(stage: &Stage, book: &Book, number: usize, operation: &Operation) -> Outcome {
    let (Some(name), app) = (operation.target, &stage.apps[operation.app]) else {
        return Outcome::Lost("a deployment without a name".to_owned());
    };
    let new = new_deployment(&app.app_id, operation, name);
    let until = Instant::now() + TRY_FOR;
    let id = loop {
        match intent::create_deployment(&stage.db, &new).await {
            Ok(id) => break id,
            Err(e) if Instant::now() > until => return Outcome::Lost(e.to_string()),
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    };
    book.begin(format!("[{number}] {name} is {id}"));
    book.lock().rows.insert(name, id.clone());
    if operation.kind == Kind::DeployUnsent {
        return Outcome::Done;
    }
    let body = deploy_body(&id, image(operation.kind));
    match send(stage, DEPLOY, &app.workspace_id, "Deploy", &body).await {
        Ok(invocation) => {
            book.lock().sent.insert(number, invocation);
            Outcome::Done
        }
        Err(e) => {
            // What the control API does; when the database is away too, the reconciler has to do it.
            let marked = intent::mark_not_sent(&stage.db, &id).await.is_ok();
            Outcome::Lost(format!("not sent (marked: {marked}): {e}"))
        }
    }
}

fn image(kind: Kind) -> &'static str {
    if kind == Kind::DeployBroken {
        BROKEN_IMAGE
    } else {
        IMAGE
    }
}

fn deploy_body(id: &str, image: &str) -> Value {
    json!({ "deploymentId": id, "dockerImage": { "image": image } })
}

fn new_deployment(app_id: &str, operation: &Operation, name: Name) -> NewDeployment {
    let new = match name.environment {
        Environment::Production => NewDeployment::production(app_id),
        Environment::Preview => NewDeployment::preview(app_id),
    };
    match operation.kind {
        Kind::DeployBranch => new.git(&format!("feature-{}", operation.branch), SHA),
        Kind::DeployFork => {
            let mut new = new.git(&format!("feature-{}", operation.branch), SHA);
            new.fork_repository_full_name = Some("somebody/shop".to_owned());
            new.pr_number = Some(7);
            new
        }
        Kind::DeployProduction => new.git("main", SHA),
        _ => new,
    }
}

async fn about(
    stage: &Stage,
    book: &Book,
    number: usize,
    app: usize,
    kind: Kind,
    id: &str,
) -> Outcome {
    let app = &stage.apps[app];
    let (handler, body) = match kind {
        Kind::DuplicateDeploy => ("Deploy", deploy_body(id, IMAGE)),
        Kind::Promote => ("Promote", json!({ "targetDeploymentId": id })),
        Kind::Wake => {
            book.lock().woken.insert(id.to_owned());
            ("WakeDeployment", json!({ "deploymentId": id }))
        }
        Kind::Rollback => match live(stage, &app.app_id).await {
            Ok(Some(source)) => (
                "Rollback",
                json!({ "sourceDeploymentId": source, "targetDeploymentId": id }),
            ),
            Ok(None) => return Outcome::Lost("nothing is live".to_owned()),
            Err(e) => return Outcome::Lost(e.to_string()),
        },
        _ => return standby(stage, book, app.app_id.as_str(), id).await,
    };
    let invocation = match send(stage, DEPLOY, &app.workspace_id, handler, &body).await {
        Ok(invocation) => invocation,
        Err(e) => return Outcome::Lost(e.to_string()),
    };
    book.lock().sent.insert(number, invocation.clone());
    if kind == Kind::DuplicateDeploy {
        return Outcome::Done;
    }
    let until = Instant::now() + ANSWER_WITHIN;
    loop {
        match stage.ingress.attach(&invocation).await {
            Ok(_) => return Outcome::Done,
            Err(ApiError::Status {
                status,
                message,
                origin,
                ..
            }) if origin.as_deref() == Some("invocation") || (400..500).contains(&status) => {
                return Outcome::Refused(format!("{status} {}", first_words(&message)));
            }
            Err(e) if Instant::now() > until => return Outcome::Lost(e.to_string()),
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Standby for one that is not live; the worker itself must refuse when it becomes live meanwhile.
async fn standby(stage: &Stage, book: &Book, app_id: &str, id: &str) -> Outcome {
    match live(stage, app_id).await {
        Ok(current) if current.as_deref() == Some(id) => {
            return Outcome::Refused("it is live".to_owned());
        }
        Ok(_) => {}
        Err(e) => return Outcome::Lost(e.to_string()),
    }
    put_to_standby(stage, book, id).await
}

async fn put_to_standby(stage: &Stage, book: &Book, id: &str) -> Outcome {
    book.lock().put_to_standby.insert(id.to_owned());
    let body = json!(id);
    match stage
        .ingress
        .send(driver::SERVICE, None::<&str>, "Standby", &body, None)
        .await
    {
        Ok(_) => Outcome::Done,
        Err(e) => Outcome::Lost(e.to_string()),
    }
}

async fn idle(stage: &Stage, book: &Book, app: usize) -> Outcome {
    let app = stage.apps[app].app_id.as_str();
    let sql = "SELECT d.id AS t FROM deployments d JOIN environments e ON e.id = d.environment_id AND e.slug = 'preview'
               WHERE e.app_id = ? AND d.status = 'ready' AND d.desired_state = 'running'";
    let ids = match texts(stage, sql, app).await {
        Ok(ids) if ids.is_empty() => return Outcome::Lost("no preview runs".to_owned()),
        Ok(ids) => ids,
        Err(e) => return Outcome::Lost(e.to_string()),
    };
    let mut outcome = Outcome::Done;
    for id in ids {
        let one = put_to_standby(stage, book, &id).await;
        if one != Outcome::Done {
            outcome = one;
        }
    }
    outcome
}

async fn cancel(stage: &Stage, book: &Book, operation: &Operation) -> Outcome {
    let of = operation.cancels.unwrap_or_default();
    let invocation = book.lock().sent.get(&of).cloned();
    let Some(invocation) = invocation else {
        return Outcome::Lost("that operation sent nothing".to_owned());
    };
    match stage.admin.cancel(&invocation).await {
        Ok(()) => Outcome::Done,
        Err(e @ ApiError::Status { .. }) => Outcome::Refused(first_words(&e.to_string())),
        Err(e) => Outcome::Lost(e.to_string()),
    }
}

/// Sends one-way; tries again while Restate cannot be reached, as a client does. A message may so arrive twice.
async fn send(
    stage: &Stage,
    service: &str,
    key: &str,
    handler: &str,
    body: &Value,
) -> Result<String, ApiError> {
    let until = Instant::now() + TRY_FOR;
    loop {
        let sent = stage.ingress.send(service, key, handler, body, None).await;
        match sent {
            Ok(invocation) => return Ok(invocation),
            Err(e) if e.class() != Class::Unavailable || Instant::now() > until => return Err(e),
            Err(_) => sleep(Duration::from_millis(150)).await,
        }
    }
}

async fn live(stage: &Stage, app_id: &str) -> Result<Option<String>, sea_orm::DbErr> {
    let sql = "SELECT current_deployment_id AS t FROM apps WHERE id = ? AND current_deployment_id IS NOT NULL";
    Ok(texts(stage, sql, app_id).await?.into_iter().next())
}

async fn texts(stage: &Stage, sql: &str, value: &str) -> Result<Vec<String>, sea_orm::DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, [value.into()]);
    let rows = stage.db.primary().query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get("", "t")).collect()
}

fn first_words(text: &str) -> String {
    text.chars().take(90).collect()
}
