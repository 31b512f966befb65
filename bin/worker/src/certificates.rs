//! What CertificateService is built from: authority, Vault, DNS provider, as configured. And the task that sees to the
//! platform's own wildcard names.
//!
//! Not for how a certificate is obtained (see crate `certificate`).

use std::path::Path;

use acme::{Acme, ExternalAccount, KeyAlgorithm};
use certificate::bootstrap::{self, Names};
use certificate_client::SERVICE;
use config::Config;
use messages::hydra::v1::ProcessChallengeRequest;
use mysql::Db;
use notify::Heartbeat;
use route53::{Credentials, Route53};
use tokio_util::sync::CancellationToken;
use vault::Vault;

use crate::services::{self, Deps};
use crate::timings;
use causes::chain;

/// Builds the clients. Without `acme.enabled` there is no authority: nothing outside is ever asked.
///
/// # Errors
/// A setting that cannot be used, by its key.
pub async fn deps(config: &Config, db: &Db) -> Result<certificate::Deps, String> {
    let acme = &config.acme;
    let settings = authority(config)?;
    let directory = settings.directory.clone();
    let authority = match acme.enabled {
        true => Some(Acme::new(settings).map_err(|e| format!("acme: {}", chain(&e)))?),
        false => None,
    };
    let vault = match config.vault.url.is_empty() {
        true => None,
        false => Some(
            Vault::new(&config.vault.url, config.vault.token.expose())
                .map_err(|e| format!("vault: {}", chain(&e)))?,
        ),
    };
    let heartbeat = Heartbeat::new(config.heartbeat.cert_renewal_url.expose())
        .map_err(|e| format!("heartbeat.cert_renewal_url: {}", chain(&e)))?;
    Ok(certificate::Deps {
        db: db.clone(),
        acme: authority,
        vault,
        route53: provider(config).await?,
        dns: Some(services::resolver(config)?),
        heartbeat,
        settings: certificate::Settings {
            directory,
            key_algorithm: match acme.key_type.as_str() {
                "rsa2048" => KeyAlgorithm::Rsa2048,
                _ => KeyAlgorithm::P256,
            },
            caa_issuers: config.dns.caa_issuers.clone(),
            profile: Some(acme.profile.clone()).filter(|p| !p.is_empty()),
        },
        timings: timings::certificates(config)?,
    })
}

fn authority(config: &Config) -> Result<acme::Settings, String> {
    let acme = &config.acme;
    let directory = match acme.directory.as_str() {
        "letsencrypt" => "production",
        "letsencrypt-staging" => "staging",
        url => url,
    };
    let contact = format!("acme@{}", acme.email_domain);
    let mut settings = acme::Settings::of(directory).with_email(&contact);
    if !acme.ca_file.is_empty() {
        let pem = std::fs::read(Path::new(&acme.ca_file))
            .map_err(|e| format!("acme.ca_file: {}: {e}", acme.ca_file))?;
        settings.ca_bundle = Some(pem);
    }
    if !acme.external_account_key_id.is_empty() {
        let key = acme.external_account_key.expose();
        let account = ExternalAccount::new(&acme.external_account_key_id, key)
            .map_err(|e| format!("acme.external_account_key: {}", chain(&e)))?;
        settings.external_account = Some(account);
    }
    Ok(settings)
}

async fn provider(config: &Config) -> Result<Option<Route53>, String> {
    let dns = &config.acme.route53;
    if !config.acme.enabled || !dns.enabled {
        return Ok(None);
    }
    let credentials = match dns.access_key_id.is_empty() {
        true => None,
        false => Some(Credentials::new(
            &dns.access_key_id,
            dns.secret_access_key.expose(),
        )),
    };
    let some = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
    let servers: Vec<_> = dns
        .authoritative
        .iter()
        .filter_map(|s| s.parse().ok())
        .collect();
    let settings = route53::Settings {
        region: dns.region.clone(),
        credentials,
        hosted_zone_id: some(&dns.hosted_zone_id),
        endpoint: some(&dns.endpoint),
        authoritative: Some(servers).filter(|s| !s.is_empty()),
        ..route53::Settings::default()
    };
    let provider = Route53::new(settings).await;
    provider
        .map(Some)
        .map_err(|e| format!("acme.route53: {}", chain(&e)))
}

/// Sees to the platform's wildcard names at once and again and again, as regions come. A pass that fails is told in the
/// log and made again.
pub async fn platform_names(
    certificates: certificate::Deps,
    names: Names,
    ingress: restate_api::Ingress,
    stop: CancellationToken,
) {
    if certificates.acme.is_none() {
        return;
    }
    let pause = certificates.timings.bootstrap;
    loop {
        let ask = |workspace: &'static str, name: String| {
            let ingress = ingress.clone();
            async move {
                let request = ProcessChallengeRequest {
                    workspace_id: workspace.to_owned(),
                    domain: name.clone(),
                };
                let sent = ingress.send(SERVICE, &*name, "ProcessChallenge", &request, None);
                sent.await.map(drop).map_err(|e| chain(&e))
            }
        };
        match bootstrap::ensure(&certificates, &names, ask).await {
            Ok(0) => {}
            Ok(asked) => tracing::info!(asked, "certificates of platform names asked for"),
            Err(error) => tracing::warn!(error, "the platform's names could not be seen to"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The platform's names of a configuration.
pub fn names(deps: &Deps) -> Names {
    Names {
        default_domain: deps.config.default_domain.clone(),
        regional_domain: deps.config.regional_domain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Config {
        let text = format!("cname_domain = \"c.d\"\ndatabase = \"u@tcp(h)/d\"\n{more}");
        Config::parse(&text, false, &|_| None).expect("loads")
    }

    #[test]
    fn the_authority_is_lets_encrypt_unless_it_is_said() {
        let of = |more: &str| authority(&config(more)).expect("settings");
        assert_eq!(of("").directory, acme::PRODUCTION);
        let staging = of("[acme]\ndirectory = \"letsencrypt-staging\"\nemail_domain = \"x.org\"\n");
        assert_eq!(staging.directory, acme::STAGING);
        assert_eq!(staging.contact, ["mailto:acme@x.org"]);
        let own = of(
            "[acme]\ndirectory = \"https://ca.example/dir\"\nexternal_account_key_id = \"k\"\nexternal_account_key = \"AAAA\"\n",
        );
        assert_eq!(own.directory, "https://ca.example/dir");
        assert!(own.external_account.is_some());
        let missing = authority(&config("[acme]\nca_file = \"/nowhere/ca.pem\"\n"));
        assert!(missing.expect_err("no file").starts_with("acme.ca_file"));
    }
}
