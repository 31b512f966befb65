//! The contract: what every backend must do.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use route53::{Credentials, Limits, Route53, Settings, Zone};
use testbed::Route53Server;

use crate::{faults, publish, records, zones};

/// A backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Aws,
    #[cfg(feature = "rusoto")]
    Rusoto,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws-sdk-route53",
            #[cfg(feature = "rusoto")]
            Self::Rusoto => "rusoto_route53",
        }
    }

    pub(crate) async fn open(self, settings: Settings) -> Route53 {
        match self {
            Self::Aws => Route53::new(settings).await,
            #[cfg(feature = "rusoto")]
            Self::Rusoto => Route53::with_rusoto(settings),
        }
        .expect("good settings")
    }

    pub(crate) async fn client(self) -> Route53 {
        self.open(settings(testbed::route53().await)).await
    }
}

pub(crate) fn settings(server: &Route53Server) -> Settings {
    Settings {
        credentials: Some(Credentials::new("test", "test")),
        endpoint: Some(server.url()),
        limits: Limits {
            pause: Duration::from_millis(5),
            between_looks: Duration::from_millis(20),
            question: Duration::from_secs(2),
            ..Limits::default()
        },
        ..Settings::default()
    }
}

pub(crate) type Test = fn(Kind) -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! tests {
    ($($module:ident::$name:ident),+ $(,)?) => {
        &[$((stringify!($name), |kind| Box::pin($module::$name(kind)))),+]
    };
}

pub(crate) const TESTS: &[(&str, Test)] = tests![
    zones::the_zone_with_the_longest_name_is_found,
    zones::a_configured_zone_is_used_without_asking,
    zones::a_zone_that_is_not_there_is_told,
    records::one_value_is_added_and_taken_away,
    records::values_of_others_stay,
    records::a_value_is_not_added_twice,
    records::a_value_that_is_not_there_is_not_taken_away,
    faults::a_lost_answer_is_found_again,
    faults::somebody_quicker_is_not_overwritten,
    faults::throttling_is_waited_out,
    faults::a_wrong_key_is_told_at_once,
    faults::a_service_that_is_gone_is_an_outage,
    publish::a_change_is_pending_until_it_is_in_sync,
    publish::every_authoritative_server_must_have_it,
    publish::waiting_has_an_end,
];

/// A zone nobody else uses.
pub(crate) async fn zone() -> Zone {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("z{}-{number}.route53.test", std::process::id());
    let id = testbed::route53().await.create_zone(&name, false).await;
    Zone { id, name }
}

/// The name of a challenge in a zone.
pub(crate) fn challenge(zone: &Zone) -> String {
    format!("_acme-challenge.{}", zone.name)
}

/// The TXT values at a name as the server has them, quoted, sorted, and the TTL.
pub(crate) async fn there(zone: &Zone, name: &str) -> Option<(i64, Vec<String>)> {
    let server = testbed::route53().await;
    let (ttl, mut values) = server.values(&zone.id, name, "TXT").await?;
    values.sort();
    Some((ttl, values))
}

/// The batches that clients sent to a zone.
pub(crate) async fn batches(zone: &Zone) -> Vec<testbed::Batch> {
    let all = testbed::route53().await.batches();
    all.into_iter().filter(|b| b.zone == zone.id).collect()
}
