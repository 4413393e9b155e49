import { IsthmusError, type Logger } from "../base/index.ts";
import type { WrittenObject } from "../checks/index.ts";
import type { Pod } from "../kube/index.ts";
import { hasSidecar, runVerification } from "../verify/index.ts";
import { knownCluster, startCluster, stopCluster } from "./cluster-control.ts";
import { debugPort } from "./control-planes.ts";
import type { ControlHandler } from "./control-server.ts";
import { addonDashboards, type Dashboard } from "./dashboard.ts";
import { gatherFindings } from "./gather-findings.ts";
import { gatherStatus } from "./gather-status.ts";
import { graphOptions } from "./graph-options.ts";
import { getJson } from "./http-get.ts";
import { podAddress } from "./pod-address.ts";
import { endpointRows } from "./proxy-config/endpoints.ts";
import { readProxyConfig } from "./proxy-config/proxy-config.ts";
import { remoteSecret } from "./remote-secret.ts";
import { rotateTrust } from "./rotate-trust.ts";
import type { RunningMesh } from "./start-mesh.ts";
import { stoppedCluster } from "./stopped-cluster.ts";
import { trustStatus } from "./trust-status.ts";
import { verifyTarget } from "./verify-target.ts";
import type { RunningCluster } from "./wire.ts";
import { findPods } from "./workload-reference.ts";

const adminPort = 15000;

/** What commands can ask of a running mesh. */
export function controlHandlers(mesh: RunningMesh, log: Logger): Readonly<Record<string, ControlHandler>> {
  return {
    status: () => gatherStatus(mesh),
    analyze(body) {
      const { applied = {} } = body as { applied?: Readonly<Record<string, readonly WrittenObject[]>> };
      return gatherFindings(mesh, { applied: new Map(Object.entries(applied)) });
    },
    async pods(body) {
      const { reference, cluster } = textFields(body);
      const running = clusterOf(mesh, cluster, reference);
      const pods = await findPods(running.client, running.cluster.name, reference ?? "");
      return pods.map((pod) => podAddress(pod, running.cluster.name, mesh));
    },
    async endpoints(body) {
      const { reference, cluster, name } = textFields(body);
      const dump = await getJson(`${await proxyAdmin(mesh, reference, cluster)}/clusters?format=json`);
      return endpointRows(dump, { name, all: (body as { all?: boolean }).all });
    },
    async "proxy-config"(body) {
      const { reference, cluster, kind, part } = textFields(body);
      return readProxyConfig(await proxyAdmin(mesh, reference, cluster), kind ?? "", part);
    },
    async "remote-secret"(body, signal) {
      const { cluster, name } = textFields(body);
      return remoteSecret(clusterOf(mesh, cluster, "the credential"), { name, signal, log });
    },
    async console() {
      const { url, isWantedPort } = mesh.console;
      return { url, isWantedPort };
    },
    async dashboard(body) {
      const { target = "", cluster } = textFields(body);
      if (!/[./]/.test(target)) return addonDashboards(mesh, target, cluster);
      const running = clusterOf(mesh, cluster, target);
      const [pod] = await findPods(running.client, running.cluster.name, target);
      return pod === undefined ? [] : [podDashboard(pod, running.cluster.name)];
    },
    async graph(body) {
      const telemetry = await mesh.telemetry;
      return telemetry.graph(graphOptions(body));
    },
    async top(body) {
      const telemetry = await mesh.telemetry;
      return telemetry.workloads(graphOptions(body));
    },
    async query(body) {
      const { expression = "" } = textFields(body);
      const telemetry = await mesh.telemetry;
      return telemetry.query(expression);
    },
    verify(body, signal) {
      const { requests } = body as { requests?: number };
      const wanted = Number.isInteger(requests) ? Math.min(10_000, Math.max(1, Number(requests))) : 40;
      return runVerification(verifyTarget(mesh), { requests: wanted, signal });
    },
    trust: async () => trustStatus(mesh),
    "rotate-trust"(body, signal) {
      const { kind, timeout = 120_000 } = body as { kind?: string; timeout?: number };
      if (kind !== undefined && kind !== "root" && kind !== "intermediates")
        throw new IsthmusError(
          "arguments/wrong",
          `a rotation is of the root or of intermediates, not "${kind}"`,
        );
      return rotateTrust(mesh, { kind, timeout }, signal);
    },
    async cluster(body, signal) {
      const { action, name, timeout } = body as { action?: string; name?: string; timeout?: number };
      const wanted = knownCluster(mesh, name ?? "");
      if (action === "stop") return stopCluster(mesh, wanted);
      if (action === "start") return startCluster(mesh, wanted, { timeout: timeout ?? 60_000, signal });
      throw new IsthmusError("arguments/wrong", `clusters are stopped and started, not "${action}"`);
    },
    async stop() {
      log.info({ reason: "isthmus down" }, "the mesh is ending");
      // Answer first: the caller's connection ends with the mesh.
      setImmediate(() => void mesh.stop());
      return { name: mesh.mesh.name };
    },
  };
}

/** The admin interface of the proxy of the first pod that `reference` names. */
async function proxyAdmin(
  mesh: RunningMesh,
  reference: string | undefined,
  cluster: string | undefined,
): Promise<string> {
  const running = clusterOf(mesh, cluster, reference);
  const [pod] = (await findPods(running.client, running.cluster.name, reference ?? "")).filter(hasProxy);
  if (pod?.status?.podIP === undefined) {
    throw new IsthmusError("workload/not-found", `${reference} in ${running.cluster.name} has no proxy`, {
      nextStep: "Only pods with a sidecar and gateways have a proxy to look at.",
    });
  }
  return `http://${pod.status.podIP}:${adminPort}`;
}

/** The admin interface of a pod's proxy, or istiod's pages. */
function podDashboard(pod: Pod, cluster: string): Dashboard {
  const isIstiod = pod.metadata.labels?.["app"] === "istiod";
  if (pod.status?.podIP === undefined || !(isIstiod || hasProxy(pod))) {
    throw new IsthmusError("workload/not-found", `${pod.metadata.name} in ${cluster} has no proxy`, {
      nextStep: "There are pages of pods with a sidecar, of gateways, of istiod and of add-ons.",
    });
  }
  const page = isIstiod ? `${debugPort}/debug/list` : `${adminPort}/`;
  return { cluster, name: pod.metadata.name, url: `http://${pod.status.podIP}:${page}` };
}

function hasProxy(pod: Pod): boolean {
  return hasSidecar(pod) || pod.spec.containers.some(({ name }) => name === "istio-proxy");
}

/** The cluster that a command names, or the only one that could be meant. */
function clusterOf(
  mesh: RunningMesh,
  name: string | undefined,
  reference: string | undefined,
): RunningCluster {
  const known = [...mesh.clusterSet.clusters.keys()];
  const meant = name ?? (known.length === 1 ? known[0] : undefined);
  if (meant === undefined)
    throw new IsthmusError("cluster/unknown", `${reference ?? "the workload"} may be in several clusters`, {
      nextStep: `Name one with --cluster: ${known.join(", ")}.`,
    });
  const running = mesh.clusters.get(knownCluster(mesh, meant));
  if (running === undefined) throw stoppedCluster(meant);
  return running;
}

function textFields(body: unknown): Readonly<Record<string, string | undefined>> {
  const entries = Object.entries((body ?? {}) as object).filter(([, value]) => typeof value === "string");
  return Object.fromEntries(entries) as Record<string, string>;
}
