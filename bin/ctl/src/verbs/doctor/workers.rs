//! The workers as Restate knows them: whether there is one, whether it can be reached, and whether it still offers what was
//! registered. Restate is told to ask them itself, so that it does not matter from where this command runs.

use std::collections::{BTreeMap, BTreeSet};

use causes::chain;
use restate_api::{ApiError, DeploymentInfo, HandlerInfo, Registered, ServiceInfo};
use serde_json::Value;

use super::patient::Patient;
use super::report::{Check, Finding};

pub(super) const NAMES: [&str; 3] = ["registration", "workers", "manifest"];

/// What every service of the worker is named like.
pub(super) const OURS: &str = "hydra.v1.";

/// Services this command calls; a worker has more.
const CALLED: [&str; 5] = [
    certificate_client::SERVICE,
    custom_domain_client::SERVICE,
    deploy_client::SERVICE,
    github_webhook_client::SERVICE,
    scheduler_client::SERVICE,
];

/// Members of a service's description that say nothing of how it behaves.
const IDLE: [&str; 4] = ["documentation", "metadata", "info", "handlers"];

pub(super) async fn look(patient: &Patient) -> [Check; 3] {
    match ask(patient).await {
        Ok(checks) => checks,
        Err(error) => NAMES.map(|name| Check::failed(name, chain(&error), "see `admin`")),
    }
}

async fn ask(patient: &Patient) -> Result<[Check; 3], ApiError> {
    let mut services = patient.admin.services().await?;
    services.retain(|service| service.name.starts_with(OURS));
    let mut deployments = patient.admin.deployments().await?;
    // one that is not reached over HTTP is none of ours
    deployments.retain(|d| d.uri.is_some() && d.services.iter().any(|s| s.name.starts_with(OURS)));
    let pinned = pinned(patient).await?;

    let registration = registration(&services);
    let mut reach = Vec::new();
    let mut drift = Vec::new();
    let answers = discover(patient, &deployments).await;
    for (deployment, (uri, answer)) in deployments.iter().zip(&answers) {
        let known: Vec<&ServiceInfo> = services
            .iter()
            .filter(|service| service.deployment_id == deployment.id)
            .collect();
        let unfinished = pinned.get(&deployment.id).copied().unwrap_or(0);
        match answer {
            Ok(found) if !known.is_empty() => {
                drift.extend(differences(&known, &services, &found.services, uri));
            }
            Ok(_) if unfinished > 0 => {}
            Ok(_) => reach.push(idle(patient, deployment, uri)),
            Err(error) => reach.push(unreachable(
                patient,
                deployment,
                uri,
                known.len(),
                unfinished,
                error,
            )),
        }
    }
    let workers = format!("{} can be reached", deployments.len());
    let manifest = "every worker offers what Restate has registered";
    Ok([
        Check::of("registration", registered(&services), registration),
        Check::of("workers", workers, reach),
        Check::of("manifest", manifest, drift),
    ])
}

