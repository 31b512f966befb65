//! Errors are sorted by what can be done about them.

use std::time::Duration;

use analytics::{Address, Admin, Analytics, AnalyticsError, Class};
use request_counts::{CountError, CountQuery, RequestCounts as _};
use tokio::net::TcpListener;

use crate::engine;

fn at(url: &str) -> Analytics {
    let address = Address::parse(
        "clickhouse://u:hunter2@h:9000/default?dial_timeout=1s",
        Some(url),
    )
    .expect("an address");
    Analytics::new(&address).expect("a client")
}

#[test]
fn a_server_that_is_not_there_is_unavailable_and_no_number() {
    testbed::run(async {
        let nobody = at("http://127.0.0.1:1");
        let error = nobody.ping().await.expect_err("refused");
        assert!(
            matches!(error, AnalyticsError::Connection { .. }),
            "{error:?}"
        );
        assert_eq!(error.class(), Class::Unavailable);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        let query = CountQuery {
            workspace_id: "ws",
            project_id: "p",
            environment_id: "e",
            deployment_id: "d",
            since_ms: 0,
        };
        let none = nobody.count(query).await.expect_err("no number");
        assert!(matches!(none, CountError::Unavailable(_)), "{none:?}");
    });
}

#[test]
fn a_silent_server_is_waited_for_only_so_long() {
    testbed::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let silent = at(&url).with_limit(Duration::from_millis(300));
        let (error, _held) = tokio::join!(silent.ping(), listener.accept());
        let error = error.expect_err("too late");
        assert!(matches!(error, AnalyticsError::TooLate { .. }), "{error:?}");
    });
}

#[test]
fn an_answer_without_end_is_not_read() {
    testbed::run(async {
        let refusal = faults::Flood::start(500, "Code: 1. ")
            .await
            .expect("a port");
        let error = at(&refusal.url()).ping().await.expect_err("too long");
        assert_eq!(error.class(), Class::Unavailable, "{error:?}");
        assert!(
            error.to_string().len() < 2_000,
            "{}",
            error.to_string().len()
        );
        // what the system keeps on the way of a connection is a few megabytes
        assert!(refusal.sent() < 32 << 20, "{}", refusal.sent());

        let flood = faults::Flood::start(200, "\0\0\0\0").await.expect("a port");
        let error = at(&flood.url()).usage(2026, 1, 0).await;
        let error = error.expect_err("too long");
        assert!(
            !matches!(error, AnalyticsError::TooLate { .. }),
            "{error:?}"
        );
        assert!(flood.sent() < 128 << 20, "{}", flood.sent());
    });
}

#[test]
fn a_wrong_password_is_unauthorised_and_a_wrong_statement_a_bad_request() {
    testbed::run(async {
        let (server, _) = engine().await;
        let address = Address::parse(
            "clickhouse://nobody:hunter2@h:9000/default",
            Some(&server.http_url()),
        )
        .expect("an address");
        let error = Analytics::new(&address)
            .expect("a client")
            .ping()
            .await
            .expect_err("refused");
        assert_eq!(
            (error.class(), error.code()),
            (Class::Unauthorised, Some(516)),
            "{error}"
        );
        let address =
            Address::parse(&server.native_url(), Some(&server.http_url())).expect("an address");
        let admin = Admin::new(&address).expect("a client");
        let error = admin
            .execute("test", "CREATE USR x")
            .await
            .expect_err("no SQL");
        assert_eq!(error.class(), Class::BadRequest, "{error}");
        let missing = admin
            .execute("test", "SELECT * FROM default.no_such_table")
            .await
            .expect_err("no table");
        assert_eq!(missing.class(), Class::NotFound, "{missing}");
    });
}

#[test]
fn a_password_goes_beside_the_statement() {
    testbed::run(async {
        let (server, _) = engine().await;
        let address =
            Address::parse(&server.native_url(), Some(&server.http_url())).expect("an address");
        let admin = Admin::new(&address).expect("a client");
        let password = "a'b\\c\n\tä?{x}";
        let sql = "CREATE USER OR REPLACE broken_quote IDENTIFIED WITH sha256_password BY {password:String}";
        admin
            .execute_with_password("test", sql, password)
            .await
            .expect("created");
        let me = server
            .query_as("broken_quote", password, "SELECT currentUser()", &[])
            .await;
        assert_eq!(me.as_deref(), Ok("broken_quote\n"));
    });
}
