//! What each handler journals: names and order are what an upgrade must keep.

use crate::world::*;

#[test]
fn the_steps_of_both_handlers() {
    testbed::run(async {
        let w = World::new().await;
        w.key("a").await;
        w.used("a", mysql::now_ms()).await;
        w.partition("0", 1).await;
        let reads = ["GetEagerState", "GetEagerState", "GetEagerState"];
        let sets = ["SetState", "SetState", "SetState"];
        let wanted = [
            &["Input"][..],
            &reads,
            &sets,
            &["Run batch", "SetState", "SetState", "Output"],
        ]
        .concat();
        assert_eq!(w.journal(PARTITION).await, wanted);
        w.partition("0", 1).await;
        let wanted = [&["Input"][..], &reads, &["Run batch", "Output"]].concat();
        assert_eq!(w.journal(PARTITION).await, wanted);
        w.run().await;
        let seen: Vec<String> = w.journal(SYNC).await;
        assert_eq!(seen.len(), 10, "{seen:?}");
        assert!(
            seen[1..9].iter().all(|c| c.starts_with("Call")),
            "all calls before the first wait: {seen:?}"
        );
    });
}
