//! CustomDomainService: a free name, a name that another workspace holds, a new start, and a later check.
//!
//! A verification that is ended by force is not taken back: what it has written stays true, and the sweep begins
//! another one. So a failure may leave the domain's row, its route and its challenge.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mysql::entity::custom_domains::Model;
use serde_json::json;
use testbed::DnsData;

use super::{BASE, expect};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

const DOMAIN: &str = custom_domain_client::SERVICE;
const LEFT: &[&str] = &["domains", "challenges", "held", "routes"];

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: DOMAIN,
        may_change: LEFT,
        one_way: &[certificate_client::SERVICE],
        sections,
        holds: |lane, scene| holds(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "verify-domain",
            handler: "VerifyDomain",
            prepare: |lane| pending(lane, "VerifyDomain").boxed(),
            ..base
        },
        Story {
            name: "verify-taken-domain",
            handler: "VerifyDomain",
            prepare: |lane| taken(lane).boxed(),
            ..base
        },
        Story {
            name: "retry-verification",
            handler: "RetryVerification",
            prepare: |lane| pending(lane, "RetryVerification").boxed(),
            ..base
        },
        Story {
            name: "check-domain",
            handler: "Check",
            prepare: |lane| unproven(lane).boxed(),
            ..base
        },
    ]
}

/// A domain whose records prove it.
async fn pending(lane: &Lane, handler: &'static str) -> Scene {
    let (mut scene, row) = domain(lane).await;
    lane.outside
        .dns
        .add(&row.domain, DnsData::Cname(row.target_cname.clone()));
    scene.request = request(&row, handler);
    scene
}

/// The same, with the name verified for another workspace, and the TXT value that takes it over.
async fn taken(lane: &Lane) -> Scene {
    let (mut scene, row) = domain(lane).await;
    let holder = lane.scene(1, |f| f).await.app;
    let environment = holder.production_environment_id.clone();
    let held = intent::add_domain(&lane.db, &holder, &environment, &row.domain, "cname.test").await;
    let held = held.expect("a row");
    scene.name(&held.id, "<held>");
    scene.name(&holder.app_id, "<holder>");
    let publish = |row: &Model| {
        let value = format!("unkey-domain-verify={}", row.verification_token);
        let name = format!("_unkey.{}", row.domain);
        lane.outside.dns.add(&name, DnsData::txt(value));
    };
    publish(&held);
    lane.call(&request(&held, "VerifyDomain")).await;
    publish(&row);
    scene.request = request(&row, "VerifyDomain");
    scene
}

/// A verification under way whose records have turned up, and its next check.
async fn unproven(lane: &Lane) -> Scene {
    let (mut scene, row) = domain(lane).await;
    lane.call(&request(&row, "VerifyDomain")).await;
    lane.outside
        .dns
        .add(&row.domain, DnsData::Cname(row.target_cname.clone()));
    let state = lane.state(DOMAIN, &[&row.id]).await.expect("object state");
    let nonce = state
        .iter()
        .find_map(|(_, _, window)| window["nonce"].as_str());
    scene.request = Request {
        body: json!({ "nonce": nonce.expect("an open window") }),
        ..request(&row, "Check")
    };
    scene
}

/// An app with something live, and a pending domain of its production.
async fn domain(lane: &Lane) -> (Scene, Model) {
    let mut scene = lane.scene(1, |f| f).await;
    lane.deployed(&mut scene, "<live>").await;
    let host = format!("www.{}.test", ids::dns_label(12));
    let environment = scene.app.production_environment_id.clone();
    let row = intent::add_domain(&lane.db, &scene.app, &environment, &host, "cname.test").await;
    let row = row.expect("a row");
    scene.name(&row.domain, "<host>");
    scene.name(&row.id, "<domain>");
    scene.name(&row.target_cname, "<target>");
    (scene, row)
}

fn request(row: &Model, handler: &'static str) -> Request {
    Request {
        service: DOMAIN,
        key: row.id.clone(),
        handler,
        body: json!({}),
    }
}

/// Every domain with the host name, and the challenges of these; whoever holds it.
fn sections<'a>(lane: &'a Lane, scene: &'a Scene) -> BoxFuture<'a, Result<Sections, String>> {
    async {
        let host = scene.real("<host>");
        let domains = "SELECT CONCAT_WS(' ', id, verification_status, ownership_verified, cname_verified, check_attempts, \
             IFNULL(verification_error, '-'), IF(invocation_id IS NULL, 'no check', 'a check')) AS t FROM custom_domains WHERE domain = ?";
        let challenges = "SELECT CONCAT_WS(' ', c.domain_id, c.status, c.challenge_type) AS t FROM acme_challenges c \
             JOIN custom_domains d ON d.id = c.domain_id WHERE d.domain = ?";
        let held = "SELECT CONCAT_WS(' ', app_id, deployment_id, sticky) AS t FROM frontline_routes \
             WHERE fully_qualified_domain_name = ?";
        Ok(vec![
            ("domains", lane.texts(domains, &[host]).await),
            ("challenges", lane.texts(challenges, &[host]).await),
            ("held", lane.texts(held, &[host]).await),
        ])
    }
    .boxed()
}

/// One domain is verified, it has the only route and the only challenge, and its certificate was asked for.
async fn holds(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let host = scene.real("<host>");
    let verified =
        "SELECT id AS t FROM custom_domains WHERE domain = ? AND verification_status = 'verified'";
    let found = lane.texts(verified, &[host]).await;
    expect(found, &[scene.real("<domain>").to_owned()], "verified")?;
    let routed = "SELECT CONCAT_WS(' ', app_id, deployment_id) AS t FROM frontline_routes WHERE fully_qualified_domain_name = ?";
    let own = format!("{} {}", scene.app.app_id, scene.id("<live>"));
    expect(lane.texts(routed, &[host]).await, &[own], "routed")?;
    let waiting = "SELECT c.domain_id AS t FROM acme_challenges c JOIN custom_domains d ON d.id = c.domain_id WHERE d.domain = ?";
    let found = lane.texts(waiting, &[host]).await;
    expect(found, &[scene.real("<domain>").to_owned()], "challenges")?;
    Ok(3)
}
