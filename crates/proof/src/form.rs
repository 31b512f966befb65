//! The normal form of a scene's end state: the rows, Restate's state and what the fakes were told, as texts without
//! the names that differ from play to play.
//!
//! Not for judging it: see `invariants` and `play`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use crate::effects::told;
use crate::lane::DEPLOYMENT;
use crate::{Lane, Scene, Story};
use build_slot_client::SERVICE as SLOTS;
use github_status_client::SERVICE as STATUS;

/// Section → lines. Equal forms are equal worlds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Form(pub BTreeMap<String, Vec<String>>);

/// Sections that a world which was taken back may show changed: what was used up or told stays so.
const USED_UP: [&str; 6] = [
    "versions",
    "policies",
    "sentinels",
    "steps",
    "counters",
    "told",
];

/// Per section: one text a row, by app.
const QUERIES: [(&str, &str); 13] = [
    ("app", "SELECT CONCAT_WS(' ', IFNULL(current_deployment_id, 'none'), is_rolled_back) AS t FROM apps WHERE id = ?"),
    ("deployments", "SELECT CONCAT_WS(' ', id, IF(desired_state <> 'running' AND status IN ('ready', 'stopped'), 'asleep', status), desired_state, IFNULL(image, '-')) AS t FROM deployments WHERE app_id = ?"),
    ("steps", "SELECT CONCAT_WS(' ', s.deployment_id, s.step, IF(s.ended_at IS NULL, 'open', 'ended'), IF(s.error IS NULL, '', 'error')) AS t
      FROM deployment_steps s JOIN deployments d ON d.id = s.deployment_id WHERE d.app_id = ?"),
    ("topology", "SELECT CONCAT_WS(' ', t.deployment_id, t.region_id, t.desired_status) AS t
      FROM deployment_topology t JOIN deployments d ON d.id = t.deployment_id WHERE d.app_id = ?"),
    ("versions", "SELECT CONCAT_WS(' ', t.deployment_id, t.region_id, t.version) AS t
      FROM deployment_topology t JOIN deployments d ON d.id = t.deployment_id WHERE d.app_id = ?"),
    ("policies", "SELECT CONCAT_WS(' ', p.deployment_id, p.region_id, p.version) AS t
      FROM cilium_network_policies p JOIN deployments d ON d.id = p.deployment_id WHERE d.app_id = ?"),
    ("sentinels", "SELECT CONCAT_WS(' ', s.environment_id, s.region_id, s.desired_state, s.version) AS t
      FROM sentinels s JOIN environments e ON e.id = s.environment_id WHERE e.app_id = ?"),
    ("routes", "SELECT CONCAT_WS(' ', sticky, deployment_id, environment_id, fully_qualified_domain_name) AS t FROM frontline_routes WHERE app_id = ?"),
    ("runs", "SELECT CONCAT_WS(' ', r.deployment_id, IF(r.ended_at IS NULL, 'open', 'ended'), IFNULL(r.end_reason, '-')) AS t
      FROM ctrl_worker_runs r JOIN deployments d ON d.id = r.deployment_id WHERE d.app_id = ?"),
    ("waits", "SELECT CONCAT_WS(' ', w.deployment_id) AS t
      FROM ctrl_worker_waits w JOIN deployments d ON d.id = w.deployment_id WHERE d.app_id = ?"),
    ("sources", "SELECT deployment_id AS t FROM ctrl_worker_rollback_sources WHERE app_id = ?"),
    ("builds", "SELECT CONCAT_WS(' ', b.deployment_id, IFNULL(b.outcome, '-'), IF(b.finished_at IS NULL, 'open', 'finished'), IF(b.sealed_token = '', 'no token', 'token')) AS t
      FROM ctrl_worker_builds b JOIN deployments d ON d.id = b.deployment_id WHERE d.app_id = ?"),
    ("commits", "SELECT CONCAT_WS(' ', id, git_branch, git_commit_sha, IFNULL(git_commit_message, '-'), IF(github_deployment_id IS NULL, 'not at GitHub', 'at GitHub')) AS t
      FROM deployments WHERE app_id = ?"),
];

static SUFFIX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("-git-([0-9a-f]{7})-[0-9a-z]+").expect("a valid expression"));

impl Form {
    /// Reads the scene's world.
    pub(crate) async fn read(lane: &Lane, story: &Story, scene: &Scene) -> Result<Self, String> {
        let mut form = BTreeMap::new();
        for (section, sql) in QUERIES {
            let rows = lane.texts(sql, &[&scene.app.app_id]).await;
            form.insert(section.to_owned(), nameless(scene, rows));
        }
        let sql = "SELECT CONCAT_WS(' ', region_id, v) AS t FROM ctrl_worker_region_counters WHERE region_id = ?";
        let mut counters = Vec::new();
        for region in &scene.app.regions {
            counters.extend(lane.texts(sql, &[&region.id]).await);
        }
        form.insert("counters".to_owned(), nameless(scene, counters));
        form.insert(
            "state".to_owned(),
            nameless(scene, state(lane, scene).await?),
        );
        form.insert(
            "slots".to_owned(),
            nameless(scene, slots(lane, scene).await?),
        );
        let reports = lane.state(STATUS, &scene.keys()).await?;
        let reports = reports.into_iter();
        let reports = reports.map(|(key, name, _)| format!("{key} github {name}"));
        form.insert("reports".to_owned(), nameless(scene, reports.collect()));
        // in the order they were told
        let mut told: Vec<String> = Vec::new();
        for (name, placeholder) in &scene.names {
            let lines = self::told(name).into_iter();
            told.extend(lines.map(|what| format!("{placeholder} {what}")));
        }
        told.extend(lane.outside.told());
        let told = told.iter().map(|line| scene.nameless(line)).collect();
        form.insert("told".to_owned(), told);
        for (section, rows) in (story.sections)(lane, scene).await? {
            form.insert(section.to_owned(), nameless(scene, rows));
        }
        Ok(Self(form))
    }

    /// How often the fakes were told something.
    pub fn effects(&self) -> usize {
        self.0.get("told").map_or(0, Vec::len)
    }

    /// The lines that differ, as `section: - line` of this form and `section: + line` of the other.
    pub fn differences(&self, other: &Self, without: &[&str]) -> Vec<String> {
        let mut lines = Vec::new();
        for (section, ours) in self
            .0
            .iter()
            .filter(|(s, _)| !without.contains(&s.as_str()))
        {
            let theirs = other.0.get(section).cloned().unwrap_or_default();
            let only = |a: &[String], b: &[String], sign: &str| -> Vec<String> {
                let mut b = b.to_vec();
                a.iter()
                    .filter(|line| match b.iter().position(|l| l == *line) {
                        Some(at) => {
                            b.remove(at);
                            false
                        }
                        None => true,
                    })
                    .map(|line| format!("{section}: {sign} {line}"))
                    .collect()
            };
            lines.extend(only(ours, &theirs, "-"));
            lines.extend(only(&theirs, ours, "+"));
        }
        lines
    }

    /// What keeps this form, read after a failure, from being the taken-back form of `before`. `failed`: the role of
    /// the deployment that may have ended as failed; `without`: sections that may have changed.
    pub fn not_taken_back(
        &self,
        before: &Self,
        failed: Option<&str>,
        without: &[&str],
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let sections = before.0.keys().map(String::as_str);
        for section in sections.filter(|s| !USED_UP.contains(s) && !without.contains(s)) {
            let rest = |form: &Self| -> Vec<String> {
                let all = form.0.get(section).cloned().unwrap_or_default();
                match failed {
                    Some(role) => all.into_iter().filter(|l| !l.starts_with(role)).collect(),
                    None => all,
                }
            };
            if section == "runs" && failed.is_none() {
                continue;
            }
            let (ours, theirs) = (rest(self), rest(before));
            if ours != theirs {
                lines.push(format!("{section}: {theirs:?} before, {ours:?} after"));
            }
        }
        let Some(role) = failed else { return lines };
        let of = |section: &str| -> Vec<&String> {
            let all = self.0.get(section).map(Vec::as_slice).unwrap_or_default();
            all.iter().filter(|l| l.contains(role)).collect()
        };
        let mut expect = |section: &str, right: &dyn Fn(&str) -> bool| {
            for line in of(section).into_iter().filter(|l| !right(l)) {
                lines.push(format!("{section}: {line}"));
            }
        };
        expect("deployments", &|l| {
            l.starts_with(&format!("{role} failed "))
        });
        expect("topology", &|l| l.ends_with(" stopped"));
        expect("routes", &|_| false);
        expect("waits", &|_| false);
        expect("runs", &|l| l.contains(" ended "));
        expect("builds", &|l| l.contains(" finished "));
        lines
    }
}

async fn state(lane: &Lane, scene: &Scene) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for (key, _, value) in lane.state(DEPLOYMENT, &scene.keys()).await? {
        lines.push(format!("{key} scheduled to {}", value["To"]));
    }
    Ok(lines)
}

/// Who builds and who waits for a slot.
async fn slots(lane: &Lane, scene: &Scene) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    let workspace = [scene.app.workspace_id.as_str()];
    for (key, _, value) in lane.state(SLOTS, &workspace).await? {
        for place in ["active", "waiting"] {
            let all = value["queue"][place].as_array().cloned();
            for who in all.unwrap_or_default() {
                lines.push(format!("{key} {place} {}", who["deployment"]));
            }
        }
    }
    Ok(lines)
}

fn nameless(scene: &Scene, rows: Vec<String>) -> Vec<String> {
    let mut rows: Vec<String> = rows
        .iter()
        .map(|row| {
            SUFFIX
                .replace_all(&scene.nameless(row), "-git-$1-<suffix>")
                .into_owned()
        })
        .collect();
    rows.sort();
    rows
}
