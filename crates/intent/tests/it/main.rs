//! The rows a user's intent leaves behind, read back from a real database.
#![recursion_limit = "256"]

use intent::{
    Autoscaling, Fixture, IntentError, NewDeployment, add_environment_variable,
    authorize_deployment, connect_repository, create_deployment, create_deployments, create_region,
    mark_not_sent,
};
use mysql::Db;
use mysql::entity::{
    app_regional_settings, deployment_steps, deployments, github_repo_connections,
    horizontal_autoscaling_policies, quota, regions, workspaces,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

async fn read(db: &Db, id: &str) -> deployments::Model {
    let row = deployments::Entity::find()
        .filter(deployments::Column::Id.eq(id))
        .one(db.primary())
        .await;
    row.expect("read").expect("deployment exists")
}

#[test]
fn a_deployment_keeps_the_settings_of_its_environment() {
    testbed::run(async {
        let db = testbed::db().await;
        let app = Fixture::new(&db).await;
        add_environment_variable(
            &db,
            &app,
            &app.production_environment_id,
            "TOKEN",
            "ciphertext",
        )
        .await
        .expect("variable");
        let new = NewDeployment::production(&app.app_id).git("main", "abc123");
        let id = create_deployment(&db, &new).await.expect("created");
        let row = read(&db, &id).await;
        assert_eq!(row.environment_id, app.production_environment_id);
        assert_eq!(
            (row.port, row.cpu_millicores, row.memory_mib),
            (8080, 250, 256)
        );
        assert_eq!(row.status, deployments::Status::Pending);
        assert_eq!(row.desired_state, deployments::DesiredState::Running);
        assert_eq!(row.git_branch.as_deref(), Some("main"));
        assert_eq!((row.image, row.git_commit_message), (None, None));
        assert_eq!(row.sentinel_config, b"{}");
        let blob: serde_json::Value =
            serde_json::from_slice(&row.encrypted_environment_variables).expect("json");
        assert_eq!(
            blob,
            serde_json::json!({"secrets": {"TOKEN": "ciphertext"}})
        );
        let steps = deployment_steps::Entity::find()
            .filter(deployment_steps::Column::DeploymentId.eq(&id))
            .all(db.primary())
            .await
            .expect("steps read");
        assert!(
            steps.is_empty(),
            "the control API writes no step: {steps:?}"
        );
        let preview = create_deployment(&db, &NewDeployment::preview(&app.app_id))
            .await
            .expect("created");
        let preview = read(&db, &preview).await;
        assert_eq!(preview.environment_id, app.preview_environment_id);
        assert!(
            preview.encrypted_environment_variables.is_empty(),
            "no variables, no bytes"
        );
    });
}

#[test]
fn many_deployments_are_written_at_once_and_differ() {
    testbed::run(async {
        let db = testbed::db().await;
        let app = Fixture::new(&db).await;
        let new = NewDeployment::production(&app.app_id);
        let ids = create_deployments(&db, &new, 1_100).await.expect("created");
        let rows = deployments::Entity::find()
            .filter(deployments::Column::AppId.eq(&app.app_id))
            .all(db.primary())
            .await;
        assert_eq!((ids.len(), rows.expect("read").len()), (1_100, 1_100));
    });
}

#[test]
fn an_unknown_app_or_environment_is_named() {
    testbed::run(async {
        let db = testbed::db().await;
        let app = Fixture::new(&db).await;
        let error = create_deployment(&db, &NewDeployment::of(&app.app_id, "staging"))
            .await
            .expect_err("no such environment");
        assert!(matches!(error, IntentError::NotFound { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .contains(&format!("{}/staging", app.app_id)),
            "{error}"
        );
    });
}

#[test]
fn a_fixture_has_quota_regions_and_policies_of_its_own() {
    testbed::run(async {
        let db = testbed::db().await;
        let app = Fixture::new(&db)
            .regions(2)
            .policy(1, Autoscaling::replicas(2, 4))
            .closed(0)
            .quota(500, 600)
            .await;
        let other = Fixture::new(&db).in_regions(&app.regions).await;
        assert_eq!(other.regions, app.regions);
        assert_ne!(other.workspace_slug, app.workspace_slug);

        let settings = app_regional_settings::Entity::find()
            .filter(app_regional_settings::Column::EnvironmentId.eq(&app.production_environment_id))
            .all(db.primary())
            .await
            .expect("settings");
        assert_eq!(settings.len(), 2);
        let with_policy = settings
            .iter()
            .find(|row| row.region_id == app.regions[1].id)
            .expect("row");
        let policy_id = with_policy
            .horizontal_autoscaling_policy_id
            .clone()
            .expect("policy");
        let policy = horizontal_autoscaling_policies::Entity::find()
            .filter(horizontal_autoscaling_policies::Column::Id.eq(policy_id))
            .one(db.primary())
            .await
            .expect("read")
            .expect("policy exists");
        assert_eq!((policy.replicas_min, policy.replicas_max), (2, 4));

        let region = |id: &str| {
            regions::Entity::find()
                .filter(regions::Column::Id.eq(id))
                .one(db.primary())
        };
        assert!(
            !region(&app.regions[0].id)
                .await
                .expect("read")
                .expect("region")
                .can_schedule
        );
        assert!(
            region(&app.regions[1].id)
                .await
                .expect("read")
                .expect("region")
                .can_schedule
        );

        let quota = quota::Entity::find()
            .filter(quota::Column::WorkspaceId.eq(&app.workspace_id))
            .one(db.primary())
            .await
            .expect("read")
            .expect("quota");
        assert_eq!(
            (
                quota.allocated_cpu_millicores_total,
                quota.allocated_memory_mib_total
            ),
            (500, 600)
        );
        let workspace = workspaces::Entity::find()
            .filter(workspaces::Column::Id.eq(&app.workspace_id))
            .one(db.primary())
            .await
            .expect("read")
            .expect("workspace");
        assert_eq!(
            workspace.k8s_namespace, None,
            "the worker chooses the namespace"
        );
    });
}

#[test]
fn a_region_is_the_same_for_the_same_name_and_platform() {
    testbed::run(async {
        let db = testbed::db().await;
        let name = ids::dns_label(8);
        let first = create_region(&db, &name, "aws").await.expect("created");
        assert_eq!(
            create_region(&db, &name, "aws").await.expect("found"),
            first
        );
        assert_ne!(
            create_region(&db, &name, "gcp").await.expect("created"),
            first
        );
    });
}

#[test]
fn approval_and_a_failed_send_change_only_the_status_they_expect() {
    testbed::run(async {
        let db = testbed::db().await;
        let app = Fixture::new(&db).await;
        connect_repository(&db, &app, 7, 8, "acme/shop")
            .await
            .expect("connected");
        let connected = github_repo_connections::Entity::find()
            .filter(github_repo_connections::Column::AppId.eq(&app.app_id))
            .one(db.primary())
            .await
            .expect("read")
            .expect("connection");
        assert_eq!(
            (
                connected.repository_full_name.as_str(),
                connected.project_id
            ),
            ("acme/shop", app.project_id.clone())
        );

        let waiting = NewDeployment::preview(&app.app_id).status("awaiting_approval");
        let id = create_deployment(&db, &waiting).await.expect("created");
        mark_not_sent(&db, &id).await.expect("nothing to do");
        assert_eq!(
            read(&db, &id).await.status,
            deployments::Status::AwaitingApproval
        );
        assert!(authorize_deployment(&db, &id).await.expect("approved"));
        assert!(
            !authorize_deployment(&db, &id).await.expect("answered"),
            "approved already"
        );
        mark_not_sent(&db, &id).await.expect("marked");
        assert_eq!(read(&db, &id).await.status, deployments::Status::Failed);
    });
}
