import { kinds, type OwnerReference, type Pod } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import type { Cluster } from "../core/cluster.ts";
import { intOrPercent } from "../core/int-or-percent.ts";
import { controllerOf } from "../core/owners.ts";
import { readScale, scaledKind } from "../core/scale.ts";
import type { DisruptionBudget } from "./disruption-budget.ts";

/** What a budget asks for, in pods. */
export interface ExpectedPods {
  readonly expected: number;
  readonly desiredHealthy: number;
  /** Pods that no controller wants: a budget in terms of a whole can't count them. */
  readonly unmanaged: readonly string[];
}

/**
 * How many pods there should be and how many of them healthy. A number for minAvailable counts the pods that are
 * there; everything else is a part of what their controllers want. Throws when a pod's controller can't be asked.
 */
export async function expectedPods(
  cluster: Cluster,
  objects: Pick<AllObjects, "find">,
  { spec: { minAvailable, maxUnavailable } }: DisruptionBudget,
  pods: readonly Pod[],
): Promise<ExpectedPods> {
  if (maxUnavailable === undefined) {
    if (minAvailable === undefined) return { expected: 0, desiredHealthy: 0, unmanaged: [] };
    if (typeof minAvailable === "number")
      return { expected: pods.length, desiredHealthy: minAvailable, unmanaged: [] };
  }
  const { expected, unmanaged } = await wantedReplicas(cluster, objects, pods);
  const part = intOrPercent(maxUnavailable ?? minAvailable ?? 0, expected, "up") ?? 0;
  const desiredHealthy = maxUnavailable === undefined ? part : Math.max(0, expected - part);
  return { expected, desiredHealthy, unmanaged };
}

/** The sum of what the pods' controllers want, each counted once. */
async function wantedReplicas(cluster: Cluster, objects: Pick<AllObjects, "find">, pods: readonly Pod[]) {
  const replicas = new Map<string, number>();
  const asked = new Set<string>();
  const unmanaged: string[] = [];
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (owner === undefined) unmanaged.push(pod.metadata.name);
    if (owner === undefined || asked.has(owner.uid)) continue;
    asked.add(owner.uid);
    const top = topController(cluster, owner);
    const found = await replicasOf(cluster, objects, top, pod.metadata.namespace);
    if (found === undefined)
      throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
    replicas.set(top.uid, found);
  }
  return { expected: [...replicas.values()].reduce((sum, one) => sum + one, 0), unmanaged };
}

/** A ReplicaSet of a Deployment is only a part of it: the Deployment says how many pods there should be. */
function topController(cluster: Cluster, owner: OwnerReference): OwnerReference {
  const replicaSet = cluster.store(kinds.replicaSets).byUid(owner.uid);
  const above = replicaSet === undefined ? undefined : controllerOf(replicaSet);
  return above?.kind === "Deployment" ? above : owner;
}

async function replicasOf(
  cluster: Cluster,
  objects: Pick<AllObjects, "find">,
  owner: OwnerReference,
  namespace: string | undefined,
): Promise<number | undefined> {
  const known = [kinds.deployments, kinds.replicaSets]
    .map((kind) => cluster.store(kind).byUid(owner.uid))
    .find((one) => one !== undefined);
  if (known !== undefined) return known.spec.replicas ?? 1;
  const kind = scaledKind(objects, owner);
  const scale = await readScale(cluster, kind, namespace, owner.name);
  if (scale !== undefined) return scale.metadata.uid === owner.uid ? (scale.spec.replicas ?? 0) : undefined;
  if ((await cluster.client.get(kind, owner.name, namespace)) === undefined) return undefined;
  const resource = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
  throw new Error(`${resource} does not implement the scale subresource`);
}
