//! Tests of what becomes of status messages.

use std::sync::Mutex;

use bollard_buildkit_proto::moby::buildkit::v1::VertexLog;
use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Sink for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().expect("no panic").push(event);
    }
}

impl Heard {
    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }

    fn text(&self) -> String {
        let logs = self.take().into_iter().filter_map(|event| match event {
            Event::Log(log) => Some(log.message),
            Event::Step(_) => None,
        });
        logs.collect()
    }
}

fn at(ms: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: ms.div_euclid(1_000),
        nanos: (ms.rem_euclid(1_000) * 1_000_000 + 999) as i32,
    })
}

fn vertex(digest: &str, started: i64, completed: Option<i64>) -> Vertex {
    Vertex {
        digest: digest.to_owned(),
        name: format!("step {digest}"),
        started: at(started),
        completed: completed.and_then(at),
        ..Vertex::default()
    }
}

fn log(digest: &str, stream: i64, ms: i64, msg: &[u8]) -> VertexLog {
    VertexLog {
        vertex: digest.to_owned(),
        timestamp: at(ms),
        stream,
        msg: msg.to_vec(),
    }
}

fn message(vertexes: Vec<Vertex>, logs: Vec<VertexLog>) -> StatusResponse {
    StatusResponse {
        vertexes,
        logs,
        ..StatusResponse::default()
    }
}

fn step(digest: &str, started_at: i64, completed_at: i64, has_logs: bool) -> Event {
    Event::Step(Step {
        id: digest.to_owned(),
        name: format!("step {digest}"),
        started_at,
        completed_at,
        cached: false,
        error: String::new(),
        has_logs,
    })
}

fn line(digest: &str, time: i64, text: &str) -> Event {
    Event::Log(LogLine {
        step_id: digest.to_owned(),
        time,
        message: text.to_owned(),
    })
}

#[test]
fn a_step_is_told_once_when_it_is_known_whether_it_wrote() {
    let heard = Heard::default();
    let mut progress = Progress::new(&heard);
    progress.feed(message(vec![vertex("a", 1_000, None)], vec![]));
    assert_eq!(heard.take(), []);
    progress.feed(message(
        vec![
            vertex("a", 1_000, Some(2_000)),
            vertex("quiet", 1_500, Some(1_600)),
        ],
        vec![log("a", 1, 1_900, b"hello\n")],
    ));
    assert_eq!(
        heard.take(),
        [step("a", 1_000, 2_000, true), line("a", 1_900, "hello\n")]
    );
    // the end of this one comes before what it wrote
    progress.feed(message(vec![vertex("late", 1_700, Some(1_800))], vec![]));
    assert_eq!(heard.take(), []);
    progress.feed(message(
        vec![],
        vec![log("late", 2, 1_799, b"x"), log("a", 1, 2_100, b"more")],
    ));
    assert_eq!(
        heard.take(),
        [
            line("late", 1_799, "x"),
            line("a", 2_100, "more"),
            step("late", 1_700, 1_800, true)
        ]
    );
    progress.settle();
    assert_eq!(heard.take(), [step("quiet", 1_500, 1_600, false)]);
    progress.settle();
    assert_eq!(heard.take(), []);
}

#[test]
fn a_second_solve_tells_no_step_again_and_changes_none() {
    let heard = Heard::default();
    let mut progress = Progress::new(&heard);
    progress.feed(message(vec![vertex("git", 1_000, Some(2_000))], vec![]));
    progress.settle();
    assert_eq!(heard.take(), [step("git", 1_000, 2_000, false)]);
    let again = Vertex {
        cached: true,
        ..vertex("git", 5_000, Some(5_000))
    };
    progress.feed(message(vec![again], vec![]));
    progress.settle();
    assert_eq!(heard.take(), []);
}

