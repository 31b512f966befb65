//! A workspace's quota and what its running topology rows take of it. Whoever adds to that (Deploy, a wake) locks the
//! quota row first, so that two of them never both see room for one. Not for who is refused and how that is said.

use sea_orm::FromQueryResult;

use crate::{Db, DbError, Lock, Turn, Tx, sql};

/// CPU millicores and memory MiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromQueryResult)]
pub struct Resources {
    /// Millicores.
    pub cpu: i64,
    /// MiB.
    pub memory: i64,
}

impl Resources {
    /// So many replicas of it.
    #[must_use]
    pub fn times(self, replicas: i64) -> Self {
        Self {
            cpu: self.cpu.saturating_mul(replicas),
            memory: self.memory.saturating_mul(replicas),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_add(other.cpu),
            memory: self.memory.saturating_add(other.memory),
        }
    }
}

/// Which quota is exceeded; the CPU is checked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Wanted and allowed millicores.
    Cpu(i64, i64),
    /// Wanted and allowed MiB.
    Memory(i64, i64),
}

/// Whether `more` fits beside what is allocated. Equality fits.
pub fn fits(allocated: Resources, more: Resources, quota: Resources) -> Result<(), Exceeded> {
    let Resources { cpu, memory } = allocated.plus(more);
    if cpu > quota.cpu {
        return Err(Exceeded::Cpu(cpu, quota.cpu));
    }
    if memory > quota.memory {
        return Err(Exceeded::Memory(memory, quota.memory));
    }
    Ok(())
}

/// Waits for the turn of this process at the workspace's quota row, before a transaction is opened that will [`lock`] it:
/// the sum takes longer the more a workspace runs, and a burst of it must not hold every connection meanwhile.
pub async fn turn(db: &Db, workspace_id: &str) -> Turn {
    db.turns.wait(workspace_id).await
}

/// Locks the workspace's quota row until the transaction ends, and gives it; absent where there is none.
pub async fn lock(tx: &Tx, workspace_id: &str) -> Result<Option<Resources>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        cpu: u32,
        memory: u32,
    }
    tx.touch(Lock::Quota);
    let row: Option<Row> = sql::one(
        &**tx,
        "SELECT allocated_cpu_millicores_total AS cpu, allocated_memory_mib_total AS memory FROM quota WHERE workspace_id = ? FOR UPDATE",
        [workspace_id.into()],
    )
    .await?;
    Ok(row.map(|r| Resources {
        cpu: r.cpu.into(),
        memory: r.memory.into(),
    }))
}

/// What the workspace's running topology rows may take with all their replicas, one deployment apart. The first plain
/// read of a transaction has to come after [`lock`].
///
/// The plan is given: the workspace's own rows, each with its deployment. `CONCAT` keeps the index on the status, which
/// names the running rows of everybody, out of the choice.
pub async fn allocated(tx: &Tx, workspace_id: &str, without: &str) -> Result<Resources, DbError> {
    let sum: Option<Resources> = sql::one(
        &**tx,
        "SELECT CAST(COALESCE(SUM(CAST(d.cpu_millicores AS SIGNED) * t.autoscaling_replicas_max), 0) AS SIGNED) AS cpu,
                CAST(COALESCE(SUM(CAST(d.memory_mib AS SIGNED) * t.autoscaling_replicas_max), 0) AS SIGNED) AS memory
         FROM deployment_topology t STRAIGHT_JOIN deployments d ON d.id = t.deployment_id
         WHERE t.workspace_id = ? AND CONCAT(t.desired_status) = 'running' AND t.deployment_id <> ?",
        [workspace_id.into(), without.into()],
    )
    .await?;
    Ok(sum.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Resources = Resources {
        cpu: 10_000,
        memory: 1_000,
    };

    fn of(cpu: i64, memory: i64) -> Resources {
        Resources { cpu, memory }
    }

    #[test]
    fn equality_fits_and_cpu_is_checked_first() {
        let more = of(500, 100).times(3);
        assert_eq!(fits(of(8_500, 700), more, QUOTA), Ok(()));
        let over = fits(of(9_000, 900), more, QUOTA);
        assert_eq!(over, Err(Exceeded::Cpu(10_500, 10_000)));
        let over = fits(of(0, 900), more, QUOTA);
        assert_eq!(over, Err(Exceeded::Memory(1_200, 1_000)));
    }

    #[test]
    fn huge_numbers_do_not_wrap() {
        let huge = of(i64::MAX, i64::MAX);
        assert!(fits(huge, huge.times(i64::MAX), QUOTA).is_err());
    }
}
