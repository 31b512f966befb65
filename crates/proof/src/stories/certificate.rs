//! CertificateService: a certificate obtained from a real authority, one that cannot be had for want of an authority and
//! changes nothing, and the sweep over what is due. What an authority may refuse is played in `crates/certificate/tests/it`.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;

use super::{BASE, expect};
use crate::scene::Request;
use crate::{ACME_NEW_ORDER, Lane, Scene, Sections, Story};

const SERVICE: &str = certificate_client::SERVICE;

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: SERVICE,
        sections: |lane, scene| sections(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "issue-certificate",
            handler: "ProcessChallenge",
            authority: true,
            keyless: &[(ACME_NEW_ORDER, "new order")],
            // the account is kept, and the next attempt is planned
            may_change: &["renewals", "accounts"],
            // a failure for good is an answer too: noted, with the next attempt planned
            dispensable: &[
                ("claim challenge", FAILED),
                ("preflight", FAILED),
                ("account", FAILED),
                ("new order", FAILED),
                ("publish challenge", FAILED),
                ("set ready", FAILED),
                ("look at order", FAILED),
                ("make key", FAILED),
                ("finalize", FAILED),
                ("store certificate", FAILED),
            ],
            sections: |lane, scene| issuance(lane, scene).boxed(),
            prepare: |lane| issue(lane).boxed(),
            holds: |lane, scene| issued(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "no-authority",
            handler: "ProcessChallenge",
            prepare: |lane| challenge(lane).boxed(),
            holds: |lane, scene| untouched(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "renewal-sweep",
            handler: "RenewExpiringCertificates",
            // our own table, rebuilt by whoever comes next
            may_change: &["renewals"],
            // a monitor that does not hear it misses one beat
            dispensable: &[("send heartbeat", &[])],
            one_way: &[SERVICE],
            prepare: |lane| sweep(lane).boxed(),
            holds: |lane, scene| planned(lane, scene).boxed(),
            ..base
        },
    ]
}

/// What a failed attempt leaves otherwise than a successful one.
const FAILED: &[&str] = &["challenges", "renewals", "accounts", "certificates", "told"];

/// A verified domain whose challenge waits. Those of other plays are put out of the sweep's sight.
async fn domain(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    lane.execute("DELETE FROM acme_challenges", &[]).await;
    lane.execute("DELETE FROM ctrl_worker_renewals", &[]).await;
    let host = format!("www.{}.test", ids::dns_label(12));
    let environment = scene.app.production_environment_id.clone();
    let row = intent::add_domain(&lane.db, &scene.app, &environment, &host, "cname.test").await;
    let row = row.expect("a row");
    let verified = "UPDATE custom_domains SET verification_status = 'verified' WHERE id = ?";
    lane.execute(verified, &[&row.id]).await;
    let waiting = "INSERT INTO acme_challenges (domain_id, workspace_id, token, challenge_type, `authorization`, status, expires_at, created_at) \
         VALUES (?, ?, '', 'HTTP-01', '', 'waiting', 0, 1)";
    lane.execute(waiting, &[&row.id, &row.workspace_id]).await;
    scene.name(&row.domain, "<host>");
    scene.name(&row.id, "<domain>");
    scene.name(&row.target_cname, "<target>");
    scene
}

/// The account, of which a lane has one, is made anew in every play.
async fn challenge(lane: &Lane) -> Scene {
    let mut scene = domain(lane).await;
    lane.execute("DELETE FROM acme_users", &[]).await;
    let host = scene.real("<host>").to_owned();
    scene.request = Request {
        service: SERVICE,
        key: host.clone(),
        handler: "ProcessChallenge",
        body: json!({ "workspaceId": scene.app.workspace_id, "domain": host }),
    };
    scene
}

/// The host leads to where the challenge is answered.
async fn issue(lane: &Lane) -> Scene {
    let scene = challenge(lane).await;
    let here = testbed::DnsData::A(std::net::Ipv4Addr::LOCALHOST);
    lane.outside.dns.add(scene.real("<host>"), here);
    scene
}

fn issuance<'a>(lane: &'a Lane, scene: &'a Scene) -> BoxFuture<'a, Result<Sections, String>> {
    async {
        let host = scene.real("<host>");
        let challenges = "SELECT c.status AS t FROM acme_challenges c JOIN custom_domains d ON d.id = c.domain_id WHERE d.domain = ?";
        let renewals = "SELECT CONCAT_WS(' ', hostname, domain_id, reason, failures) AS t FROM ctrl_worker_renewals WHERE hostname = ?";
        let accounts = "SELECT IF(registration_uri IS NULL, 'unknown', 'registered') AS t FROM acme_users";
        let certificates = "SELECT CONCAT_WS(' ', hostname, workspace_id, IF(updated_at IS NULL, 'once', 'again')) AS t FROM certificates WHERE hostname = ?";
        Ok(vec![
            ("challenges", lane.texts(challenges, &[host]).await),
            ("renewals", lane.texts(renewals, &[host]).await),
            ("accounts", lane.texts(accounts, &[]).await),
            ("certificates", lane.texts(certificates, &[host]).await),
        ])
    }
    .boxed()
}

