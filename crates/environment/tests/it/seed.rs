//! An environment with rows in every table that can name it.

use intent::{AppRows, NewDeployment};
use mysql::Db;
use mysql::sea_orm::Value as Sql;

/// The ids of what was written.
pub(crate) struct Seeded {
    pub(crate) id: String,
    /// Running with instances; the live one in production.
    pub(crate) running: String,
    /// Failed without ever having run.
    pub(crate) failed: String,
    /// Asleep for a day, with nothing left at the edge.
    pub(crate) asleep: String,
    pub(crate) domain_id: String,
    pub(crate) domain: String,
    pub(crate) policy: Option<String>,
}

impl Seeded {
    pub(crate) fn deployments(&self) -> [&str; 3] {
        [&self.running, &self.failed, &self.asleep]
    }

    /// Table, column and keys: every place where the environment can be named.
    pub(crate) fn keys(&self) -> Vec<(&'static str, &'static str, Vec<Sql>)> {
        let environment = || vec![self.id.as_str().into()];
        let mut all = vec![("environments", "id", environment())];
        for table in [
            "app_build_settings",
            "app_environment_variables",
            "app_regional_settings",
            "app_runtime_settings",
            "cilium_network_policies",
            "custom_domains",
            "deployments",
            "frontline_routes",
            "sentinels",
        ] {
            all.push((table, "environment_id", environment()));
        }
        for table in [
            "ctrl_worker_rollback_sources",
            "ctrl_worker_runs",
            "ctrl_worker_waits",
            "deployment_steps",
            "deployment_topology",
            "instances",
            "openapi_specs",
        ] {
            let ids = self.deployments().map(Sql::from).into();
            all.push((table, "deployment_id", ids));
        }
        all.push((
            "acme_challenges",
            "domain_id",
            vec![self.domain_id.as_str().into()],
        ));
        for table in ["certificates", "ctrl_worker_renewals"] {
            all.push((table, "hostname", vec![self.domain.as_str().into()]));
        }
        if let Some(policy) = &self.policy {
            all.push((
                "horizontal_autoscaling_policies",
                "id",
                vec![policy.as_str().into()],
            ));
        }
        all
    }
}

const DAY: i64 = 24 * 60 * 60 * 1000;

pub(crate) async fn seed(db: &Db, app: &AppRows, slug: &str) -> Seeded {
    let id = match slug {
        "production" => app.production_environment_id.clone(),
        _ => app.preview_environment_id.clone(),
    };
    let new = |status| NewDeployment::of(&app.app_id, slug).status(status);
    let mut ids = Vec::new();
    for status in ["ready", "failed", "stopped"] {
        ids.push(
            intent::create_deployment(db, &new(status))
                .await
                .expect("a deployment"),
        );
    }
    let label = ids::dns_label(12);
    let seeded = Seeded {
        id: id.clone(),
        running: ids[0].clone(),
        failed: ids[1].clone(),
        asleep: ids[2].clone(),
        domain_id: format!("dom_{label}"),
        domain: format!("{label}.customer.test"),
        policy: policy_of(db, app, &id).await,
    };
    let writer = Writer { db, app, id: &id };
    intent::add_environment_variable(db, app, &id, "NAME", "ciphertext")
        .await
        .expect("a variable");
    for (deployment, status, age) in [
        (&seeded.running, "running", 0),
        (&seeded.asleep, "stopped", DAY),
    ] {
        writer
            .topology(deployment, status, mysql::now_ms() - age)
            .await;
        writer.policies(deployment).await;
    }
    writer.of_deployment(&seeded.running, &label).await;
    writer.sentinels().await;
    for (sticky, deployment) in [
        ("environment", &seeded.running),
        ("live", &seeded.running),
        ("deployment", &seeded.asleep),
    ] {
        writer
            .route(&format!("{sticky}-{label}.unkey.test"), sticky, deployment)
            .await;
    }
    writer.route(&seeded.domain, "live", &seeded.running).await;
    writer.domain(&seeded.domain_id, &seeded.domain).await;
    if slug == "production" {
        let live: [Sql; 2] = [seeded.running.as_str().into(), app.app_id.as_str().into()];
        run(
            db,
            "UPDATE apps SET current_deployment_id = ?, is_rolled_back = 1 WHERE id = ?",
            live,
        )
        .await;
    }
    seeded
}

