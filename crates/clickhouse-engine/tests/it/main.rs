//! The engine is ClickHouse: it hashes as ClickHouse does, fills its views and refuses users what they may not do.

const SECRET: &str = "S3cr-et_.~0";

#[test]
fn it_hashes_and_aggregates_as_the_server_does() {
    testbed::run(async {
        let server = clickhouse_engine::shared().await;
        let sql = "SELECT cityHash64('key_0'), cityHash64('key_abc')";
        assert_eq!(
            server.query(sql).await.expect("hashes"),
            "10536880050688577246\t7396496755725726717\n"
        );
        let row = "INSERT INTO default.key_verifications_raw_v2 (request_id, time, workspace_id, key_space_id, key_id, outcome) \
                   VALUES ('r', toUnixTimestamp(now()) * 1000, 'ws_engine', 'ks', 'key_engine', 'VALID')";
        server.query(row).await.expect("inserted");
        for table in ["key_verifications_per_month_v3", "key_last_used_v1"] {
            let sql =
                format!("SELECT count() FROM default.{table} WHERE workspace_id = 'ws_engine'");
            assert_eq!(server.query(&sql).await.expect("counted"), "1\n", "{table}");
        }
    });
}

#[test]
fn users_have_what_they_were_granted_and_no_more() {
    testbed::run(async {
        let server = clickhouse_engine::shared().await;
        let statements = [
            "CREATE USER OR REPLACE probe_a IDENTIFIED WITH sha256_password BY 'S3cr-et_.~0'",
            "GRANT SELECT ON default.sentinel_requests_raw_v1 TO probe_a",
        ];
        for sql in statements {
            server.query(sql).await.expect(sql);
        }
        let ask = |password: &'static str, sql: &'static str| {
            server.query_as("probe_a", password, sql, &[])
        };
        assert_eq!(
            ask(SECRET, "SELECT currentUser()").await,
            Ok("probe_a\n".to_owned())
        );
        ask(
            SECRET,
            "SELECT count() FROM default.sentinel_requests_raw_v1",
        )
        .await
        .expect("granted");
        for (password, sql, code) in [
            ("wrong", "SELECT 1", "Code: 516"),
            (
                SECRET,
                "SELECT count() FROM default.ratelimits_raw_v2",
                "Code: 497",
            ),
            (SECRET, "DROP TABLE default.ratelimits_raw_v2", "Code: 497"),
            (SECRET, "SELECT name FROM system.users", "Code: 497"),
        ] {
            let refused = ask(password, sql).await.expect_err(sql);
            assert!(refused.starts_with(code), "{sql}: {refused}");
        }
    });
}
