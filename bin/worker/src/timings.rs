//! Waiting times of the services: production values, what the configuration changes, and what `[test_timings]` scales.
//!
//! Not for retry policies and time-outs of Restate (see `services`).

use config::Config;

/// What the names of CertificateService's waiting times begin with.
const CERTIFICATES: &str = "certificates.";

/// Waiting times of CertificateService.
///
/// # Errors
/// A name in `[test_timings.certificates]` that nothing has.
pub fn certificates(config: &Config) -> Result<certificate::Timings, String> {
    let mut t = certificate::Timings::default();
    for (name, value) in &config.test_timings {
        let Some(short) = name.strip_prefix(CERTIFICATES) else {
            continue;
        };
        let field = match short {
            "first_retry" => &mut t.first_retry,
            "first_poll" => &mut t.first_poll,
            "longest_poll" => &mut t.longest_poll,
            "limit_margin" => &mut t.limit_margin,
            "limit_unknown" => &mut t.limit_unknown,
            "longest_delay" => &mut t.longest_delay,
            "early" => &mut t.early,
            "daily" => &mut t.daily,
            "own_retry" => &mut t.own_retry,
            "proof_gap" => &mut t.proof_gap,
            "stuck" => &mut t.stuck,
            "spread" => &mut t.spread,
            "bootstrap" => &mut t.bootstrap,
            _ => {
                return Err(format!(
                    "test_timings.{name} is no waiting time of any service"
                ));
            }
        };
        *field = *value;
    }
    Ok(t)
}

/// What the names of CustomDomainService's waiting times begin with.
const DOMAINS: &str = "domains.";

/// Waiting times of CustomDomainService and its sweep.
///
/// # Errors
/// A name in `[test_timings.domains]` that nothing has.
pub fn domains(config: &Config) -> Result<custom_domain::Timings, String> {
    let mut t = custom_domain::Timings::default();
    for (name, value) in &config.test_timings {
        let Some(short) = name.strip_prefix(DOMAINS) else {
            continue;
        };
        let field = match short {
            "check_interval" => &mut t.check_interval,
            "window" => &mut t.window,
            "row_grace" => &mut t.row_grace,
            "row_interval" => &mut t.row_interval,
            "confirm_delay" => &mut t.confirm_delay,
            "sweep_interval" => &mut t.sweep_interval,
            "sweep_after" => &mut t.sweep_after,
            _ => {
                return Err(format!(
                    "test_timings.{name} is no waiting time of any service"
                ));
            }
        };
        *field = *value;
    }
    Ok(t)
}

/// Waiting times of DeployService, its watcher and its reconciler.
///
/// # Errors
/// A name in `[test_timings]` that nothing has.
pub fn deploy(config: &Config) -> Result<deploy::Timings, String> {
    let default = deploy::Timings::default();
    let mut t = deploy::Timings {
        wake_timeout: config.deploy.wake_timeout,
        pending_timeout: config.deploy.pending_timeout,
        build_wait: config.deploy.build_wait_timeout,
        build_timeout: config.deploy.build_timeout,
        watch_first: config.deploy.watch_interval_min.min(default.watch_first),
        watch_min: config.deploy.watch_interval_min,
        watch_max: config.deploy.watch_interval_max,
        ..default
    };
    for (name, value) in &config.test_timings {
        let field = match name.as_str() {
            "deploy.ready_timeout" => &mut t.ready_timeout,
            "deploy.standby_delay" => &mut t.standby_delay,
            "deploy.wake_timeout" => &mut t.wake_timeout,
            "deploy.idle_window" => &mut t.idle_window,
            "deploy.pending_timeout" => &mut t.pending_timeout,
            "deploy.step_budget" => &mut t.step_budget,
            "deploy.reconcile_grace" => &mut t.reconcile_grace,
            "deploy.reconcile_interval" => &mut t.reconcile_interval,
            "deploy.watch_min" => &mut t.watch_min,
            "deploy.watch_max" => &mut t.watch_max,
            "deploy.watch_resend" => &mut t.watch_resend,
            "deploy.report_after_cancel" => &mut t.report_after_cancel,
            name if name.starts_with(DOMAINS) || name.starts_with(CERTIFICATES) => continue,
            // Read where registration is set up.
            "registration.pause" => continue,
            // Read where the task is made.
            "standing.interval" => continue,
            // Read below.
            "teardown.first_pause"
            | "teardown.longest_pause"
            | "teardown.settle"
            | "teardown.gone_after"
            | "teardown.aftercare"
            | "teardown.again_after" => continue,
            // Read below.
            "build.look_every" | "build.close_after" | "build.sweep_every" => continue,
            // Read below.
            "statuses.patience" | "statuses.settle_after" => continue,
            // Read below.
            "slots.settle" => continue,
            // Read below.
            "scheduler.rearm" | "scheduler.look" => continue,
            // Read below.
            "openapi.first_pause" | "openapi.longest_pause" => continue,
            _ => {
                return Err(format!(
                    "test_timings.{name} is no waiting time of any service"
                ));
            }
        };
        *field = *value;
    }
    Ok(t)
}

