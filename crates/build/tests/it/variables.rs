//! Environment variables on their way to the builder.

use serde_json::json;

use crate::world::*;

async fn give(world: &World, deployment: &str, blob: &str) {
    let sql = "UPDATE deployments SET encrypted_environment_variables = ? WHERE id = ?";
    let values = [blob.as_bytes().to_vec().into(), deployment.into()];
    mysql::sql::execute(world.db.primary(), sql, values)
        .await
        .expect("written");
}

#[test]
fn variables_are_opened_for_the_build_and_appear_in_no_journal() {
    testbed::run(async {
        let world = world().await;
        let app = world.app().await;
        let id = world.deployment(&app).await;
        let keyring = app.preview_environment_id.clone();
        let sealed = world
            .vault
            .encrypt(&keyring, "canary-of-a-variable")
            .await
            .expect("sealed");
        give(
            world,
            &id,
            &json!({ "secrets": { "KEY": sealed.blob } }).to_string(),
        )
        .await;
        world.build(&id).await.expect("built");
        let seen = world.builder.seen(&id);
        assert_eq!(seen.variables["KEY"], "canary-of-a-variable");
        let sql = format!(
            "SELECT entry_json, raw FROM sys_journal j JOIN sys_invocation i ON i.id = j.id WHERE i.target_service_key = {}",
            restate_api::quoted(&id)
        );
        let journal = testbed::admin().await.query(&sql).await.expect("journal");
        assert!(!journal.is_empty());
        let text = format!("{journal:?}");
        for secret in ["canary-of-a-variable", "token of b"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    });
}

#[test]
fn variables_that_cannot_be_read_end_the_build_with_a_clear_text() {
    testbed::run(async {
        let world = world().await;
        let app = world.app().await;
        for blob in [
            "not json",
            "{\"secrets\":[1]}",
            "{\"secrets\":{\"K\":\"not sealed\"}}",
        ] {
            let id = world.deployment(&app).await;
            give(world, &id, blob).await;
            let error = world.build(&id).await.expect_err("refused").to_string();
            assert!(error.contains("CW0052"), "{blob}: {error}");
            assert!(world.builder.seen(&id).runs.is_empty());
        }
    });
}
