//! The comment's text: a table with a line for each app and environment. Pure.
//!
//! Its form is that of the worker before this one, so that a comment of its goes on. Not for reading or writing comments.

use std::collections::BTreeMap;

use messages::hydra::v1::GitHubDeploymentState as State;
use time::OffsetDateTime;

/// Beginning of every comment of ours.
pub(crate) const MARKER: &str = "<!-- unkey-deploy -->";

const HEAD: &str = "**The latest updates on your projects.** Learn more about [Unkey Deploy](https://www.unkey.com/docs/deployments)\n\n\
| Name | Status | Preview | Inspect | Updated (UTC) |\n| :-- | :-- | :-- | :-- | :-- |";

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// What a line tells.
pub(crate) struct Line<'a> {
    pub(crate) app: &'a str,
    pub(crate) environment: &'a str,
    pub(crate) project: &'a str,
    pub(crate) state: State,
    pub(crate) preview_url: &'a str,
    pub(crate) log_url: &'a str,
    /// Epoch milliseconds.
    pub(crate) updated: i64,
}

/// Name of the line of an app and environment.
pub(crate) fn name(app: &str, environment: &str) -> String {
    format!("{}:{}", plain(app), plain(environment))
}

impl Line<'_> {
    /// As a row of the table.
    pub(crate) fn row(&self) -> String {
        let title = match self.app {
            "" | "default" => plain(self.project),
            app => format!("{} / {}", plain(self.project), plain(app)),
        };
        let preview = match url(self.preview_url) {
            Some(url) => format!("[Visit Preview]({url})"),
            None => "—".to_owned(),
        };
        let log = url(self.log_url).map_or_else(|| "—".to_owned(), |u| format!("[Inspect]({u})"));
        format!(
            "| <!-- row:{} --> **{title}** ({}) | {} | {preview} | {log} | {} |",
            name(self.app, self.environment),
            plain(self.environment),
            label(self.state),
            date(self.updated),
        )
    }
}

/// The whole comment; lines in the order of their names, so that equal rows make equal comments.
pub(crate) fn render(rows: &BTreeMap<String, String>) -> String {
    let mut text = format!("{MARKER}\n{HEAD}");
    for row in rows.values() {
        text.push('\n');
        text.push_str(row);
    }
    text
}

/// The lines of a comment, by their names.
pub(crate) fn rows(comment: &str) -> BTreeMap<String, String> {
    let of = |line: &str| {
        let rest = line.split_once("<!-- row:")?.1;
        let name = rest.split_once(" -->")?.0;
        Some((name.to_owned(), line.trim().to_owned()))
    };
    comment.lines().filter_map(of).collect()
}

fn label(state: State) -> &'static str {
    match state {
        State::GITHUB_DEPLOYMENT_STATE_PENDING | State::GITHUB_DEPLOYMENT_STATE_QUEUED => "Queued",
        State::GITHUB_DEPLOYMENT_STATE_IN_PROGRESS => "Building",
        State::GITHUB_DEPLOYMENT_STATE_SUCCESS => "Ready",
        State::GITHUB_DEPLOYMENT_STATE_FAILURE | State::GITHUB_DEPLOYMENT_STATE_ERROR => "Failed",
        _ => "In Progress",
    }
}

/// Text that is neither markup nor the end of a cell.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            c if c.is_control() => plain.push(' '),
            '|' | '<' | '>' | '[' | ']' | '*' | '`' | '\\' => {
                plain.push_str(&format!("&#{};", u32::from(c)));
            }
            c => plain.push(c),
        }
    }
    plain
}

/// An address that cannot end the link or the cell it stands in.
fn url(text: &str) -> Option<String> {
    let good = text.starts_with("https://") || text.starts_with("http://");
    let clean = text
        .chars()
        .all(|c| c.is_ascii_graphic() && !"()<>|\\\"`".contains(c));
    (good && clean).then(|| text.to_owned())
}

