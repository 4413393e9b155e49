import { IsthmusError, version } from "../base/index.ts";
import type { ConsoleSource, SourceAuthority, SourceState, SourceTrust } from "../console/index.ts";
import { startLoad } from "../load/index.ts";
import type { Telemetry } from "../telemetry/index.ts";
import { runVerification } from "../verify/index.ts";
import { knownCluster, startCluster, stopCluster } from "./cluster-control.ts";
import { gatherFindings } from "./gather-findings.ts";
import { gatherFacts } from "./gather-status.ts";
import { getJson } from "./http-get.ts";
import { kubernetesVersionOf } from "./kubernetes-version.ts";
import { readPeerings } from "./peering-status.ts";
import { podAddress } from "./pod-address.ts";
import { endpointRows } from "./proxy-config/endpoints.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { AuthorityStatus } from "./status.ts";
import { stoppedCluster } from "./stopped-cluster.ts";
import { trustStatus } from "./trust-status.ts";
import { verifyTarget } from "./verify-target.ts";
import { findPods } from "./workload-reference.ts";

const adminPort = 15000;
const startTimeout = 60_000;

/** The running mesh as its console sees it. */
export function consoleSource(mesh: RunningMesh): ConsoleSource {
  let telemetry: Telemetry | undefined;
  // It starts after the mesh; until then nothing is measured.
  mesh.telemetry.then(
    (started) => {
      telemetry = started;
    },
    () => {},
  );
  return {
    state: () => sourceState(mesh),
    findings: () => gatherFindings(mesh),
    get telemetry() {
      return telemetry;
    },
    live: mesh.openLive,
    traces: mesh.openTraces,
    async endpoints({ cluster, namespace, name }) {
      const address = mesh.watches.get(knownCluster(mesh, cluster))?.pods.get(name, namespace)?.status?.podIP;
      if (address === undefined)
        throw new IsthmusError("workload/not-found", `${cluster} has no running pod ${name} in ${namespace}`);
      return endpointRows(await getJson(`http://${address}:${adminPort}/clusters?format=json`), {});
    },
    verify: (signal) => runVerification(verifyTarget(mesh), { signal }),
    async startLoad({ from, ...load }, signal) {
      const cluster = knownCluster(mesh, from.cluster);
      const client = mesh.clusters.get(cluster)?.client;
      if (client === undefined) throw stoppedCluster(cluster);
      const reference = `${from.kind.toLowerCase()}/${from.name}.${from.namespace}`;
      const [pod] = await findPods(client, cluster, reference);
      if (pod === undefined) throw new IsthmusError("workload/not-found", `${reference} has no ready pod`);
      const { address, httpProxyPort, httpProxyAuthorization } = podAddress(pod, cluster, mesh);
      const proxy = { host: address, port: httpProxyPort, authorization: httpProxyAuthorization };
      return startLoad({ ...load, proxy, fresh: false, signal });
    },
    async setCluster(name, wanted, signal) {
      const known = knownCluster(mesh, name);
      if (wanted === "stopped") await stopCluster(mesh, known);
      else await startCluster(mesh, known, { timeout: startTimeout, signal });
    },
    setLink: ([a, b], wanted) => mesh.setLink([knownCluster(mesh, a), knownCluster(mesh, b)], wanted),
  };
}

async function sourceState(mesh: RunningMesh): Promise<SourceState> {
  const [{ clusters, gateways, proxies, addons }, peerings] = await Promise.all([
    gatherFacts(mesh),
    readPeerings(mesh),
  ]);
  return {
    name: mesh.mesh.name,
    version,
    dataplane: mesh.dataplane,
    startedAt: mesh.startedAt,
    clusters: clusters.flatMap(({ name, ...status }) => {
      const cluster = [...mesh.clusterSet.clusters.values()].find((one) => one.name === name);
      const client = mesh.clusterSet.clients.get(name);
      if (cluster === undefined || client === undefined) return [];
      const { role, istio, trust } = cluster;
      return [
        {
          name,
          ...status,
          role,
          client,
          kubernetesVersion: kubernetesVersionOf(cluster),
          istioVersion: istio.version,
          trustDomain: trust.domain,
        },
      ];
    }),
    gateways,
    proxies,
    addons,
    peerings,
    trust: await trustOf(mesh),
    cutLinks: mesh.cutLinks,
  };
}

async function trustOf(mesh: RunningMesh): Promise<SourceTrust[]> {
  const { clusters } = await trustStatus(mesh);
  return clusters.map(({ cluster, root, intermediate, believed }) => ({
    cluster,
    root: authority(root),
    intermediate: authority(intermediate),
    believed: believed.map(authority),
  }));
}

function authority({ fingerprint, subject, notBefore, notAfter }: AuthorityStatus): SourceAuthority {
  return { fingerprint, subject, notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) };
}
