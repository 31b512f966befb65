//! The commented default file as sections and keys.

/// A section, with what its comment says.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// Without brackets; empty for the lines before the first.
    pub(super) name: String,
    pub(super) meaning: String,
    pub(super) keys: Vec<Key>,
}

/// A key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    /// With its section.
    pub(super) path: String,
    /// As the file writes it.
    pub(super) value: String,
    /// The comment above it.
    pub(super) meaning: String,
    /// Whether the file only shows it, as a comment.
    pub(super) absent: bool,
}

/// Reads the file. A comment belongs to what follows it without an empty line.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut comment: Vec<&str> = Vec::new();
    for line in text.lines() {
        let (shown, absent) = match line.strip_prefix("# ") {
            Some(rest) if is_section(rest) || is_key(rest) => (rest, true),
            _ => (line, false),
        };
        if shown.is_empty() {
            comment.clear();
        } else if let Some(words) = shown.strip_prefix('#') {
            comment.push(words.trim());
        } else if is_section(shown) {
            let name = shown.trim_matches(['[', ']']).to_owned();
            let meaning = std::mem::take(&mut comment).join(" ");
            sections.push(Section {
                name,
                meaning,
                keys: Vec::new(),
            });
        } else if let (Some((name, value)), Some(section)) =
            (shown.split_once(" = "), sections.last_mut())
        {
            let path = match section.name.as_str() {
                "" => name.to_owned(),
                section => format!("{section}.{name}"),
            };
            let meaning = std::mem::take(&mut comment).join(" ");
            let (name, value) = (name.to_owned(), value.to_owned());
            section.keys.push(Key {
                name,
                path,
                value,
                meaning,
                absent,
            });
        }
    }
    sections.retain(|section| !section.keys.is_empty());
    sections
}

fn is_section(line: &str) -> bool {
    line.starts_with('[') && line.ends_with(']')
}

fn is_key(line: &str) -> bool {
    let name = line.split_once(" = ").map(|(name, _)| name);
    name.is_some_and(|name| {
        name.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_what_follows() {
        let text = "# The file.\n\n# One\n# and more.\na = 1\n# Of the section.\n[b]\nc = \"\"\n# Off.\n# [d.e]\n# f = 0.5\n";
        let all = sections(text);
        let told: Vec<String> = all
            .iter()
            .flat_map(|s| {
                s.keys.iter().map(|k| {
                    format!(
                        "{}/{}/{}/{}/{}",
                        s.meaning, k.path, k.value, k.meaning, k.absent
                    )
                })
            })
            .collect();
        let wanted = [
            "/a/1/One and more./false",
            "Of the section./b.c/\"\"//false",
            "Off./d.e.f/0.5//true",
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn every_key_says_what_it_means() {
        let all = sections(config::DEFAULT_TEXT);
        let silent: Vec<&str> = all
            .iter()
            .flat_map(|s| &s.keys)
            .filter(|k| k.meaning.is_empty())
            .map(|k| k.path.as_str())
            .collect();
        assert!(
            silent.is_empty(),
            "no comment in deploy/worker.default.toml: {silent:?}"
        );
    }
}
