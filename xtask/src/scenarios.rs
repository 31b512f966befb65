//! `cargo xtask scenarios`: docs/scenarios.md against the claims of tests that passed.
//!
//! Not for making claims: `testbed::scenario!` does, at run time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::run::{Because, Failure, Result, root, target_dir};

/// How many scenarios each prefix has; 357 in all.
const COUNTS: &[(&str, usize)] = &[
    ("API", 25),
    ("C", 10),
    ("CHU", 16),
    ("CRT", 26),
    ("D", 10),
    ("DEP", 54),
    ("DOM", 24),
    ("DPL", 18),
    ("EDG", 21),
    ("G", 12),
    ("N", 11),
    ("O", 10),
    ("QTA", 17),
    ("REF", 16),
    ("RTE", 16),
    ("S", 9),
    ("VER", 12),
    ("VLT", 16),
    ("W", 12),
    ("WRK", 22),
];

/// One row of the table.
struct Row {
    id: String,
    title: String,
    ours: bool,
}

struct Coverage {
    rows: Vec<Row>,
    tests: BTreeMap<String, BTreeSet<String>>,
    revisions: BTreeSet<String>,
}

/// Prints the coverage; with `json`, one JSON line last.
pub(crate) fn report(json: bool) -> Result<()> {
    let coverage = read()?;
    print(&coverage, true);
    if json {
        let revisions: Vec<&str> = coverage.revisions.iter().map(String::as_str).collect();
        println!(
            "{}",
            json!({ "scenarios": coverage.tests, "revision": revisions.join(",") })
        );
    }
    Ok(())
}

/// Prints one line per prefix.
pub(crate) fn summary() -> Result<()> {
    print(&read()?, false);
    Ok(())
}

fn print(coverage: &Coverage, with_open: bool) {
    let (mut shown, mut ours, mut others) = (0, 0, 0);
    for (prefix, _) in COUNTS {
        let of_prefix = |row: &&Row| row.id.split_once('-').is_some_and(|(p, _)| p == *prefix);
        let rows: Vec<&Row> = coverage.rows.iter().filter(of_prefix).collect();
        let mine: Vec<&&Row> = rows.iter().filter(|row| row.ours).collect();
        let open: Vec<&&&Row> = mine
            .iter()
            .filter(|row| !coverage.tests.contains_key(&row.id))
            .collect();
        let outside = rows.len() - mine.len();
        println!(
            "{prefix:4} {:3} shown {:3} open {outside:3} out of scope (control API)",
            mine.len() - open.len(),
            open.len()
        );
        if with_open {
            for row in &open {
                println!("       open {:7} {}", row.id, row.title);
            }
        }
        shown += mine.len() - open.len();
        ours += mine.len();
        others += outside;
    }
    let revisions: Vec<&str> = coverage.revisions.iter().map(String::as_str).collect();
    let on = if revisions.is_empty() {
        "no recorded run".to_owned()
    } else {
        revisions.join(", ")
    };
    println!("{shown} of {ours} scenarios shown, {others} out of scope; on {on}");
}

fn read() -> Result<Coverage> {
    let rows = table()?;
    let known: BTreeMap<&str, bool> = rows.iter().map(|r| (r.id.as_str(), r.ours)).collect();
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut revisions = BTreeSet::new();
    let dir = target_dir()?.join("scenarios");
    for entry in std::fs::read_dir(&dir).into_iter().flatten() {
        let path = entry.because(dir.display())?.path();
        let text = std::fs::read_to_string(&path).because(path.display())?;
        for line in text.lines() {
            let claim: Value = serde_json::from_str(line).because(path.display())?;
            let word = |name: &str| claim[name].as_str().unwrap_or_default().to_owned();
            let (id, test) = (word("id"), word("test"));
            match known.get(id.as_str()) {
                Some(true) => {}
                Some(false) => {
                    return Err(Failure(format!(
                        "{test} claims {id}, which is out of scope"
                    )));
                }
                None => return Err(Failure(format!("{test} claims {id}, which does not exist"))),
            }
            tests.entry(id).or_default().insert(test);
            revisions.insert(word("revision"));
        }
    }
    Ok(Coverage {
        rows,
        tests,
        revisions,
    })
}

/// The rows of docs/scenarios.md, complete and in order, or what is wrong with them.
fn table() -> Result<Vec<Row>> {
    let text =
        std::fs::read_to_string(root().join("docs/scenarios.md")).because("docs/scenarios.md")?;
    let mut rows = Vec::new();
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines().filter(|l| l.starts_with("| ")) {
        let line = line.trim_start_matches("| ").trim_end_matches(" |");
        let cells: Vec<&str> = line.split(" | ").collect();
        let Some((prefix, number)) = cells[0].split_once('-') else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        let wrong = |what: &str| Failure(format!("docs/scenarios.md: {}: {what}", cells[0]));
        if cells.len() != 4 {
            return Err(wrong("a row has id, title, text and owner"));
        }
        let expected = next.entry(prefix.to_owned()).or_insert(1);
        if number != *expected {
            return Err(wrong(&format!("number {expected} expected")));
        }
        *expected += 1;
        let ours = match cells[3] {
            "worker" => true,
            "control API" => false,
            _ => return Err(wrong("the owner is `worker` or `control API`")),
        };
        rows.push(Row {
            id: cells[0].to_owned(),
            title: cells[1].to_owned(),
            ours,
        });
    }
    for (prefix, count) in COUNTS {
        let found = next.remove(*prefix).map_or(0, |n| n - 1);
        if found != *count {
            return Err(Failure(format!(
                "docs/scenarios.md: {found} rows {prefix}, not {count}"
            )));
        }
    }
    match next.keys().next() {
        Some(prefix) => Err(Failure(format!(
            "docs/scenarios.md: unknown prefix {prefix}"
        ))),
        None => Ok(rows),
    }
}
