//! The reports as tables for people.

use crate::{Ends, FaultKind, Rehearsal, Report};

/// `survived/tried` by story and kind of fault; `-` where nothing of the kind can happen, `!` where something broke.
pub fn table(report: &Report) -> String {
    let kinds: Vec<String> = FaultKind::ALL
        .into_iter()
        .map(FaultKind::name)
        .filter(|kind| report.rows.iter().any(|row| row.cells.contains_key(kind)))
        .collect();
    let mut lines = vec![format!(
        "{:24} {:46} {:>4} {:>5} {} {:>5} {:>6} {:>7} {:>5}",
        "story",
        "handler",
        "cmds",
        "steps",
        kinds.iter().map(|k| format!("{k:>10}")).collect::<String>(),
        "undos",
        "invar.",
        "effects",
        "s"
    )];
    for row in &report.rows {
        let cells: String = kinds
            .iter()
            .map(|kind| {
                let text = row.cells.get(kind).map_or("-".to_owned(), |cell| {
                    let mark = if cell.broken.is_empty() { "" } else { "!" };
                    if cell.wanted == 0 {
                        "-".to_owned()
                    } else {
                        format!("{}/{}{mark}", cell.survived, cell.tried)
                    }
                });
                format!("{text:>10}")
            })
            .collect();
        let sum = |of: &dyn Fn(&crate::Cell) -> usize| row.cells.values().map(of).sum::<usize>();
        lines.push(format!(
            "{:24} {:46} {:>4} {:>5} {cells} {:>5} {:>6} {:>7} {:>5.0}",
            row.story,
            row.handler.trim_start_matches("hydra.v1."),
            row.commands,
            row.steps,
            sum(&|c| c.undos),
            sum(&|c| c.invariants),
            sum(&|c| c.effects),
            row.seconds
        ));
    }
    for row in &report.rows {
        for (kind, cell) in &row.cells {
            for broken in &cell.broken {
                lines.push(format!("BROKEN {} [{kind}] {broken}", row.story));
            }
            if cell.left_out > 0 {
                lines.push(format!(
                    "{} [{kind}]: {} were left out for want of time; an earlier story has them",
                    row.story, cell.left_out
                ));
            }
            if cell.tried < cell.wanted {
                let healed = cell.wanted - cell.tried;
                lines.push(format!(
                    "{} [{kind}]: {healed} of {} DID NOT HAPPEN",
                    row.story, cell.wanted
                ));
            }
        }
    }
    for handler in &report.uncovered {
        lines.push(format!("NO STORY for {handler}"));
    }
    lines.join("\n")
}

/// The rehearsal of an upgrade as a table: where each story was stopped and whether its work ended well at either build.
pub fn upgrade_table(rehearsals: &[Rehearsal]) -> String {
    let place = |r: &Rehearsal| {
        r.stopped_at
            .clone()
            .unwrap_or_else(|| "nothing: it has no middle".to_owned())
    };
    let width = rehearsals.iter().map(|r| place(r).len()).max();
    let width = width.unwrap_or_default();
    let line = |story: &str, place: &str, old: &str, new: &str| {
        format!("{story:26} {place:width$} {old:>10} {new:>10}")
    };
    let head = line("story", "stopped right before", "at the old", "at the new");
    let mut lines = vec![head];
    for rehearsal in rehearsals {
        let cell = |ends: Ends| match rehearsal.ended.get(&ends.to_string()) {
            Some(Ok(())) => "whole",
            Some(Err(_)) => "BROKEN",
            None if !rehearsal.same_journal => "not moved",
            None => "-",
        };
        let (old, new) = (cell(Ends::Old), cell(Ends::New));
        lines.push(line(&rehearsal.story, &place(rehearsal), old, new));
    }
    for rehearsal in rehearsals {
        for (ends, ended) in &rehearsal.ended {
            if let Err(error) = ended {
                lines.push(format!("BROKEN {} [{ends}] {error}", rehearsal.story));
            }
        }
    }
    let whole = rehearsals.iter().filter(|r| r.passed()).count();
    lines.push(format!("{whole} of {} whole", rehearsals.len()));
    lines.join("\n")
}
