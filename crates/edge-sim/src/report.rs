//! What an agent reports: instances of a deployment, or the health of a sentinel, in the terms of the
//! wire. Not for storing them: that is [`crate::ClusterApi`].

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Status of an instance as the wire carries it: an open enum, unknown numbers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InstanceStatus(pub i32);

impl InstanceStatus {
    /// Not said.
    pub const UNSPECIFIED: Self = Self(0);
    /// Started, not ready.
    pub const PENDING: Self = Self(1);
    /// Takes traffic.
    pub const RUNNING: Self = Self(2);
    /// Ended, or no longer ready.
    pub const FAILED: Self = Self(3);

    /// The value of `instances.status`. What is not known is not running: `inactive`.
    pub fn column(self) -> &'static str {
        match self {
            Self::PENDING => "pending",
            Self::RUNNING => "running",
            Self::FAILED => "failed",
            _ => "inactive",
        }
    }
}

/// Health of a sentinel as the wire carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Health(pub i32);

impl Health {
    /// At least one replica serves.
    pub const HEALTHY: Self = Self(1);
    /// No replica serves.
    pub const UNHEALTHY: Self = Self(2);
    /// Scaled to zero on purpose.
    pub const PAUSED: Self = Self(3);

    /// The value of `sentinels.health`.
    pub fn column(self) -> &'static str {
        match self {
            Self::HEALTHY => "healthy",
            Self::UNHEALTHY => "unhealthy",
            Self::PAUSED => "paused",
            _ => "unknown",
        }
    }
}

/// One instance in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceReport {
    /// Name of the pod, unique in its region.
    pub k8s_name: String,
    /// Host and port.
    pub address: String,
    /// Thousandths of a core.
    pub cpu_millicores: i32,
    /// MiB.
    pub memory_mib: i32,
    /// Status at the time of the observation.
    pub status: InstanceStatus,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The complete list of a deployment's instances in this region.
    Update {
        /// `deployments.k8s_name`.
        k8s_name: String,
        /// All of them; those not listed are gone.
        instances: Vec<InstanceReport>,
    },
    /// The deployment runs no more in this region.
    Delete {
        /// `deployments.k8s_name`.
        k8s_name: String,
    },
    /// A sentinel's replicas and health.
    Sentinel {
        /// `sentinels.k8s_name`.
        k8s_name: String,
        /// Replicas that serve.
        available_replicas: i32,
        /// Health derived from them.
        health: Health,
    },
}

impl Change {
    pub(crate) fn k8s_name(&self) -> &str {
        match self {
            Self::Update { k8s_name, .. }
            | Self::Delete { k8s_name }
            | Self::Sentinel { k8s_name, .. } => k8s_name,
        }
    }
}

/// A change with its place in the order of observation.
#[derive(Clone, Debug)]
pub struct Report {
    /// Grows with every observation in this process.
    pub observed: u64,
    /// What was seen.
    pub change: Change,
}

impl Report {
    /// An observation made now.
    pub fn now(change: Change) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            observed: NEXT.fetch_add(1, Ordering::Relaxed),
            change,
        }
    }
}
