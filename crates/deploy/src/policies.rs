//! The two Cilium network policies of a deployment in one region: sentinels may reach it, and nothing else.
//! Pure: rows and their JSON are derived from the deployment, so writing them twice writes the same.

use serde_json::{Value, json};

/// What the policies are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PolicyInput<'a> {
    /// Deployment id.
    pub(crate) deployment_id: &'a str,
    /// `deployments.k8s_name`.
    pub k8s_name: &'a str,
    /// Environment id.
    pub(crate) environment_id: &'a str,
    /// Workspace id.
    pub(crate) workspace_id: &'a str,
    /// `workspaces.k8s_namespace`.
    pub(crate) namespace: &'a str,
    /// Container port.
    pub(crate) port: i32,
    /// Region id; part of the derived row id only.
    pub(crate) region_id: &'a str,
}

/// One row of `cilium_network_policies`, without version and times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PolicyRow {
    /// `net_…`, derived from deployment, region and name.
    pub(crate) id: String,
    /// Object name in Kubernetes.
    pub k8s_name: String,
    /// Namespace in Kubernetes.
    pub k8s_namespace: String,
    /// The CiliumNetworkPolicy object.
    pub(crate) policy: Value,
}

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const COMPONENT: &str = "app.kubernetes.io/component";
const DEPLOYMENT: &str = "unkey.com/deployment.id";
const ENVIRONMENT: &str = "unkey.com/environment.id";
const WORKSPACE: &str = "unkey.com/workspace.id";
const POLICY: &str = "unkey.com/networkpolicy.id";
const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
const SENTINEL_NAMESPACE: &str = "sentinel";

/// Ingress policy in the workspace's namespace, egress policy in the sentinels' namespace.
pub(crate) fn policies(p: &PolicyInput<'_>) -> [PolicyRow; 2] {
    let ports = json!([{ "ports": [{ "port": p.port.to_string(), "protocol": "TCP" }] }]);
    let pod = json!({ MANAGED_BY: "krane", COMPONENT: "deployment", DEPLOYMENT: p.deployment_id });
    let mut pod_elsewhere = pod.clone();
    pod_elsewhere[POD_NAMESPACE] = json!(p.namespace);
    let ingress = json!({
        "description": format!("Sentinels of workspace {} may reach deployment {}", p.workspace_id, p.deployment_id),
        "endpointSelector": { "matchLabels": pod },
        "ingress": [{
            "fromEndpoints": [{ "matchLabels": { POD_NAMESPACE: SENTINEL_NAMESPACE, WORKSPACE: p.workspace_id, ENVIRONMENT: p.environment_id } }],
            "toPorts": ports,
        }],
    });
    let egress = json!({
        "description": format!("Sentinels of workspace {} may call deployment {}", p.workspace_id, p.deployment_id),
        "endpointSelector": { "matchLabels": { COMPONENT: "sentinel", ENVIRONMENT: p.environment_id, WORKSPACE: p.workspace_id } },
        "egress": [{ "toEndpoints": [{ "matchLabels": pod_elsewhere }], "toPorts": ports }],
    });
    [
        row(
            p,
            format!("sentinel-ingress-to-{}", p.k8s_name),
            p.namespace,
            "deployment",
            ingress,
        ),
        row(
            p,
            format!("sentinel-egress-to-{}", p.k8s_name),
            SENTINEL_NAMESPACE,
            "sentinel",
            egress,
        ),
    ]
}

fn row(
    p: &PolicyInput<'_>,
    name: String,
    namespace: &str,
    component: &str,
    spec: Value,
) -> PolicyRow {
    let id = ids::derived(ids::Prefix::POLICY, &[p.deployment_id, p.region_id, &name]);
    let policy = json!({
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                MANAGED_BY: "krane", COMPONENT: component, DEPLOYMENT: p.deployment_id, ENVIRONMENT: p.environment_id,
                WORKSPACE: p.workspace_id, POLICY: id,
            },
        },
        "spec": spec,
    });
    PolicyRow {
        id,
        k8s_name: name,
        k8s_namespace: namespace.to_owned(),
        policy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: PolicyInput<'_> = PolicyInput {
        deployment_id: "d_1",
        k8s_name: "abcdefghijkl",
        environment_id: "env_1",
        workspace_id: "ws_1",
        namespace: "tenant01",
        port: 8080,
        region_id: "rgn_1",
    };

    #[test]
    fn names_namespaces_and_port_are_those_of_the_contract() {
        let [ingress, egress] = policies(&INPUT);
        assert_eq!(
            (ingress.k8s_name.as_str(), ingress.k8s_namespace.as_str()),
            ("sentinel-ingress-to-abcdefghijkl", "tenant01")
        );
        assert_eq!(
            (egress.k8s_name.as_str(), egress.k8s_namespace.as_str()),
            ("sentinel-egress-to-abcdefghijkl", "sentinel")
        );
        for (policy, direction) in [(&ingress.policy, "ingress"), (&egress.policy, "egress")] {
            assert_eq!(
                policy["spec"][direction][0]["toPorts"][0]["ports"][0],
                json!({ "port": "8080", "protocol": "TCP" })
            );
        }
        assert_eq!(
            egress.policy["spec"]["egress"][0]["toEndpoints"][0]["matchLabels"][POD_NAMESPACE],
            "tenant01"
        );
        assert_eq!(
            ingress.policy["metadata"]["labels"][POLICY],
            ingress.id.as_str()
        );
    }

    #[test]
    fn rows_are_the_same_every_time_and_differ_by_region() {
        assert_eq!(policies(&INPUT), policies(&INPUT));
        assert_ne!(
            policies(&INPUT)[0].id,
            policies(&PolicyInput {
                region_id: "rgn_2",
                ..INPUT
            })[0]
                .id
        );
    }
}
