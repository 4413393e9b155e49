import { IsthmusError } from "../../base/index.ts";
import { isInjected, isVirtualNode, kinds, type Node, type Pod } from "../../kube/index.ts";
import type { ClusterNamespace, ClusterNode, ClusterPage, ClusterRow, ClustersPage } from "../api-fleet.ts";
import type { SourceCluster, SourceProxy, SourceState } from "../contracts.ts";
import type { Reader } from "../reader.ts";
import { isPodReady, readWorkloads } from "./read-workloads.ts";
import { shownCluster } from "./shown-cluster.ts";

const zoneLabel = "topology.kubernetes.io/zone";

/** All clusters, with what is worth comparing of them. */
export async function clustersPage(reader: Reader): Promise<ClustersPage> {
  const state = await reader.state();
  return { clusters: await Promise.all(state.clusters.map((one) => clusterRow(reader, state, one))) };
}

/** One cluster: what it consists of, and what is in it. Rejects with cluster/unknown. */
export async function clusterPage(
  reader: Reader,
  _: URLSearchParams,
  { cluster: wanted = "" }: Readonly<Record<string, string>>,
): Promise<ClusterPage> {
  const state = await reader.state();
  const cluster = state.clusters.find(({ name }) => name === wanted);
  if (cluster === undefined)
    throw new IsthmusError("cluster/unknown", `the mesh has no cluster "${wanted}"`, {
      nextStep: `It has ${state.clusters.map(({ name }) => name).join(", ")}.`,
    });
  const [row, { items: nodes, away }, pods, namespaces] = await Promise.all([
    clusterRow(reader, state, cluster),
    reader.list(wanted, kinds.nodes),
    reader.list(wanted, kinds.pods),
    namespacesOf(reader, wanted),
  ]);
  const trust = state.trust.find((one) => one.cluster === wanted);
  return {
    cluster: row,
    ...(away === undefined ? {} : { away: { since: away.since ?? 0, reason: away.reason } }),
    nodes: nodes
      .map((node) => shownNode(node, pods.isUnread === true ? undefined : pods.items))
      .sort((a, b) => a.name.localeCompare(b.name)),
    ...(namespaces === undefined ? {} : { namespaces }),
    proxies: state.proxies.filter((one) => one.cluster === wanted).sort(byTrouble),
    serves: row.hasControlPlane
      ? state.clusters
          .filter(({ primary, role }) => primary === wanted && role === "workload")
          .map(({ name }) => name)
      : [],
    ...(trust === undefined
      ? {}
      : {
          trust: {
            domain: cluster.trustDomain,
            root: trust.root,
            intermediate: trust.intermediate,
            believed: trust.believed,
          },
        }),
  };
}

async function clusterRow(reader: Reader, state: SourceState, cluster: SourceCluster): Promise<ClusterRow> {
  const [shown, { items: nodes, isUnread }] = await Promise.all([
    shownCluster(reader, state, cluster),
    reader.list(cluster.name, kinds.nodes),
  ]);
  const firstEnd = firstEndOf(state, cluster.name);
  return {
    ...shown,
    kubernetesVersion: cluster.kubernetesVersion,
    ...(isUnread === true
      ? {}
      : {
          nodes: {
            ready: nodes.filter((node) => readiness(node)?.status === "True").length,
            total: nodes.length,
          },
        }),
    ...(firstEnd === undefined ? {} : { firstEnd }),
  };
}

function firstEndOf({ trust }: SourceState, cluster: string): ClusterRow["firstEnd"] {
  const own = trust.find((one) => one.cluster === cluster);
  if (own === undefined) return undefined;
  const { root, intermediate } = own;
  return intermediate.notAfter < root.notAfter
    ? { of: "intermediate", at: intermediate.notAfter }
    : { of: "root", at: root.notAfter };
}

function readiness({ status }: Node) {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

function shownNode(node: Node, pods: readonly Pod[] | undefined): ClusterNode {
  const { metadata, spec, status } = node;
  const ready = readiness(node);
  const isReady = ready?.status === "True";
  const version = status?.nodeInfo?.["kubeletVersion"];
  const address = status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  const zone = metadata.labels?.[zoneLabel];
  return {
    name: metadata.name,
    isReady,
    ...(isReady ? {} : { trouble: ready?.message ?? ready?.reason ?? "it has said nothing yet" }),
    isCordoned: spec?.unschedulable === true,
    isVirtual: isVirtualNode(node),
    ...(version === undefined ? {} : { version }),
    ...(address === undefined ? {} : { address }),
    ...(zone === undefined ? {} : { zone }),
    ...(spec?.podCIDR === undefined ? {} : { podRange: spec.podCIDR }),
    ...(pods === undefined
      ? {}
      : { pods: counted(pods.filter((pod) => pod.spec.nodeName === metadata.name)) }),
  };
}

/** Those that have ended as they should count no more. */
function counted(pods: readonly Pod[]): ClusterNamespace["pods"] {
  const running = pods.filter(({ status }) => status?.phase !== "Succeeded");
  return { ready: running.filter(isPodReady).length, total: running.length };
}

async function namespacesOf(
  reader: Reader,
  cluster: string,
): Promise<readonly ClusterNamespace[] | undefined> {
  const [namespaces, services, { workloads, pods }] = await Promise.all([
    reader.list(cluster, kinds.namespaces),
    reader.list(cluster, kinds.services),
    readWorkloads(reader, cluster),
  ]);
  if (namespaces.isUnread === true) return undefined;
  return namespaces.items
    .map((namespace): ClusterNamespace => {
      const { name } = namespace.metadata;
      return {
        name,
        isInjected: isInjected(namespace),
        workloads: workloads.filter(({ id }) => id.namespace === name).length,
        pods: counted(pods.filter(({ metadata }) => metadata.namespace === name)),
        services: services.items.filter(({ metadata }) => metadata.namespace === name).length,
      };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

function byTrouble(a: SourceProxy, b: SourceProxy): number {
  return (
    Number(isFine(a)) - Number(isFine(b)) ||
    a.namespace.localeCompare(b.namespace) ||
    a.pod.localeCompare(b.pod)
  );
}

function isFine({ state, rejections = {} }: SourceProxy): boolean {
  return state === "SYNCED" && Object.keys(rejections).length === 0;
}
