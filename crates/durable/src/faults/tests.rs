//! One test: the registry belongs to the process.

use super::*;
use std::cell::Cell;

async fn run(step: &str, ran: &Cell<u32>) -> Result<u32, Stop> {
    within(
        "inv_1",
        "key",
        around(step, async {
            ran.set(ran.get() + 1);
            Ok(7)
        }),
    )
    .await
}

#[tokio::test(flavor = "current_thread")]
async fn each_kind_happens_where_it_is_wanted_and_so_often() {
    let ran = Cell::new(0);
    let rule = |kind: &str, times: u32, step: &str, of: &str| {
        assert_eq!(
            control::answer(&format!("add\t{kind}\t{times}\t{step}\t{of}")),
            "ok\n"
        );
    };
    rule("transient", 2, "a", "");
    assert!(matches!(run("a", &ran).await, Err(Stop::Retry(_))));
    assert!(matches!(run("a", &ran).await, Err(Stop::Retry(_))));
    assert_eq!(ran.get(), 0, "before the effect");
    assert!(matches!(run("a", &ran).await, Ok(7)));

    rule("lost", 1, "a", "key");
    assert!(matches!(run("a", &ran).await, Err(Stop::Retry(_))));
    assert_eq!(ran.get(), 2, "after the effect");

    rule("terminal", 1, "a", "other key");
    assert!(matches!(run("a", &ran).await, Ok(7)), "not ours");
    rule("terminal", 1, "b", "inv_1");
    assert!(matches!(run("a", &ran).await, Ok(7)), "another step");
    assert!(matches!(run("b", &ran).await, Err(Stop::Terminal(_))));
    rule("delay:1", 1, "a", "");
    assert!(matches!(run("a", &ran).await, Ok(7)));

    assert_eq!(hits().len(), 5);
    assert!(control::answer("hits").ends_with("a\tinv_1\tkey\nok\n"));
    assert!(control::answer("add\twhat\t1\ta\t").starts_with("error"));
    assert_eq!(control::answer("clear"), "ok\n");
    assert!(hits().is_empty());
    assert!(matches!(run("a", &ran).await, Ok(7)), "no rule is left");
}
