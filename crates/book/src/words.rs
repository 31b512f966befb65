//! Command lines within texts and shell blocks, as words.
//!
//! Not a shell: quotes keep their blanks together and that is all.

/// The command lines of a shell text that call `program`, each as its words behind the program's name.
pub fn commands(text: &str, program: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ").replace("$(", " ; ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let words = split(line);
        for (index, word) in words.iter().enumerate() {
            let begins = index == 0
                || before_a_command(&words[index - 1])
                || is_assignment(&words[index - 1]);
            if begins && word == program {
                let ends = |w: &String| {
                    matches!(
                        w.as_str(),
                        "|" | "||" | "&&" | "&" | ";" | ">" | ">>" | "<" | "2>"
                    )
                };
                let mut call = Vec::new();
                for word in words[index + 1..].iter().take_while(|w| !ends(w)) {
                    call.push(word.trim_end_matches([')', ';']).to_owned());
                    if word.ends_with([')', ';']) {
                        break;
                    }
                }
                found.push(call);
            }
        }
    }
    found
}

/// The long options among words, without values and brackets.
pub fn options(words: &[String]) -> impl Iterator<Item = &str> {
    words
        .iter()
        .map(|word| word.trim_start_matches('[').trim_end_matches(']'))
        .take_while(|word| *word != "--")
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
}

fn before_a_command(word: &str) -> bool {
    matches!(
        word,
        "|" | "||"
            | "&&"
            | ";"
            | "!"
            | "if"
            | "do"
            | "then"
            | "until"
            | "while"
            | "exec"
            | "time"
            | "xargs"
    ) || word.ends_with(';')
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

/// Words without their quotes and without a comment at the end.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut open = false;
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => (quote, open) = (Some(c), true),
            (None, '#') if word.is_empty() && !open => break,
            (None, c) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (_, c) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_found_where_they_stand() {
        let text = "ctl jobs run key-refill  # now\nSECRET=x ctl webhook --listen '127.0.0.1:0' \\\n  --secret-env A | tee log\n\
                    echo ctl; ID=$(ctl --json deploy img:1)\nuntil ctl status \"$A\"; do sleep 1; done\n";
        let found = commands(text, "ctl");
        let wanted = [
            vec!["jobs", "run", "key-refill"],
            vec!["webhook", "--listen", "127.0.0.1:0", "--secret-env", "A"],
            vec!["--json", "deploy", "img:1"],
            vec!["status", "$A"],
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn options_are_found_without_what_belongs_to_them() {
        let words = [
            "[--story",
            "X]",
            "--json]",
            "--limit=3",
            "-p",
            "--",
            "--not",
        ]
        .map(str::to_owned);
        assert_eq!(
            options(&words).collect::<Vec<_>>(),
            ["--story", "--json", "--limit"]
        );
    }
}
