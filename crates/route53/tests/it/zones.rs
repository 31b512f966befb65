//! Which zone a name belongs to.

use route53::{Class, Settings, Zone};

use crate::contract::{Kind, settings, zone};

pub(crate) async fn the_zone_with_the_longest_name_is_found(kind: Kind) {
    let server = testbed::route53().await;
    let client = kind.client().await;
    let above = zone().await;
    let name = format!("sub.{}", above.name);
    let private = server.create_zone(&name, true).await;
    let found = client.zone_of(&format!("_acme-challenge.{name}")).await;
    assert_eq!(
        found.expect("found"),
        above,
        "a private zone is none for a challenge"
    );
    let id = server.create_zone(&name, false).await;
    assert_ne!(id, private);
    let below = Zone {
        id,
        name: name.clone(),
    };
    for asked in [
        format!("_acme-challenge.{name}"),
        name.to_uppercase(),
        format!("{name}."),
    ] {
        assert_eq!(
            client.zone_of(&asked).await.expect("found"),
            below,
            "{asked}"
        );
    }
    let beside = format!("x{name}");
    assert_eq!(
        client.zone_of(&beside).await.expect("found"),
        above,
        "{beside}"
    );
    let error = client.zone_of("nobody.has.this.example").await;
    assert_eq!(error.expect_err("none").class, Class::NotFound);
}

pub(crate) async fn a_configured_zone_is_used_without_asking(kind: Kind) {
    let mut configured = settings(testbed::route53().await);
    configured.hosted_zone_id = Some("/hostedzone/Z123".to_owned());
    // nobody is there to be asked
    configured.endpoint = Some("http://127.0.0.1:9".to_owned());
    let client = kind.open(configured).await;
    let found = client.zone_of("_acme-challenge.a.example").await;
    assert_eq!(found.expect("configured").id, "Z123");
}

pub(crate) async fn a_zone_that_is_not_there_is_told(kind: Kind) {
    let client = kind.client().await;
    let nowhere = Zone {
        id: "ZNOWHERE".to_owned(),
        name: "nowhere.test".to_owned(),
    };
    let name = "_acme-challenge.nowhere.test";
    let put = client.put(&nowhere, name, "v").await;
    assert_eq!(put.expect_err("no zone").class, Class::NotFound);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    testbed::run(async {
        let bad = Settings {
            region: String::new(),
            ..Settings::default()
        };
        let error = route53::Route53::new(bad).await.expect_err("no region");
        assert_eq!(error.class, Class::Settings);
    });
}
