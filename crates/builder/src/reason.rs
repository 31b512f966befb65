//! Why a build failed, in words for the customer.

/// Longest text for a customer, bytes.
const MOST_BYTES: usize = 400;
/// What says nothing of its own.
const PREFIX: &str = "failed to solve: ";

const UNREADABLE: &str =
    "The Dockerfile is empty or cannot be read. Check the Dockerfile path in the build settings.";
const TARGET: &str =
    "The build target does not exist in the Dockerfile. Check the target in the build settings.";
const MISSING: &str = "A file that the Dockerfile refers to is missing. Check that it is committed, and the root \
     directory in the build settings.";
const VARIABLE: &str = "The build uses a variable that is not defined.";
const EXPRESSION: &str = "The build has an expression that cannot be evaluated.";
const BLOCK: &str = "The build has a block that is not valid.";
const ARGUMENT: &str =
    "A build argument is not valid. Write it as name=value, with printable characters only.";
const OTHER: &str = "The build failed. Its log says why.";

/// What to say to which text, both in lower case; the first that is found in it counts.
const HINTS: &[(&str, &str)] = &[
    ("the dockerfile cannot be empty", UNREADABLE),
    ("failed to read dockerfile", UNREADABLE),
    ("failed to find target", TARGET),
    ("failed to compute cache key", MISSING),
    ("no such file or directory", MISSING),
    (
        "dockerfile parse error on line",
        "The Dockerfile has a syntax error.",
    ),
    (
        "no build stage in current context",
        "The Dockerfile has no build stage. Begin it with FROM.",
    ),
    (
        "circular dependency detected on stage",
        "The stages of the Dockerfile depend on each other in a circle.",
    ),
    (
        "invalid reference format",
        "The name of an image is not valid. Check the FROM lines of the Dockerfile.",
    ),
    ("no match for platform in manifest", PLATFORM),
    ("no matching manifest", PLATFORM),
    ("there is no variable named", VARIABLE),
    ("the expression result is null", EXPRESSION),
    ("invalid expression", EXPRESSION),
    ("invalid block definition", BLOCK),
    ("must be of the form: name=value", ARGUMENT),
    (
        "contains value with non-printable ascii characters",
        ARGUMENT,
    ),
    (
        "docker exporter does not currently support",
        "The build exports its result in a way that is not supported.",
    ),
    (
        "failed to solve: process",
        "A command of the Dockerfile failed. The build log shows its output.",
    ),
    (
        "linting failed",
        "The Dockerfile does not pass its lint rules.",
    ),
];
const PLATFORM: &str =
    "A base image does not exist for the platform that is built for. Choose another in FROM.";

/// What the customer is told about an error of the builder: what to look at, and the first line of the reason. At most
/// 400 bytes, one line.
#[must_use]
pub fn public_reason(text: &str) -> String {
    let lower = text.to_lowercase();
    let found = HINTS.iter().find(|(part, _)| lower.contains(part));
    told(found.map_or(OTHER, |(_, hint)| hint), text)
}

/// A hint with the first line of a reason behind it.
pub(crate) fn told(hint: &str, text: &str) -> String {
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let reason: String = line
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if reason.is_empty() {
        return hint.to_owned();
    }
    // the brackets and the space before them
    let room = MOST_BYTES.saturating_sub(hint.len() + 3);
    format!("{hint} ({})", shortened(&reason, room))
}

/// At most so many bytes of a text, whole characters, with a mark where something is missing.
pub(crate) fn shortened(text: &str, bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub(MARK.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}", &text[..end])
}

/// An error of BuildKit's, as its own clients write it.
pub(crate) fn as_clients_write(message: &str) -> String {
    if message.starts_with(PREFIX) {
        message.to_owned()
    } else {
        format!("{PREFIX}{message}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_match_counts_in_the_order_of_the_table() {
        let hint = |text: &str| {
            let told = public_reason(text);
            let (_, hint) = HINTS
                .iter()
                .find(|(_, hint)| told.starts_with(hint))
                .unwrap_or(&("", OTHER));
            *hint
        };
        for (at, (part, expected)) in HINTS.iter().enumerate() {
            assert_eq!(part.to_lowercase(), *part, "compared with lower case");
            assert_eq!(hint(&format!("x {} y", part.to_uppercase())), *expected);
            for (later, _) in &HINTS[at + 1..] {
                assert_eq!(
                    hint(&format!("{later} {part}")),
                    *expected,
                    "{part} before {later}"
                );
            }
        }
        let order: Vec<&str> = HINTS.iter().map(|(part, _)| *part).collect();
        assert_eq!(order.len(), 20, "all of the table");
        assert_eq!(
            hint(
                "failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory"
            ),
            UNREADABLE
        );
        assert_eq!(hint("something else"), OTHER);
        assert_eq!(hint(""), OTHER);
    }

    #[test]
    fn the_reason_is_its_first_line() {
        assert_eq!(
            public_reason(
                "failed to solve: dockerfile parse error on line 3: unknown instruction: RNU\nmore of it"
            ),
            "The Dockerfile has a syntax error. (dockerfile parse error on line 3: unknown instruction: RNU)"
        );
        assert_eq!(
            public_reason(&as_clients_write(
                "process \"/bin/sh -c\tfalse\" did not complete successfully: exit code: 1"
            )),
            "A command of the Dockerfile failed. The build log shows its output. (process \"/bin/sh -c false\" did not \
             complete successfully: exit code: 1)"
        );
        assert_eq!(public_reason("\n \n"), OTHER);
    }

    proptest! {
        #[test]
        fn a_reason_is_one_short_line(text in any::<String>(), long in "[ä€a-z \n]{380,500}") {
            for text in [text.clone(), long.clone(), format!("{text}failed to solve: process {long}")] {
                let told = public_reason(&text);
                prop_assert!(told.len() <= MOST_BYTES, "{}", told.len());
                prop_assert!(!told.contains(char::is_control), "{told:?}");
            }
        }

        #[test]
        fn shortening_keeps_characters_whole(text in "[ä€a-z]{0,30}", bytes in 3..40usize) {
            let short = shortened(&text, bytes);
            prop_assert!(short.len() <= bytes);
            prop_assert!(short == text || text.starts_with(short.trim_end_matches('…')));
        }
    }
}
