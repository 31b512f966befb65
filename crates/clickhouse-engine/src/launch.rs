//! Which engine there is, and how it is started. Not for using it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testbed::{Guarded, Spec, StartError};
use url::Url;

use crate::{VARIABLE, failed};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// The address of a server that answers, and its process unless it was there before.
pub(crate) async fn launch() -> Result<(Url, Option<Guarded>), StartError> {
    if let Some(given) = std::env::var(VARIABLE).ok().filter(|v| !v.is_empty()) {
        return Ok((Url::parse(&given).map_err(|e| failed(VARIABLE, e))?, None));
    }
    let dir = testbed::server_dir("clickhouse")?;
    let (url, process) = match on_path("clickhouse") {
        Some(program) => server(&program, &dir).await?,
        None => library(&dir).await?,
    };
    Ok((url, Some(process)))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|p| p.is_file())
}

/// The engine inside chdb-core, behind `engine/serve.py`.
async fn library(dir: &Path) -> Result<(Url, Guarded), StartError> {
    let python = testbed::repository().join(".stack/clickhouse/bin/python");
    if !python.is_file() {
        return Err(StartError::Missing {
            what: "a ClickHouse engine (program `clickhouse`, or chdb-core)",
            looked: python,
        });
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/serve.py");
    let (process, mut lines) = Guarded::start(Spec {
        program: &python,
        args: vec![
            "-B".to_owned(),
            script.display().to_string(),
            dir.join("data").display().to_string(),
        ],
        env: vec![("TMPDIR".to_owned(), dir.display().to_string())],
        dir,
        remove: true,
    })
    .await?;
    let said = async {
        while let Some(line) = lines.recv().await {
            if let Some(port) = line.strip_prefix("serving ") {
                return port.trim().parse::<u16>().ok();
            }
        }
        None
    };
    match tokio::time::timeout(READY_WITHIN, said).await {
        Ok(Some(port)) => Ok((local(port)?, process)),
        _ => Err(StartError::Died(dir.join("log"))),
    }
}

/// A server of the program `clickhouse`.
async fn server(program: &Path, dir: &Path) -> Result<(Url, Guarded), StartError> {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .map_err(|e| failed("find a free port", e))?
        .port();
    let config = dir.join("config.xml");
    let users = include_str!("../engine/users.xml");
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|e| failed(&path.display().to_string(), e))
    };
    write(&dir.join("users.xml"), users)?;
    write(&config, &server_config(dir, port))?;
    let (process, _) = Guarded::start(Spec {
        program,
        args: vec![
            "server".to_owned(),
            format!("--config-file={}", config.display()),
        ],
        env: vec![("TMPDIR".to_owned(), dir.display().to_string())],
        dir,
        remove: true,
    })
    .await?;
    let url = local(port)?;
    let until = Instant::now() + READY_WITHIN;
    loop {
        let ping = reqwest::get(format!("{url}ping")).await;
        if ping.is_ok_and(|answer| answer.status().is_success()) {
            return Ok((url, process));
        }
        if !process.is_running() || Instant::now() > until {
            return Err(StartError::Died(dir.join("log")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn local(port: u16) -> Result<Url, StartError> {
    Url::parse(&format!("http://127.0.0.1:{port}/")).map_err(|e| failed("an address", e))
}

/// As small as a server starts with; access control as a stock configuration has it.
fn server_config(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "<clickhouse>
  <logger><console>1</console><level>warning</level></logger>
  <listen_host>127.0.0.1</listen_host><http_port>{port}</http_port>
  <path>{dir}/data/</path><tmp_path>{dir}/tmp/</tmp_path><mark_cache_size>67108864</mark_cache_size>
  <user_directories>
    <users_xml><path>{dir}/users.xml</path></users_xml>
    <local_directory><path>{dir}/access/</path></local_directory>
  </user_directories>
  <access_control_improvements>
    <users_without_row_policies_can_read_rows>true</users_without_row_policies_can_read_rows>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <settings_constraints_replace_previous>true</settings_constraints_replace_previous>
  </access_control_improvements>
</clickhouse>
"
    )
}