/// Waiting times of BuildService and its sweep.
pub fn build(config: &Config) -> build::Timings {
    let mut t = build::Timings {
        build_timeout: config.deploy.build_timeout,
        ..build::Timings::default()
    };
    for (name, field) in [
        ("build.look_every", &mut t.look_every),
        ("build.close_after", &mut t.close_after),
        ("build.sweep_every", &mut t.sweep_every),
    ] {
        *field = config.test_timings.get(name).copied().unwrap_or(*field);
    }
    t
}

/// Waiting times of GitHubStatusService and GitHubCommentService.
pub fn statuses(config: &Config) -> github_status::Timings {
    let mut t = github_status::Timings::default();
    for (name, field) in [
        ("statuses.patience", &mut t.patience),
        ("statuses.settle_after", &mut t.settle_after),
    ] {
        *field = config.test_timings.get(name).copied().unwrap_or(*field);
    }
    t
}

/// Waiting times of BuildSlotService.
pub fn slots(config: &Config) -> build_slot::Timings {
    let mut t = build_slot::Timings::default();
    let settle = config.test_timings.get("slots.settle").copied();
    t.settle = settle.unwrap_or(t.settle);
    t
}

/// Waiting times of OpenapiService.
pub fn openapi(config: &Config) -> openapi::Timings {
    let mut t = openapi::Timings::default();
    for (name, field) in [
        ("openapi.first_pause", &mut t.first_pause),
        ("openapi.longest_pause", &mut t.longest_pause),
    ] {
        *field = config.test_timings.get(name).copied().unwrap_or(*field);
    }
    t
}

/// Waiting times of SchedulerService and its keeper.
pub fn scheduler(config: &Config) -> scheduler::Timings {
    let mut t = scheduler::Timings::default();
    for (name, field) in [
        ("scheduler.rearm", &mut t.rearm),
        ("scheduler.look", &mut t.look),
    ] {
        *field = config.test_timings.get(name).copied().unwrap_or(*field);
    }
    t
}

/// Waiting times of ProjectService, AppService and EnvironmentService.
pub fn teardown(config: &Config) -> teardown::Timings {
    let mut t = teardown::Timings::default();
    for (name, field) in [
        ("teardown.first_pause", &mut t.first_pause),
        ("teardown.longest_pause", &mut t.longest_pause),
        ("teardown.settle", &mut t.settle),
        ("teardown.gone_after", &mut t.gone_after),
        ("teardown.aftercare", &mut t.aftercare),
        ("teardown.again_after", &mut t.again_after),
    ] {
        *field = config.test_timings.get(name).copied().unwrap_or(*field);
    }
    t
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config(more: &str) -> Config {
        let text = format!("cname_domain = \"c.d\"\ndatabase = \"u@tcp(h)/d\"\n{more}");
        Config::parse(&text, false, &|_| None).expect("loads")
    }

    #[test]
    fn the_defaults_of_configuration_and_service_agree() {
        assert_eq!(deploy(&config("")), Ok(deploy::Timings::default()));
        assert_eq!(build(&config("")), build::Timings::default());
    }

    #[test]
    fn the_times_of_deletes_are_scaled_one_by_one() {
        assert_eq!(teardown(&config("")), teardown::Timings::default());
        let scaled = config("[test_timings.teardown]\nsettle = \"1ms\"\n");
        assert!(deploy(&scaled).is_ok());
        let wanted = teardown::Timings {
            settle: Duration::from_millis(1),
            ..teardown::Timings::default()
        };
        assert_eq!(teardown(&scaled), wanted);
    }

    #[test]
    fn configured_and_scaled_times_reach_the_service() {
        let text =
            "[deploy]\nwake_timeout = \"5m\"\n[test_timings.deploy]\nstandby_delay = \"900ms\"\n";
        let timings = deploy(&config(text)).expect("known names");
        assert_eq!(
            (timings.wake_timeout, timings.standby_delay),
            (Duration::from_secs(300), Duration::from_millis(900))
        );
        let scaled = config("[test_timings.scheduler]\nlook = \"50ms\"\n");
        assert!(deploy(&scaled).is_ok());
        assert_eq!(scheduler(&scaled).look, Duration::from_millis(50));
        assert_eq!(
            scheduler(&scaled).rearm,
            scheduler::Timings::default().rearm
        );
        let text = "[test_timings.domains]\ncheck_interval = \"100ms\"\n";
        let scaled = domains(&config(text)).expect("known names");
        assert_eq!(scaled.check_interval, Duration::from_millis(100));
        assert!(deploy(&config(text)).is_ok());
        assert!(domains(&config("[test_timings.domains]\nwindwo = \"1s\"\n")).is_err());
        assert!(deploy(&config("[test_timings.deploy]\nstandby_delya = \"1s\"\n")).is_err());
    }
}
