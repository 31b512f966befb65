//! The secrets a worker is given by its configuration, drawn anew in every run.
//!
//! Not for those that come to be while it works: see `stories`.

use crate::needles::Canary;

/// One of each. A password that a URL or JSON escapes is one on purpose.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) mysql_password: String,
    pub(crate) vault_token: String,
    pub(crate) restate_api_key: String,
    pub(crate) clickhouse_password: String,
    pub(crate) external_account_key: String,
    pub(crate) route53_secret: String,
    pub(crate) slack_path: String,
    pub(crate) heartbeat_path: String,
    pub(crate) variable: String,
    pub(crate) variable_of_build: String,
}

impl Secrets {
    pub(crate) fn draw() -> Self {
        let draw = |what: &str| format!("{what}-{}", ids::dns_label(20));
        Self {
            mysql_password: draw("my+sql"),
            vault_token: draw("vault"),
            restate_api_key: draw("restate"),
            clickhouse_password: draw("clickhouse"),
            // base64url of 32 bytes
            external_account_key: format!("{}{}A", ids::dns_label(22), ids::dns_label(20))
                .replace('-', "_"),
            route53_secret: draw("route53"),
            slack_path: format!("services/T0/{}", ids::dns_label(24)),
            heartbeat_path: format!("ping/{}", ids::dns_label(24)),
            variable: format!("{} \"quoted\"/and+more", draw("variable")),
            variable_of_build: draw("build-variable"),
        }
    }

    pub(crate) fn canaries(&self) -> Vec<Canary> {
        let mut all = vec![
            Canary::new("MySQL password", &*self.mysql_password),
            Canary::new("Vault token", &*self.vault_token),
            Canary::new("Restate API key", &*self.restate_api_key),
            Canary::new(
                "ClickHouse administrator's password",
                &*self.clickhouse_password,
            ),
            Canary::new("external account key", &*self.external_account_key),
            Canary::new("Route53 secret key", &*self.route53_secret),
            Canary::new("Slack webhook", &*self.slack_path),
            Canary::new("heartbeat address", &*self.heartbeat_path),
            Canary::new("environment variable", &*self.variable),
            Canary::new("environment variable of a build", &*self.variable_of_build),
            Canary::new(
                "registry password, token of Depot",
                build_testbed::DEPOT_TOKEN,
            ),
        ];
        all.extend(Canary::pem("GitHub App's key", &github_fake::keys().pkcs8));
        all
    }
}
