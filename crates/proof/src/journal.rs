//! The journal of each handler's happy path, as text: what must stay as it is while something is in flight.
//!
//! Kept in `crates/proof/journals`, one file a handler, so that a change of order is a difference somebody sees. Not for
//! which change is safe: see `docs/upgrades.md`.

use std::collections::{BTreeMap, BTreeSet};

use faults::Seen;

use crate::runner::{Options, lock, plain};
use crate::{Lane, Scene, Story};

/// Where they are kept, from the root of the repository.
pub const FOLDER: &str = "crates/proof/journals";

/// Text of each handler, by the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journals(pub BTreeMap<String, String>);

impl Journals {
    /// Reads what is kept.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn kept() -> Result<Self, String> {
        let mut files = BTreeMap::new();
        let folder = testbed::repository().join(FOLDER);
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.map_err(|e| e.to_string())?.path();
            let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.insert(name.into_owned(), text);
        }
        Ok(Self(files))
    }

    /// Keeps these and nothing else.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self) -> Result<(), String> {
        let folder = testbed::repository().join(FOLDER);
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder).map_err(|e| e.to_string())?;
        }
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        for (name, text) in &self.0 {
            std::fs::write(folder.join(name), text).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// How these differ from those that are kept: a line for each command that only one of them has, and one for each
    /// handler with the same commands in another order.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn differences(&self) -> Result<Vec<String>, String> {
        Ok(self.against(&Self::kept()?))
    }

    fn against(&self, kept: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(kept.0.keys()).collect();
        let mut lines = Vec::new();
        for name in names {
            let text = |of: &Self| of.0.get(name).cloned().unwrap_or_default();
            let (ours, theirs) = (text(self), text(kept));
            if ours == theirs {
                continue;
            }
            let only = |a: &str, b: &str, sign: &str| -> Vec<String> {
                let mut known: Vec<&str> = b.lines().collect();
                let missing = a.lines().filter(|line| {
                    let at = known.iter().position(|k| k == line);
                    at.map(|at| known.remove(at)).is_none()
                });
                missing
                    .map(|line| format!("{name}: {sign} {line}"))
                    .collect()
            };
            let mut found = only(&theirs, &ours, "-");
            found.extend(only(&ours, &theirs, "+"));
            if found.is_empty() {
                found.push(format!("{name}: another order"));
            }
            lines.extend(found);
        }
        lines
    }
}

/// Stories with the same journal, and that journal.
type Section<'a> = (Vec<&'a str>, &'a Vec<String>);

/// Plays every story that succeeds plain, and those of handlers that have no such story, and writes down the journals of
/// the handlers they cover.
///
/// # Errors
/// A lane did not start, or a story did not end as it must.
pub async fn journals(stories: &[Story], options: &Options) -> Result<Journals, String> {
    let succeeds = |of: &Story| {
        let mut alike = stories.iter();
        alike.any(|s| (s.service, s.handler) == (of.service, of.handler) && s.fails_with.is_none())
    };
    let happy: Vec<Story> = stories
        .iter()
        .filter(|s| s.fails_with.is_none() || !succeeds(s))
        .copied()
        .collect();
    let by_story = by_story(&happy, options).await?;
    let mut files: BTreeMap<String, Vec<Section<'_>>> = BTreeMap::new();
    for story in &happy {
        let service = story.service.trim_start_matches("hydra.v1.");
        let file = files
            .entry(format!("{service}.{}.txt", story.handler))
            .or_default();
        let journal = by_story
            .get(story.name)
            .ok_or_else(|| format!("{} was not played", story.name))?;
        match file.iter_mut().find(|(_, known)| *known == journal) {
            Some((names, _)) => names.push(story.name),
            None => file.push((vec![story.name], journal)),
        }
    }
    let text = |sections: Vec<Section<'_>>| {
        let sections = sections
            .iter()
            .map(|(names, journal)| format!("# {}\n{}\n", names.join(", "), journal.join("\n")));
        sections.collect::<Vec<_>>().join("\n")
    };
    let files = files.into_iter();
    let files = files.map(|(name, sections)| (name, text(sections)));
    Ok(Journals(files.collect()))
}

