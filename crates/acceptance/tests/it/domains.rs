//! Custom domains with the real RoutingService and real deployments: where a verified host name leads, and what moves it.

use crate::world::*;
use certificate_client::{CertificateBackend, CertificateService};
use custom_domain::{CustomDomain, Deps, Settings, Timings};
use custom_domain_client::{CustomDomainService, SERVICE};
use intent::NewDeployment;
use messages::hydra::v1::*;
use mysql::Db;
use restate_sdk::prelude::*;
use serde_json::json;
use std::time::Duration;
use testbed::DnsData;
use tokio::sync::OnceCell;

const SOON: Duration = Duration::from_secs(20);

/// Issues nothing.
struct NoCertificates;

impl CertificateBackend for NoCertificates {
    async fn process_challenge<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: ProcessChallengeRequest,
    ) -> HandlerResult<ProcessChallengeResponse> {
        Ok(ProcessChallengeResponse::default())
    }

    async fn renew_expiring_certificates<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: RenewExpiringCertificatesRequest,
    ) -> HandlerResult<RenewExpiringCertificatesResponse> {
        Ok(RenewExpiringCertificatesResponse::default())
    }
}

/// Binds the service beside the others.
async fn bind(db: &Db) {
    static BOUND: OnceCell<()> = OnceCell::const_new();
    let start = || async {
        let resolver = dns::Resolver::new(&dns::Settings {
            servers: vec![testbed::dns().await.addr().to_string()],
            quorum: 0,
            deadline: Duration::from_secs(1),
        });
        let deps = Deps {
            db: db.clone(),
            resolver: resolver.expect("an address"),
            settings: Settings {
                own_domains: vec![APEX.to_owned()],
                caa_issuers: vec![],
            },
            timings: Timings {
                check_interval: Duration::from_millis(300),
                confirm_delay: Duration::from_millis(200),
                ..Timings::default()
            },
        };
        let endpoint = Endpoint::builder()
            .bind(CustomDomainService(CustomDomain::new(deps)))
            .bind(CertificateService(NoCertificates))
            .build();
        testbed::serve(endpoint).await;
    };
    BOUND.get_or_init(start).await;
}

/// A domain of an environment whose records are published; its host name and id.
async fn domain(w: &World, environment: &str, host: &str) -> String {
    bind(&w.bound.db).await;
    let row = intent::add_domain(&w.bound.db, &w.app, environment, host, "cname.test")
        .await
        .expect("added");
    let dns = testbed::dns().await;
    dns.add(host, DnsData::Cname(row.target_cname));
    dns.add(
        &format!("_unkey.{host}"),
        DnsData::txt(format!("unkey-domain-verify={}", row.verification_token)),
    );
    row.id
}

async fn verify(w: &World, id: &str) {
    let answer = w
        .bound
        .ingress
        .call(SERVICE, id, "VerifyDomain", &json!({}))
        .await;
    answer.expect("answers");
    testbed::eventually(SOON, || async {
        let row = intent::domain_row(&w.bound.db, id).await.expect("a row");
        if row.verification_status.as_str() == "verified" {
            Ok(())
        } else {
            Err(format!("{row:?}"))
        }
    })
    .await;
}

fn host() -> String {
    format!("www.{}.test", ids::dns_label(12))
}

#[test]
fn dom_19_before_the_first_deployment_the_route_leads_nowhere() {
    testbed::scenario!("DOM-19");
    testbed::run(async {
        let w = World::new(1).await;
        let host = host();
        let id = domain(&w, &w.app.production_environment_id, &host).await;
        verify(&w, &id).await;
        let route = w.routes().await.remove(&host);
        assert_eq!(route, Some(("live".to_owned(), String::new())));
        // and from the first one on to whatever is live
        let first = w.deploy_production().await;
        assert_eq!(
            w.routes().await.remove(&host),
            Some(("live".to_owned(), first))
        );
    });
}

#[test]
fn a_domain_leads_to_what_its_own_environment_serves() {
    testbed::run(async {
        let w = World::new(1).await;
        let live = w.deploy_production().await;
        let preview = w.create(&NewDeployment::of(&w.app.app_id, "preview")).await;
        w.deploy(&preview, "nginx:2").await.expect("deploys");
        for (environment, leads_to) in [
            (&w.app.production_environment_id, &live),
            (&w.app.preview_environment_id, &preview),
        ] {
            let host = host();
            let id = domain(&w, environment, &host).await;
            verify(&w, &id).await;
            let route = w.routes().await.remove(&host);
            assert_eq!(route, Some(("live".to_owned(), leads_to.clone())));
        }
    });
}

/// A takeover moves no route: the old one goes, a new one is made by RoutingService.
#[test]
fn a_takeover_leads_the_name_to_the_new_owners_app() {
    testbed::run(async {
        let (a, b) = (World::new(1).await, World::new(1).await);
        a.deploy_production().await;
        let live = b.deploy_production().await;
        let host = host();
        let old = domain(&a, &a.app.production_environment_id, &host).await;
        verify(&a, &old).await;
        testbed::dns().await.remove(&host);
        let new = domain(&b, &b.app.production_environment_id, &host).await;
        verify(&b, &new).await;
        assert!(!a.routes().await.contains_key(&host));
        assert_eq!(
            b.routes().await.remove(&host),
            Some(("live".to_owned(), live))
        );
        let lost = intent::domain_row(&a.bound.db, &old).await.expect("a row");
        assert_eq!(
            lost.verification_error.as_deref(),
            Some("domain claimed by another workspace")
        );
        testbed::assert_quiet(&[&new, &old, &b.app.project_id]).await;
    });
}
