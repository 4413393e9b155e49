import {
  type Kind,
  type KubeObject,
  kinds,
  type Pod,
  type PodSpec,
  type PodTemplate,
  remoteClusterOf,
  workloadOf,
} from "../../kube/index.ts";
import type { ProxySummary, WorkloadId, WorkloadRow } from "../api.ts";
import type { SourceProxy, SourceState } from "../contracts.ts";
import type { Away, Reader } from "../reader.ts";

/** A workload of one cluster, with its pods. */
export interface ReadWorkload {
  readonly id: WorkloadId;
  /** Absent for pods whose owner is not read, such as those of a Job. */
  readonly object?: KubeObject;
  /** Those that are not about to end, oldest first. */
  readonly pods: readonly Pod[];
  readonly template: { readonly labels: Readonly<Record<string, string>>; readonly spec: PodSpec };
  readonly wanted: number;
  /** The cluster that runs a pod: another one for those on virtual nodes. */
  readonly placeOf: (pod: Pod) => string;
}

/** What runs in one cluster, or ran when it answered last. */
export interface ClusterWorkloads {
  readonly cluster: string;
  readonly workloads: readonly ReadWorkload[];
  readonly pods: readonly Pod[];
  readonly away?: Away;
}

const owners: readonly Kind[] = [kinds.deployments, kinds.statefulSets, kinds.daemonSets];
const proxyContainer = "istio-proxy";

/** The workloads of one cluster, by namespace and name. */
export async function readWorkloads(reader: Reader, cluster: string): Promise<ClusterWorkloads> {
  const [{ items, away }, nodes, ...lists] = await Promise.all([
    reader.list(cluster, kinds.pods),
    reader.list(cluster, kinds.nodes),
    ...owners.map(async (kind) => ({ kind, items: (await reader.list(cluster, kind)).items })),
  ]);
  const pods = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const remote = new Map(nodes.items.map((node) => [node.metadata.name, remoteClusterOf(node)]));
  const placeOf = ({ spec }: Pod) => remote.get(spec.nodeName ?? "") ?? cluster;
  const byOwner = new Map<string, Pod[]>();
  for (const pod of pods) {
    const { kind, name } = workloadOf(pod);
    const key = `${kind}/${pod.metadata.namespace}/${name}`;
    byOwner.set(key, [...(byOwner.get(key) ?? []), pod]);
  }
  const found: ReadWorkload[] = [];
  for (const { kind, items: objects } of lists)
    for (const object of objects) {
      const { name, namespace = "default" } = object.metadata;
      const key = `${kind.kind}/${namespace}/${name}`;
      const { template, replicas = 1 } = object["spec"] as {
        readonly template: PodTemplate;
        readonly replicas?: number;
      };
      const own = byOwner.get(key) ?? [];
      byOwner.delete(key);
      found.push({
        id: { cluster, namespace, kind: kind.kind, name },
        object,
        pods: own,
        template: { labels: template.metadata?.labels ?? {}, spec: template.spec },
        wanted: kind.kind === "DaemonSet" ? own.length : replicas,
        placeOf,
      });
    }
  // Pods that nobody above owns: bare ones, and those of Jobs that have not ended.
  for (const [key, own] of byOwner) {
    const [kind = "Pod", namespace = "default", name = ""] = key.split("/");
    const [first] = own.filter(({ status }) => status?.phase !== "Succeeded");
    if (first === undefined) continue;
    const template = { labels: first.metadata.labels ?? {}, spec: first.spec };
    found.push({ id: { cluster, namespace, kind, name }, pods: own, template, wanted: own.length, placeOf });
  }
  return {
    cluster,
    workloads: found.sort((a, b) => byPlace(a.id, b.id)),
    pods,
    ...(away === undefined ? {} : { away }),
  };
}

function byPlace(a: WorkloadId, b: WorkloadId): number {
  return a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name);
}

/** What is known of a workload without its requests. */
export function workloadRow(
  workload: ReadWorkload,
  state: SourceState,
): Omit<WorkloadRow, "inbound" | "outbound"> {
  const { id, pods, template, wanted, placeOf } = workload;
  const [place = id.cluster, ...otherPlaces] = new Set(pods.map(placeOf));
  const app = canonicalName(template.labels);
  const version = canonicalRevision(template.labels);
  const trouble = pods.map(podTrouble).find((text) => text !== undefined);
  return {
    ...id,
    ...(place === id.cluster || otherPlaces.length > 0 ? {} : { runsIn: place }),
    ...(app === undefined ? {} : { app }),
    ...(version === undefined ? {} : { version }),
    serviceAccount: template.spec.serviceAccountName ?? "default",
    pods: { ready: pods.filter(isPodReady).length, wanted },
    ...(trouble === undefined ? {} : { trouble }),
    proxies: summary(workload, state.proxies),
    role: roleOf(id, pods, template),
  };
}

/** As Istio's labels of a workload say, or those that everybody uses. */
function canonicalName(labels: Readonly<Record<string, string>>): string | undefined {
  return labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"];
}

function canonicalRevision(labels: Readonly<Record<string, string>>): string | undefined {
  return (
    labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels["version"]
  );
}

function roleOf(
  { namespace }: WorkloadId,
  pods: readonly Pod[],
  template: ReadWorkload["template"],
): WorkloadRow["role"] {
  if (template.labels["app"] === "istiod") return "control plane";
  if (namespace.startsWith("kube-")) return "system";
  const containers = pods[0]?.spec.containers ?? template.spec.containers;
  // A proxy without an app beside it. Its image is filled in by injection, so the pod is looked at first.
  return containers.length === 1 && containers[0]?.name === proxyContainer ? "gateway" : "app";
}

export function hasProxy({ spec }: Pod): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ name }) => name === proxyContainer);
}

/** The proxy of a pod, as the cluster knows it that runs the pod. */
export function proxyOf(
  pod: Pod,
  { id, placeOf }: Pick<ReadWorkload, "id" | "placeOf">,
  proxies: readonly SourceProxy[],
): SourceProxy | undefined {
  const { name, namespace = "default" } = pod.metadata;
  const place = placeOf(pod);
  // A namespace may have another name where pods are offloaded to; theirs are made up and the same.
  const isThere = (one: SourceProxy) => place !== id.cluster || one.namespace === namespace;
  return proxies.find((one) => one.cluster === place && one.pod === name && isThere(one));
}

function summary(workload: ReadWorkload, proxies: readonly SourceProxy[]): ProxySummary {
  const own = workload.pods.filter(hasProxy);
  if (own.length === 0) return { state: "none" };
  const known = own.flatMap((pod) => proxyOf(pod, workload, proxies) ?? []);
  const synced = known.filter(({ state }) => state === "SYNCED").length;
  const state = known.some((one) => one.state === "STALE" || one.state === "NOT SENT")
    ? "stale"
    : synced === own.length
      ? "synced"
      : "disconnected";
  return { state, synced, total: own.length };
}

export function isPodReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
}

/** Why a pod is not ready, in words. */
export function podTrouble(pod: Pod): string | undefined {
  if (isPodReady(pod)) return undefined;
  const { status } = pod;
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return `not scheduled: ${scheduled.message ?? scheduled.reason ?? ""}`;
  const container = status?.containerStatuses?.find(({ ready }) => !ready);
  const waiting = container?.state?.waiting;
  if (waiting?.reason !== undefined)
    return `${container?.name}: ${waiting.reason}${waiting.message === undefined ? "" : `, ${waiting.message}`}`;
  return container === undefined ? "not started yet" : `${container.name} is not ready`;
}
