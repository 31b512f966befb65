//! Which periodic jobs this process starts by itself, and why not the others.
//!
//! Not for what a job does, nor for when (see crate `scheduler`).

use config::Config;
use scheduler::Job;

use crate::services::Deps;

/// Every job: nothing when its schedule runs, otherwise why it does not.
pub fn configured(deps: &Deps) -> Vec<(Job, Option<String>)> {
    let counts = deps.deploy.counts.configured();
    let off = |job: &Job| (*job, off(*job, &deps.config, counts));
    Job::ALL.iter().map(off).collect()
}

/// Why the schedule of a job does not run; `counts`: whether there is a source of request counts.
fn off(job: Job, config: &Config, counts: bool) -> Option<String> {
    let scheduler = &config.scheduler;
    if !scheduler.enabled {
        return Some("scheduler.enabled is false".to_owned());
    }
    let (key, wanted) = match job {
        Job::KeyRefill => ("key_refill", scheduler.key_refill),
        Job::QuotaCheck => ("quota_check", scheduler.quota_check),
        Job::CertificateRenewal => ("certificate_renewal", scheduler.certificate_renewal),
        Job::IdleScaleDown => ("idle_scale_down", scheduler.idle_scale_down),
        Job::KeyLastUsedSync => ("key_last_used_sync", scheduler.key_last_used_sync),
    };
    if !wanted {
        return Some(format!("scheduler.{key} is false"));
    }
    let clickhouse = !config.clickhouse.url.is_empty();
    match job {
        Job::QuotaCheck | Job::KeyLastUsedSync if !clickhouse => {
            Some("clickhouse.url is not set".to_owned())
        }
        Job::IdleScaleDown if !counts => {
            Some("no source of request counts is configured".to_owned())
        }
        Job::CertificateRenewal if !config.acme.enabled => Some("acme.enabled is false".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every job: why it is off, with a source of request counts exactly where there is a ClickHouse.
    fn of(sections: &str) -> Vec<Option<String>> {
        let text = format!("cname_domain = \"c.d\"\ndatabase = \"u@tcp(h)/d\"\n{sections}");
        let config = Config::parse(&text, false, &|_| None).expect("loads");
        let counts = !config.clickhouse.url.is_empty();
        Job::ALL
            .iter()
            .map(|job| off(*job, &config, counts))
            .collect()
    }

    fn on(sections: &str) -> Vec<Job> {
        let all = Job::ALL.into_iter().zip(of(sections));
        all.filter(|(_, off)| off.is_none())
            .map(|(job, _)| job)
            .collect()
    }

    #[test]
    fn a_job_is_on_when_it_is_wanted_and_its_outside_is_there() {
        assert_eq!(on(""), [Job::KeyRefill]);
        let clickhouse = "[clickhouse]\nurl = \"http://ch:8123\"\n";
        assert_eq!(
            on(clickhouse),
            [
                Job::KeyRefill,
                Job::QuotaCheck,
                Job::IdleScaleDown,
                Job::KeyLastUsedSync
            ]
        );
        assert_eq!(on("[scheduler]\nenabled = false\n"), []);
        let some = format!("{clickhouse}[scheduler]\nquota_check = false\nkey_refill = false\n");
        assert_eq!(on(&some), [Job::IdleScaleDown, Job::KeyLastUsedSync]);
    }

    #[test]
    fn why_it_is_off_is_said() {
        let why = |sections: &str, which: usize| of(sections)[which].clone().unwrap_or_default();
        assert_eq!(why("", 1), "clickhouse.url is not set");
        assert_eq!(why("", 2), "acme.enabled is false");
        assert_eq!(why("", 3), "no source of request counts is configured");
        assert_eq!(
            why("[scheduler]\nkey_refill = false\n", 0),
            "scheduler.key_refill is false"
        );
        assert_eq!(
            why("[scheduler]\nenabled = false\n", 4),
            "scheduler.enabled is false"
        );
    }
}