/// What each deployment offers now, asked side by side; one that hangs must leave time to tell of the others.
async fn discover(
    patient: &Patient,
    deployments: &[DeploymentInfo],
) -> Vec<(String, Result<Registered, ApiError>)> {
    let admin = patient.admin.clone().with_timeout(Some(patient.limit / 2));
    let asked: Vec<_> = deployments
        .iter()
        .map(|deployment| {
            let (admin, uri) = (admin.clone(), deployment.uri.clone().unwrap_or_default());
            tokio::spawn(async move {
                let answer = admin.discover(&uri).await;
                (uri, answer)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for one in asked {
        if let Ok(answer) = one.await {
            answers.push(answer);
        }
    }
    answers
}

/// Unfinished invocations by the deployment they are bound to.
pub(super) async fn pinned(patient: &Patient) -> Result<BTreeMap<String, u64>, ApiError> {
    let sql = format!(
        "SELECT pinned_deployment_id AS d, COUNT(*) AS n FROM sys_invocation WHERE target_service_name LIKE '{OURS}%' \
         AND status <> 'completed' AND pinned_deployment_id IS NOT NULL GROUP BY pinned_deployment_id"
    );
    let rows = patient.admin.query(&sql).await?;
    let one = |row: &Value| Some((row["d"].as_str()?.to_owned(), row["n"].as_u64()?));
    Ok(rows.iter().filter_map(one).collect())
}

fn registered(services: &[ServiceInfo]) -> String {
    let at: BTreeSet<&str> = services.iter().map(|s| s.deployment_id.as_str()).collect();
    format!("{} services at {}", services.len(), list(at))
}

fn registration(services: &[ServiceInfo]) -> Vec<Finding> {
    let cure = "start a worker with restate.register_as set, or run `worker register --config <file> --uri <its address>`";
    if services.is_empty() {
        return vec![Finding::fail("restate", "no worker is registered", cure)];
    }
    let missing = CALLED
        .iter()
        .filter(|name| !services.iter().any(|service| service.name == **name));
    missing
        .map(|name| Finding::fail(*name, "is not registered", cure))
        .collect()
}

fn unreachable(
    patient: &Patient,
    deployment: &DeploymentInfo,
    uri: &str,
    serves: usize,
    unfinished: u64,
    error: &ApiError,
) -> Finding {
    let subject = format!("{} at {uri}", deployment.id);
    let why = chain(error);
    if serves > 0 {
        let what = format!("Restate cannot reach the worker that serves {serves} services: {why}");
        let cure = "is it running, and does Restate's network reach it? Start it, or register another one; what is in \
                    work goes on by itself then";
        return Finding::fail(subject, what, cure);
    }
    if unfinished > 0 {
        let what = format!(
            "{unfinished} unfinished invocations wait for an old worker that is gone: {why}"
        );
        let cure = format!(
            "start that version again until they have ended, or move each: {}",
            patient.command("<id>", "'resume?deployment=latest'")
        );
        return Finding::fail(subject, what, cure);
    }
    Finding::warn(
        subject,
        "an old worker that is gone is still registered",
        removal(patient, deployment),
    )
}

fn idle(patient: &Patient, deployment: &DeploymentInfo, uri: &str) -> Finding {
    Finding::warn(
        format!("{} at {uri}", deployment.id),
        "an old worker has nothing to do any more",
        format!("stop it, then {}", removal(patient, deployment)),
    )
}

fn removal(patient: &Patient, deployment: &DeploymentInfo) -> String {
    format!(
        "curl -X DELETE '{}/deployments/{}?force=true'",
        patient.admin_url, deployment.id
    )
}

/// How what a worker offers now differs from what Restate registered of it.
fn differences(
    known: &[&ServiceInfo],
    all: &[ServiceInfo],
    offered: &[ServiceInfo],
    uri: &str,
) -> Vec<Finding> {
    let cure = format!(
        "a worker changed in place: register it anew (`worker register --config <file> --uri {uri}`), or give each version \
         an address of its own (`{{version}}` in restate.register_as)"
    );
    let mut found = Vec::new();
    for service in known {
        let name = service.name.as_str();
        match offered.iter().find(|other| other.name == name) {
            None => found.push(Finding::fail(
                name,
                format!("is registered, but not offered at {uri} any more"),
                &cure,
            )),
            Some(other) => {
                let shape = shape(service, other);
                found.extend(
                    shape
                        .into_iter()
                        .map(|what| Finding::fail(name, what, &cure)),
                );
                found.extend(settings(service, other));
            }
        }
    }
    let new = offered
        .iter()
        .filter(|service| !all.iter().any(|other| other.name == service.name));
    found.extend(new.map(|service| {
        Finding::fail(
            &service.name,
            format!("is offered at {uri} and unknown to Restate"),
            &cure,
        )
    }));
    found
}

/// Differences that callers meet.
fn shape(known: &ServiceInfo, offered: &ServiceInfo) -> Vec<String> {
    let mut found = Vec::new();
    if known.ty != offered.ty {
        found.push(format!(
            "is {} in Restate and {} at the worker",
            known.ty, offered.ty
        ));
    }
    let by_name = |handlers: &[HandlerInfo]| -> BTreeMap<String, String> {
        let one = |h: &HandlerInfo| (h.name.clone(), kind(h));
        handlers.iter().map(one).collect()
    };
    let (ours, theirs) = (by_name(&known.handlers), by_name(&offered.handlers));
    for (name, kind) in &ours {
        match theirs.get(name) {
            None => found.push(format!(
                "has `{name}` in Restate, which the worker does not offer"
            )),
            Some(other) if other != kind => found.push(format!(
                "`{name}` is {kind} in Restate and {other} at the worker"
            )),
            Some(_) => {}
        }
    }
    let new = theirs.keys().filter(|name| !ours.contains_key(*name));
    found.extend(new.map(|name| format!("`{name}` of the worker is unknown to Restate")));
    found
}

fn kind(handler: &HandlerInfo) -> String {
    let ty = handler.ty.as_deref().unwrap_or("plain").to_lowercase();
    format!("{ty}{}", if handler.public { "" } else { " and private" })
}

/// Settings that somebody changed in Restate: time-outs, retention, privacy.
fn settings(known: &ServiceInfo, offered: &ServiceInfo) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut differ = |member: &str, here: &Value, there: &Value| {
        if here != there {
            let what = format!("`{member}` is {here} in Restate and {there} at the worker");
            let cure =
                "somebody changed it by hand; registering the worker anew with force sets it back";
            found.push(Finding::warn(&known.name, what, cure));
        }
    };
    differ("public", &known.public.into(), &offered.public.into());
    let members: BTreeSet<&String> = known.rest.keys().chain(offered.rest.keys()).collect();
    for member in members {
        if !IDLE.contains(&member.as_str()) {
            let of = |service: &ServiceInfo| service.rest.get(member).cloned().unwrap_or_default();
            differ(member, &of(known), &of(offered));
        }
    }
    found
}

fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::Verdict;
    use super::*;

    fn service(handlers: &[(&str, &str)], timeout: &str) -> ServiceInfo {
        let handlers: Vec<Value> = handlers
            .iter()
            .map(|(name, ty)| json!({ "name": name, "ty": ty, "public": true }))
            .collect();
        let description = json!({
            "name": "hydra.v1.DeployService", "ty": "VirtualObject", "public": true, "revision": 3, "deployment_id": "dp_1",
            "handlers": handlers, "abort_timeout": timeout, "documentation": timeout,
        });
        serde_json::from_value(description).expect("a service")
    }

    #[test]
    fn handlers_that_came_went_or_changed_are_drift_and_settings_only_deserve_a_look() {
        let known = service(&[("Deploy", "Shared"), ("Wake", "Shared")], "2m");
        let same = differences(
            &[&known],
            std::slice::from_ref(&known),
            std::slice::from_ref(&known),
            "http://w",
        );
        assert_eq!(same, []);
        let offered = service(&[("Deploy", "Exclusive"), ("Promote", "Shared")], "3m");
        let found = differences(
            &[&known],
            std::slice::from_ref(&known),
            &[offered],
            "http://w",
        );
        let told: Vec<&str> = found.iter().map(|f| f.what.as_str()).collect();
        assert_eq!(
            told,
            [
                "`Deploy` is shared in Restate and exclusive at the worker",
                "has `Wake` in Restate, which the worker does not offer",
                "`Promote` of the worker is unknown to Restate",
                "`abort_timeout` is \"2m\" in Restate and \"3m\" at the worker",
            ]
        );
        assert_eq!(found.iter().map(|f| f.verdict).max(), Some(Verdict::Fail));
        assert_eq!(found[3].verdict, Verdict::Warn);
    }

    #[test]
    fn a_service_that_is_gone_or_new_is_drift() {
        let known = service(&[], "1m");
        let gone = differences(&[&known], std::slice::from_ref(&known), &[], "http://w");
        assert!(gone[0].what.contains("not offered"), "{gone:?}");
        let new = differences(&[], &[], &[known], "http://w");
        assert!(new[0].what.contains("unknown to Restate"), "{new:?}");
        assert!(registration(&[])[0].what.contains("no worker"));
    }
}
