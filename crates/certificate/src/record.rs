//! The TXT record that proves a wildcard: added beside the values of others, seen everywhere, taken away again.
//!
//! Not for what it has to say: the authority's challenge does.

use crate::round::Record;
use crate::verdict::{Cause, Failure};
use durable::Stop;
use route53::{Class, Route53, Route53Error, Zone};

/// Adds the value; a repetition finds it. What another try does not mend comes back as data: of a failed step only a text
/// would survive.
pub(crate) async fn publish(
    route53: &Route53,
    name: &str,
    value: &str,
) -> Result<Result<Record, Failure>, Stop> {
    let zone = match sorted(route53.zone_of(name).await)? {
        Ok(zone) => zone,
        Err(failure) => return Ok(Err(failure)),
    };
    Ok(
        sorted(route53.put(&zone, name, value).await)?.map(|put| Record {
            zone_id: zone.id,
            zone_name: zone.name,
            name: name.to_owned(),
            value: value.to_owned(),
            change: put.change,
            seen: false,
        }),
    )
}

/// Whether the change has reached Route53's servers and all of them answer with it.
pub(crate) async fn is_seen(route53: &Route53, record: &Record) -> Result<bool, Stop> {
    if let Some(change) = &record.change {
        // a change that is forgotten has long been carried out
        let in_sync = match route53.in_sync(change).await {
            Err(error) if error.class == Class::NotFound => true,
            answer => answer.map_err(Stop::retry)?,
        };
        if !in_sync {
            return Ok(false);
        }
    }
    let seen = route53
        .visible(&zone_of(record), &record.name, &record.value)
        .await
        .map_err(Stop::retry)?;
    Ok(seen.everywhere())
}

/// Takes the value away; those of others stay. One that is gone already is no error.
pub(crate) async fn withdraw(route53: &Route53, record: &Record) -> Result<(), Stop> {
    let taken = route53
        .take(&zone_of(record), &record.name, &record.value)
        .await;
    taken.map(drop).map_err(Stop::retry)
}

fn zone_of(record: &Record) -> Zone {
    Zone {
        id: record.zone_id.clone(),
        name: record.zone_name.clone(),
    }
}

fn sorted<T>(answer: Result<T, Route53Error>) -> Result<Result<T, Failure>, Stop> {
    let error = match answer {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    match error.class {
        Class::RateLimited | Class::Conflict | Class::Unavailable => Err(Stop::retry(error)),
        Class::BadRequest | Class::NotFound | Class::Unauthorised | Class::Settings => {
            Ok(Err(Failure::new(Cause::Operator, error.to_string())))
        }
    }
}
