import { type Deployment, isApiError, kinds, type PodTemplate, type ReplicaSet } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition, withCondition } from "../core/conditions.ts";
import { controllerOf, controllerReference } from "../core/owners.ts";
import { templateHash } from "../core/template-hash.ts";
import {
  annotations,
  isOlderSet,
  newSetReplicas,
  podTemplateHash,
  revisionOf,
  rollingLimits,
  wantedReplicas,
} from "./deployment-math.ts";

/** Who the events of this controller come from. */
export const component = "deployment-controller";

/** The ReplicaSets of a Deployment: the one with its template, when there is one, and the others, oldest first. */
export interface ReplicaSets {
  readonly current: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  /** Whether the current one was made just now. */
  readonly isNew?: boolean;
}

export function allOf({ current, old }: ReplicaSets): readonly ReplicaSet[] {
  return current === undefined ? old : [...old, current];
}

/** Tells the ReplicaSet with the Deployment's template from the others. The oldest wins, should there be two. */
export function splitReplicaSets(deployment: Deployment, owned: readonly ReplicaSet[]): ReplicaSets {
  const sorted = [...owned].sort(isOlderSet);
  const current = sorted.find((set) => hasTemplate(set, deployment.spec.template));
  return { current, old: sorted.filter((set) => set !== current) };
}

/**
 * Brings the revision annotations of Deployment and new ReplicaSet up to date; makes the ReplicaSet when
 * `mayCreate` and there is none.
 */
export async function syncRevision(
  cluster: Cluster,
  deployment: Deployment,
  sets: ReplicaSets,
  mayCreate: boolean,
): Promise<ReplicaSets> {
  const revision = Math.max(0, ...sets.old.map(revisionOf)) + 1;
  let { current } = sets;
  if (current === undefined && mayCreate)
    current = await createReplicaSet(cluster, deployment, sets, revision);
  else if (current !== undefined) current = await annotateReplicaSet(cluster, deployment, current, revision);
  if (current !== undefined) {
    const shown = current.metadata.annotations?.[annotations.revision];
    if (shown !== undefined && deployment.metadata.annotations?.[annotations.revision] !== shown) {
      const metadata = { annotations: { [annotations.revision]: shown } };
      await cluster.mergePatch(kinds.deployments, deployment, { metadata });
    }
  }
  return { current, old: sets.old, isNew: current !== undefined && sets.current === undefined };
}

async function createReplicaSet(
  cluster: Cluster,
  deployment: Deployment,
  { old }: ReplicaSets,
  revision: number,
): Promise<ReplicaSet> {
  const { name, namespace = "" } = deployment.metadata;
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [podTemplateHash]: hash };
  const replicas = newSetReplicas(deployment, old, 0);
  const wanted: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: {
        ...copiedAnnotations(deployment),
        ...replicaAnnotations(deployment),
        [annotations.revision]: String(revision),
      },
      ownerReferences: [controllerReference(kinds.deployments, deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [podTemplateHash]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  try {
    const created = await cluster.create(kinds.replicaSets, wanted);
    if (replicas > 0) recordScaling(cluster, deployment, created, 0, replicas);
    return created;
  } catch (reason) {
    if (!isApiError(reason, 409)) {
      await reportCreateFailure(cluster, deployment, wanted.metadata.name, reason);
      throw reason;
    }
    const taken = await cluster.client.get(kinds.replicaSets, wanted.metadata.name, namespace);
    if (
      taken !== undefined &&
      controllerOf(taken)?.uid === deployment.metadata.uid &&
      hasTemplate(taken, template)
    ) {
      return taken;
    }
    if (taken !== undefined) {
      const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
      await cluster.replace(kinds.deployments, { ...deployment, status }, "status");
    }
    throw reason;
  }
}

async function reportCreateFailure(cluster: Cluster, deployment: Deployment, name: string, reason: unknown) {
  const message = `Failed to create new replica set "${name}": ${reason instanceof Error ? reason.message : String(reason)}`;
  cluster.events.record(component, deployment, { type: "Warning", reason: "ReplicaSetCreateError", message });
  const old = deployment.status?.conditions ?? [];
  const now = cluster.timestamp();
  const conditions = withCondition(old, {
    type: "Progressing",
    status: "False",
    reason: "ReplicaSetCreateError",
    message,
    lastUpdateTime: now,
    lastTransitionTime: now,
  });
  if (conditions === old) return;
  await cluster.replace(
    kinds.deployments,
    { ...deployment, status: { ...deployment.status, conditions } },
    "status",
  );
}

async function annotateReplicaSet(
  cluster: Cluster,
  deployment: Deployment,
  set: ReplicaSet,
  newestRevision: number,
): Promise<ReplicaSet> {
  const present = set.metadata.annotations ?? {};
  const revision = revisionOf(set);
  const changed: Record<string, string> = { ...copiedAnnotations(deployment) };
  if (revision < newestRevision) {
    changed[annotations.revision] = String(newestRevision);
    if (revision > 0) {
      const history = present[annotations.revisionHistory];
      changed[annotations.revisionHistory] =
        history === undefined ? String(revision) : `${history},${revision}`;
    }
  }
  const isSame = Object.entries(changed).every(([name, value]) => present[name] === value);
  const { minReadySeconds = 0 } = deployment.spec;
  if (isSame && (set.spec.minReadySeconds ?? 0) === minReadySeconds) return set;
  return cluster.replace(kinds.replicaSets, {
    ...set,
    metadata: { ...set.metadata, annotations: { ...present, ...changed } },
    spec: { ...set.spec, minReadySeconds },
  });
}

/** Changes a ReplicaSet's size and its notes of the Deployment's size. Gives the set as it then is. */
export async function scaleReplicaSet(
  cluster: Cluster,
  deployment: Deployment,
  set: ReplicaSet,
  replicas: number,
): Promise<ReplicaSet> {
  const before = set.spec.replicas ?? 1;
  const notes = replicaAnnotations(deployment);
  const present = set.metadata.annotations ?? {};
  if (before === replicas && Object.entries(notes).every(([name, value]) => present[name] === value))
    return set;
  const scaled = await cluster.replace(kinds.replicaSets, {
    ...set,
    metadata: { ...set.metadata, annotations: { ...present, ...notes } },
    spec: { ...set.spec, replicas },
  });
  if (before !== replicas) recordScaling(cluster, deployment, set, before, replicas);
  return scaled;
}

function recordScaling(
  cluster: Cluster,
  deployment: Deployment,
  set: ReplicaSet,
  from: number,
  to: number,
): void {
  const message = `Scaled ${to > from ? "up" : "down"} replica set ${set.metadata.name} from ${from} to ${to}`;
  cluster.events.record(component, deployment, { type: "Normal", reason: "ScalingReplicaSet", message });
}

function replicaAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const wanted = wantedReplicas(deployment);
  return {
    [annotations.desiredReplicas]: String(wanted),
    [annotations.maxReplicas]: String(wanted + rollingLimits(deployment).maxSurge),
  };
}

/** A Deployment's annotations stand on its ReplicaSets too, so that a rollback shows the change-cause; not these. */
const ownAnnotations: ReadonlySet<string> = new Set([
  ...Object.values(annotations),
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
]);

function copiedAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const present = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(present.filter(([name]) => !ownAnnotations.has(name)));
}

function hasTemplate(set: ReplicaSet, template: PodTemplate): boolean {
  return isEquivalent(withoutHash(set.spec.template), withoutHash(template));
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { [podTemplateHash]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The Progressing condition, which says how a rollout gets on. */
export function progressing(deployment: Deployment) {
  return findCondition(deployment.status?.conditions, "Progressing");
}
