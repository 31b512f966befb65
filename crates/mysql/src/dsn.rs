//! Reads the connection string of the Go driver, which the configuration shares with the other
//! services: `user:password@tcp(host:port)/database?param=value`.
//! Not for URLs. No error or debug output shows the password.

use std::fmt;
use std::path::{Path, PathBuf};

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use url::form_urlencoded;

/// What is wrong with a connection string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DsnError {
    /// There is no `/` before the database name.
    #[error(
        "no `/` before the database name; the form is user:password@tcp(host:port)/database?param=value"
    )]
    NoSlash,
    /// A database is needed and the string names none.
    #[error("no database after the last `/`")]
    NoDatabase,
    /// `tcp(…` without its `)`, or text behind it.
    #[error("the address must be written tcp(host:port) or unix(/path)")]
    Address,
    /// A network other than `tcp` and `unix`.
    /// It is not told which: a string without its `@` has a password in this place.
    #[error("the address is neither tcp(host:port) nor unix(/path)")]
    Network,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// `tls=<name>` without a file to verify against.
    #[error(
        "tls=`{0}` names a certificate authority: set database.ca_file to its PEM file, or use tls=true, skip-verify or false"
    )]
    NoCaFile(String),
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Host (name or address, without brackets) and port.
    Tcp(String, u16),
    /// Path of a socket.
    Unix(PathBuf),
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// `tls=false`: never.
    Off,
    /// Nothing said, or `tls=preferred`: when the server offers it, certificate not verified.
    Preferred,
    /// `tls=true`: required, certificate and host name verified against the public authorities.
    Verified,
    /// `tls=skip-verify`: required, certificate not verified.
    SkipVerify,
    /// `tls=<name>`: required, certificate and host name verified against `database.ca_file`.
    Named(String),
}

/// A connection string, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    /// Account; empty when the string names none.
    pub user: String,
    /// Its password; empty when there is none.
    pub password: String,
    /// Where the server listens.
    pub address: Address,
    /// Database; empty when the string names none.
    pub database: String,
    /// How the connection is protected.
    pub tls: Tls,
    /// Names of parameters that mean something to the Go driver and nothing here.
    pub ignored: Vec<String>,
}

/// Parameters without any meaning here: time columns are read as UTC and statements are prepared
/// in any case, text is always utf8mb4.
const HARMLESS: [&str; 8] = [
    "parseTime",
    "interpolateParams",
    "multiStatements",
    "loc",
    "charset",
    "collation",
    "checkConnLiveness",
    "rejectReadOnly",
];

impl Dsn {
    /// Takes `text` apart by the rules of the Go driver: the last `/` of the string starts the
    /// database, the last `@` before it ends the credentials, their first `:` ends the user.
    pub fn parse(text: &str) -> Result<Self, DsnError> {
        let (server, rest) = text.rsplit_once('/').ok_or(DsnError::NoSlash)?;
        let (credentials, address) = server.rsplit_once('@').unwrap_or(("", server));
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let (database, parameters) = rest.split_once('?').unwrap_or((rest, ""));

        let mut tls = Tls::Preferred;
        let mut ignored = Vec::new();
        for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
            match name.as_ref() {
                "tls" => tls = Tls::from(value.as_ref()),
                "" => {}
                name if HARMLESS.contains(&name) => {}
                name => ignored.push(name.to_owned()),
            }
        }
        Ok(Self {
            user: user.into(),
            password: password.into(),
            address: Address::parse(address)?,
            database: percent_decoded(database),
            tls,
            ignored,
        })
    }

    /// Options of the driver. They make it send nothing at session start but `SET NAMES utf8mb4`:
    /// Vitess refuses what the driver would else put into `sql_mode`.
    pub(crate) fn connect_options(
        &self,
        ca_file: Option<&Path>,
    ) -> Result<MySqlConnectOptions, DsnError> {
        let mut options = MySqlConnectOptions::new()
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .charset("utf8mb4")
            .username(&self.user);
        if !self.password.is_empty() {
            options = options.password(&self.password);
        }
        if !self.database.is_empty() {
            options = options.database(&self.database);
        }
        options = match &self.address {
            Address::Tcp(host, port) => options.host(host).port(*port),
            Address::Unix(path) => options.socket(path),
        };
        Ok(match &self.tls {
            Tls::Off => options.ssl_mode(MySqlSslMode::Disabled),
            Tls::Preferred => options.ssl_mode(MySqlSslMode::Preferred),
            Tls::SkipVerify => options.ssl_mode(MySqlSslMode::Required),
            Tls::Verified => options.ssl_mode(MySqlSslMode::VerifyIdentity),
            Tls::Named(name) => {
                let file = ca_file.ok_or_else(|| DsnError::NoCaFile(name.clone()))?;
                options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(file)
            }
        })
    }
}

impl From<&str> for Tls {
    fn from(value: &str) -> Self {
        match value {
            "" | "preferred" => Self::Preferred,
            "1" | "true" | "TRUE" | "True" => Self::Verified,
            "0" | "false" | "FALSE" | "False" => Self::Off,
            "skip-verify" => Self::SkipVerify,
            name => Self::Named(name.into()),
        }
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, DsnError> {
        let (network, address) = match text.split_once('(') {
            Some((network, rest)) => (network, rest.strip_suffix(')').ok_or(DsnError::Address)?),
            None => (text, ""),
        };
        match network {
            "" | "tcp" if address.is_empty() => Ok(Self::Tcp("127.0.0.1".into(), 3306)),
            "" | "tcp" => Self::tcp(address),
            "unix" if address.is_empty() => Ok(Self::Unix("/tmp/mysql.sock".into())),
            "unix" => Ok(Self::Unix(address.into())),
            _ => Err(DsnError::Network),
        }
    }

    fn tcp(address: &str) -> Result<Self, DsnError> {
        let (host, port) = match address.strip_prefix('[') {
            Some(bracketed) => {
                let (host, rest) = bracketed.split_once(']').ok_or(DsnError::Address)?;
                (host, rest.strip_prefix(':'))
            }
            // More than one colon without brackets: an IPv6 address without a port.
            None => match address.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (address, None),
            },
        };
        let port = match port {
            None => 3306,
            Some(text) => text
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or(DsnError::Port)?,
        };
        Ok(Self::Tcp(host.into(), port))
    }
}

/// Percent-decoding without form decoding's `+` → blank.
fn percent_decoded(text: &str) -> String {
    let kept = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    form_urlencoded::parse(kept.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsn")
            .field("user", &self.user)
            .field(
                "password",
                &if self.password.is_empty() { "" } else { "***" },
            )
            .field("address", &self.address)
            .field("database", &self.database)
            .field("tls", &self.tls)
            .field("ignored", &self.ignored)
            .finish()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod volume;
