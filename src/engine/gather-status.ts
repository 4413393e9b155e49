import { version } from "../base/index.ts";
import { addressesOf, apiPort } from "./address-blocks.ts";
import { type ControlPlaneView, proxyState, readControlPlanes } from "./control-planes.ts";
import { findAddons } from "./find-addons.ts";
import { gatewaysOf } from "./gateway-status.ts";
import { gatherFindings } from "./gather-findings.ts";
import { hostUsage } from "./host-usage.ts";
import { readPeerings } from "./peering-status.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { ClusterStatus, MeshStatus, ProxyStatus } from "./status.ts";
import { trustStatus } from "./trust-status.ts";

/** Reads the running mesh's state: from the watches, and from every istiod's debug interface. */
export async function gatherStatus(mesh: RunningMesh): Promise<MeshStatus> {
  const [views, peerings] = await Promise.all([readControlPlanes(mesh), readPeerings(mesh)]);
  const { clusters: trust, rotation } = await trustStatus(mesh);
  const roots = [...new Set(trust.flatMap(({ believed }) => believed.map(({ fingerprint }) => fingerprint)))];
  const root = trust[0]?.root;
  const [facts, host] = await Promise.all([gatherFacts(mesh, views), hostUsage(mesh)]);
  return {
    name: mesh.mesh.name,
    version,
    dataplane: mesh.dataplane,
    startedAt: new Date(mesh.startedAt).toISOString(),
    state: facts.clusters.every(({ state }) => state === "ready" || state === "stopped")
      ? "ready"
      : "starting",
    kubeconfig: mesh.kubeconfig,
    ...(root === undefined ? {} : { root: { fingerprint: root.fingerprint, notAfter: root.notAfter } }),
    ...(roots.length > 1 ? { roots } : {}),
    ...(rotation === undefined ? {} : { rotation }),
    ...facts,
    peerings,
    // Hints are for who asks for an analysis.
    findings: (await gatherFindings(mesh, { views })).filter(({ severity }) => severity !== "info"),
    host,
  };
}

/** What runs, without what is wrong with it. */
export async function gatherFacts(
  mesh: RunningMesh,
  views?: ReadonlyMap<string, ControlPlaneView>,
): Promise<Pick<MeshStatus, "clusters" | "gateways" | "addons" | "proxies">> {
  const known = views ?? (await readControlPlanes(mesh));
  return {
    clusters: [...mesh.clusterSet.clusters.keys()].map((name) => clusterStatus(mesh, name, known)),
    gateways: [...mesh.clusters.keys()].flatMap((name) => gatewaysOf(mesh, name)),
    addons: findAddons(mesh),
    proxies: proxiesOf(mesh, known),
  };
}

function clusterStatus(
  mesh: RunningMesh,
  name: string,
  views: ReadonlyMap<string, ControlPlaneView>,
): ClusterStatus {
  const watch = mesh.watches.get(name);
  const running = mesh.clusters.get(name);
  const cluster = mesh.clusterSet.clusters.get(name);
  const waiting = watch?.waiting() ?? [];
  const primary = cluster?.primary ?? name;
  const registry = views.get(primary)?.clusters.find(({ id }) => id === name)?.syncStatus;
  const readyAfter = mesh.readyAfter.get(name);
  return {
    name,
    state: running === undefined ? "stopped" : waiting.length === 0 ? "ready" : "starting",
    api: running?.server ?? apiServerOf(mesh, name),
    role: cluster?.role ?? "workload",
    ...(cluster?.network === undefined ? {} : { network: cluster.network }),
    ...(cluster?.region === undefined ? {} : { region: cluster.region }),
    primary,
    istiod: primary === name && cluster?.role !== "management",
    pods: watch?.podCount ?? { ready: 0, total: 0 },
    ...(registry === undefined ? {} : { registry }),
    ...(readyAfter === undefined ? {} : { readyAfter }),
    ...(waiting.length === 0 ? {} : { waitingFor: waiting.join("; ") }),
  };
}

function apiServerOf(mesh: RunningMesh, name: string): string {
  const block = mesh.clusterSet.blocks.get(name);
  return (
    mesh.clusterSet.clusters.get(name)?.server ??
    (block === undefined ? "" : `https://${addressesOf(block).api}:${apiPort}`)
  );
}

/**
 * Every proxy container of the mesh, with what its istiod says of it; one that istiod does not know is not connected.
 * A pod that a consumer has placed on a provider is in both of their APIs: it is listed where it runs, and says that it
 * is the consumer's.
 */
function proxiesOf(mesh: RunningMesh, views: ReadonlyMap<string, ControlPlaneView>): ProxyStatus[] {
  return [...mesh.watches].flatMap(([cluster, watch]) => {
    const { primary = cluster, consumer } = mesh.clusterSet.clusters.get(cluster) ?? {};
    const view = views.get(primary);
    const providers = providersOf(mesh, cluster);
    return watch.pods
      .list()
      .filter(
        ({ spec, metadata }) =>
          spec.containers.some(({ name }) => name === "istio-proxy") &&
          !providers.has(spec.nodeName ?? "") &&
          metadata.deletionTimestamp === undefined,
      )
      .map(({ metadata: { name, namespace = "default" } }): ProxyStatus => {
        const line = view?.proxies.find(
          ({ proxy, cluster_id: id = cluster }) =>
            proxy === `${name}.${namespace}` && (id === cluster || id === consumer),
        );
        const state = line === undefined ? "NOT CONNECTED" : proxyState(line);
        const rejections = Object.entries(line?.rejections ?? {});
        return {
          cluster,
          namespace,
          pod: name,
          state,
          ...(rejections.length === 0
            ? {}
            : { rejections: Object.fromEntries(rejections.map(([type, { message }]) => [type, message])) }),
          ...(view === undefined ? {} : { istiod: line?.istiod ?? view.istiod }),
        };
      });
  });
}

/** The clusters on which one places pods; its virtual nodes are called as they are. */
function providersOf({ mesh }: RunningMesh, cluster: string): ReadonlySet<string> {
  return new Set(mesh.peerings.flatMap(({ consumer, provider }) => (consumer === cluster ? [provider] : [])));
}
