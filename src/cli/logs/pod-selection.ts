import { IsthmusError } from "../../base/index.ts";
import type { Pod } from "../../kube/index.ts";

/** Which pods' logs are wanted. */
export interface PodSelection {
  /** "deploy/NAME.NAMESPACE", "POD.NAMESPACE" or "POD"; absent: every pod. */
  readonly reference?: string;
  /** Absent: that of the reference, else all but those of the system. */
  readonly namespace?: string;
}

/** Namespaces whose pods nobody means who names none. */
const systemNamespaces = new Set(["istio-system", "kube-system"]);

const ownerKinds: Readonly<Record<string, string>> = {
  deploy: "Deployment",
  deployment: "Deployment",
  deployments: "Deployment",
  sts: "StatefulSet",
  statefulset: "StatefulSet",
  ds: "DaemonSet",
  daemonset: "DaemonSet",
  rs: "ReplicaSet",
  replicaset: "ReplicaSet",
  job: "Job",
};

/** Whether a pod is meant. arguments/wrong for a reference of an unknown kind. */
export function podSelector({ reference, namespace }: PodSelection): (pod: Pod) => boolean {
  const wanted = reference === undefined ? undefined : parseReference(reference, namespace);
  return ({ metadata }) => {
    const { name, namespace: home = "default" } = metadata;
    if (wanted === undefined)
      return namespace === undefined ? !systemNamespaces.has(home) : home === namespace;
    if (home !== wanted.namespace) return false;
    if (wanted.kind === undefined) return name === wanted.name;
    return (metadata.ownerReferences ?? []).some(
      (owner) =>
        (owner.kind === wanted.kind && owner.name === wanted.name) ||
        // A Deployment's pods belong to its replica sets, whose names end with a hash.
        (wanted.kind === "Deployment" &&
          owner.kind === "ReplicaSet" &&
          owner.name.replace(/-[^-]+$/, "") === wanted.name),
    );
  };
}

function parseReference(reference: string, namespace: string | undefined) {
  const [, kind, name = "", home] = /^(?:([^/]+)\/)?([^/.]+)(?:\.([^/.]+))?$/.exec(reference) ?? [];
  const ownerKind = kind === undefined ? undefined : ownerKinds[kind.toLowerCase()];
  if (name === "" || (kind !== undefined && kind !== "pod" && ownerKind === undefined))
    throw new IsthmusError("arguments/wrong", `"${reference}" names no workload`, {
      nextStep: "Write deploy/NAME.NAMESPACE, sts/NAME.NAMESPACE, ds/NAME.NAMESPACE or POD.NAMESPACE.",
    });
  return { kind: ownerKind, name, namespace: home ?? namespace ?? "default" };
}