/// The journals by story.
///
/// # Errors
/// As [`journals`].
pub(crate) async fn by_story(
    stories: &[Story],
    options: &Options,
) -> Result<BTreeMap<&'static str, Vec<String>>, String> {
    let (_lanes, board) = plain(stories, options).await?;
    let board = lock(&board);
    let mut found = BTreeMap::new();
    for ((story, row), dry) in stories.iter().zip(&board.rows).zip(&board.dry) {
        let Some(dry) = dry else {
            let broken = row.cells.values().flat_map(|c| c.broken.clone());
            let broken: Vec<String> = broken.collect();
            return Err(format!("{}: {}", story.name, broken.join("; ")));
        };
        found.insert(story.name, dry.journal.clone());
    }
    Ok(found)
}

/// Commands of the first invocation of the covered handler, as `Run claim` or `Call Service/Handler`.
pub(crate) fn of(lane: &Lane, story: &Story, scene: &Scene) -> Vec<String> {
    let all = lane.proxy.commands(story.service, story.handler);
    let ours = |s: &&Seen| s.key.is_empty() || scene.names.iter().any(|(name, _)| *name == s.key);
    // what was in flight beside it when the request was made has begun already
    let mut begun = all.iter().filter(|s| s.index == Some(1));
    let Some(first) = begun.find(ours).map(|s| s.invocation.clone()) else {
        return Vec::new();
    };
    let mut commands: Vec<&Seen> = all.iter().filter(|s| s.invocation == first).collect();
    commands.sort_by_key(|s| s.index);
    let lines = commands.iter().map(|s| scene.nameless(&s.step()));
    folded(lines.map(|l| l.replace("hydra.v1.", "")).collect())
}

/// A wait goes round as often as time has it: what comes again right behind a sleep is left out, with the sleep.
fn folded(mut lines: Vec<String>) -> Vec<String> {
    for length in 1..=6 {
        let mut at = 0;
        while at + 2 * length < lines.len() {
            let (round, behind) = (&lines[at..at + length], at + length);
            let again =
                lines[behind].starts_with("Sleep") && *round == lines[behind + 1..=behind + length];
            if again {
                lines.drain(behind..=behind + length);
            } else {
                at += 1;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Journals, folded};

    #[test]
    fn rounds_of_a_wait_are_written_once_and_nothing_else_is() {
        let lines = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let fold = |text: &str| folded(lines(text));
        assert_eq!(
            fold("a look Sleep look Sleep look Sleep b"),
            lines("a look Sleep b")
        );
        assert_eq!(fold("a Sleep look Sleep look b"), lines("a Sleep look b"));
        assert_eq!(fold("a look Sleep look b"), lines("a look b"));
        assert_eq!(fold("a b Sleep a b Sleep a b"), lines("a b"));
        assert_eq!(fold("a Sleep b"), lines("a Sleep b"));
        assert_eq!(
            fold("SetState SetState a a"),
            lines("SetState SetState a a")
        );
    }

    #[test]
    fn a_changed_order_is_told_and_so_is_what_came_and_went() {
        let of = |text: &str| Journals([("A.B.txt".to_owned(), text.to_owned())].into());
        assert!(of("a\nb\n").against(&of("a\nb\n")).is_empty());
        assert_eq!(
            of("b\na\n").against(&of("a\nb\n")),
            ["A.B.txt: another order"]
        );
        assert_eq!(
            of("a\nc\n").against(&of("a\nb\n")),
            ["A.B.txt: - b", "A.B.txt: + c"]
        );
        let nothing = Journals([].into());
        assert_eq!(of("a\n").against(&nothing), ["A.B.txt: + a"]);
    }
}
