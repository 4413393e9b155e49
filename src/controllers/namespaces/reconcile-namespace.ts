import {
  ApiError,
  isApiError,
  type KubeObject,
  kinds,
  type Namespace,
  type Requeue,
  resourcePath,
  type Status,
} from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import type { Cluster } from "../core/cluster.ts";
import { withMessage } from "../core/conditions.ts";
import type { ServedKind } from "../core/served-kinds.ts";

/** The finalizer in spec.finalizers by which a namespace waits for this controller. */
const finalizer = "kubernetes";

/** A look without being told, for kinds that can't be watched. */
const fallbackInterval = 5000;

/** What is left in a namespace, of one kind. */
interface Remainder {
  readonly kind: ServedKind;
  readonly objects: readonly KubeObject[];
}

/**
 * Makes a namespace Active; or, when it is being deleted, deletes everything in it, pods first, and then gives up
 * the finalizer, upon which the API server removes it.
 */
export async function reconcileNamespace(
  cluster: Cluster,
  objects: AllObjects,
  name: string,
): Promise<Requeue | undefined> {
  const namespace = cluster.store(kinds.namespaces).get(name);
  if (namespace === undefined) return undefined;
  if (namespace.metadata.deletionTimestamp === undefined) {
    await activate(cluster, namespace);
    return undefined;
  }
  const terminating = await setPhase(cluster, namespace, "Terminating");
  if (!(terminating.spec?.finalizers ?? []).includes(finalizer)) return undefined;
  const left = await empty(cluster, objects, name);
  if (left.length > 0) {
    await reportRemainder(cluster, terminating, left);
    return { requeueAfter: fallbackInterval };
  }
  await finalize(cluster, terminating);
  return undefined;
}

/** The API server gives both on creation; an object restored from elsewhere may lack them. */
async function activate(cluster: Cluster, namespace: Namespace): Promise<void> {
  const finalizers = namespace.spec?.finalizers ?? [];
  const closing: Namespace = finalizers.includes(finalizer)
    ? namespace
    : await cluster.replace(
        kinds.namespaces,
        { ...namespace, spec: { ...namespace.spec, finalizers: [...finalizers, finalizer] } },
        "finalize",
      );
  await setPhase(cluster, closing, "Active");
}

async function setPhase(
  cluster: Cluster,
  namespace: Namespace,
  phase: "Active" | "Terminating",
): Promise<Namespace> {
  if (namespace.status?.phase === phase) return namespace;
  return cluster.replace(
    kinds.namespaces,
    { ...namespace, status: { ...namespace.status, phase } },
    "status",
  );
}

/** Deletes what is in the namespace. Gives what is still there, waiting for its grace period or its finalizers. */
async function empty(
  cluster: Cluster,
  objects: AllObjects,
  namespace: string,
): Promise<readonly Remainder[]> {
  const namespaced = objects.kinds().filter((kind) => kind.namespaced);
  // Pods may need their secrets, policies and accounts until they have ended.
  const pods = namespaced.filter(({ group, plural }) => group === "" && plural === "pods");
  const left = await emptyKinds(cluster, pods, namespace);
  if (left.length > 0) return left;
  return emptyKinds(
    cluster,
    namespaced.filter((kind) => !pods.includes(kind)),
    namespace,
  );
}

async function emptyKinds(
  cluster: Cluster,
  all: readonly ServedKind[],
  namespace: string,
): Promise<readonly Remainder[]> {
  const remainders = await Promise.all(
    all.map(async (kind) => {
      const before = await listOf(cluster, kind, namespace);
      if (before.every(({ metadata }) => metadata.deletionTimestamp !== undefined))
        return { kind, objects: before };
      await deleteAll(cluster, kind, namespace, before);
      return { kind, objects: await listOf(cluster, kind, namespace) };
    }),
  );
  return remainders.filter(({ objects }) => objects.length > 0);
}

/** Asked of the API server itself: what a store has not heard of yet would be lost with the namespace. */
async function listOf(cluster: Cluster, kind: ServedKind, namespace: string): Promise<readonly KubeObject[]> {
  try {
    return (await cluster.client.list(kind, { namespace })).items;
  } catch (reason) {
    if (isApiError(reason, 404) || isApiError(reason, 405)) return []; // Its definition went meanwhile.
    throw reason;
  }
}

async function deleteAll(
  cluster: Cluster,
  kind: ServedKind,
  namespace: string,
  objects: readonly KubeObject[],
): Promise<void> {
  if (!kind.verbs.includes("deletecollection")) {
    for (const { metadata } of objects) {
      await cluster.client.delete(kind, metadata.name, { namespace, propagationPolicy: "Background" });
    }
    return;
  }
  const path = resourcePath(kind, namespace);
  const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
  const headers = { accept: "application/json", "content-type": "application/json" };
  const query = new URLSearchParams();
  const response = await cluster.client.transport.send({ method: "DELETE", path, query, headers, body });
  if (response.status >= 400 && response.status !== 404) throw new ApiError(response.body as Status);
}

async function reportRemainder(
  cluster: Cluster,
  namespace: Namespace,
  left: readonly Remainder[],
): Promise<void> {
  const resources = left.map(({ kind: { plural, group }, objects }) => {
    return `${plural}.${group} has ${objects.length} resource instances`;
  });
  const finalizers = new Map<string, number>();
  for (const { metadata } of left.flatMap(({ objects }) => objects)) {
    for (const each of metadata.finalizers ?? []) finalizers.set(each, (finalizers.get(each) ?? 0) + 1);
  }
  const held = [...finalizers].map(([each, count]) => `${each} in ${count} resource instances`);
  const now = cluster.timestamp();
  let conditions = namespace.status?.conditions ?? [];
  conditions = withMessage(conditions, {
    type: "NamespaceContentRemaining",
    status: "True",
    reason: "SomeResourcesRemain",
    message: `Some resources are remaining: ${resources.sort().join(", ")}`,
    lastTransitionTime: now,
  });
  conditions = withMessage(conditions, {
    type: "NamespaceFinalizersRemaining",
    status: held.length === 0 ? "False" : "True",
    reason: held.length === 0 ? "ContentHasNoFinalizers" : "SomeFinalizersRemain",
    message:
      held.length === 0
        ? "All content-preserving finalizers finished"
        : `Some content in the namespace has finalizers remaining: ${held.sort().join(", ")}`,
    lastTransitionTime: now,
  });
  if (conditions === namespace.status?.conditions) return;
  await cluster.replace(
    kinds.namespaces,
    { ...namespace, status: { ...namespace.status, conditions } },
    "status",
  );
}

async function finalize(cluster: Cluster, namespace: Namespace): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((each) => each !== finalizer);
  try {
    await cluster.replace(
      kinds.namespaces,
      { ...namespace, spec: { ...namespace.spec, finalizers } },
      "finalize",
    );
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}
