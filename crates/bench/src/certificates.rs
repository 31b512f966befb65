//! Many domains proven and given a certificate at once, with a real authority (Pebble) and a real DNS server; and the scan
//! for renewals over many certificates. Not for a single domain: the demo shows one.

use std::path::Path;
use std::time::{Duration, Instant};

use intent::{AppRows, Fixture, NewDeployment};
use serde_json::json;

use crate::Result;
use crate::load;
use crate::report::{Report, Row};
use crate::sql::{execute, number};
use crate::stack::Stack;
use crate::stats::seconds;

const DOMAINS: &str = "hydra.v1.CustomDomainService";
const CERTIFICATES: &str = "hydra.v1.CertificateService";
/// Sends at a time.
const PARALLEL: usize = 32;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(900);
const SCAN: Duration = Duration::from_secs(2);
/// Rows of one statement that prepares.
const PREPARED: usize = 20_000;
const DAY_MS: i64 = 86_400_000;

/// `count` domains, whose records are there before they are added.
pub(crate) async fn domains(stack: &mut Stack, count: usize, report: &mut Report) -> Result<()> {
    let app = Fixture::new(&stack.db).create().await?;
    let serving = NewDeployment::production(&app.app_id).status("ready");
    intent::create_deployments(&stack.db, &serving, 1).await?;
    let names = prepare(stack, &app, count).await?;
    let sections = sections(stack)?;
    let log = Path::new(&stack.of("acme", "ca_file")?).with_file_name("log");
    let worker = stack.worker_with(&sections).await?;
    let memory_before = worker.memory()?;

    let began = Instant::now();
    load::run(count, PARALLEL, |number| {
        let (ingress, name) = (&stack.ingress, &names[number]);
        async move {
            ingress
                .send(DOMAINS, name.as_str(), "VerifyDomain", &json!({}), None)
                .await?;
            Ok(())
        }
    })
    .await?;
    let verified = "SELECT COUNT(*) AS n FROM custom_domains WHERE project_id = ? AND verification_status = 'verified'";
    let verified = until(stack, verified, &app.project_id, count, began).await?;
    let issued = "SELECT COUNT(*) AS n FROM certificates WHERE workspace_id = ?";
    let issued = until(stack, issued, &app.workspace_id, count, began).await?;
    let memory = worker.memory()?;
    let complaints: usize = worker.complaints()?.iter().map(|(_, n)| n).sum();
    worker.stop().await?;

    let log = std::fs::read_to_string(log)?;
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    let (orders, certificates) = (
        lines("orders in the db"),
        lines("Issued certificate serial"),
    );
    let minute = |took: Duration| count as f64 * 60.0 / took.as_secs_f64();
    let figure = format!(
        "all verified after {} ({:.0} a minute), all certificates after {} ({:.0} a minute); {orders} orders and \
         {certificates} certificates at the authority; worker {} MiB before, at most {} MiB; {complaints} warnings in its log",
        seconds(verified),
        minute(verified),
        seconds(issued),
        minute(issued),
        memory_before.now / 1_024,
        memory.peak / 1_024,
    );
    let what = format!("{count} domains added at once, verified and given a certificate");
    let row = Row::new("1000-certificates", what, figure);
    let exact = orders == count && certificates == count;
    report.add(row.aim("no order and no certificate beyond one each", exact));
    Ok(())
}

/// Rows of the domains, and their records in the DNS; gives the names.
async fn prepare(stack: &mut Stack, app: &AppRows, count: usize) -> Result<Vec<String>> {
    let (mut names, mut records) = (Vec::new(), Vec::new());
    stack.sync_commits(false).await?;
    for number in 0..count {
        let name = format!("www.customer-{number}.test");
        let environment = &app.production_environment_id;
        let row = intent::add_domain(&stack.db, app, environment, &name, "cname.test").await?;
        records.push(format!("dns {name} cname {}", row.target_cname));
        records.push(format!("dns {} a 127.0.0.1", row.target_cname));
        names.push(name);
    }
    stack.sync_commits(true).await?;
    stack.tell(&records).await?;
    Ok(names)
}

