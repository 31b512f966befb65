//! What was looked at, what was found, and what to do about it, for people and programs.
//!
//! Not for looking: see the checks beside it.

use std::fmt;

use serde::Serialize;

use crate::text::one_line;

/// The longest text of somebody else that is shown, characters.
const LONGEST: usize = 300;

/// How something stands. The order is that of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at, and why.
    Skip,
    /// Deserves a look; nothing is stuck.
    Warn,
    /// Something is stuck, wrong or away.
    Fail,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    /// Id of what it is about: an invocation, a row, a deployment.
    pub(super) subject: String,
    /// What is wrong.
    pub(super) what: String,
    /// What to do: a command where there is one.
    pub(super) cure: String,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// One sentence.
    pub(super) summary: String,
    pub(super) findings: Vec<Finding>,
}

/// All of them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) verdict: Verdict,
    pub(super) checks: Vec<Check>,
}

impl Finding {
    pub(super) fn fail(
        subject: impl Into<String>,
        what: impl AsRef<str>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Fail,
            subject: subject.into(),
            what: short(what.as_ref()),
            cure: cure.into(),
        }
    }

    pub(super) fn warn(
        subject: impl Into<String>,
        what: impl AsRef<str>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warn,
            ..Self::fail(subject, what, cure)
        }
    }
}

impl Check {
    /// `fine`: the sentence when nothing was found; otherwise the number of findings is told.
    pub(super) fn of(
        check: &'static str,
        fine: impl Into<String>,
        mut findings: Vec<Finding>,
    ) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let verdict = findings.first().map_or(Verdict::Ok, |first| first.verdict);
        let summary = match findings.len() {
            0 => fine.into(),
            1 => "1 thing to look at".to_owned(),
            many => format!("{many} things to look at"),
        };
        Self {
            check,
            verdict,
            summary,
            findings,
        }
    }

    /// A check that failed as a whole.
    pub(super) fn failed(
        check: &'static str,
        what: impl AsRef<str>,
        cure: impl Into<String>,
    ) -> Self {
        let finding = Finding::fail(check, what, cure);
        Self::of(check, "", vec![finding])
    }

    pub(super) fn skipped(check: &'static str, why: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Skip,
            summary: why.into(),
            findings: Vec::new(),
        }
    }
}

impl Report {
    pub(super) fn of(checks: Vec<Check>) -> Self {
        let verdict = checks.iter().map(|check| check.verdict).max();
        Self {
            verdict: verdict.unwrap_or(Verdict::Ok),
            checks,
        }
    }

    /// Names of the checks that failed.
    pub(super) fn failed(&self) -> Vec<&'static str> {
        let failed = self
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Fail);
        failed.map(|check| check.check).collect()
    }
}

/// Somebody else's words on one line, and not too many of them.
pub(super) fn short(text: &str) -> String {
    let line = one_line(text);
    if line.chars().count() <= LONGEST {
        return line;
    }
    let kept: String = line.chars().take(LONGEST).collect();
    format!("{kept}…")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(
                f,
                "{:4}  {:13} {}",
                check.verdict, check.check, check.summary
            )?;
            for finding in &check.findings {
                writeln!(
                    f,
                    "      {:4}  {}: {}",
                    finding.verdict, finding.subject, finding.what
                )?;
                writeln!(f, "            → {}", finding.cure)?;
            }
        }
        write!(f, "{}", self.verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_stands_first() {
        let findings = vec![
            Finding::warn("a", "old", "wait"),
            Finding::fail("b", "gone\nfor good", "start it"),
        ];
        let check = Check::of("paused", "none", findings);
        assert_eq!(
            (check.verdict, check.findings[0].subject.as_str()),
            (Verdict::Fail, "b")
        );
        let report = Report::of(vec![
            Check::of("mysql", "answers", Vec::new()),
            Check::skipped("vault", "none is configured"),
            check,
        ]);
        assert_eq!(report.failed(), ["paused"]);
        assert_eq!(
            report.to_string(),
            "ok    mysql         answers\n\
             skip  vault         none is configured\n\
             FAIL  paused        2 things to look at\n      \
             FAIL  b: gone for good\n            → start it\n      \
             warn  a: old\n            → wait\nFAIL"
        );
    }

    #[test]
    fn what_was_not_looked_at_is_no_failure() {
        let report = Report::of(vec![Check::skipped("vault", "none")]);
        assert_eq!(report.verdict, Verdict::Skip);
        assert!(report.failed().is_empty());
        assert_eq!(short(&"x".repeat(400)).chars().count(), LONGEST + 1);
    }
}
