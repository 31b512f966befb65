//! Builds that are stopped, and builders that go away.

use std::time::Duration;

use builder::{BuildError, BuildKit, BuildKitSettings, Builder, Limits, Operation};
use tokio_util::sync::CancellationToken;

use crate::world::{Heard, buildkit, order, repository, servers};

/// Whether a process with this word in its command line is there, also in a container.
fn runs(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("processes");
    let lines = processes
        .flatten()
        .map(|p| std::fs::read(p.path().join("cmdline")));
    lines
        .flatten()
        .any(|line| String::from_utf8_lossy(&line).contains(word))
}

#[test]
fn a_build_that_is_stopped_ends_at_the_machine_too() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let seconds = format!("98{}", std::process::id());
        let lines = format!("RUN --network=none echo begun; /busybox sleep {seconds}");
        let (name, sha) = repository(peers, &lines).await;
        let (builder, order) = (buildkit(peers), order(peers, &name, &sha));
        let ticket = builder.create_build(None).await.expect("a ticket");
        let (heard, stop) = (Heard::default(), CancellationToken::new());
        let word = format!("sleep\0{seconds}");
        let begun = async {
            // its first line comes on another way than the process is seen
            testbed::eventually(Duration::from_secs(60), || async {
                runs(&word) && heard.text().contains("begun")
            })
            .await;
            stop.cancel();
        };
        let (built, ()) = tokio::join!(builder.run(&ticket, &order, &heard, &stop), begun);
        assert_eq!(built, Err(BuildError::Canceled));
        testbed::eventually(Duration::from_secs(60), || async { !runs(&word) }).await;
        let [step] = heard.steps_of("sleep").try_into().expect("one step");
        assert!(step.has_logs && !step.error.is_empty(), "{step:?}");
        // and one that is stopped before it begins does not begin
        let built = builder.run(&ticket, &order, &Heard::default(), &stop).await;
        assert_eq!(built, Err(BuildError::Canceled));
    });
}

fn impatient(address: &str) -> BuildKit {
    let limits = Limits {
        connect: Duration::from_millis(200),
        ready: Duration::from_millis(500),
        ready_pause: Duration::from_millis(20),
        ..Limits::default()
    };
    let settings = BuildKitSettings {
        limits,
        ..BuildKitSettings::new(address)
    };
    BuildKit::new(&settings).expect("a builder")
}

#[test]
fn a_builder_that_is_not_there_is_waited_for_and_given_up() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let order = order(peers, "acme/none", &"0".repeat(40));
        let nobody = testbed::free_port().expect("a port");
        // takes connections and says nothing
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let silent = (silent.local_addr().expect("an address"), silent).0;
        for address in [
            format!("tcp://{nobody}"),
            format!("tcp://{silent}"),
            "unix:///nowhere/buildkit.sock".to_owned(),
        ] {
            let (built, _) = crate::world::run(&impatient(&address), &order).await;
            let error = built.expect_err("nobody");
            let connect = Operation::Connect;
            assert!(
                matches!(&error, BuildError::Unavailable { operation, .. } if *operation == connect),
                "{address}: {error:?}"
            );
        }
    });
}
