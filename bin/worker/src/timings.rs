//! Waiting times of the services: production values, what the configuration changes, and what `[test_timings]` scales.
//!
//! Not for retry policies and time-outs of Restate (see `services`).

use config::Config;

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
    let mut t = deploy::Timings {
        wake_timeout: config.deploy.wake_timeout,
        pending_timeout: config.deploy.pending_timeout,
        watch_min: config.deploy.watch_interval_min,
        watch_max: config.deploy.watch_interval_max,
        ..deploy::Timings::default()
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
            name if name.starts_with(DOMAINS) => continue,
            // Read where registration is set up.
            "registration.pause" => continue,
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
        let text = "[test_timings.domains]\ncheck_interval = \"100ms\"\n";
        let scaled = domains(&config(text)).expect("known names");
        assert_eq!(scaled.check_interval, Duration::from_millis(100));
        assert!(deploy(&config(text)).is_ok());
        assert!(domains(&config("[test_timings.domains]\nwindwo = \"1s\"\n")).is_err());
        assert!(deploy(&config("[test_timings.deploy]\nstandby_delya = \"1s\"\n")).is_err());
    }
}
