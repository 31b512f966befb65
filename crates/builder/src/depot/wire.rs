//! Depot's messages, as far as they are used, in proto-JSON: fields that are not known are skipped, those that are missing
//! are empty.

use serde::{Deserialize, Serialize};

use crate::reason::shortened;
use crate::{Outcome, Platform};

/// How much of what was built is kept, GB, and for how many days.
const KEEP_GB: i32 = 50;
const KEEP_DAYS: i32 = 14;
/// Most of a reason that is told, bytes.
const REASON: usize = 1 << 10;

/// `depot.core.v1.CreateProjectRequest`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateProject {
    name: String,
    region_id: String,
    cache_policy: CachePolicy,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CachePolicy {
    keep_days: i32,
    keep_gb: i32,
}

impl CreateProject {
    pub(super) fn new(name: &str, region: &str) -> Self {
        Self {
            name: name.to_owned(),
            region_id: region.to_owned(),
            cache_policy: CachePolicy {
                keep_days: KEEP_DAYS,
                keep_gb: KEEP_GB,
            },
        }
    }
}

/// `depot.core.v1.ListProjectsResponse`
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Projects {
    pub(super) projects: Vec<Project>,
}

#[derive(Deserialize)]
pub(super) struct CreatedProject {
    pub(super) project: Option<Project>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Project {
    pub(super) project_id: String,
    pub(super) name: String,
}

/// `depot.cli.v1.CreateBuildRequest`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateBuild {
    pub(super) project_id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CreatedBuild {
    pub(super) build_id: String,
    pub(super) build_token: String,
}

/// `depot.cli.v1.ReportBuildHealthRequest`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildOf {
    build_id: String,
    /// By number, which proto-JSON takes as well as the name.
    platform: i32,
}

impl BuildOf {
    pub(super) fn of(build_id: &str, platform: Platform) -> Self {
        Self {
            build_id: build_id.to_owned(),
            platform: match platform {
                Platform::Amd64 => 1,
                Platform::Arm64 => 2,
            },
        }
    }
}

/// `depot.cli.v1.GetBuildKitConnectionRequest`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection {
    #[serde(flatten)]
    build: BuildOf,
    required_engine: RequiredEngine,
}

#[derive(Serialize)]
struct RequiredEngine {
    buildkit: Build,
}

/// An empty message.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub(super) struct Build {}

impl Connection {
    pub(super) fn of(build_id: &str, platform: Platform) -> Self {
        Self {
            build: BuildOf::of(build_id, platform),
            required_engine: RequiredEngine { buildkit: Build {} },
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Connected {
    pub(super) active: Option<Machine>,
    pub(super) pending: Option<Pending>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pending {
    /// Milliseconds.
    pub(super) wait_ms: i32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Machine {
    pub(super) endpoint: String,
    pub(super) server_name: String,
    pub(super) cert: Pair,
    pub(super) ca_cert: Pair,
}

/// A certificate, with its key where it is ours.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Pair {
    pub(super) cert: String,
    pub(super) key: String,
}

/// `depot.cli.v1.FinishBuildRequest`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FinishBuild {
    build_id: String,
    #[serde(flatten)]
    result: Finished,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Finished {
    Success(Build),
    Error { error: String },
    Canceled(Build),
}

impl FinishBuild {
    pub(super) fn new(build_id: &str, outcome: &Outcome) -> Self {
        Self {
            build_id: build_id.to_owned(),
            result: match outcome {
                Outcome::Success => Finished::Success(Build {}),
                Outcome::Failed(error) => Finished::Error {
                    error: shortened(error, REASON),
                },
                Outcome::Canceled => Finished::Canceled(Build {}),
            },
        }
    }
}

/// Asks for nothing in particular, or answers nothing of use.
#[derive(Deserialize, Serialize)]
pub(super) struct Nothing {}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, to_value};

    use super::*;

    fn json_of(message: impl Serialize) -> Value {
        to_value(message).expect("JSON")
    }

    #[test]
    fn requests_are_as_depot_reads_them() {
        assert_eq!(
            json_of(CreateProject::new("builds-prj_1", "us-east-1")),
            json!({ "name": "builds-prj_1", "regionId": "us-east-1", "cachePolicy": { "keepDays": 14, "keepGb": 50 } })
        );
        assert_eq!(
            json_of(Connection::of("b1", Platform::Arm64)),
            json!({ "buildId": "b1", "platform": 2, "requiredEngine": { "buildkit": {} } })
        );
        assert_eq!(
            json_of(BuildOf::of("b1", Platform::Amd64)),
            json!({ "buildId": "b1", "platform": 1 })
        );
        for (outcome, expected) in [
            (Outcome::Success, json!({ "buildId": "b1", "success": {} })),
            (
                Outcome::Failed("no".to_owned()),
                json!({ "buildId": "b1", "error": { "error": "no" } }),
            ),
            (
                Outcome::Canceled,
                json!({ "buildId": "b1", "canceled": {} }),
            ),
        ] {
            assert_eq!(json_of(FinishBuild::new("b1", &outcome)), expected);
        }
    }

    #[test]
    fn answers_may_lack_what_is_empty_and_hold_what_is_unknown() {
        let answer: Connected =
            serde_json::from_value(json!({ "pending": {} })).expect("an answer");
        assert_eq!(answer.pending.map(|pending| pending.wait_ms), Some(0));
        let answer: Connected = serde_json::from_value(json!({ "active": {
            "endpoint": "tcp://h:1", "serverName": "h", "cert": { "cert": "C", "key": "K" }, "caCert": { "cert": "A" },
            "compression": "x",
        } })).expect("an answer");
        let machine = answer.active.expect("a machine");
        assert_eq!(
            (machine.cert.key.as_str(), machine.ca_cert.cert.as_str()),
            ("K", "A")
        );
        let created: CreatedBuild =
            serde_json::from_value(json!({ "buildId": "b" })).expect("an answer");
        assert_eq!(
            (created.build_id.as_str(), created.build_token.as_str()),
            ("b", "")
        );
    }
}
