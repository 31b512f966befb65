//! Data source names as the existing configuration files write them, one row a case.

use super::*;

fn tcp(host: &str, port: u16) -> Address {
    Address::Tcp(host.into(), port)
}

#[test]
fn connection_strings_are_split_as_the_go_driver_splits_them() {
    let table: &[(&str, &str, &str, Address, &str)] = &[
        (
            "unkey:password@tcp(mysql:3306)/unkey?parseTime=true&interpolateParams=true",
            "unkey",
            "password",
            tcp("mysql", 3306),
            "unkey",
        ),
        ("u:p@tcp(h)/db", "u", "p", tcp("h", 3306), "db"),
        ("u:p@ss@tcp(h:1)/db", "u", "p@ss", tcp("h", 1), "db"),
        ("u:p/a/ss@tcp(h:1)/db", "u", "p/a/ss", tcp("h", 1), "db"),
        ("u:p:a:ss@tcp(h:1)/db", "u", "p:a:ss", tcp("h", 1), "db"),
        ("u:@/:@tcp(h:1)/db", "u", "@/:", tcp("h", 1), "db"),
        (
            "u:p(a)ss?x=1@tcp(h:1)/db",
            "u",
            "p(a)ss?x=1",
            tcp("h", 1),
            "db",
        ),
        ("u:p%41@tcp(h:1)/db", "u", "p%41", tcp("h", 1), "db"),
        ("u@tcp(h:1)/db", "u", "", tcp("h", 1), "db"),
        ("u@tcp(h:1)/", "u", "", tcp("h", 1), ""),
        ("u:p@/db", "u", "p", tcp("127.0.0.1", 3306), "db"),
        ("u:p@tcp/db", "u", "p", tcp("127.0.0.1", 3306), "db"),
        ("/", "", "", tcp("127.0.0.1", 3306), ""),
        ("u:p@tcp([::1]:3307)/db", "u", "p", tcp("::1", 3307), "db"),
        (
            "u:p@tcp([fe80::1])/db",
            "u",
            "p",
            tcp("fe80::1", 3306),
            "db",
        ),
        ("u:p@tcp(fe80::1)/db", "u", "p", tcp("fe80::1", 3306), "db"),
        (
            "u:p@unix(/run/mysqld/mysqld.sock)/db",
            "u",
            "p",
            Address::Unix("/run/mysqld/mysqld.sock".into()),
            "db",
        ),
        (
            "u:p/@unix(/run/my.sock)/db?tls=false",
            "u",
            "p/",
            Address::Unix("/run/my.sock".into()),
            "db",
        ),
        (
            "u:p@unix/db",
            "u",
            "p",
            Address::Unix("/tmp/mysql.sock".into()),
            "db",
        ),
        ("u:p@tcp(h:1)/my%2Ddb+x", "u", "p", tcp("h", 1), "my-db+x"),
    ];
    for (text, user, password, address, database) in table {
        let dsn = Dsn::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(
            (&*dsn.user, &*dsn.password, &dsn.address, &*dsn.database),
            (*user, *password, address, *database),
            "{text}"
        );
    }
}

#[test]
fn broken_strings_say_what_is_wrong_and_never_the_password() {
    let table = [
        ("u:geheim@tcp(h:1)", DsnError::NoSlash),
        ("", DsnError::NoSlash),
        ("u:geheim@tcp(h:1/db", DsnError::Address),
        ("u:geheim@tcp(h:1)x/db", DsnError::Address),
        ("u:geheim@tcp([::1:1)/db", DsnError::Address),
        ("u:geheim@udp(h:1)/db", DsnError::Network),
        ("u:geheim@tcp(h:0)/db", DsnError::Port),
        ("u:geheim@tcp(h:70000)/db", DsnError::Port),
        ("u:geheim@tcp(h:abc)/db", DsnError::Port),
    ];
    for (text, expected) in table {
        let error = Dsn::parse(text).unwrap_err();
        assert!(!error.to_string().contains("geheim"));
        assert_eq!(error, expected, "{text}");
    }
}

#[test]
fn debug_output_hides_the_password() {
    let dsn = Dsn::parse("u:geheim@tcp(h:1)/db").unwrap();
    assert!(!format!("{dsn:?}").contains("geheim"));
}

#[test]
fn parameters_choose_tls_and_the_unknown_ones_are_named() {
    let table = [
        ("", Tls::Preferred, MySqlSslMode::Preferred),
        ("?tls=preferred", Tls::Preferred, MySqlSslMode::Preferred),
        (
            "?tls=true&parseTime=true",
            Tls::Verified,
            MySqlSslMode::VerifyIdentity,
        ),
        ("?tls=skip-verify", Tls::SkipVerify, MySqlSslMode::Required),
        ("?tls=false", Tls::Off, MySqlSslMode::Disabled),
        (
            "?tls=my-ca",
            Tls::Named("my-ca".into()),
            MySqlSslMode::VerifyIdentity,
        ),
    ];
    for (query, tls, mode) in table {
        let dsn = Dsn::parse(&format!("u:p@tcp(h:1)/db{query}")).unwrap();
        assert_eq!(dsn.tls, tls, "{query}");
        let options = dsn.connect_options(Some(Path::new("/ca.pem"))).unwrap();
        assert_eq!(
            format!("{:?}", options.get_ssl_mode()),
            format!("{mode:?}"),
            "{query}"
        );
    }
    let dsn = Dsn::parse(
        "u:p@tcp(h:1)/db?loc=Europe%2FBerlin&timeout=5s&charset=utf8mb4,utf8&time_zone=%27UTC%27",
    )
    .unwrap();
    assert_eq!(dsn.ignored, ["timeout", "time_zone"]);
}

#[test]
fn a_named_authority_needs_its_file() {
    let dsn = Dsn::parse("u:p@tcp(h:1)/db?tls=my-ca").unwrap();
    assert_eq!(
        dsn.connect_options(None).unwrap_err(),
        DsnError::NoCaFile("my-ca".into())
    );
}
