//! Effects without a record: a page that is written twice, a heartbeat that is sent again, a run without a success.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use faults::Cut;
use key_last_used::Settings;
use notify::Heartbeat;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::world::*;

/// A monitor that counts.
async fn monitor() -> (Heartbeat, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/beat", listener.local_addr().expect("an address"));
    let beats = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&beats);
    testbed::runtime().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1_024];
            let _read = stream.read(&mut request).await;
            counted.fetch_add(1, Ordering::SeqCst);
            let _written = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await;
        }
    });
    (Heartbeat::new(&url).expect("a URL"), beats)
}

#[test]
fn a_page_whose_answer_is_lost_is_written_once() {
    testbed::run(async {
        let w = World::new().await;
        let now = mysql::now_ms();
        w.key("a").await;
        w.used("a", now).await;
        let cut = w
            .proxy
            .cut(Cut::run_result(PARTITION, "SyncPartition", "batch").of_key("0"));
        w.partition("0", 1).await;
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        assert_eq!(w.last_used("a").await, minute(now));
        assert_eq!(w.state("0", "cursor_time").await, Some(json!(now)));
        assert_eq!(w.partition("0", 1).await, 0);
    });
}

#[test]
fn the_monitor_hears_of_a_success_and_of_nothing_else() {
    testbed::run(async {
        let (heartbeat, beats) = monitor().await;
        let w = World::with(Settings::default(), heartbeat).await;
        w.run().await;
        assert_eq!(beats.load(Ordering::SeqCst), 1);
        let cut = w
            .proxy
            .cut(Cut::run_result(SYNC, "RunSync", "send heartbeat"));
        w.run().await;
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        assert_eq!(
            beats.load(Ordering::SeqCst),
            3,
            "a heartbeat has no key: once more for a lost answer"
        );
        // no partition can read: the run fails at once and the monitor hears nothing
        w.key("a").await;
        w.used("a", mysql::now_ms()).await;
        for sql in [
            format!(
                "RENAME TABLE `{0}`.key_last_used_v1 TO `{0}`.away",
                w.database
            ),
            format!(
                "CREATE TABLE `{}`.key_last_used_v1 (other Int8) ENGINE = Memory",
                w.database
            ),
        ] {
            w.engine.query(&sql).await.expect("another table");
        }
        let ingress = w
            .restate
            .ingress()
            .with_timeout(Some(std::time::Duration::from_secs(120)));
        let failed = ingress
            .call(SYNC, None, "RunSync", &json!({}))
            .await
            .expect_err("no table");
        assert_eq!(failed.status(), Some(500), "{failed}");
        assert!(
            failed
                .message()
                .is_some_and(|m| m.starts_with("CW0037") && m.contains("8 of 8")),
            "{failed}"
        );
        assert_eq!(beats.load(Ordering::SeqCst), 3);
        for sql in [
            format!("DROP TABLE `{}`.key_last_used_v1", w.database),
            format!(
                "RENAME TABLE `{0}`.away TO `{0}`.key_last_used_v1",
                w.database
            ),
        ] {
            w.engine.query(&sql).await.expect("the table again");
        }
        assert_eq!(w.run().await, 1, "the next run goes on");
        assert_eq!(beats.load(Ordering::SeqCst), 4);
    });
}
