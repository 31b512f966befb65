//! Where ClickHouse is: a configured native address read as the address of the HTTP interface beside it.
//!
//! Not for connecting: see `connect`.

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

/// Ports of the native protocol, plain and under TLS, and those of HTTP beside them.
const NATIVE: u16 = 9000;
const NATIVE_TLS: u16 = 9440;
const HTTP: u16 = 8123;
const HTTPS: u16 = 8443;
/// The driver's default.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// A server, a login and how to reach it. `Debug` and `Display` show no login.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) http: Url,
    pub(crate) user: String,
    pub(crate) password: Zeroizing<String>,
    pub(crate) database: Option<String>,
    pub(crate) skip_verify: bool,
    pub(crate) dial_timeout: Duration,
    native: String,
}

/// Why an address cannot be used. Repeats nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);

fn refuse<T>(why: impl Into<String>) -> Result<T, AddressError> {
    Err(AddressError(why.into()))
}

impl Address {
    /// Reads `clickhouse://user:password@host:9000/database?secure=…&skip_verify=…&dial_timeout=…`. Port 9000 (also when
    /// there is none) is read as HTTP on 8123; 9440 or `secure=true` as HTTPS on 8443. For other ports `http` must say
    /// where the HTTP interface is. An `http(s)://` address is taken as it is.
    ///
    /// # Errors
    /// [`AddressError`], in words that name the key to set.
    pub fn parse(native: &str, http: Option<&str>) -> Result<Self, AddressError> {
        let given = read(&first_host(native))?;
        let parameter = |name: &str| {
            given
                .query_pairs()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.into_owned())
        };
        let flag = |name: &str| parameter(name).is_some_and(|v| matches!(v.as_str(), "true" | "1"));
        let dial_timeout = match parameter("dial_timeout") {
            Some(text) => duration(&text).ok_or_else(|| {
                AddressError("dial_timeout is no duration such as 10s".to_owned())
            })?,
            None => DIAL_TIMEOUT,
        };
        let place = match http.filter(|text| !text.is_empty()) {
            Some(text) => {
                let place = read(text)?;
                if !matches!(place.scheme(), "http" | "https") {
                    return refuse("the HTTP address must begin with http:// or https://");
                }
                place
            }
            None => beside(&given, flag("secure"))?,
        };
        // a login in the HTTP address goes before that of the native one, which goes before the old parameters
        let (user, password) = login(&place).or_else(|| login(&given)).unwrap_or_else(|| {
            let user = parameter("username").unwrap_or_else(|| "default".to_owned());
            (user, parameter("password").unwrap_or_default())
        });
        let database = given.path().trim_matches('/');
        let database = Some(database).filter(|d| !d.is_empty()).map(decoded);
        Ok(Self {
            http: bare(&place),
            user,
            password: Zeroizing::new(password),
            database,
            skip_verify: flag("skip_verify"),
            dial_timeout,
            native: bare(&given).to_string(),
        })
    }

    /// The name it logs in with.
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// The HTTP interface of the server with this native address.
fn beside(native: &Url, secure: bool) -> Result<Url, AddressError> {
    let host = native.host_str().unwrap_or_default();
    let (scheme, port) = match (native.scheme(), native.port()) {
        ("http" | "https", _) => return Ok(native.clone()),
        ("clickhouse" | "tcp", None) if secure => ("https", HTTPS),
        ("clickhouse" | "tcp", None) => ("http", HTTP),
        ("clickhouse" | "tcp", Some(NATIVE_TLS)) => ("https", HTTPS),
        ("clickhouse" | "tcp", Some(NATIVE)) if secure => ("https", HTTPS),
        ("clickhouse" | "tcp", Some(NATIVE)) => ("http", HTTP),
        ("clickhouse" | "tcp", Some(_)) => {
            return refuse(
                "only ports 9000 and 9440 say where the HTTP interface is: set the key beside it that ends in http_url",
            );
        }
        _ => return refuse("expected clickhouse://user:password@host:9000/database"),
    };
    read(&format!("{scheme}://{host}:{port}/"))
}

fn read(text: &str) -> Result<Url, AddressError> {
    match Url::parse(text) {
        Ok(url) if url.host_str().is_some_and(|h| !h.is_empty()) => Ok(url),
        Ok(_) => refuse("names no host"),
        Err(error) => refuse(format!("is not a URL ({error})")),
    }
}

