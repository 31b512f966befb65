//! Deployments that GitHub shows in progress and of whose end nobody will tell it: the object remembers them, and its timer
//! was lost with an invocation that was killed.

use std::collections::BTreeSet;

use causes::chain;
use github_status_client::SERVICE;
use restate_api::{ApiError, quoted};

use super::patient::Patient;
use super::report::{Check, Finding};

pub(super) const NAME: &str = "statuses";

pub(super) async fn look(patient: &Patient) -> Check {
    match ask(patient).await {
        Ok(check) => check,
        Err(error) => Check::failed(NAME, chain(&error), "see `admin`"),
    }
}

async fn ask(patient: &Patient) -> Result<Check, ApiError> {
    let mut left = forgotten(patient).await?;
    if !left.is_empty() {
        // the two tables are not read at one moment; what begins or ends just now looks so once only
        let again = forgotten(patient).await?;
        left.retain(|key| again.contains(key));
    }
    let finding = |key: &String| {
        Finding::fail(
            key,
            "GitHub shows this deployment in progress, and no timer is left to tell it the end",
            format!(
                "tell GitHub by hand; the number is in `github_deployment_id` of the object's state: gh api \
                 repos/<owner>/<name>/deployments/<number>/statuses -f state=inactive; then forget it: curl -X POST \
                 {}/services/{SERVICE}/state --json '{{\"object_key\": \"{key}\", \"new_state\": {{}}}}'",
                patient.admin_url
            ),
        )
    };
    let found = left.iter().map(finding).collect();
    Ok(Check::of(NAME, "each that is open has its timer", found))
}

/// Keys of objects that once had a timer and have nothing in Restate that will act on them. Those of the worker before this
/// one never had any.
async fn forgotten(patient: &Patient) -> Result<BTreeSet<String>, ApiError> {
    let sql = format!(
        "SELECT s.service_key FROM state s LEFT ANTI JOIN sys_invocation i ON i.target_service_name = s.service_name \
         AND i.target_service_key = s.service_key AND i.status <> 'completed' \
         WHERE s.service_name = {} AND s.key = 'settle'",
        quoted(SERVICE)
    );
    let rows = patient.admin.query(&sql).await?;
    let keys = rows.iter().filter_map(|row| row["service_key"].as_str());
    Ok(keys.map(str::to_owned).collect())
}