/// One account, one certificate whose chain, names and validity are right for the key that the Vault opens, and the
/// challenge is over.
async fn issued(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let host = scene.real("<host>");
    let status = "SELECT c.status AS t FROM acme_challenges c JOIN custom_domains d ON d.id = c.domain_id WHERE d.domain = ?";
    let verified = ["verified".to_owned()];
    expect(lane.texts(status, &[host]).await, &verified, "challenge")?;
    let account = ["registered".to_owned()];
    let accounts =
        "SELECT IF(registration_uri IS NULL, 'unknown', 'registered') AS t FROM acme_users";
    expect(lane.texts(accounts, &[]).await, &account, "accounts")?;
    let chain = "SELECT certificate AS t FROM certificates WHERE hostname = ?";
    let chain = lane.texts(chain, &[host]).await;
    let sealed = "SELECT encrypted_private_key AS t FROM certificates WHERE hostname = ?";
    let sealed = lane.texts(sealed, &[host]).await;
    let ([chain], [sealed]) = (chain.as_slice(), sealed.as_slice()) else {
        return Err(format!("{} certificates instead of one", chain.len()));
    };
    let vault = lane.outside.vault_client()?;
    let key = vault.decrypt(&scene.app.workspace_id, sealed).await;
    let key = key.map_err(|e| e.to_string())?;
    let names = [host.to_owned()];
    acme::check(chain, key.expose(), &names, mysql::now_ms()).map_err(|e| e.to_string())?;
    Ok(4)
}

async fn sweep(lane: &Lane) -> Scene {
    let mut scene = domain(lane).await;
    scene.name("global", "<sweep>");
    scene.request = Request {
        service: SERVICE,
        key: "global".to_owned(),
        handler: "RenewExpiringCertificates",
        body: json!({}),
    };
    scene
}

fn sections<'a>(lane: &'a Lane, scene: &'a Scene) -> BoxFuture<'a, Result<Sections, String>> {
    async {
        let host = scene.real("<host>");
        let challenges = "SELECT CONCAT_WS(' ', c.domain_id, c.status, c.token) AS t FROM acme_challenges c \
             JOIN custom_domains d ON d.id = c.domain_id WHERE d.domain = ?";
        let renewals = "SELECT CONCAT_WS(' ', hostname, domain_id, reason, failures) AS t FROM ctrl_worker_renewals WHERE hostname = ?";
        Ok(vec![
            ("challenges", lane.texts(challenges, &[host]).await),
            ("renewals", lane.texts(renewals, &[host]).await),
        ])
    }
    .boxed()
}

/// Nothing was begun that nobody could end.
async fn untouched(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let host = scene.real("<host>");
    let status = "SELECT c.status AS t FROM acme_challenges c JOIN custom_domains d ON d.id = c.domain_id WHERE d.domain = ?";
    expect(
        lane.texts(status, &[host]).await,
        &["waiting".to_owned()],
        "challenge",
    )?;
    let accounts = "SELECT id AS t FROM acme_users";
    expect(lane.texts(accounts, &[]).await, &[], "accounts")?;
    let stored = "SELECT id AS t FROM certificates WHERE hostname = ?";
    expect(lane.texts(stored, &[host]).await, &[], "certificates")?;
    Ok(3)
}

/// The waiting domain has its one row among the renewals, and its certificate was asked for once.
async fn planned(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let host = scene.real("<host>");
    let row = "SELECT CONCAT_WS(' ', domain_id, reason) AS t FROM ctrl_worker_renewals WHERE hostname = ?";
    let wanted = format!("{} waiting", scene.real("<domain>"));
    expect(lane.texts(row, &[host]).await, &[wanted], "renewals")?;
    let asked = format!(
        "SELECT id FROM sys_invocation WHERE target_service_key = {} AND target_handler_name = 'ProcessChallenge'",
        restate_api::quoted(host)
    );
    let rows = lane
        .admin()
        .query(&asked)
        .await
        .map_err(|e| e.to_string())?;
    expect(vec![rows.len()], &[1], "certificates asked for")?;
    Ok(2)
}
