//! Proofs and tokens: what GitHub is shown, and how often it is asked.

use github::{Class, GitHub, GitHubError, Operation, Permissions, Repository};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::{AS_APP, client, repository, world};
use github_fake::{APP, Fake, INSTALLATION, Trouble, keys};

const TOKEN: &str = "POST /app/installations/";

async fn token(client: &GitHub) -> Result<github::Token, GitHubError> {
    client
        .token(INSTALLATION, &repository(), Permissions::READ)
        .await
}

#[test]
fn c1_the_proof_is_signed_by_the_app_dated_back_and_lasts_less_than_ten_minutes() {
    testbed::scenario!("C-1");
    testbed::run(async {
        let (fake, client) = world().await;
        token(&client).await.expect("a token");
        let seen = fake.seen(TOKEN);
        let proof = seen[0].bearer.clone().expect("a proof");
        let key = DecodingKey::from_rsa_pem(fake.public_key().as_bytes()).expect("a key");
        let rules = Validation::new(Algorithm::RS256);
        let decoded = jsonwebtoken::decode::<Value>(&proof, &key, &rules).expect("signed");
        let claims = decoded.claims;
        assert_eq!(claims["iss"], APP.to_string());
        let life = claims["exp"].as_i64().expect("end") - claims["iat"].as_i64().expect("begin");
        assert_eq!(life, 600);
        assert_eq!(decoded.header.typ.as_deref(), Some("JWT"));
    });
}

#[test]
fn a_token_is_for_one_repository_and_no_more_than_what_is_asked_for() {
    testbed::run(async {
        let (fake, client) = world().await;
        for (permissions, wanted) in [
            (Permissions::READ, json!({ "contents": "read" })),
            (Permissions::DEPLOYMENTS, json!({ "deployments": "write" })),
            (Permissions::STATUSES, json!({ "statuses": "write" })),
            (
                Permissions::PULL_REQUESTS,
                json!({ "pull_requests": "write" }),
            ),
        ] {
            let made = client.token(INSTALLATION, &repository(), permissions).await;
            made.expect("a token");
            let last = fake.seen(TOKEN).pop().expect("asked");
            assert_eq!(
                last.body,
                json!({ "repositories": ["shop"], "permissions": wanted })
            );
        }
    });
}

#[test]
fn c2_two_calls_and_a_crowd_share_one_token() {
    testbed::scenario!("C-2");
    testbed::run(async {
        let (fake, client) = world().await;
        let crowd = (0..20).map(|_| token(&client));
        let tokens: Vec<_> = futures::future::join_all(crowd).await;
        let first = tokens[0].as_ref().expect("a token");
        assert!(tokens.iter().all(|t| t.as_ref().is_ok_and(|t| t == first)));
        client
            .commit(AS_APP, &repository(), "main")
            .await
            .expect("a commit")
            .expect("there");
        assert_eq!(fake.seen(TOKEN).len(), 1);
        assert!(!format!("{first:?} {client:?}").contains(first.expose()));
    });
}

#[test]
fn c3_a_token_near_its_end_is_replaced_before_it_is_used() {
    testbed::scenario!("C-3");
    testbed::run(async {
        let (fake, client) = world().await;
        fake.token_life(9 * 60);
        let first = token(&client).await.expect("a token");
        fake.token_life(3_600);
        let second = token(&client).await.expect("a token");
        assert_ne!(first.expose(), second.expose());
        assert_eq!(token(&client).await.expect("a token"), second);
        assert_eq!(fake.seen(TOKEN).len(), 2);
    });
}

#[test]
fn a_refused_token_is_not_kept() {
    testbed::run(async {
        let (fake, client) = world().await;
        let gone = client.token(7, &repository(), Permissions::READ).await;
        let gone = gone.expect_err("no such installation");
        assert_eq!(gone.class(), Class::NotFound);
        let other = Repository::parse("acme/other").expect("a name");
        let other = client.token(INSTALLATION, &other, Permissions::READ).await;
        assert_eq!(
            other.expect_err("not installed there").class(),
            Class::BadRequest
        );
        let none = client.token(0, &repository(), Permissions::READ).await;
        assert_eq!(none.expect_err("no number").class(), Class::Settings);
        assert_eq!(fake.seen(TOKEN).len(), 2);
        token(&client).await.expect("a token");
    });
}

#[test]
fn without_an_app_the_error_says_what_to_configure() {
    testbed::run(async {
        let fake = Fake::start(&keys().public).await;
        let client = client(&fake, None);
        assert!(!client.has_app());
        let refused = token(&client).await.expect_err("no App");
        assert_eq!(refused.class(), Class::Settings);
        assert!(refused.to_string().contains("github.app_id"), "{refused}");
        assert!(fake.seen("").is_empty());
    });
}

#[test]
fn what_goes_wrong_names_no_secret() {
    testbed::run(async {
        let (fake, client) = world().await;
        let made = token(&client).await.expect("a token");
        fake.trouble([Trouble::Answer(500, &[], "hunter2 \n<html>")]);
        let error = client.commit(AS_APP, &repository(), "main").await;
        let error = error.expect_err("500");
        assert!(matches!(
            error,
            GitHubError::Answered {
                operation: Operation::Commit,
                status: 500,
                ..
            }
        ));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(made.expose()), "{shown}");
        assert!(!shown.contains('\n'), "{shown}");
    });
}
