//! Restate's invocations that do not get on: paused, failing over and over, or bound to a deployment that is gone.

use causes::chain;
use restate_api::{ApiError, quoted};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::patient::Patient;
use super::report::{Check, Finding, short};
use super::workers::{OURS, pinned};

pub(super) const NAMES: [&str; 3] = ["paused", "backing-off", "pinned"];

/// Invocations told of one by one.
const SHOWN: usize = 20;
/// Attempts after which a failure is more than a hiccup, and after which somebody should act: with the usual pauses about
/// four seconds, and five minutes.
const WARN: u64 = 4;
const FAIL: u64 = 12;

/// One that does not get on.
struct Stuck {
    id: String,
    target: String,
    status: String,
    attempts: u64,
    /// Whole minutes.
    age: Option<i64>,
    error: String,
}

pub(super) async fn look(patient: &Patient) -> [Check; 3] {
    match ask(patient).await {
        Ok(checks) => checks,
        Err(error) => NAMES.map(|name| Check::failed(name, chain(&error), "see `admin`")),
    }
}

async fn ask(patient: &Patient) -> Result<[Check; 3], ApiError> {
    let sql = format!(
        "SELECT id, target, status, retry_count, last_failure, created_at FROM sys_invocation \
         WHERE target_service_name LIKE '{OURS}%' AND status IN ('paused', 'backing-off') ORDER BY created_at"
    );
    let rows = patient.admin.query(&sql).await?;
    let now = OffsetDateTime::now_utc();
    let stuck: Vec<Stuck> = rows.iter().map(|row| Stuck::of(row, now)).collect();
    let (mut paused, mut failing) = (Vec::new(), Vec::new());
    for one in stuck.iter().filter(|one| one.status == "paused") {
        if paused.len() == SHOWN {
            break;
        }
        let error = if one.error.is_empty() {
            last_error(patient, &one.id).await?
        } else {
            one.error.clone()
        };
        paused.push(Finding::fail(
            &one.id,
            one.words(&error),
            format!(
                "mend the cause, then {}; on the newest worker, after a change of code: {}; or give it up, its undo runs: {}",
                patient.command(&one.id, "resume"),
                patient.command(&one.id, "'resume?deployment=latest'"),
                patient.command(&one.id, "cancel"),
            ),
        ));
    }
    let backing_off: Vec<&Stuck> = stuck.iter().filter(|one| one.status != "paused").collect();
    for (one, count) in alike(&backing_off).into_iter().take(SHOWN) {
        let cure = format!(
            "it goes on by itself once the cause is mended; at once: {}; or give it up, its undo runs: {}",
            patient.command(&one.id, "resume"),
            patient.command(&one.id, "cancel"),
        );
        let more = match count {
            1 => String::new(),
            count => format!("{count} alike, such as "),
        };
        let what = format!("{more}{}", one.words(&one.error));
        failing.push(if one.attempts >= FAIL {
            Finding::fail(&one.id, what, cure)
        } else {
            Finding::warn(&one.id, what, cure)
        });
    }
    let fine = match backing_off.len() {
        0 => "none".to_owned(),
        count => format!("{count}, each after fewer than {WARN} attempts"),
    };
    Ok([
        Check::of("paused", "none", paused),
        Check::of("backing-off", fine, failing),
        Check::of(
            "pinned",
            "every invocation has its worker",
            gone(patient).await?,
        ),
    ])
}

/// Those that have failed more than a few times, one for each handler and error: that with the most attempts, and how many
/// there are of it.
fn alike<'a>(failing: &[&'a Stuck]) -> Vec<(&'a Stuck, usize)> {
    let mut groups: Vec<(&Stuck, usize)> = Vec::new();
    for one in failing.iter().copied().filter(|one| one.attempts >= WARN) {
        let same = |(other, _): &&mut (&Stuck, usize)| {
            other.handler() == one.handler() && other.error == one.error
        };
        match groups.iter_mut().find(same) {
            Some((worst, count)) => {
                *count += 1;
                if one.attempts > worst.attempts {
                    *worst = one;
                }
            }
            None => groups.push((one, 1)),
        }
    }
    groups
}

