//! What the image weighs and takes: as lines for whoever ran it, and as rows of docs/bench.md.
//!
//! Not for measuring: `trial`.

use std::time::Duration;

use super::trial::{CALLS, Figures};
use crate::bench::PAGE;
use crate::run::{Because, Failure, Result, root};

/// Most the image may weigh.
const LARGEST: u64 = 40_000_000;
/// What a release build is to stay below.
const READY: Duration = Duration::from_millis(300);
const IDLE_KIB: u64 = 20 * 1024;

/// The rows, by their names.
pub(crate) const ROWS: &str =
    "image-size\nimage-start-to-ready\nimage-idle-memory\nimage-100-calls\n";
const BEGIN: &str = "<!-- image:begin -->\n";
const END: &str = "<!-- image:end -->";

/// One figure.
struct Row {
    name: &'static str,
    what: String,
    figure: String,
    aim: &'static str,
    /// None without an aim.
    passed: Option<bool>,
}

/// Rows of one image.
pub(super) struct Report(Vec<Row>);

impl Report {
    pub(super) fn new(size: u64, figures: &Figures) -> Self {
        let mut ready = figures.ready.clone();
        ready.sort();
        let middle = ready.get(ready.len() / 2).map_or(0, Duration::as_millis);
        let longest = ready.last().copied().unwrap_or_default();
        let stopped = figures.stopped.iter().max().map_or(0, Duration::as_millis);
        Self(vec![
            Row {
                name: "image-size",
                what: "the layers of the image, uncompressed".to_owned(),
                figure: format!("{:.1} MB", megabytes(size)),
                aim: "< 40 MB",
                passed: Some(size < LARGEST),
            },
            Row {
                name: "image-start-to-ready",
                what: "container asked for until `/health/ready` says yes, registration included"
                    .to_owned(),
                figure: format!(
                    "median {middle} ms, longest {} ms of {}; SIGTERM to exit code 0: longest {stopped} ms",
                    longest.as_millis(),
                    ready.len()
                ),
                aim: "every start within 300 ms",
                passed: Some(longest < READY),
            },
            Row {
                name: "image-idle-memory",
                what: "resident memory of a worker without work".to_owned(),
                figure: format!("{:.1} MiB", mebibytes(figures.idle)),
                aim: "< 20 MiB",
                passed: Some(figures.idle < IDLE_KIB),
            },
            Row {
                name: "image-100-calls",
                what: format!(
                    "the same under {CALLS} handler calls a second, and its processor time"
                ),
                figure: format!(
                    "{:.1} MiB, {:.0} % of one core ({} calls, each answered)",
                    mebibytes(figures.busy),
                    figures.cpu * 100.0,
                    figures.calls
                ),
                aim: "",
                passed: None,
            },
        ])
    }

    /// A line each.
    pub(super) fn print(&self) {
        for row in &self.0 {
            println!("{}: {}: {}", row.name, row.what, row.figure);
        }
    }

    /// An error that names every aim that was missed.
    pub(super) fn judge(&self) -> Result<()> {
        let missed = self.0.iter().filter(|row| row.passed == Some(false));
        let missed: Vec<String> = missed
            .map(|row| format!("{}: {}, the aim is {}", row.name, row.figure, row.aim))
            .collect();
        if missed.is_empty() {
            println!("image: built, run and stopped, all aims met");
            return Ok(());
        }
        Err(Failure(missed.join("\n")))
    }

    /// Puts the rows into docs/bench.md.
    pub(super) fn record(&self, revision: &str) -> Result<()> {
        let path = root().join(PAGE);
        let page = std::fs::read_to_string(&path).because(PAGE)?;
        let page = with(&page, &self.table(revision))
            .ok_or_else(|| Failure(format!("{PAGE} has no place for the image's rows")))?;
        std::fs::write(&path, page).because(PAGE)
    }

    fn table(&self, revision: &str) -> String {
        let mut text = format!(
            "* image of commit `{revision}`\n\n| row | what | figure | aim |\n|---|---|---|---|\n"
        );
        for row in &self.0 {
            let verdict = match row.passed {
                Some(true) => ": passed",
                Some(false) => ": **missed**",
                None => "",
            };
            text.push_str(&format!(
                "| `{}` | {} | {} | {}{verdict} |\n",
                row.name, row.what, row.figure, row.aim
            ));
        }
        text
    }
}

/// The page with this between the marks.
fn with(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_aim_is_told_in_the_row_and_fails() {
        let figures = Figures {
            ready: vec![Duration::from_millis(90), Duration::from_millis(301)],
            stopped: vec![Duration::from_millis(5)],
            idle: 18 * 1024,
            ..Figures::default()
        };
        let report = Report::new(39_000_000, &figures);
        let table = report.table("abc");
        for row in ROWS.lines() {
            assert!(table.contains(&format!("\n| `{row}` |")), "{row}: {table}");
        }
        assert!(table.contains("39.0 MB | < 40 MB: passed"), "{table}");
        assert!(table.contains("within 300 ms: **missed**"), "{table}");
        let why = report.judge().map_err(|e| e.0).unwrap_err();
        assert!(
            why.contains("longest 301 ms of 2") && !why.contains("MiB"),
            "{why}"
        );
        let page = format!("a\n{BEGIN}old\n{END}\nb");
        let new = with(&page, &table).unwrap_or_default();
        assert!(
            new.starts_with("a\n") && new.ends_with("\nb") && !new.contains("old"),
            "{new}"
        );
    }
}
