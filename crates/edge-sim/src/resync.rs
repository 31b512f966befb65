//! The periodic comparison of what runs here with what should: point queries for every known object.

use std::collections::BTreeSet;

use mysql::DbError;

use crate::desired::{Desired, Order};
use crate::handle::Shared;

/// Objects per point query.
const RESYNC_PAGE: usize = 200;

/// Compares everything that exists here with the database: what has no row is deleted, what has
/// one is applied again, lost reports are repeated. It cannot discover what is missing here.
pub(crate) async fn resync(shared: &Shared, desired: &Desired<'_>) -> Result<(), DbError> {
    let (workloads, sentinels, policies) = {
        let inner = shared.lock();
        let workloads: Vec<(String, String)> = inner
            .cluster
            .workloads
            .values()
            .map(|workload| {
                (
                    workload.spec.deployment_id.clone(),
                    workload.spec.k8s_name.clone(),
                )
            })
            .collect();
        let sentinels: Vec<(String, String)> = inner
            .cluster
            .sentinels
            .iter()
            .map(|(name, sentinel)| (sentinel.id.clone(), name.clone()))
            .collect();
        (
            workloads,
            sentinels,
            inner.cluster.policies.keys().cloned().collect::<Vec<_>>(),
        )
    };
    for page in workloads.chunks(RESYNC_PAGE) {
        let ids: Vec<&str> = page.iter().map(|(id, _)| id.as_str()).collect();
        let orders = desired.deployments_by_id(&ids).await?;
        let found: BTreeSet<&str> = orders.iter().map(|(id, _)| id.as_str()).collect();
        let mut inner = shared.lock();
        for (_, name) in page.iter().filter(|(id, _)| !found.contains(id.as_str())) {
            inner.carry_out(Order::Stop {
                k8s_name: name.clone(),
            });
        }
        for (deployment_id, order) in orders {
            // The cluster API answers "not found" for a row whose owners are gone.
            let name = page
                .iter()
                .find(|(id, _)| *id == deployment_id)
                .map(|(_, name)| name.clone());
            match (order, name) {
                (Order::Skip { .. }, Some(k8s_name)) => inner.carry_out(Order::Stop { k8s_name }),
                (order, _) => inner.carry_out(order),
            }
        }
    }
    for page in sentinels.chunks(RESYNC_PAGE) {
        let ids: Vec<&str> = page.iter().map(|(id, _)| id.as_str()).collect();
        let running: BTreeSet<String> = desired
            .sentinels_by_id(&ids)
            .await?
            .into_iter()
            .filter(|order| order.replicas.is_some())
            .map(|order| order.id)
            .collect();
        let mut inner = shared.lock();
        for (_, name) in page.iter().filter(|(id, _)| !running.contains(id)) {
            inner.drop_sentinel(name);
        }
    }
    for page in policies.chunks(RESYNC_PAGE) {
        let ids: Vec<&str> = page.iter().map(String::as_str).collect();
        let found: BTreeSet<String> = desired.policies_by_id(&ids).await?.into_iter().collect();
        let mut inner = shared.lock();
        inner
            .cluster
            .policies
            .retain(|id, _| !page.contains(id) || found.contains(id));
    }
    shared.lock().repeat_lost();
    Ok(())
}
