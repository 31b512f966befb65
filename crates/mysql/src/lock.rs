//! The one order in which row locks are taken, and the recorder that checks it in debug builds.
//! Not for taking locks: `SELECT … FOR UPDATE` and writes do that.

/// A table whose rows are locked, in the order in which they must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// `quota`
    Quota,
    /// `apps`
    Apps,
    /// `ctrl_worker_runs`
    Runs,
    /// `deployments`
    Deployments,
    /// `deployment_topology`
    DeploymentTopology,
    /// `sentinels`
    Sentinels,
    /// `cilium_network_policies`
    CiliumNetworkPolicies,
    /// `ctrl_worker_region_counters`, ascending region id
    RegionCounters,
    /// `frontline_routes`, ascending id
    FrontlineRoutes,
    /// `custom_domains`
    CustomDomains,
    /// `acme_challenges`
    AcmeChallenges,
    /// `certificates`
    Certificates,
    /// `ctrl_worker_renewals`
    Renewals,
    /// `ctrl_worker_refills`, the row of one invocation
    Refills,
    /// `keys`, ascending `pk`
    Keys,
}

/// What one transaction has locked so far.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<(Lock, String)>);

impl Held {
    /// Records that rows of `lock` (the row `key`, empty for "some rows") are locked from here on.
    ///
    /// # Panics
    /// When a later lock is held already. What is held may be touched again.
    pub(crate) fn take(&mut self, lock: Lock, key: &str) {
        let wanted = (lock, key.to_owned());
        if self.0.contains(&wanted) {
            return;
        }
        if let Some(last) = self.0.iter().max()
            && *last > wanted
        {
            panic!(
                "lock order: {lock:?} {key:?} after {:?} {:?}; held: {:?}",
                last.0, last.1, self.0
            );
        }
        self.0.push(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_passes_and_what_is_held_may_be_touched_again() {
        let mut held = Held::default();
        for lock in [
            Lock::Quota,
            Lock::Apps,
            Lock::Deployments,
            Lock::DeploymentTopology,
            Lock::Deployments,
        ] {
            held.take(lock, "");
        }
        held.take(Lock::RegionCounters, "rgn_1");
        held.take(Lock::RegionCounters, "rgn_2");
        held.take(Lock::RegionCounters, "rgn_1");
    }

    #[test]
    #[should_panic(expected = "lock order: Apps \"\" after Deployments")]
    fn an_earlier_table_after_a_later_one_panics() {
        let mut held = Held::default();
        held.take(Lock::Deployments, "");
        held.take(Lock::Apps, "");
    }

    #[test]
    #[should_panic(
        expected = "lock order: RegionCounters \"rgn_1\" after RegionCounters \"rgn_2\""
    )]
    fn rows_of_one_table_out_of_order_panic() {
        let mut held = Held::default();
        held.take(Lock::RegionCounters, "rgn_2");
        held.take(Lock::RegionCounters, "rgn_1");
    }
}