#[test]
fn cached_steps_are_told_at_once_and_failed_ones_with_their_error() {
    let heard = Heard::default();
    let mut progress = Progress::new(&heard);
    let cached = Vertex {
        cached: true,
        ..vertex("c", 1_000, Some(1_000))
    };
    let failed = Vertex {
        error: "exit code: 1".to_owned(),
        ..vertex("f", 1_000, Some(1_500))
    };
    progress.feed(message(
        vec![cached, failed, vertex("running", 1_200, None)],
        vec![],
    ));
    assert!(matches!(heard.take().as_slice(), [Event::Step(s)] if s.id == "c" && s.cached));
    progress.feed(message(vec![], vec![log("running", 1, 1_300, b"...")]));
    heard.take();
    // the connection is lost here
    progress.settle();
    let told = heard.take();
    let [Event::Step(failed), Event::Step(running)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(failed.error, "exit code: 1");
    assert_eq!(
        (running.error.as_str(), running.completed_at),
        (UNFINISHED, 1_300)
    );
    assert!(running.has_logs);
}

#[test]
fn a_step_that_goes_on_after_an_end_has_its_last_one() {
    let heard = Heard::default();
    let mut progress = Progress::new(&heard);
    progress.feed(message(vec![vertex("a", 1_000, Some(2_000))], vec![]));
    progress.feed(message(vec![vertex("a", 3_000, None)], vec![]));
    progress.feed(message(vec![vertex("a", 3_000, Some(4_000))], vec![]));
    progress.settle();
    assert_eq!(heard.take(), [step("a", 1_000, 4_000, false)]);
}

#[test]
fn streams_do_not_mix_and_bytes_that_are_no_text_are_marked() {
    let heard = Heard::default();
    let mut progress = Progress::new(&heard);
    let euro = "€".as_bytes();
    progress.feed(message(
        vec![vertex("a", 1, None)],
        vec![
            log("a", 1, 2, &euro[..2]),
            log("a", 2, 2, b"err"),
            log("a", 1, 3, &euro[2..]),
        ],
    ));
    assert_eq!(heard.take(), [line("a", 2, "err"), line("a", 3, "€")]);
    progress.feed(message(
        vec![],
        vec![log("a", 1, 4, b"x\xff\xfey"), log("a", 1, 5, &euro[..1])],
    ));
    assert_eq!(heard.take(), [line("a", 4, "x\u{fffd}\u{fffd}y")]);
    progress.settle();
    assert!(
        heard.text().contains('\u{fffd}'),
        "an unfinished character is not lost silently"
    );
}

proptest! {
    /// However a text is cut, its pieces are the text, and none is long.
    #[test]
    fn no_cut_loses_or_changes_a_text(
        text in "[a-zäöü€😀\n]{0,60}", long in 0..4usize, cuts in prop::collection::vec(0..400_000usize, 0..8),
    ) {
        let text = text.repeat(1 + long * 700);
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let heard = Heard::default();
        let mut progress = Progress::new(&heard);
        for pair in cuts.windows(2) {
            progress.feed(message(vec![], vec![log("a", 1, 1, &bytes[pair[0]..pair[1]])]));
        }
        progress.settle();
        let events = heard.take();
        let mut joined = String::new();
        for event in events {
            let Event::Log(log) = event else { panic!("no step is known") };
            prop_assert!(log.message.len() <= PIECE && !log.message.is_empty());
            joined.push_str(&log.message);
        }
        prop_assert_eq!(joined, text);
    }

    /// Whatever the order of messages, a step is told once and says rightly whether it wrote.
    #[test]
    fn has_logs_is_right(order in prop::collection::vec(0..5u8, 0..30)) {
        let heard = Heard::default();
        let mut progress = Progress::new(&heard);
        let mut wrote = false;
        for what in order {
            match what {
                0 => progress.feed(message(vec![vertex("a", 1, None)], vec![])),
                1 => progress.feed(message(vec![vertex("a", 1, Some(9))], vec![])),
                2 => { wrote = true; progress.feed(message(vec![], vec![log("a", 1, 5, b"x")])); }
                3 => progress.feed(message(vec![], vec![log("a", 1, 5, b"")])),
                _ => progress.feed(message(vec![vertex("b", 1, Some(2))], vec![log("b", 1, 1, b"y")])),
            }
        }
        progress.feed(message(vec![vertex("a", 1, Some(9))], vec![]));
        progress.settle();
        let steps: Vec<Step> = heard.take().into_iter().filter_map(|e| match e {
            Event::Step(step) if step.id == "a" => Some(step),
            _ => None,
        }).collect();
        prop_assert_eq!(steps.len(), 1);
        prop_assert_eq!(steps[0].has_logs, wrote);
    }
}
