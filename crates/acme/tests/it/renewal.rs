//! Renewal information (RFC 9773), against the newer Pebble that offers it.

use acme::{ChallengeKind, Class, NewOrder, Remedy, certificate_id};
use testbed::{Pebble, PebbleOptions, pebble};
use tokio::sync::OnceCell;

use crate::contract::{Kind, Outcome, class_of, or_refused};
use crate::flow::{account, finish, host, issue, now_ms};

async fn newer() -> &'static Pebble {
    static SERVER: OnceCell<Pebble> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            Pebble::start(PebbleOptions {
                dns: Some(testbed::dns().await.addr()),
                http_port: testbed::http01().await.addr().port(),
                renewal_info: true,
                ..PebbleOptions::default()
            })
            .await
            .expect("the newer Pebble")
        })
        .await
}

pub(crate) async fn a_renewal_window_is_read(kind: Kind) -> Outcome {
    let acme = kind.at(newer().await);
    let (_, account) = account(&acme).await;
    let (chain, _, checked) = issue(&account, ChallengeKind::Http01, &[host().await]).await;
    let id = certificate_id(&chain).expect("readable").expect("an id");
    assert_eq!(checked.certificate_id.as_ref(), Some(&id));
    let before = now_ms();
    let info = or_refused!(acme.renewal_info(&id).await);
    assert!(acme.directory().await.expect("answers").renewal_info);
    assert!(info.start_ms < info.end_ms, "{info:?}");
    assert!(
        info.start_ms > before && info.end_ms < checked.not_after_ms,
        "{info:?}"
    );
    assert!(info.retry_after_ms > before, "{info:?}");

    let unknown = acme.renewal_info("AAAA.BBBB").await;
    assert!(matches!(
        class_of(unknown),
        Class::NotFound | Class::BadRequest
    ));
    for bad in ["", "AAAA", "AAAA.", "A/../B.C"] {
        assert_eq!(
            class_of(acme.renewal_info(bad).await),
            Class::Settings,
            "{bad}"
        );
    }
    let without = kind.at(pebble().await).renewal_info(&id).await;
    assert_eq!(
        class_of(without),
        Class::Unsupported,
        "an authority without it"
    );
    Outcome::Passed
}

pub(crate) async fn a_certificate_is_replaced_once(kind: Kind) -> Outcome {
    let acme = kind.at(newer().await);
    let (_, account) = account(&acme).await;
    let names = [host().await];
    let (chain, _, first) = issue(&account, ChallengeKind::Http01, &names).await;
    let renewal = NewOrder {
        replaces: certificate_id(&chain).expect("readable"),
        ..NewOrder::of(&names)
    };
    let order = or_refused!(account.new_order(&renewal).await);
    let (_, _, second) = finish(&account, &order.url, ChallengeKind::Http01, &names).await;
    assert_ne!(first.serial, second.serial);
    let problem = account.new_order(&renewal).await.expect_err("once only");
    assert_eq!(problem.remedy(), Remedy::DropReplaces, "{problem}");
    let plain = NewOrder {
        replaces: None,
        ..renewal
    };
    account.new_order(&plain).await.expect("without replaces");
    Outcome::Passed
}
