//! What strangers' programs wrote, made fit for a terminal: a build's output may hold anything. Pure.

/// The lines of a text without what would move the cursor, change colours or ring a bell. Of a line that overwrites
/// itself, as progress bars do, what stands there in the end. At least one, perhaps empty.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.strip_suffix('\n')
        .unwrap_or(text)
        .split('\n')
        .map(|line| {
            let line = line.trim_end_matches('\r');
            let last = line.rsplit('\r').find(|part| !part.is_empty());
            plain(last.unwrap_or_default())
        })
}

/// The text on one line.
pub(crate) fn one_line(text: &str) -> String {
    lines(text.trim()).collect::<Vec<_>>().join(" ")
}

/// Without escape sequences and control characters; tabs stay.
fn plain(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // `ESC [ parameters letter`; of others only the escape itself goes
            '\u{1b}' if rest.peek() == Some(&'[') => {
                rest.next();
                while rest.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                rest.next();
            }
            '\t' => kept.push(c),
            c if c.is_control() || is_direction(c) => {}
            c => kept.push(c),
        }
    }
    kept
}

/// Marks that turn the direction of what follows, by which a text can look like another.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        lines(text).collect()
    }

    #[test]
    fn lines_lose_what_would_act_on_a_terminal() {
        assert_eq!(all("a\nb\n"), ["a", "b"]);
        assert_eq!(all(""), [""]);
        assert_eq!(all("10%\r50%\r100%\r\n"), ["100%"]);
        assert_eq!(all("\u{1b}[31;1mred\u{1b}[0m\tx\u{7}"), ["red\tx"]);
        assert_eq!(all("\u{1b}]0;title\u{7}y"), ["]0;titley"]);
        assert_eq!(all("\u{1b}["), [""]);
        assert_eq!(all("a\u{202e}b\u{9b}c"), ["abc"]);
        assert_eq!(one_line("process\n\tfailed \n"), "process \tfailed");
    }
}
