//! The account at the authority: one, whoever comes first; finished where it was begun; forgotten and made again.

use crate::gate::{NEW_ACCOUNT, NEW_ORDER, Refusal};
use crate::world::*;
use acme::{AccountKey, KeyKind};
use mysql::entity::acme_users;
use mysql::sql;

async fn users(world: &World) -> Vec<acme_users::Model> {
    let sql = "SELECT * FROM acme_users ORDER BY pk";
    sql::all(world.db.primary(), sql, [])
        .await
        .expect("accounts")
}

#[test]
fn crt_5_two_first_issuances_make_one_account() {
    testbed::scenario!("CRT-5");
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let (a, b) = (world.domain(&host()).await, world.domain(&host()).await);
        let (first, second) = tokio::join!(world.process(&a), world.process(&b));
        assert_eq!(first.expect("an answer")["status"], "success");
        assert_eq!(second.expect("an answer")["status"], "success");

        let users = users(&world).await;
        assert_eq!(users.len(), 1);
        let user = &users[0];
        assert_eq!(user.workspace_id, "acme");
        let pem = world
            .vault
            .decrypt("acme", &user.encrypted_key)
            .await
            .expect("keyring acme");
        assert!(pem.expose().starts_with("-----BEGIN EC PRIVATE KEY-----"));
        let key = AccountKey::from_pem(pem.expose()).expect("a key");
        assert_eq!(key.kind(), KeyKind::P256);
        let known = authority(&world.gate)
            .find(&key)
            .await
            .expect("the authority knows it");
        assert_eq!(user.registration_uri.as_deref(), Some(known.url()));
        let made = world.gate.seen(NEW_ACCOUNT, "termsOfServiceAgreed");
        assert!(!made.is_empty());
        for request in made
            .iter()
            .filter(|e| e.payload["onlyReturnExisting"] != true)
        {
            assert_eq!(request.payload["contact"][0], "mailto:acme@unkey.com");
            assert_eq!(request.payload["termsOfServiceAgreed"], true);
        }
    });
}

#[test]
fn crt_6_a_registration_that_was_begun_is_finished_with_its_key() {
    testbed::scenario!("CRT-6");
    testbed::run(async {
        let world = World::own(|_| {}).await;
        let key = AccountKey::generate(KeyKind::P256).expect("a key");
        let pem = key.to_pem().expect("PEM");
        let sealed = world
            .vault
            .encrypt("acme", &pem)
            .await
            .expect("sealed")
            .blob;
        let sql = "INSERT INTO acme_users (id, workspace_id, encrypted_key, created_at) VALUES ('acme_old', 'acme', ?, 1)";
        world.execute(sql, [&sealed]).await;
        let domain = world.domain(&host()).await;
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );

        let users = users(&world).await;
        assert_eq!(users.len(), 1);
        assert_eq!(
            (&*users[0].id, &users[0].encrypted_key),
            ("acme_old", &sealed)
        );
        let known = authority(&world.gate)
            .find(&key)
            .await
            .expect("the authority knows it");
        assert_eq!(users[0].registration_uri.as_deref(), Some(known.url()));
    });
}

#[test]
fn an_account_the_authority_has_forgotten_is_registered_again_once() {
    testbed::run(async {
        let world = World::own(|_| {}).await;
        world.gate.refuse(Refusal {
            path: NEW_ORDER,
            about: String::new(),
            status: 400,
            kind: "accountDoesNotExist",
            retry_after: None,
            times: 1,
        });
        let domain = world.domain(&host()).await;
        assert_eq!(
            world.process(&domain).await.expect("an answer")["status"],
            "success"
        );
        assert_eq!(users(&world).await.len(), 1);
        assert_eq!(world.steps(&domain.host, "drop account").await, 1);
        assert_eq!(world.gate.orders(&domain.host), 1);
    });
}
