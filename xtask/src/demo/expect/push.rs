//! What should have come of the push. Pure.

use serde_json::Value;

use super::{List, Told};

/// Adds what was expected of it, where builds can run.
pub(super) fn judge(told: &Told, list: &mut List) {
    let push = &told.push;
    if push.is_null() {
        return;
    }
    let status = |answer: &Value| answer["status"].as_u64();
    list.add(
        "a forged delivery is refused",
        status(&push["forged"]) == Some(401),
        &push["forged"],
    );
    let again = push["again"].as_array().map_or(&[][..], Vec::as_slice);
    let taken = again.len() == 2 && again.iter().all(|answer| status(answer) == Some(200));
    list.add(
        "the push is taken, each time it is delivered",
        status(&push["delivered"]) == Some(200) && taken,
        &push["again"],
    );
    let rows = &push["stores"]["database"]["deployments"];
    let all = rows.as_array().map_or(&[][..], Vec::as_slice);
    list.add(
        "the push makes exactly one deployment",
        all.len() == 1,
        rows,
    );
    let Some(row) = all.first() else { return };
    let id = row["id"].as_str().unwrap_or_default();
    list.add(
        "what the push made is ready",
        row["status"] == "ready",
        &row["status"],
    );
    let ended = |step: &Value| step["ended"] == 1 && step["error"].is_null();
    let steps = row["steps"].as_array().map_or(&[][..], Vec::as_slice);
    list.add(
        "every step of it ended well, the build among them",
        steps.iter().all(ended) && steps.iter().any(|step| step["step"] == "building"),
        &row["steps"],
    );
    let live = &push["stores"]["database"]["app"]["live_deployment_id"];
    list.add("what the push made is live", live == id, live);
    list.add(
        "it is made of the commit that was pushed",
        row["commit_sha"] == push["sha"] && row["branch"] == "main" && push["sha"].is_string(),
        &row["commit_sha"],
    );
    let image = row["image"].as_str().unwrap_or_default();
    let tag = format!(
        "{}:{}-{id}",
        push["images"].as_str().unwrap_or_default(),
        row["project_id"].as_str().unwrap_or_default()
    );
    list.add(
        "its image carries the tag of project and deployment",
        image.split('@').next() == Some(tag.as_str()),
        image,
    );
    list.add(
        "the registry has that image, with its digest",
        has_digest(&push["manifest"]),
        &push["manifest"],
    );
    list.add(
        "the source was fetched from Git",
        push["fetches"].as_u64().is_some_and(|count| count > 0),
        &push["fetches"],
    );
    let http = &push["http"];
    list.add(
        "GET of its live host answers the deployment of the push",
        http["status"] == 200 && http["answer"] == id,
        http,
    );
    list.add(
        "its log was followed to its good end",
        push["followed"].is_null(),
        &push["followed"],
    );
    list.add(
        "its log has what the build wrote",
        push["log_has_the_builds_words"] == true,
        &push["log_lines"],
    );
    github(&push["github"], &push["sha"], list);
    let in_flight = &push["stores"]["restate"]["in_flight"];
    list.add(
        "after the push, nothing is running, paused or backing off in Restate",
        in_flight.as_array().is_some_and(Vec::is_empty),
        in_flight,
    );
}

/// What GitHub was told: one deployment of the commit, whose last status is its success.
fn github(github: &Value, sha: &Value, list: &mut List) {
    let all = |name: &str| github[name].as_array().map_or(&[][..], Vec::as_slice);
    let own: Vec<&Value> = all("deployments")
        .iter()
        .filter(|deployment| deployment["ref"] == *sha)
        .collect();
    list.add(
        "GitHub has exactly one deployment of the commit",
        own.len() == 1,
        &github["deployments"],
    );
    let Some(id) = own.first().map(|deployment| deployment["id"].to_string()) else {
        return;
    };
    // each as the id of what it is of, and the status
    let last = all("statuses")
        .iter()
        .rfind(|status| status[0] == id.as_str());
    list.add(
        "GitHub's deployment ended in success",
        last.is_some_and(|status| status[1]["state"] == "success"),
        &github["statuses"],
    );
}

fn has_digest(manifest: &Value) -> bool {
    let digest = |value: &Value| {
        let text = value["digest"].as_str();
        text.is_some_and(|text| text.starts_with("sha256:"))
    };
    // of one image, or of a list of them
    digest(&manifest["config"])
        || manifest["manifests"]
            .as_array()
            .is_some_and(|all| all.iter().any(digest))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{broken, good};

    fn push() -> Value {
        let row = json!({
            "id": "d_9", "status": "ready", "branch": "main", "commit_sha": "abc", "project_id": "proj_1",
            "image": "r:1/apps:proj_1-d_9", "steps": [{ "step": "building", "ended": 1, "error": null }],
        });
        json!({
            "sha": "abc", "images": "r:1/apps", "forged": { "status": 401 }, "delivered": { "status": 200 },
            "again": [{ "status": 200 }, { "status": 200 }], "followed": null, "log_lines": 9,
            "log_has_the_builds_words": true, "http": { "status": 200, "answer": "d_9" }, "fetches": 1,
            "manifest": { "config": { "digest": "sha256:0a" } },
            "github": {
                "deployments": [{ "id": 100, "ref": "abc" }],
                "statuses": [["100", { "state": "pending" }], ["100", { "state": "success" }]],
            },
            "stores": {
                "database": { "app": { "live_deployment_id": "d_9" }, "deployments": [row] },
                "restate": { "in_flight": [] },
            },
        })
    }

    fn changed(path: &str, value: Value) -> Vec<String> {
        let mut told = good();
        told.push = push();
        *told.push.pointer_mut(path).expect(path) = value;
        broken(&told)
    }

    #[test]
    fn a_good_push_breaks_nothing_and_none_is_not_asked_about() {
        assert_eq!(changed("/fetches", json!(2)), [""; 0]);
        assert_eq!(broken(&good()), [""; 0]);
    }

    #[test]
    fn each_thing_that_is_wrong_is_named() {
        let row = push()["stores"]["database"]["deployments"][0].clone();
        for (path, value, what) in [
            ("/forged/status", json!(200), "a forged delivery is refused"),
            (
                "/again/1/status",
                json!(500),
                "the push is taken, each time it is delivered",
            ),
            (
                "/stores/database/deployments",
                json!([row, row]),
                "the push makes exactly one deployment",
            ),
            (
                "/stores/database/deployments/0/commit_sha",
                json!("abd"),
                "it is made of the commit that was pushed",
            ),
            (
                "/stores/database/deployments/0/image",
                json!("r:1/apps:latest"),
                "its image carries the tag of project and deployment",
            ),
            (
                "/manifest",
                Value::Null,
                "the registry has that image, with its digest",
            ),
            (
                "/http/answer",
                json!("d_1"),
                "GET of its live host answers the deployment of the push",
            ),
            (
                "/log_has_the_builds_words",
                json!(false),
                "its log has what the build wrote",
            ),
            (
                "/followed",
                json!("failed"),
                "its log was followed to its good end",
            ),
            (
                "/github/statuses/1/1/state",
                json!("failure"),
                "GitHub's deployment ended in success",
            ),
            (
                "/github/deployments",
                json!([]),
                "GitHub has exactly one deployment of the commit",
            ),
            (
                "/stores/restate/in_flight",
                json!([{ "status": "paused" }]),
                "after the push, nothing is running, paused or backing off in Restate",
            ),
        ] {
            assert_eq!(changed(path, value), [what], "{path}");
        }
    }
}