/// Of the worker's configuration: who keeps keys, who issues and who is asked. Waiting times are those of production.
fn sections(stack: &Stack) -> Result<String> {
    Ok(format!(
        "[scheduler]\nenabled = false\n[vault]\nurl = \"{}\"\ntoken = \"{}\"\n[acme]\nenabled = true\ndirectory = \"{}\"\n\
         ca_file = \"{}\"\n[dns]\nservers = [\"{}\"]\n",
        stack.of("vault", "url")?,
        stack.of("vault", "token")?,
        stack.of("acme", "directory")?,
        stack.of("acme", "ca_file")?,
        stack.of("dns", "address")?,
    ))
}

/// Waits until a count is reached; gives the time since `began`.
async fn until(
    stack: &Stack,
    sql: &str,
    of: &str,
    count: usize,
    began: Instant,
) -> Result<Duration> {
    loop {
        let now = number(&stack.db, sql, vec![of.into()]).await?;
        let took = began.elapsed();
        if now >= i64::try_from(count)? {
            return Ok(took);
        }
        if took > PATIENCE {
            return Err(format!("{now} of {count} after {took:?}: {sql}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The sweep over so many certificates, none of them due: what it costs every time it runs.
pub(crate) async fn scan(stack: &Stack, count: usize, report: &mut Report) -> Result<()> {
    stack.sync_commits(false).await?;
    let now = mysql::now_ms();
    for begin in (0..count).step_by(PREPARED) {
        let rows = format!("FROM seq_{}_to_{}", begin + 1, count.min(begin + PREPARED));
        let (id, name) = (
            "CONCAT('dom_scan', seq)",
            "CONCAT('www.scanned-', seq, '.test')",
        );
        let (soon, later) = (now + DAY_MS, now + 60 * DAY_MS);
        for sql in [
            format!(
                "INSERT INTO custom_domains (id, workspace_id, project_id, app_id, environment_id, domain, challenge_type, \
                 verification_status, verification_token, target_cname, created_at) SELECT {id}, CONCAT('ws_', seq % 1000), 'proj_x', \
                 'app_x', 'env_x', {name}, 'HTTP-01', 'verified', 'token', CONCAT('t', seq, '.scanned.test'), seq {rows}"
            ),
            format!(
                "INSERT INTO acme_challenges (domain_id, workspace_id, token, challenge_type, authorization, status, expires_at, created_at) \
                 SELECT {id}, CONCAT('ws_', seq % 1000), '', 'HTTP-01', '', 'verified', {later}, 1 {rows}"
            ),
            format!(
                "INSERT INTO ctrl_worker_renewals (hostname, domain_id, workspace_id, domain_created_at, renew_at, reason, expires_at, \
                 ari_next_at, failures, updated_at) SELECT {name}, {id}, CONCAT('ws_', seq % 1000), seq, {soon} + seq * 1000, 'lifetime', \
                 {later}, {soon}, 0, 1 {rows}"
            ),
        ] {
            execute(&stack.db, &sql).await?;
        }
    }
    stack.sync_commits(true).await?;
    let worker = stack.worker_with(&sections(stack)?).await?;
    let before = worker.memory()?;
    let ingress = stack.ingress.clone().with_timeout(Some(PATIENCE));
    let mut times = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        let answer = ingress
            .call(
                CERTIFICATES,
                "global",
                "RenewExpiringCertificates",
                &json!({}),
            )
            .await?;
        times.push(began.elapsed());
        let started = answer["renewalsTriggered"].as_u64().unwrap_or(0);
        if started > 0 {
            return Err(format!("{started} renewals were started, but none was due").into());
        }
    }
    let memory = worker.memory()?;
    worker.stop().await?;
    let longest = times.iter().max().copied().unwrap_or_default();
    let times: Vec<String> = times.into_iter().map(seconds).collect();
    let figure = format!(
        "{} one after the other; worker {} MiB before, at most {} MiB",
        times.join(", "),
        before.now / 1_024,
        memory.peak / 1_024
    );
    let what = format!("`RenewExpiringCertificates` over {count} certificates, none due");
    report.add(Row::new("renewal-scan", what, figure).aim("under 2 s", longest < SCAN));
    Ok(())
}