/// Why a paused one is paused, from its journal: its last failure is not kept elsewhere.
async fn last_error(patient: &Patient, id: &str) -> Result<String, ApiError> {
    let sql = format!(
        "SELECT event_json FROM sys_journal_events WHERE id = {} ORDER BY appended_at DESC LIMIT 5",
        quoted(id)
    );
    let rows = patient.admin.query(&sql).await?;
    let message = |row: &Value| {
        let event: Value = serde_json::from_str(row["event_json"].as_str()?).ok()?;
        find(&event, "error_message").map(short)
    };
    Ok(rows.iter().find_map(message).unwrap_or_default())
}

/// A text member at any depth.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    let members = value.as_object()?;
    let here = members.get(name).and_then(Value::as_str);
    here.or_else(|| members.values().find_map(|value| find(value, name)))
}

/// Invocations that can only run where nothing is registered any more.
async fn gone(patient: &Patient) -> Result<Vec<Finding>, ApiError> {
    let known = patient.admin.deployments().await?;
    let pinned = pinned(patient).await?;
    let lost = pinned
        .iter()
        .filter(|(id, _)| !known.iter().any(|deployment| &&deployment.id == id));
    let finding = |(id, count): (&String, &u64)| {
        let which = format!("SELECT id FROM sys_invocation WHERE pinned_deployment_id = '{id}'");
        Finding::fail(
            id,
            format!(
                "{count} unfinished invocations belong to this deployment, which was removed from Restate"
            ),
            format!(
                "move each to the newest worker: {}; ids: {which} at {}/query",
                patient.command("<id>", "'resume?deployment=latest'"),
                patient.admin_url
            ),
        )
    };
    Ok(lost.map(finding).collect())
}

impl Stuck {
    fn of(row: &Value, now: OffsetDateTime) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let created = OffsetDateTime::parse(&text("created_at"), &Rfc3339).ok();
        Self {
            id: text("id"),
            target: text("target"),
            status: text("status"),
            attempts: row["retry_count"].as_u64().unwrap_or(0),
            age: created.map(|at| (now - at).whole_minutes()),
            error: short(&text("last_failure")),
        }
    }

    /// Service and handler, without the key.
    fn handler(&self) -> (&str, &str) {
        let service = self.target.split('/').next().unwrap_or_default();
        let handler = self.target.rsplit('/').next().unwrap_or_default();
        (service, handler)
    }

    fn words(&self, error: &str) -> String {
        let age = self
            .age
            .map_or_else(String::new, |minutes| format!(", begun {minutes} min ago"));
        let tried = match self.attempts {
            0 => String::new(),
            tried => format!(", {tried} attempts"),
        };
        let error = if error.is_empty() {
            "no error was kept"
        } else {
            error
        };
        format!("{} is {}{age}{tried}: {error}", self.target, self.status)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_invocation_is_told_with_age_attempts_and_error() {
        let now = OffsetDateTime::parse("2026-03-02T10:30:00Z", &Rfc3339).expect("a time");
        let row = json!({
            "id": "inv_1", "target": "hydra.v1.DeployService/ws/Deploy", "status": "backing-off", "retry_count": 7,
            "last_failure": "no\nroute", "created_at": "2026-03-02T10:12:00.000Z",
        });
        let one = Stuck::of(&row, now);
        assert_eq!(
            one.words(&one.error),
            "hydra.v1.DeployService/ws/Deploy is backing-off, begun 18 min ago, 7 attempts: no route"
        );
        let row = |key: &str, tried: u64, error: &str| {
            let row = json!({ "target": format!("a.S/{key}/H"), "retry_count": tried, "last_failure": error });
            Stuck::of(&row, now)
        };
        let all = [
            row("1", 5, "no"),
            row("2", 9, "no"),
            row("3", 6, "so"),
            row("4", 1, "no"),
        ];
        let groups = alike(&all.iter().collect::<Vec<_>>());
        let told: Vec<_> = groups
            .iter()
            .map(|(one, count)| (one.target.as_str(), *count))
            .collect();
        assert_eq!(told, [("a.S/2/H", 2), ("a.S/3/H", 1)]);
        let event = json!({ "ty": "Paused", "last_failure": { "error_message": "gone" } });
        assert_eq!(find(&event, "error_message"), Some("gone"));
    }
}
