//! The table: rows with their aims, printed and written between the marks of docs/bench.md.
//! Not for measuring.

use std::path::Path;

use crate::Result;

/// Every row there must be, in order; `cargo xtask bench --check` reads the same list.
const ROWS: &str = include_str!("../rows.txt");
const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// One line of the table.
pub(crate) struct Row {
    /// Its name in `rows.txt`.
    pub(crate) id: String,
    /// What was done.
    pub(crate) what: String,
    /// What came out.
    pub(crate) figure: String,
    /// What it should be, and whether it was.
    pub(crate) aim: Option<(&'static str, bool)>,
}

impl Row {
    /// A row without an aim.
    pub(crate) fn new(id: &str, what: impl Into<String>, figure: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            what: what.into(),
            figure: figure.into(),
            aim: None,
        }
    }

    /// With an aim.
    pub(crate) fn aim(mut self, aim: &'static str, passed: bool) -> Self {
        self.aim = Some((aim, passed));
        self
    }

    fn markdown(&self) -> String {
        let aim = match self.aim {
            None => "".to_owned(),
            Some((aim, true)) => format!("{aim}: passed"),
            Some((aim, false)) => format!("{aim}: **missed**"),
        };
        format!(
            "| `{}` | {} | {} | {aim} |",
            self.id, self.what, self.figure
        )
    }
}

/// Everything measured so far.
pub(crate) struct Report {
    facts: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(facts: Vec<(&'static str, String)>) -> Self {
        for (name, value) in &facts {
            println!("{name}: {value}");
        }
        Self {
            facts,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a row and shows it at once.
    pub(crate) fn add(&mut self, row: Row) {
        println!("{}", row.markdown());
        self.rows.push(row);
    }

    /// Adds a line below the table: where a figure's time went, as far as it was measured along with it.
    pub(crate) fn note(&mut self, note: String) {
        println!("{note}");
        self.notes.push(note);
    }

    /// Prints the table in the order of `rows.txt`; writes it where there is a page and no row is missing.
    pub(crate) fn finish(self, doc: Option<&Path>) -> Result<()> {
        let table = self.markdown();
        println!("\n{table}");
        let Some(path) = doc else { return Ok(()) };
        let missing: Vec<&str> = ids()
            .filter(|id| !self.rows.iter().any(|r| r.id == *id))
            .collect();
        if !missing.is_empty() {
            return Err(
                format!("nothing written, rows are missing: {}", missing.join(", ")).into(),
            );
        }
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        std::fs::write(path, replaced(&text, &table)?)?;
        println!("written to {}", path.display());
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.facts {
            out += &format!("* {name}: {value}\n");
        }
        out += "\n| row | what | figure | aim |\n|---|---|---|---|\n";
        for id in ids() {
            for row in self.rows.iter().filter(|r| r.id == id) {
                out += &row.markdown();
                out.push('\n');
            }
        }
        if !self.notes.is_empty() {
            out.push('\n');
        }
        for note in &self.notes {
            out += &format!("* {note}\n");
        }
        out
    }
}

fn ids() -> impl Iterator<Item = &'static str> {
    ROWS.lines().map(str::trim).filter(|l| !l.is_empty())
}

/// The page with another text between its marks.
fn replaced(page: &str, table: &str) -> Result<String> {
    let parts = page
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        return Err(format!("the page has no {BEGIN} … {END}").into());
    };
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_marks_changes() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&page, "new\n").expect("both marks are there");
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert!(replaced("no marks", "new").is_err());
    }

    #[test]
    fn a_missing_row_is_an_error_and_nothing_is_written() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("bench.md");
        std::fs::write(&path, format!("{BEGIN}\n{END}\n")).expect("written");
        let mut report = Report::new(Vec::new());
        report.add(Row::new("floor", "a call", "1 ms"));
        let error = report.finish(Some(&path)).expect_err("rows are missing");
        assert!(error.to_string().contains("deploy-commands"), "{error}");
        let left = std::fs::read_to_string(&path).expect("read");
        assert_eq!(left, format!("{BEGIN}\n{END}\n"));
    }
}