/// Of several hosts, `a:9000,b:9000`, the first: over HTTP a load balancer chooses.
fn first_host(text: &str) -> String {
    let Some((head, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let hosts = authority.rfind('@').map_or(0, |at| at + 1);
    let first = authority[hosts..].split(',').next().unwrap_or_default();
    format!("{head}://{}{first}{tail}", &authority[..hosts])
}

fn login(url: &Url) -> Option<(String, String)> {
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    (!user.is_empty() || !password.is_empty()).then(|| match user.is_empty() {
        true => ("default".to_owned(), password),
        false => (user, password),
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Without login, path and parameters.
fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    // neither is refused where there is a host
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// `1m30s`, `10s`, `250ms`, as the existing configuration writes durations.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| digits + at);
        let unit = match &rest[digits..unit_end] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        total += Duration::try_from_secs_f64(number * unit).ok()?;
        rest = &rest[unit_end..];
    }
    (!total.is_zero()).then_some(total)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (for {})", self.http, self.native)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_addresses_are_read_as_the_http_interface_beside_them() {
        for (native, http, wanted) in [
            ("clickhouse://h:9000", None, "http://h:8123/"),
            ("clickhouse://h", None, "http://h:8123/"),
            (
                "clickhouse://h:9000/db?secure=false&skip_verify=true",
                None,
                "http://h:8123/",
            ),
            ("clickhouse://h:9440", None, "https://h:8443/"),
            ("clickhouse://h:9000?secure=true", None, "https://h:8443/"),
            ("clickhouse://h?secure=true", None, "https://h:8443/"),
            ("tcp://h:9000", None, "http://h:8123/"),
            ("clickhouse://a:9000,b:9000/db", None, "http://a:8123/"),
            (
                "clickhouse://h:9001",
                Some("https://x:444"),
                "https://x:444/",
            ),
            ("clickhouse://h:9000", Some(""), "http://h:8123/"),
            ("http://h:1234", None, "http://h:1234/"),
        ] {
            let address = Address::parse(native, http).unwrap_or_else(|e| panic!("{native}: {e}"));
            assert_eq!(address.http.as_str(), wanted, "{native}");
        }
    }

    #[test]
    fn login_database_and_timeouts_are_read() {
        let text =
            "clickhouse://us%65r:p%40ss:w@h:9000/analytics?skip_verify=true&dial_timeout=1m2.5s";
        let address = Address::parse(text, None).expect("reads");
        assert_eq!(
            (address.user(), address.password.as_str()),
            ("user", "p@ss:w")
        );
        assert_eq!(address.database.as_deref(), Some("analytics"));
        assert!(address.skip_verify);
        assert_eq!(address.dial_timeout, Duration::from_millis(62_500));
        let plain = Address::parse("clickhouse://h", None).expect("reads");
        assert_eq!((plain.user(), plain.password.as_str()), ("default", ""));
        assert_eq!((plain.database, plain.skip_verify), (None, false));
        assert_eq!(plain.dial_timeout, DIAL_TIMEOUT);
        let old = Address::parse("clickhouse://h?username=u&password=p", None).expect("reads");
        assert_eq!((old.user(), old.password.as_str()), ("u", "p"));
        let http =
            Address::parse("clickhouse://u:p@h:9000", Some("http://v:q@h:1")).expect("reads");
        assert_eq!((http.user(), http.password.as_str()), ("v", "q"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_nothing_secret_is_shown() {
        for (native, http) in [
            ("", None),
            ("h:9000", None),
            ("mysql://u:hunter2@h:9000", None),
            ("clickhouse://u:hunter2@h:9001", None),
            ("clickhouse://u:hunter2@", None),
            ("clickhouse://u:hunter2@h:9000?dial_timeout=soon", None),
            ("clickhouse://u:hunter2@h:9000", Some("clickhouse://h")),
        ] {
            let error = Address::parse(native, http).expect_err(native);
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
        }
        let good = Address::parse("clickhouse://u:hunter2@h:9000/d", None).expect("reads");
        assert!(!format!("{good} {good:?}").contains("hunter2"));
    }
}
