//! Environment variables on their way into a build.

use intent::NewDeployment;
use serde_json::json;

use crate::query::execute;
use crate::world::*;

async fn give(world: &World, id: &str, blob: &str) {
    let sql = "UPDATE deployments SET encrypted_environment_variables = ? WHERE id = ?";
    execute(
        &world.bound.db,
        sql,
        [blob.as_bytes().to_vec().into(), id.into()],
    )
    .await;
}

async fn sealed(world: &World, text: &str) -> String {
    let keyring = &world.app.preview_environment_id;
    let sealed = world.bound.vault.encrypt(keyring, text).await;
    sealed.expect("sealed").blob
}

#[test]
fn dep_32_variables_reach_the_build_as_a_secret_and_nothing_else() {
    testbed::scenario!("DEP-32");
    testbed::run(async {
        let world = World::new().await;
        let preview = || NewDeployment::preview(&world.app.app_id);
        let (one, two) = (
            sealed(&world, "canary-one").await,
            sealed(&world, "canary two").await,
        );
        let mut hashes = Vec::new();
        for blob in [
            json!({ "secrets": { "B": two, "A": one } }),
            json!({ "secrets": { "A": one, "B": two } }),
        ] {
            let id = world.create(&preview()).await;
            give(&world, &id, &blob.to_string()).await;
            world.deploy(&id, world.source()).await.expect("deployed");
            let solve = world.solves(&id).pop().expect("a solve");
            let file = &solve.secrets["env"];
            assert!(
                file.contains("canary-one") && file.contains("canary two"),
                "{file}"
            );
            assert!(file.starts_with("A="), "{file}");
            hashes.push(solve.frontend["label:org.unkey.env-hash"].clone());
            let query = format!(
                "SELECT entry_json, raw FROM sys_journal j JOIN sys_invocation i ON i.id = j.id WHERE i.target_service_key IN ({}, {})",
                restate_api::quoted(&id),
                restate_api::quoted(&world.app.workspace_id),
            );
            let journal = world.bound.admin.query(&query).await.expect("journal");
            assert!(!format!("{journal:?}").contains("canary"));
            assert!(!format!("{:?}", world.bound.lines.of(&id)).contains("canary"));
        }
        assert_eq!(hashes[0], hashes[1]);
        let id = world.create(&preview()).await;
        give(&world, &id, "no proto-JSON").await;
        let error = world
            .deploy(&id, world.source())
            .await
            .expect_err("refused");
        assert!(error.to_string().contains("CW0052"), "{error}");
        assert_eq!(world.column(&id, "status").await, "failed");
    });
}

#[test]
fn dep_33_without_a_vault_variables_are_a_clear_failure() {
    testbed::scenario!("DEP-33");
    testbed::run(async {
        let shape = Shape {
            vault: false,
            ..Shape::default()
        };
        let world = World::on(Bound::alone(shape).await).await;
        let id = world.production().await;
        give(&world, &id, "{\"secrets\":{\"A\":\"x\"}}").await;
        world
            .deploy(&id, world.source())
            .await
            .expect_err("refused");
        assert_eq!(world.column(&id, "status").await, "failed");
        let told = world.step_error(&id, "building").await;
        assert!(told.contains("no Vault"), "{told}");
        assert_eq!(world.finishes(&id).await.len(), 1);
        let plain = world.production().await;
        world
            .deploy(&plain, world.source())
            .await
            .expect("deployed");
    });
}
