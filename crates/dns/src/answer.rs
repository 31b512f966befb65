//! What several servers said to one question, and whether enough of them agree. Pure.

use std::fmt;

/// What one server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// There is something.
    Found(T),
    /// There is nothing: no such name, or no record of this kind.
    Missing,
    /// It cannot be known: no answer in time, a server failure. In a word or two.
    Unknown(String),
}

impl<T> Answer<T> {
    /// What was found.
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(found) => Some(found),
            _ => None,
        }
    }
}

/// How many servers must say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The configured number.
    Quorum,
    /// Every one.
    All,
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Enough servers say so.
    Yes,
    /// Too few say so, whatever the silent ones might have said.
    No,
    /// The silent ones could have made the difference.
    Unknown,
}

/// One question and every answer to it.
#[derive(Debug, Clone)]
pub struct Seen<T> {
    kind: &'static str,
    name: String,
    quorum: usize,
    /// Server and answer, in the order of the configuration.
    pub answers: Vec<(String, Answer<T>)>,
}

impl<T> Seen<T> {
    /// The answers to one question about one name; `quorum` of them suffice.
    pub fn new(
        kind: &'static str,
        name: &str,
        quorum: usize,
        answers: Vec<(String, Answer<T>)>,
    ) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            quorum,
            answers,
        }
    }

    /// Whether enough servers found what `test` accepts. "Unknown" never counts as "missing".
    pub fn judge(&self, agreement: Agreement, test: impl Fn(&T) -> bool) -> Verdict {
        let needed = match agreement {
            Agreement::Quorum => self.quorum,
            Agreement::All => self.answers.len().max(1),
        };
        let count = |wanted: &dyn Fn(&Answer<T>) -> bool| {
            self.answers.iter().filter(|(_, a)| wanted(a)).count()
        };
        let yes = count(&|answer| answer.found().is_some_and(&test));
        let unknown = count(&|answer| matches!(answer, Answer::Unknown(_)));
        if yes >= needed {
            Verdict::Yes
        } else if yes + unknown < needed {
            Verdict::No
        } else {
            Verdict::Unknown
        }
    }

    /// Everything that any server found, the first one's first.
    pub fn found(&self) -> impl Iterator<Item = &T> {
        self.answers.iter().filter_map(|(_, answer)| answer.found())
    }

    /// In words, what kept the servers that did not answer: `1.1.1.1: no answer in time`. Empty when all answered.
    pub fn silent(&self) -> String {
        let words = self.answers.iter().filter_map(|(server, answer)| {
            let Answer::Unknown(why) = answer else {
                return None;
            };
            Some(format!("{server}: {why}"))
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// The question: `TXT of _unkey.example.com`.
    pub fn question(&self) -> Question<'_> {
        Question(self.kind, &self.name)
    }
}

/// A question, to be printed.
#[derive(Debug)]
pub struct Question<'a>(&'static str, &'a str);

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(quorum: usize, answers: Vec<Answer<u8>>) -> Seen<u8> {
        let answers = answers
            .into_iter()
            .enumerate()
            .map(|(i, a)| (format!("server {i}"), a))
            .collect();
        Seen::new("A/AAAA", "a.test", quorum, answers)
    }

    fn silent() -> Answer<u8> {
        Answer::Unknown("no answer".to_owned())
    }

    #[test]
    fn silence_is_unknown_and_never_missing() {
        let judge = |answers| seen(2, answers).judge(Agreement::Quorum, |n| *n == 1);
        use Answer::{Found, Missing};
        assert_eq!(judge(vec![Found(1), Found(1), Missing]), Verdict::Yes);
        assert_eq!(judge(vec![Found(1), Missing, Found(2)]), Verdict::No);
        assert_eq!(judge(vec![Found(1), Missing, silent()]), Verdict::Unknown);
        assert_eq!(judge(vec![Missing, Missing, silent()]), Verdict::No);
        assert_eq!(judge(vec![silent(), silent(), silent()]), Verdict::Unknown);
    }

    #[test]
    fn all_means_every_server() {
        use Answer::{Found, Missing};
        let judge = |answers| seen(2, answers).judge(Agreement::All, |n| *n == 1);
        assert_eq!(judge(vec![Found(1), Found(1), Found(1)]), Verdict::Yes);
        assert_eq!(judge(vec![Found(1), Found(1), Missing]), Verdict::No);
        assert_eq!(judge(vec![Found(1), Found(1), silent()]), Verdict::Unknown);
        assert_eq!(judge(vec![]), Verdict::No);
    }

    fn answers() -> impl Strategy<Value = Vec<Answer<u8>>> {
        let one = prop_oneof![
            (0u8..3).prop_map(Answer::Found),
            Just(Answer::Missing),
            Just(silent()),
        ];
        prop::collection::vec(one, 1..7)
    }

    proptest! {
        /// Whatever the silent servers would have said, a yes stays a yes and a no stays a no.
        #[test]
        fn a_verdict_does_not_depend_on_the_silent(answers in answers(), quorum in 1usize..5, told in 0u8..3, missing: bool) {
            let is_one = |n: &u8| *n == 1;
            let before = seen(quorum, answers.clone()).judge(Agreement::Quorum, is_one);
            let told = answers.into_iter().map(|answer| match answer {
                Answer::Unknown(_) if missing => Answer::Missing,
                Answer::Unknown(_) => Answer::Found(told),
                known => known,
            });
            let after = seen(quorum, told.collect()).judge(Agreement::Quorum, is_one);
            prop_assert!(after != Verdict::Unknown);
            prop_assert!(before == Verdict::Unknown || before == after);
        }
    }
}