/// A policy of its own, as the dashboard gives each environment.
async fn policy_of(db: &Db, app: &AppRows, environment: &str) -> Option<String> {
    let id = ids::random(ids::Prefix::AUTOSCALING_POLICY);
    let sql = "INSERT INTO horizontal_autoscaling_policies (id, workspace_id, replicas_min, replicas_max, created_at) VALUES (?, ?, 1, 1, 1)";
    run(
        db,
        sql,
        [id.as_str().into(), app.workspace_id.as_str().into()],
    )
    .await;
    let sql = "UPDATE app_regional_settings SET horizontal_autoscaling_policy_id = ? WHERE app_id = ? AND environment_id = ? LIMIT 1";
    run(
        db,
        sql,
        [
            id.as_str().into(),
            app.app_id.as_str().into(),
            environment.into(),
        ],
    )
    .await;
    Some(id)
}

struct Writer<'a> {
    db: &'a Db,
    app: &'a AppRows,
    id: &'a str,
}

impl Writer<'_> {
    async fn version(&self, region: &str) -> u64 {
        let tx = self.db.begin().await.expect("begin");
        let version = mysql::counter::next(&tx, region).await.expect("a version");
        tx.commit().await.expect("commit");
        version
    }

    async fn topology(&self, deployment: &str, status: &str, at: i64) {
        for region in &self.app.regions {
            let version = self.version(&region.id).await;
            let sql = "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at, updated_at)
                       VALUES (?, ?, ?, ?, ?, ?, ?)";
            let values = [
                self.app.workspace_id.as_str().into(),
                deployment.into(),
                region.id.as_str().into(),
                version.into(),
                status.into(),
                at.into(),
                at.into(),
            ];
            run(self.db, sql, values).await;
        }
    }

    async fn policies(&self, deployment: &str) {
        for region in &self.app.regions {
            let version = self.version(&region.id).await;
            let sql = "INSERT INTO cilium_network_policies (id, workspace_id, project_id, app_id, environment_id, deployment_id, k8s_name,
                           k8s_namespace, region_id, policy, version, created_at) VALUES (?, ?, ?, ?, ?, ?, 'p', 'n', ?, '{}', ?, 1)";
            let values = [
                ids::random(ids::Prefix::POLICY).into(),
                self.app.workspace_id.as_str().into(),
                self.app.project_id.as_str().into(),
                self.app.app_id.as_str().into(),
                self.id.into(),
                deployment.into(),
                region.id.as_str().into(),
                version.into(),
            ];
            run(self.db, sql, values).await;
        }
    }

    /// Step, instance, document, ended run, wait and rollback source.
    async fn of_deployment(&self, deployment: &str, label: &str) {
        let (ws, project, app) = (
            self.app.workspace_id.as_str(),
            self.app.project_id.as_str(),
            self.app.app_id.as_str(),
        );
        let sql = "INSERT INTO deployment_steps (workspace_id, project_id, environment_id, deployment_id, app_id, step, started_at, ended_at)
                   VALUES (?, ?, ?, ?, ?, 'starting', 1, 2)";
        run(
            self.db,
            sql,
            [
                ws.into(),
                project.into(),
                self.id.into(),
                deployment.into(),
                app.into(),
            ],
        )
        .await;
        let sql = "INSERT INTO instances (id, deployment_id, workspace_id, project_id, app_id, region_id, k8s_name, address, cpu_millicores, memory_mib, status)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 1, 'running')";
        let values = [
            format!("ins_{label}").into(),
            deployment.into(),
            ws.into(),
            project.into(),
            app.into(),
            self.app.regions[0].id.as_str().into(),
            label.into(),
            format!("{label}:1").into(),
        ];
        run(self.db, sql, values).await;
        let sql = "INSERT INTO openapi_specs (id, workspace_id, deployment_id, content, created_at) VALUES (?, ?, ?, '{}', 1)";
        run(
            self.db,
            sql,
            [format!("oas_{label}").into(), ws.into(), deployment.into()],
        )
        .await;
        let sql = "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at, ended_at) VALUES (?, 'inv_gone', 1, 2)";
        run(self.db, sql, [deployment.into()]).await;
        let sql = "INSERT INTO ctrl_worker_waits (invocation_id, deployment_id, awakeable_id, deadline_at, created_at) VALUES (?, ?, 'a', 1, 1)";
        run(
            self.db,
            sql,
            [format!("inv_{label}").into(), deployment.into()],
        )
        .await;
        let sql = "INSERT INTO ctrl_worker_rollback_sources (app_id, deployment_id, created_at) VALUES (?, ?, 1)";
        run(self.db, sql, [app.into(), deployment.into()]).await;
    }

    async fn sentinels(&self) {
        for region in &self.app.regions {
            let version = self.version(&region.id).await;
            let name = ids::dns_label(8);
            let sql = "INSERT INTO sentinels (id, workspace_id, project_id, environment_id, k8s_name, k8s_address, region_id, image, health,
                           desired_replicas, available_replicas, cpu_millicores, memory_mib, version, created_at)
                       VALUES (?, ?, ?, ?, ?, ?, ?, 'i', 'healthy', 1, 1, 1, 1, ?, 1)";
            let values = [
                format!("s_{name}").into(),
                self.app.workspace_id.as_str().into(),
                self.app.project_id.as_str().into(),
                self.id.into(),
                name.as_str().into(),
                format!("{name}.sentinel").into(),
                region.id.as_str().into(),
                version.into(),
            ];
            run(self.db, sql, values).await;
        }
    }

    pub(crate) async fn route(&self, host: &str, sticky: &str, deployment: &str) {
        route(self.db, self.app, self.id, host, sticky, deployment).await;
    }

    async fn domain(&self, id: &str, domain: &str) {
        let ws = self.app.workspace_id.as_str();
        let sql = "INSERT INTO custom_domains (id, workspace_id, project_id, app_id, environment_id, domain, challenge_type, verification_status,
                       verification_token, target_cname, invocation_id, created_at) VALUES (?, ?, ?, ?, ?, ?, 'HTTP-01', 'verifying', 't', ?, 'inv_none', 1)";
        let values = [
            id.into(),
            ws.into(),
            self.app.project_id.as_str().into(),
            self.app.app_id.as_str().into(),
            self.id.into(),
            domain.into(),
            format!("{id}.cname.test").into(),
        ];
        run(self.db, sql, values).await;
        let sql = "INSERT INTO acme_challenges (domain_id, workspace_id, token, challenge_type, authorization, status, expires_at, created_at)
                   VALUES (?, ?, '', 'HTTP-01', '', 'waiting', 0, 1)";
        run(self.db, sql, [id.into(), ws.into()]).await;
        let sql = "INSERT INTO certificates (id, workspace_id, hostname, certificate, encrypted_private_key, created_at) VALUES (?, ?, ?, 'c', 'k', 1)";
        run(
            self.db,
            sql,
            [format!("cert_{id}").into(), ws.into(), domain.into()],
        )
        .await;
        let sql = "INSERT INTO ctrl_worker_renewals (hostname, domain_id, workspace_id, domain_created_at, renew_at, reason, expires_at, ari_next_at, failures, updated_at)
                   VALUES (?, ?, ?, 1, 1, 'x', 1, 1, 0, 1)";
        run(self.db, sql, [domain.into(), id.into(), ws.into()]).await;
    }
}

/// A host name of an environment.
pub(crate) async fn route(
    db: &Db,
    app: &AppRows,
    environment: &str,
    host: &str,
    sticky: &str,
    deployment: &str,
) {
    let sql = "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, fully_qualified_domain_name, sticky, created_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, 1)";
    let values = [
        ids::random(ids::Prefix::ROUTE).into(),
        app.project_id.as_str().into(),
        app.app_id.as_str().into(),
        deployment.into(),
        environment.into(),
        host.into(),
        sticky.into(),
    ];
    run(db, sql, values).await;
}

pub(crate) async fn run(db: &Db, sql: &str, values: impl IntoIterator<Item = Sql>) {
    mysql::sql::execute(db.primary(), sql, values)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}