fn date(epoch_ms: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1_000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let month = MONTHS[usize::from(u8::from(at.month()) - 1)];
    let (half, hour) = match at.hour() {
        0 => ("am", 12),
        h @ 1..=11 => ("am", h),
        12 => ("pm", 12),
        h => ("pm", h - 12),
    };
    format!(
        "{month} {}, {} {hour}:{:02}{half}",
        at.day(),
        at.year(),
        at.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line<'a>(app: &'a str, environment: &'a str, state: State) -> Line<'a> {
        Line {
            app,
            environment,
            project: "shop",
            state,
            preview_url: "https://shop-preview-acme.unkey.app",
            log_url: "https://app.unkey.com/acme/d_1",
            updated: 1_767_323_045_000,
        }
    }

    #[test]
    fn a_line_has_the_known_form() {
        let state = State::GITHUB_DEPLOYMENT_STATE_SUCCESS;
        assert_eq!(
            line("default", "preview", state).row(),
            "| <!-- row:default:preview --> **shop** (preview) | Ready | [Visit Preview](https://shop-preview-acme.unkey.app) | \
             [Inspect](https://app.unkey.com/acme/d_1) | Jan 2, 2026 3:04am |"
        );
        let other = line("api", "preview", State::GITHUB_DEPLOYMENT_STATE_PENDING).row();
        assert!(
            other.contains("**shop / api** (preview) | Queued |"),
            "{other}"
        );
    }

    #[test]
    fn every_state_has_its_word() {
        for (number, word) in [
            (0, "In Progress"),
            (1, "Queued"),
            (2, "Building"),
            (3, "Ready"),
            (4, "Failed"),
            (5, "Failed"),
            (6, "In Progress"),
            (7, "Queued"),
        ] {
            let state = [
                State::GITHUB_DEPLOYMENT_STATE_UNSPECIFIED,
                State::GITHUB_DEPLOYMENT_STATE_PENDING,
                State::GITHUB_DEPLOYMENT_STATE_IN_PROGRESS,
                State::GITHUB_DEPLOYMENT_STATE_SUCCESS,
                State::GITHUB_DEPLOYMENT_STATE_FAILURE,
                State::GITHUB_DEPLOYMENT_STATE_ERROR,
                State::GITHUB_DEPLOYMENT_STATE_INACTIVE,
                State::GITHUB_DEPLOYMENT_STATE_QUEUED,
            ][number];
            assert_eq!(label(state), word, "{number}");
        }
    }

    #[test]
    fn times_of_the_day_are_those_of_a_clock_with_twelve_hours() {
        for (hour, shown) in [
            (0, "12:00am"),
            (11, "11:00am"),
            (12, "12:00pm"),
            (23, "11:00pm"),
        ] {
            assert_eq!(date(hour * 3_600_000), format!("Jan 1, 1970 {shown}"));
        }
    }

    #[test]
    fn a_comment_of_the_worker_before_goes_on() {
        let theirs = format!(
            "{MARKER}\n**The latest updates on your projects.** …\n\n| Name | Status |\n| :-- | :-- |\n\
             | <!-- row:web:preview --> **shop / web** (preview) | Ready | — | — | x |\r\n"
        );
        let mut known = rows(&theirs);
        assert_eq!(known.keys().collect::<Vec<_>>(), ["web:preview"]);
        let ours = line("api", "preview", State::GITHUB_DEPLOYMENT_STATE_SUCCESS);
        known.insert(name("api", "preview"), ours.row());
        let text = render(&known);
        assert_eq!(rows(&text), known);
        assert!(text.starts_with(MARKER));
    }

    proptest! {
        #[test]
        fn no_name_and_no_address_breaks_out_of_its_cell(app in "\\PC{0,12}", environment in "\\PC{0,12}", project in "\\PC{0,12}", address in "\\PC{0,30}") {
            let line = Line { app: &app, environment: &environment, project: &project, preview_url: &address, log_url: &format!("https://x/{address}"), ..line("", "", State::GITHUB_DEPLOYMENT_STATE_SUCCESS) };
            let row = line.row();
            prop_assert_eq!(row.lines().count(), 1);
            prop_assert_eq!(row.matches('|').count(), 6, "{}", row);
            let mut all = BTreeMap::new();
            all.insert(name(&app, &environment), row);
            prop_assert_eq!(rows(&render(&all)), all);
        }
    }
}
