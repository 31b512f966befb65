//! Replicas per region and what they take: pure arithmetic, in 64 bits. Whether that fits is `mysql::quota`'s.

use mysql::quota::Resources;
use serde::{Deserialize, Serialize};

/// A region of the environment with the autoscaling policy attached to it, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegionSetting {
    /// `regions.id`.
    pub(crate) region_id: String,
    /// `regions.name`.
    pub(crate) region_name: String,
    /// False: takes no new deployments.
    pub(crate) can_schedule: bool,
    /// `horizontal_autoscaling_policies.replicas_min`; absent without a policy.
    pub(crate) replicas_min: Option<i32>,
    /// `replicas_max` of the policy.
    pub(crate) replicas_max: Option<i32>,
    /// Percent.
    pub(crate) cpu_threshold: Option<i8>,
    /// Percent.
    pub(crate) memory_threshold: Option<i8>,
}

/// What a deployment gets in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Placement {
    /// `regions.id`.
    pub(crate) region_id: String,
    /// `regions.name`.
    pub(crate) region_name: String,
    /// At least 1.
    pub(crate) min: u32,
    /// At least `min`.
    pub(crate) max: u32,
    /// Percent.
    pub(crate) cpu_threshold: Option<u8>,
    /// Percent.
    pub(crate) memory_threshold: Option<u8>,
}

/// The regions that can take the deployment, with clamped replicas, in the given order.
pub(crate) fn place(settings: &[RegionSetting]) -> Vec<Placement> {
    let positive = |n: Option<i32>| u32::try_from(n.unwrap_or(1)).unwrap_or(1).max(1);
    let percent = |n: Option<i8>| n.and_then(|n| u8::try_from(n).ok());
    settings
        .iter()
        .filter(|s| s.can_schedule)
        .map(|s| {
            let min = positive(s.replicas_min);
            Placement {
                region_id: s.region_id.clone(),
                region_name: s.region_name.clone(),
                min,
                max: positive(s.replicas_max).max(min),
                cpu_threshold: percent(s.cpu_threshold),
                memory_threshold: percent(s.memory_threshold),
            }
        })
        .collect()
}

/// What all replicas of all placements may take.
pub(crate) fn wanted(placements: &[Placement], each: Resources) -> Resources {
    each.times(placements.iter().map(|p| i64::from(p.max)).sum())
}

/// How many regions must be healthy: all but one, and at least one.
pub(crate) fn required_regions(regions: usize) -> usize {
    regions.saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn setting(min: Option<i32>, max: Option<i32>) -> RegionSetting {
        RegionSetting {
            region_id: "rgn_1".into(),
            region_name: "local".into(),
            can_schedule: true,
            replicas_min: min,
            replicas_max: max,
            cpu_threshold: Some(80),
            memory_threshold: None,
        }
    }

    #[test]
    fn replicas_are_clamped() {
        let of = |min, max| {
            let p = &place(&[setting(min, max)])[0];
            (p.min, p.max)
        };
        assert_eq!(of(None, None), (1, 1));
        assert_eq!(of(Some(0), Some(4)), (1, 4));
        assert_eq!(of(Some(3), Some(1)), (3, 3));
        assert_eq!(of(Some(-2), Some(-5)), (1, 1));
        assert_eq!(place(&[setting(None, None)])[0].cpu_threshold, Some(80));
    }

    #[test]
    fn unschedulable_regions_are_left_out() {
        assert!(
            place(&[RegionSetting {
                can_schedule: false,
                ..setting(None, None)
            }])
            .is_empty()
        );
    }

    #[test]
    fn every_replica_of_every_region_counts() {
        let p = place(&[setting(Some(1), Some(3)), setting(Some(2), None)]);
        let each = Resources {
            cpu: 500,
            memory: 100,
        };
        let all = Resources {
            cpu: 2_500,
            memory: 500,
        };
        assert_eq!(wanted(&p, each), all);
    }

    #[test]
    fn one_region_may_be_missing_but_not_the_only_one() {
        assert_eq!([0, 1, 2, 3, 5].map(required_regions), [1, 1, 1, 2, 4]);
    }

    proptest! {
        #[test]
        fn arithmetic_never_overflows(cpu in 0i64..=i64::from(i32::MAX), max in 1i32..=i32::MAX) {
            let p = place(&[setting(Some(1), Some(max)), setting(Some(1), Some(max))]);
            let all = wanted(&p, Resources { cpu, memory: cpu });
            prop_assert!(all.cpu >= cpu && all.memory == all.cpu);
        }
    }
}
