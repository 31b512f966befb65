//! Where words go: lines for people, objects for programs. A reader that went away is no error.

use std::io::Write as _;

use serde::Serialize;

use crate::failure::Failure;

/// How a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// One thing that happened, or one result: its words, or itself on one line of JSON.
    pub(crate) fn say(self, what: &(impl Serialize + std::fmt::Display)) {
        let _listened = self.tell(what);
    }

    /// The same; `false` when nobody reads any more.
    pub(crate) fn tell(self, what: &(impl Serialize + std::fmt::Display)) -> bool {
        let line = if self.json {
            to_json(what)
        } else {
            what.to_string()
        };
        writeln!(std::io::stdout().lock(), "{line}").is_ok()
    }
}

/// The reason of a failure: words on standard error, or an object on standard output as well.
pub(crate) fn failure(json: bool, failure: &Failure) {
    if json {
        let object = serde_json::json!({ "event": "error", "error": failure.to_string(), "code": failure.exit_code() });
        let _ = writeln!(std::io::stdout().lock(), "{object}");
    }
    let _ = writeln!(std::io::stderr().lock(), "error: {failure}");
}

fn to_json(what: &impl Serialize) -> String {
    serde_json::to_string(what)
        .unwrap_or_else(|error| format!("{{\"event\":\"error\",\"error\":\"{error}\"}}"))
}
