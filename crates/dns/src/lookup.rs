//! One question to one server (or to the system's servers as a whole), measured and bounded.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::answer::Answer;
use crate::caa::CaaRecord;

/// Seconds of each question by kind and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";

/// Records read of one answer. More are an attack or a mistake, and nobody reads them.
const MAX_RECORDS: usize = 100;
/// Characters kept of one text.
const MAX_TEXT: usize = 1024;

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Aliases followed, in their order, without the name itself.
    pub aliases: Vec<String>,
    /// At least one.
    pub addresses: BTreeSet<IpAddr>,
}

/// One place to ask.
#[derive(Clone)]
pub(crate) struct Vantage {
    name: String,
    resolver: TokioResolver,
}

impl Vantage {
    pub(crate) fn new(name: String, resolver: TokioResolver) -> Self {
        Self { name, resolver }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn cname(&self, name: &str) -> Answer<String> {
        let records = self.records(name, RecordType::CNAME).await;
        let asked = plain(name);
        and_then(records, |records| {
            records.into_iter().find_map(|(owner, data)| match data {
                RData::CNAME(target) if owner == asked => Some(plain(&target.0.to_ascii())),
                _ => None,
            })
        })
    }

    pub(crate) async fn texts(&self, name: &str) -> Answer<Vec<String>> {
        let records = self.records(name, RecordType::TXT).await;
        and_then(records, |records| {
            let texts = records.into_iter().filter_map(|(_, data)| match data {
                RData::TXT(txt) => {
                    let bytes: Vec<u8> = txt.txt_data.concat();
                    let text = String::from_utf8_lossy(&bytes);
                    Some(text.chars().take(MAX_TEXT).collect())
                }
                _ => None,
            });
            Some(texts.collect()).filter(|texts: &Vec<String>| !texts.is_empty())
        })
    }

    pub(crate) async fn caa(&self, name: &str) -> Answer<Vec<CaaRecord>> {
        let records = self.records(name, RecordType::CAA).await;
        and_then(records, |records| {
            let found = records.into_iter().filter_map(|(_, data)| match data {
                RData::CAA(caa) => Some(CaaRecord {
                    critical: caa.issuer_critical,
                    value: String::from_utf8_lossy(&caa.value)
                        .chars()
                        .take(MAX_TEXT)
                        .collect(),
                    tag: caa.tag,
                }),
                _ => None,
            });
            Some(found.collect()).filter(|found: &Vec<CaaRecord>| !found.is_empty())
        })
    }

    pub(crate) async fn addresses(&self, name: &str) -> Answer<Addresses> {
        let (v4, v6) = futures::future::join(
            self.records(name, RecordType::A),
            self.records(name, RecordType::AAAA),
        )
        .await;
        let (mut aliases, mut addresses) = (Vec::new(), BTreeSet::new());
        let mut unknown = None;
        for answer in [v4, v6] {
            let records = match answer {
                Answer::Found(records) => records,
                Answer::Missing => continue,
                Answer::Unknown(why) => {
                    unknown = Some(why);
                    continue;
                }
            };
            for (_, data) in records {
                match data {
                    RData::A(a) => drop(addresses.insert(IpAddr::V4(a.0))),
                    RData::AAAA(a) => drop(addresses.insert(IpAddr::V6(a.0))),
                    RData::CNAME(target) => {
                        let alias = plain(&target.0.to_ascii());
                        if !aliases.contains(&alias) {
                            aliases.push(alias);
                        }
                    }
                    _ => {}
                }
            }
        }
        match unknown {
            _ if !addresses.is_empty() => Answer::Found(Addresses { aliases, addresses }),
            Some(why) => Answer::Unknown(why),
            None => Answer::Missing,
        }
    }

    /// Owner and data of every record of the answer, aliases included.
    async fn records(&self, name: &str, kind: RecordType) -> Answer<Vec<(String, RData)>> {
        // Rooted: no search list of this machine has a say.
        let Ok(rooted) = Name::from_ascii(format!("{}.", name.trim_end_matches('.'))) else {
            return Answer::Missing;
        };
        // Boxed: the future is large, and callers hold many of them at a time.
        match Box::pin(self.resolver.lookup(rooted, kind)).await {
            Ok(lookup) => {
                let records = lookup.answers().iter().take(MAX_RECORDS);
                let records = records.map(|r| (plain(&r.name.to_ascii()), r.data.clone()));
                Answer::Found(records.collect())
            }
            Err(error) if error.is_no_records_found() => Answer::Missing,
            Err(error) => Answer::Unknown(in_words(&error)),
        }
    }
}

/// What was found, if it has what was asked for.
fn and_then<T, U>(answer: Answer<T>, pick: impl FnOnce(T) -> Option<U>) -> Answer<U> {
    match answer {
        Answer::Found(found) => pick(found).map_or(Answer::Missing, Answer::Found),
        Answer::Missing => Answer::Missing,
        Answer::Unknown(why) => Answer::Unknown(why),
    }
}

/// Runs one question up to its deadline and records how long it took.
pub(crate) async fn measured<T>(
    kind: &'static str,
    deadline: Duration,
    question: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let started = Instant::now();
    let operation = match kind {
        "CNAME" => "cname",
        "TXT" => "txt",
        "CAA" => "caa",
        _ => "address",
    };
    let question = async {
        let answer = tokio::time::timeout(deadline, question).await;
        answer.map_err(|_| Answer::Unknown("no answer in time".to_owned()))
    };
    let answer = trace_context::outside("dns", operation, question).await;
    let answer = answer.unwrap_or_else(|late| late);
    let outcome = match &answer {
        Answer::Found(_) => "found",
        Answer::Missing => "missing",
        Answer::Unknown(why) => {
            tracing::debug!(kind, why, "a DNS server did not answer");
            "unknown"
        }
    };
    metrics::histogram!(OUTSIDE_SECONDS, "adapter" => "dns", "operation" => operation, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
    answer
}

/// For the person who waits: no address, no name of a library.
fn in_words(error: &NetError) -> String {
    match error {
        NetError::Timeout => "no answer in time".to_owned(),
        NetError::Dns(DnsError::ResponseCode(code)) => format!("server failure ({code})"),
        NetError::Io(_) | NetError::NoConnections => "cannot be reached".to_owned(),
        _ => "no usable answer".to_owned(),
    }
}

/// Lower case, no dot at the end.
pub(crate) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// What a stranger wrote, fit for a message: printable ASCII, at most 80 characters.
pub(crate) fn printable(text: &str) -> String {
    let shown = text.chars().take(80).map(|c| match c {
        ' '..='~' => c,
        _ => '?',
    });
    let more = if text.chars().count() > 80 { "…" } else { "" };
    shown.collect::<String>() + more
}
