//! A real ClickHouse engine for tests: one a process, with the tables the worker reads and room for users.
//!
//! Looked for in this order: a server whose address is in `CTRL_TEST_CLICKHOUSE` (`http://user:password@host:port`; the
//! user may create users); a `clickhouse` program on the path; the engine inside the PyPI package `chdb-core`, which
//! `cargo xtask setup` installs, behind the small HTTP server in the folder `engine`. Nothing of these: the test
//! fails and says what to install.
//!
//! Not for production, not a mock: SQL, users, grants, quotas and row policies are ClickHouse's own.

mod launch;

use std::time::Duration;

use testbed::{Guarded, StartError};
use tokio::sync::OnceCell;
use url::Url;

/// Names a running server.
pub const VARIABLE: &str = "CTRL_TEST_CLICKHOUSE";

/// The tables, one statement after another.
const SCHEMA: &str = include_str!("../schema.sql");

/// A server.
#[derive(Debug)]
pub struct ClickHouse {
    base: Url,
    http: reqwest::Client,
    _process: Option<Guarded>,
}

/// The server of this process, with its tables.
pub async fn shared() -> &'static ClickHouse {
    static SHARED: OnceCell<ClickHouse> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            // the process is watched by the runtime that all tests share, not by that of the test that came first
            testbed::runtime()
                .spawn(ClickHouse::start())
                .await
                .expect("starting does not panic")
                .unwrap_or_else(|e| panic!("ClickHouse: {e}"))
        })
        .await
}

impl ClickHouse {
    /// Finds or starts a server and makes the tables.
    ///
    /// # Errors
    /// Nothing to start, or it did not come up.
    pub async fn start() -> Result<Self, StartError> {
        let (base, process) = launch::launch().await?;
        let server = Self {
            base,
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(120))
                .build()
                .map_err(|e| failed("build an HTTP client", e))?,
            _process: process,
        };
        server.tables("default").await?;
        Ok(server)
    }

    /// Makes a database with the same tables, for a test that must be alone in them.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn database(&self, name: &str) -> Result<(), StartError> {
        let sql = format!("CREATE DATABASE IF NOT EXISTS `{name}`");
        self.query(&sql).await.map_err(|e| failed(&sql, e))?;
        self.tables(name).await
    }

    async fn tables(&self, database: &str) -> Result<(), StartError> {
        for statement in statements(SCHEMA) {
            let statement = statement.replace(" default.", &format!(" `{database}`."));
            let mut made = self.query(&statement).await;
            // from 26.7 on a server wants this said where a column is neither sorted by nor aggregated
            if made.as_ref().is_err_and(|e| e.contains("Code: 36")) {
                let said = format!("{statement} SETTINGS allow_dimensions_outside_sorting_key = 1");
                made = self.query(&said).await;
            }
            made.map_err(|e| failed(&statement, e))?;
        }
        Ok(())
    }

    /// Where its HTTP interface is, without login: `http://127.0.0.1:…/`.
    pub fn http_url(&self) -> String {
        let mut url = self.base.clone();
        // neither can fail for http
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }

    /// The administrator's address as a configuration has it, in the native form; [`ClickHouse::http_url`] says where it is
    /// over HTTP.
    pub fn native_url(&self) -> String {
        self.native_url_of("default")
    }

    /// The same with another database.
    pub fn native_url_of(&self, database: &str) -> String {
        let login = match (self.base.username(), self.base.password()) {
            ("", _) => "default".to_owned(),
            (user, None) => user.to_owned(),
            (user, Some(password)) => format!("{user}:{password}"),
        };
        format!("clickhouse://{login}@127.0.0.1:9000/{database}")
    }

    /// Runs a statement as administrator; gives tab-separated rows or the server's words.
    ///
    /// # Errors
    /// The server's words.
    pub async fn query(&self, sql: &str) -> Result<String, String> {
        let user = match self.base.username() {
            "" => "default",
            user => user,
        };
        self.query_as(user, self.base.password().unwrap_or_default(), sql, &[])
            .await
    }

    /// Runs a statement as a user, with settings.
    ///
    /// # Errors
    /// The server's words, `Code: 516. …` for example.
    pub async fn query_as(
        &self,
        user: &str,
        password: &str,
        sql: &str,
        settings: &[(&str, &str)],
    ) -> Result<String, String> {
        let url = Url::parse_with_params(&self.http_url(), settings).map_err(|e| e.to_string())?;
        let answer = self
            .http
            .post(url)
            .basic_auth(user, Some(password))
            .body(sql.to_owned())
            .send()
            .await
            .map_err(|e| e.to_string())?;
        let good = answer.status().is_success();
        let text = answer.text().await.map_err(|e| e.to_string())?;
        if good { Ok(text) } else { Err(text) }
    }
}

fn failed(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StartError {
    StartError::Files {
        what: format!("ClickHouse: {what}"),
        source: std::io::Error::other(source),
    }
}

/// Splits at semicolons that end a line; comments are left out.
fn statements(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    lines
        .join("\n")
        .split(";\n")
        .map(|s| s.trim().trim_end_matches(';').to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_cut_into_its_statements() {
        let all = statements(SCHEMA);
        assert!(all.len() > 12, "{}", all.len());
        assert!(all.iter().all(|s| s.starts_with("CREATE ")));
    }
}
