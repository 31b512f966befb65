//! What is measured of a call, under the names that dashboards use.

use metrics_exporter_prometheus::PrometheusBuilder;
use vault::Vault;

use crate::peer::{Answer, Peer};

#[test]
fn each_attempt_is_measured_by_operation_and_outcome_and_nothing_else() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let unavailable = Answer::Http(503, r#"{"code":"unavailable"}"#.into());
            let peer = Peer::start(vec![unavailable, Answer::Http(200, "{}".into())]).await;
            let vault = Vault::new(&peer.url, "token-1").unwrap();
            vault.decrypt("ring-hunter2", "blob").await.unwrap();
        });
    });
    let text = recorder.handle().render();
    for outcome in ["unavailable", "ok"] {
        let labels = format!("adapter=\"vault\",operation=\"decrypt\",outcome=\"{outcome}\"");
        let line = format!("ctrl_worker_outside_seconds_count{{{labels}}} 1");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("hunter2"));
}
