//! moto, asked by ourselves.
//!
//! Not for clients: they go through the gate.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;

use super::xml::{self, Set};

/// moto tells services apart by the scope of the signature, which it does not check.
const SCOPE: &str = "AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=x";
/// A zone moto has.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) private: bool,
}

/// moto, asked by ourselves.
#[derive(Debug, Clone)]
pub(super) struct Moto {
    base: String,
    http: reqwest::Client,
}

impl Moto {
    pub(super) fn at(addr: SocketAddr) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a plain HTTP client can be made");
        Self {
            base: format!("http://{addr}"),
            http,
        }
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> Result<(u16, String), String> {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let answer = request
            .header("authorization", SCOPE)
            .body(body)
            .send()
            .await;
        let answer = answer.map_err(|e| e.to_string())?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await.map_err(|e| e.to_string())?))
    }

    async fn good(&self, method: Method, path: &str, body: String) -> Result<String, String> {
        let (status, text) = self.ask(method, path, body).await?;
        if (200..300).contains(&status) {
            Ok(text)
        } else {
            Err(format!("{status}: {text}"))
        }
    }

    /// All zones.
    pub(super) async fn zones(&self) -> Result<Vec<Zone>, String> {
        let text = self.good(
            Method::GET,
            "/2013-04-01/hostedzone?maxitems=1000",
            String::new(),
        );
        let text = text.await?;
        Ok(xml::all(&text, "HostedZone")
            .into_iter()
            .filter_map(|zone| {
                Some(Zone {
                    id: xml::one(zone, "Id")?.rsplit('/').next()?.to_owned(),
                    name: xml::plain(&xml::one(zone, "Name")?),
                    private: xml::one(zone, "PrivateZone")
                        .is_some_and(|p| p.eq_ignore_ascii_case("true")),
                })
            })
            .collect())
    }

    pub(super) async fn create_zone(&self, name: &str, private: bool) -> Result<String, String> {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
             <CallerReference>{name}-{private}</CallerReference><HostedZoneConfig><PrivateZone>{private}</PrivateZone>\
             </HostedZoneConfig>{}</CreateHostedZoneRequest>",
            if private {
                "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-1</VPCId></VPC>"
            } else {
                ""
            }
        );
        let text = self
            .good(Method::POST, "/2013-04-01/hostedzone", body)
            .await?;
        let id = xml::one(&text, "Id").ok_or("no id in the answer")?;
        Ok(id.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// The sets at a name.
    pub(super) async fn sets_at(&self, zone: &str, name: &str) -> Result<Vec<Set>, String> {
        let path = format!("/2013-04-01/hostedzone/{zone}/rrset?maxitems=300&name={name}");
        let text = self.good(Method::GET, &path, String::new()).await?;
        let sets = xml::all(&text, "ResourceRecordSet").into_iter();
        let here = |set: &Set| xml::plain(&set.name) == xml::plain(name);
        Ok(sets.filter_map(xml::set).filter(here).collect())
    }

    pub(super) async fn set(
        &self,
        zone: &str,
        name: &str,
        kind: &str,
    ) -> Result<Option<Set>, String> {
        let sets = self.sets_at(zone, name).await?;
        Ok(sets.into_iter().find(|set| set.kind == kind))
    }

    pub(super) async fn change(
        &self,
        zone: &str,
        changes: &[(&str, &Set)],
    ) -> Result<String, String> {
        let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
        self.good(Method::POST, &path, xml::batch(changes)).await
    }
}
