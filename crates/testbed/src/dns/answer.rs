//! One DNS answer: the records of a name, aliases followed, or the failure the test asked for.

use std::sync::Arc;

use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CAA, CNAME, NS, SOA, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;

use super::table::plain;
use super::{DnsData, DnsFailure, DnsKind, Shared};

/// Aliases followed in one answer.
const MAX_HOPS: usize = 16;

/// Seconds; nobody in a test wants to meet yesterday's answer.
const TTL: u32 = 1;

/// The handler of one server.
pub(super) struct Answerer(pub(super) Arc<Shared>);

/// What a query leads to.
struct Answer {
    code: ResponseCode,
    records: Vec<Record>,
}

impl Answer {
    fn empty(code: ResponseCode) -> Self {
        Self {
            code,
            records: Vec::new(),
        }
    }
}

impl Answerer {
    /// `None`: say nothing.
    async fn answer(&self, name: &str, wanted: RecordType) -> Option<Answer> {
        let failure = self.0.table().ask(name, kind_of(wanted));
        match failure {
            Some(DnsFailure::Silence) => return None,
            Some(DnsFailure::ServFail) => return Some(Answer::empty(ResponseCode::ServFail)),
            Some(DnsFailure::Refused) => return Some(Answer::empty(ResponseCode::Refused)),
            Some(DnsFailure::NxDomain) => return Some(Answer::empty(ResponseCode::NXDomain)),
            Some(DnsFailure::Late(by)) => tokio::time::sleep(by).await,
            None => {}
        }
        Some(self.look_up(name, wanted).await)
    }

    async fn look_up(&self, name: &str, wanted: RecordType) -> Answer {
        let mut answer = Answer::empty(ResponseCode::NoError);
        let mut name = name.to_owned();
        for hop in 0..MAX_HOPS {
            let found = match self.records(&name).await {
                Ok(found) => found,
                Err(error) => {
                    eprintln!("DNS server of the test: {name}: {error}");
                    return Answer::empty(ResponseCode::ServFail);
                }
            };
            let Some(found) = found else {
                if hop == 0 {
                    answer.code = ResponseCode::NXDomain;
                }
                break;
            };
            let kind = kind_of(wanted);
            let mut next = None;
            for data in found {
                match &data {
                    DnsData::Cname(target) if kind != DnsKind::Cname => next = Some(plain(target)),
                    other if other.kind() != kind => continue,
                    _ => {}
                }
                match record(&name, &data) {
                    Ok(record) => answer.records.push(record),
                    Err(error) => {
                        eprintln!("DNS server of the test: {name}: {error}");
                        return Answer::empty(ResponseCode::ServFail);
                    }
                }
            }
            match next {
                Some(target) => name = target,
                None => break,
            }
        }
        answer
    }

    async fn records(&self, name: &str) -> Result<Option<Vec<DnsData>>, String> {
        let own = self.0.table().records(name);
        if own.as_ref().is_some_and(|records| !records.is_empty()) {
            return Ok(own);
        }
        let sources = self.0.sources().clone();
        for source in sources {
            if let Some(records) = source.records(name).await? {
                return Ok(Some(records));
            }
        }
        Ok(own)
    }
}

fn kind_of(wanted: RecordType) -> DnsKind {
    match wanted {
        RecordType::A => DnsKind::A,
        RecordType::AAAA => DnsKind::Aaaa,
        RecordType::CNAME => DnsKind::Cname,
        RecordType::NS => DnsKind::Ns,
        RecordType::TXT => DnsKind::Txt,
        RecordType::CAA => DnsKind::Caa,
        _ => DnsKind::Other,
    }
}

fn record(name: &str, data: &DnsData) -> Result<Record, String> {
    let name_of = |text: &str| {
        Name::from_ascii(format!("{}.", text.trim_end_matches('.'))).map_err(|e| e.to_string())
    };
    let data = match data {
        DnsData::A(address) => RData::A(A(*address)),
        DnsData::Aaaa(address) => RData::AAAA(AAAA(*address)),
        DnsData::Cname(target) => RData::CNAME(CNAME(name_of(target)?)),
        DnsData::Ns(server) => RData::NS(NS(name_of(server)?)),
        DnsData::Txt(strings) => RData::TXT(TXT::new(strings.clone())),
        DnsData::Caa {
            critical,
            tag,
            value,
        } => {
            let mut caa = CAA::new_issue(*critical, None, Vec::new());
            caa.tag = tag.clone();
            caa.value = value.clone().into_bytes();
            RData::CAA(caa)
        }
    };
    Ok(Record::from_rdata(name_of(name)?, TTL, data))
}

/// Stands in the authority section of an answer without data, as resolvers expect it.
fn start_of_authority() -> Record {
    let name = |text: &str| Name::from_ascii(text).unwrap_or_else(|_| Name::root());
    let soa = SOA::new(name("ns.test."), name("nobody.test."), 1, 60, 60, 60, TTL);
    Record::from_rdata(Name::root(), TTL, RData::SOA(soa))
}

#[async_trait::async_trait]
impl RequestHandler for Answerer {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut respond: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.authoritative = true;
        metadata.recursion_available = true;
        let nothing = ResponseInfo::from(Header {
            metadata,
            counts: HeaderCounts::default(),
        });
        let answer = match request.request_info() {
            Ok(info) => {
                let name = plain(&info.query.name().to_string());
                match self.answer(&name, info.query.query_type()).await {
                    Some(answer) => answer,
                    None => return nothing,
                }
            }
            Err(_) => Answer::empty(ResponseCode::FormErr),
        };
        metadata.response_code = answer.code;
        let lacks_data = matches!(answer.code, ResponseCode::NoError | ResponseCode::NXDomain)
            && answer.records.is_empty();
        let soa: Vec<Record> = lacks_data.then(start_of_authority).into_iter().collect();
        let none: [Record; 0] = [];
        let builder = MessageResponseBuilder::from_message_request(request);
        let response = builder.build(
            metadata,
            answer.records.iter(),
            none.iter(),
            soa.iter(),
            none.iter(),
        );
        // the asker may be gone: its affair
        respond.send_response(response).await.unwrap_or(nothing)
    }
}
