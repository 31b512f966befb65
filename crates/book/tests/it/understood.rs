//! A command line the book speaks of has a verb and options that the program's own help knows.

use std::process::Command;

use crate::pages::Read;
use crate::world::{PROGRAMS, programs};

/// Fails with every command of the page that the programs do not have.
pub(crate) fn page(read: &Read) {
    let mut wrong = Vec::new();
    for program in PROGRAMS {
        for (line, words) in read.commands(program) {
            if let Err(why) = understood(program, &words) {
                wrong.push(format!(
                    "{}:{line}: {program} {}: {why}",
                    read.path,
                    words.join(" ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The pages that list every verb of a program.
pub(crate) const LISTS: [(&str, &str); 2] =
    [("ctl", "docs/ctl.md"), ("worker", "docs/operations.md")];

/// Fails with the verbs the program has and its page does not.
pub(crate) fn verbs(program: &str, path: &str) {
    let page =
        std::fs::read_to_string(testbed::repository().join(path)).expect("the page is there");
    let help = help(program, &[]).expect("it has a help");
    let commands = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let names = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            // what a verb does may go on in a line of its own, further in
            let name = line
                .strip_prefix("  ")
                .filter(|rest| !rest.starts_with(' '))?;
            name.split_whitespace()
                .next()
                .filter(|name| *name != "help")
        });
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 3, "{help}");
    let told = |name: &str| {
        page.contains(&format!("`{name}")) || page.contains(&format!("`{program} {name}"))
    };
    let silent: Vec<&str> = names.into_iter().filter(|name| !told(name)).collect();
    assert!(silent.is_empty(), "{path} does not list {silent:?}");
}

fn understood(program: &str, words: &[String]) -> Result<(), String> {
    let mut helps = vec![help(program, &[]).ok_or("it has no help")?];
    let mut verbs: Vec<&str> = Vec::new();
    // options of the program itself may stand before the verb
    for word in words.iter().filter(|word| !word.starts_with('-')) {
        let is_name = word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let chooses = helps
            .last()
            .is_some_and(|help| help.contains("\nCommands:\n"));
        if !is_name || !chooses {
            break;
        }
        verbs.push(word);
        helps.push(help(program, &verbs).ok_or_else(|| format!("there is no `{word}`"))?);
    }
    let unknown = book::options(words).find(|option| !helps.iter().any(|help| names(help, option)));
    unknown.map_or(Ok(()), |option| Err(format!("there is no `{option}`")))
}

fn help(program: &str, verbs: &[&str]) -> Option<String> {
    let output = Command::new(programs().join(program))
        .args(verbs)
        .arg("--help")
        .output();
    let output = output.unwrap_or_else(|e| panic!("{program} runs: {e}"));
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a help has exactly this option.
fn names(help: &str, option: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    help.split(option).skip(1).any(ends)
}
