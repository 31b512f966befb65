"""Cuts the Kubernetes schemas of the PyPI package kubernetes-validate down to what deploy/ uses.

    python3 -m venv v && v/bin/pip install kubernetes-validate==1.37.0
    v/bin/python vendor.py v/lib/python3*/site-packages > kubernetes.json

Descriptions are left out, one definition a line, so that a new version of Kubernetes is a diff one can read.
"""

import json
import pathlib
import sys

RELEASE = "v1.34.0-local-strict"
KINDS = {
    "v1 ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "v1 Namespace": "io.k8s.api.core.v1.Namespace",
    "v1 Service": "io.k8s.api.core.v1.Service",
    "v1 ServiceAccount": "io.k8s.api.core.v1.ServiceAccount",
    "apps/v1 Deployment": "io.k8s.api.apps.v1.Deployment",
    "apps/v1 StatefulSet": "io.k8s.api.apps.v1.StatefulSet",
    "batch/v1 Job": "io.k8s.api.batch.v1.Job",
    "networking.k8s.io/v1 NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "policy/v1 PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
}
# what restate.json refers to
ALSO = [
    "io.k8s.api.core.v1.PodTemplateSpec",
    "io.k8s.api.networking.v1.NetworkPolicyPeer",
    "io.k8s.api.networking.v1.NetworkPolicyEgressRule",
]


def without_words(value):
    if isinstance(value, dict):
        return {k: without_words(v) for k, v in value.items() if k != "description" or not isinstance(v, str)}
    if isinstance(value, list):
        return [without_words(v) for v in value]
    return value


def names(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner.rsplit("/", 1)[1]
            else:
                yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)


def main():
    place = pathlib.Path(sys.argv[1], "kubernetes_validate/kubernetes-json-schema", RELEASE, "_definitions.json")
    known = json.loads(place.read_text())["$defs"]
    wanted, todo = set(), [*KINDS.values(), *ALSO]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(names(known[name]))
    print('{"$schema":"https://json-schema.org/draft/2020-12/schema",')
    print(f'"$comment":"Kubernetes {RELEASE.split("-")[0]}, Apache-2.0; cut by vendor.py from kubernetes-validate 1.37.0",')
    print(f'"kinds":{json.dumps(KINDS)},')
    print('"$defs":{')
    lines = (f"{json.dumps(n)}:{json.dumps(without_words(known[n]), separators=(',', ':'))}" for n in sorted(wanted))
    print(",\n".join(lines))
    print("}}")


main()
