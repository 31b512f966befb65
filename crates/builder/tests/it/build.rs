//! Images that are built.

use builder::{Builder, Secret, Source, env_file};

use crate::world::{Heard, TOKEN, buildkit, fresh, order, repository, run, servers};

#[test]
fn a_private_commit_becomes_an_image_with_its_steps_and_logs() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, sha) = repository(
            peers,
            "RUN --network=none echo hello from a step; echo 'grüße €'",
        )
        .await;
        let order = order(peers, &name, &sha);
        let (built, heard) = run(&buildkit(peers), &order).await;
        let built = built.expect("an image");
        assert_eq!(built.image, order.image);
        assert!(built.digest.starts_with("sha256:"), "{built:?}");
        let (repository, _) = order.image.rsplit_once(':').expect("a tag");
        let by_digest = peers
            .manifest(&format!("{repository}@{}", built.digest))
            .await;
        let manifest = peers.manifest(&order.image).await.expect("a pushed image");
        assert_eq!(by_digest.as_ref(), Some(&manifest));
        assert_eq!(
            manifest["mediaType"],
            "application/vnd.oci.image.manifest.v1+json"
        );
        assert!(
            heard.text().contains("hello from a step\n"),
            "{}",
            heard.text()
        );
        assert!(heard.text().contains("grüße €\n"));
        told_whole(&heard);
        let [step] = heard.steps_of("echo hello").try_into().expect("one step");
        assert!(
            step.has_logs && step.error.is_empty() && !step.cached,
            "{step:?}"
        );
        let source = heard.steps_of("load git source");
        assert_eq!(
            source.len(),
            1,
            "fetched and used is one step: {:#?}",
            heard.steps()
        );
        assert!(source[0].name.ends_with(&format!("{name}.git#{sha}")));
        assert_eq!(peers.git().fetches(&name), 1);
        assert_eq!(peers.git().tokens(&name), [TOKEN.to_owned()].into());
        // a second build of the same commit fetches and runs nothing
        let (again, heard) = run(&buildkit(peers), &order).await;
        assert_eq!(again.expect("an image").digest, built.digest);
        assert_eq!(peers.git().fetches(&name), 1);
        let [step] = heard.steps_of("echo hello").try_into().expect("one step");
        assert!(step.cached && !step.has_logs, "{step:?}");
        told_whole(&heard);
    });
}

/// Every log is of a step that says that it has some, every step is told once, and the times are in order.
fn told_whole(heard: &Heard) {
    let steps = heard.steps();
    let mut ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "a step is told twice");
    for log in heard.logs() {
        let of = steps.iter().find(|step| step.id == log.step_id);
        assert!(of.is_some_and(|step| step.has_logs), "{log:?}");
    }
    for step in &steps {
        let wrote = heard.logs().iter().any(|log| log.step_id == step.id);
        assert_eq!(step.has_logs, wrote, "{step:?}");
        assert!(
            0 < step.started_at && step.started_at <= step.completed_at,
            "{step:?}"
        );
    }
}

#[test]
fn a_folder_with_a_dockerfile_of_another_name_is_built() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let name = fresh("acme/mono");
        let files = [
            (
                "apps/web/docker/prod.Dockerfile",
                "FROM scratch\nCOPY index.html /\n",
            ),
            ("apps/web/index.html", "hello"),
            ("Dockerfile", "FROM nosuch.test/image"),
        ];
        let sha = peers.git().create_repo(&name, &files).await;
        let mut order = order(peers, &name, &sha);
        let (url, dockerfile) = (peers.git().url(), "docker/prod.Dockerfile");
        order.source = Source::new(&url, &name, &sha, "/apps/web/", dockerfile).expect("a source");
        let (built, heard) = run(&buildkit(peers), &order).await;
        assert!(built.is_ok(), "{built:?} {:?}", heard.steps());
        assert_eq!(peers.registry().layers(&order.image).await.len(), 1);
        assert_eq!(
            heard.steps_of("load git source").len(),
            1,
            "{:#?}",
            heard.steps()
        );
        assert_eq!(peers.git().fetches(&name), 1);
    });
}

#[test]
fn an_older_commit_is_built_though_the_branch_moved_on() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, approved) = repository(peers, "RUN --network=none echo approved").await;
        let newer = [("Dockerfile", "FROM scratch\nCOPY Dockerfile /newer\n")];
        peers.git().commit(&name, &newer, "After approval").await;
        let (built, heard) = run(&buildkit(peers), &order(peers, &name, &approved)).await;
        assert!(built.is_ok(), "{built:?}");
        assert!(heard.text().contains("approved"), "{}", heard.text());
    });
}

#[test]
fn variables_are_read_by_a_shell_and_stay_out_of_the_image() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let lines = "ARG UNKEY_SECRETS_ID\n\
             RUN --network=none --mount=type=secret,id=env . /run/secrets/env; \
             echo \"length ${#PLAIN} and ${#QUOTED}\"; echo \"$QUOTED\" | /busybox sha256sum\n\
             RUN --network=none --mount=type=secret,id=${UNKEY_SECRETS_ID},target=/run/env \
             . /run/env; echo \"$UNKEY_SECRETS_ID: ${#PLAIN}\"";
        let (name, sha) = repository(peers, lines).await;
        let mut order = order(peers, &name, &sha);
        let quoted = "it's\nseveral \"lines\" of $HOME\n and a half";
        order.env = [("PLAIN", "canary-71fe"), ("QUOTED", quoted)]
            .map(|(k, v)| (k.to_owned(), Secret::new(v)))
            .into();
        let (_, hash) = env_file(&order.env).expect("a file");
        let (built, heard) = run(&buildkit(peers), &order).await;
        assert!(built.is_ok(), "{built:?}: {}", heard.text());
        let text = heard.text();
        assert!(
            text.contains(&format!("length 11 and {}", quoted.len())),
            "{text}"
        );
        assert!(text.contains(&format!("{hash}: 11")), "{text}");
        let config = peers
            .registry()
            .config(&order.image)
            .await
            .expect("an image");
        assert_eq!(
            config["config"]["Labels"]["org.unkey.env-hash"],
            hash.as_str()
        );
        assert!(!config.to_string().contains("canary"), "{config}");
        assert!(!format!("{order:?} {:?}", heard.events()).contains("canary"));
    });
}

#[test]
fn a_public_commit_needs_no_token() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, sha) = repository(peers, "RUN --network=none echo public").await;
        peers.git().publish(&name);
        let mut order = order(peers, &name, &sha);
        order.git_token = None;
        let (built, heard) = run(&buildkit(peers), &order).await;
        assert!(built.is_ok(), "{built:?}");
        assert!(heard.text().contains("public"));
        assert!(peers.git().tokens(&name).is_empty());
    });
}

#[test]
fn a_builder_of_ones_own_has_no_projects_and_a_ticket_for_each_build() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let builder = buildkit(peers);
        assert_eq!(builder.create_project("builds-prj").await, Ok(None));
        let (a, b) = (
            builder.create_build(None).await,
            builder.create_build(None).await,
        );
        let (a, b) = (a.expect("a ticket"), b.expect("a ticket"));
        assert!(a.build_id.starts_with("bk_") && a.build_id != b.build_id);
        assert!(a.build_token.is_empty());
    });
}
