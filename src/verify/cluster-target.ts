import { randomUUID } from "node:crypto";
import { IsthmusError, type Logger, waitFor } from "../base/index.ts";
import {
  type CommandResult,
  type KubeClient,
  kinds,
  managedBy,
  type Pod,
  type PodCommand,
  startInformer,
} from "../kube/index.ts";
import { readExposition, readSeries } from "../telemetry/index.ts";
import type { Answer, Arrivals, CalledService, PodRef, VerifyTarget } from "./contracts.ts";
import { probeAnnotations, probeLabel } from "./orphaned-probes.ts";
import { shakeHands } from "./shake-hands.ts";

/** A cluster known by its API only, in whose pods commands can be run. */
export interface ReachedPods {
  readonly name: string;
  readonly network: string | undefined;
  readonly client: KubeClient;
  exec(command: PodCommand, signal: AbortSignal): Promise<CommandResult>;
}

export interface ClusterTargetOptions {
  readonly clusters: readonly ReachedPods[];
  /** With curl and a shell, for callers that have to be made. */
  readonly probeImage: string;
  readonly log: Logger;
}

/** Clusters as verify sees them over their APIs. */
export interface ClusterTarget extends VerifyTarget {
  /** Removes the callers that were made. */
  stop(): Promise<void>;
}

const proxyContainer = "istio-proxy";
const probePrefix = "isthmus-verify-";
/** A probe ends by itself when nobody is left to remove it. */
const probeLifetimeSeconds = 900;
const probeTimeout = 120_000;
const requestSeconds = 15;
/** Requests in one command; each command is a session with the API server. */
const mostInOneCommand = 40;
/** Where a sidecar tells its metrics, from outside its pod too and whatever mTLS it demands. */
const metricsPort = 15090;
/** Proxies write metrics after they have passed the answer on. */
const countsLag = 3000;

/**
 * Sends by curl in pods that have it, else in probe pods that it makes beside them; counts by Istio's standard metrics of
 * the backends' sidecars, over the API server's proxy. What is tried from outside the mesh is tried from this machine.
 */
export function startClusterTarget({ clusters, probeImage, log }: ClusterTargetOptions): ClusterTarget {
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  const probes = new Map<string, Promise<PodRef | undefined>>();
  const clusterOf = (name: string): ReachedPods => {
    const found = byName.get(name);
    if (found === undefined) throw new Error(`no cluster ${name}`);
    return found;
  };
  const exec = async (ref: PodRef, command: readonly string[], signal: AbortSignal) => {
    const { client, exec: run } = clusterOf(ref.cluster);
    const pod = await client.get(kinds.pods, ref.name, ref.namespace);
    const container = pod?.spec.containers.find(({ name }) => name !== proxyContainer)?.name;
    const where = { namespace: ref.namespace, pod: ref.name, command };
    return run(container === undefined ? where : { ...where, container }, signal);
  };

  return {
    clusters,
    countsLag,
    async requests(from, url, count, signal) {
      const answers: Answer[] = [];
      while (answers.length < count) {
        const part = Math.min(mostInOneCommand, count - answers.length);
        answers.push(...(await callSome(from, url, part, signal)));
      }
      return answers;
    },
    arrivals: (to, _port, service, signal) => readArrivals(clusterOf(to.cluster).client, to, service, signal),
    async canCall(pod, signal) {
      try {
        return (await exec(pod, ["sh", "-c", "command -v curl"], signal)).exitCode === 0;
      } catch {
        signal.throwIfAborted();
        return false; // Not ours to run commands in, or no shell.
      }
    },
    makeCaller(cluster, namespace, signal) {
      const key = `${cluster}/${namespace}`;
      const made = probes.get(key) ?? makeProbe(clusterOf(cluster), namespace, { probeImage, log, signal });
      probes.set(key, made);
      return made;
    },
    async silence(ref, port) {
      const pod = await clusterOf(ref.cluster).client.get(kinds.pods, ref.name, ref.namespace);
      const isSaid = (pod?.spec.containers ?? []).some(
        ({ name, ports, readinessProbe }) =>
          name !== proxyContainer &&
          (readinessProbe !== undefined || ports?.some(({ containerPort }) => containerPort === port)),
      );
      return isSaid ? undefined : `neither a port ${port} nor a readiness probe is in the spec`;
    },
    handshake: ({ address, port }, options) => shakeHands(address, port, options),
    async stop() {
      const made = await Promise.allSettled(probes.values());
      await Promise.all(
        made.map(async (one) => {
          if (one.status !== "fulfilled" || one.value === undefined) return;
          const { cluster, name, namespace } = one.value;
          await clusterOf(cluster).client.delete(kinds.pods, name, { namespace, gracePeriodSeconds: 0 });
        }),
      );
    },
  };

  async function callSome(
    from: PodRef,
    url: string,
    count: number,
    signal: AbortSignal,
  ): Promise<readonly Answer[]> {
    try {
      const { stdout, stderr, exitCode } = await exec(from, callsOf(url, count), signal);
      const answers = stdout.split("\n").filter(Boolean).map(readAnswer);
      const failure = stderr.trim().slice(0, 200) || `the command ended with ${exitCode}`;
      const missing = Array.from({ length: Math.max(0, count - answers.length) }, () => failed(failure));
      return [...answers.slice(0, count), ...missing];
    } catch (reason) {
      signal.throwIfAborted();
      const failure = reason instanceof Error ? reason.message : String(reason);
      return Array.from({ length: count }, () => failed(failure));
    }
  }
}

const failed = (failure: string): Answer => ({ status: 0, milliseconds: 0, failure });

/** One process a request, so that each has a connection of its own. */
function callsOf(url: string, count: number): readonly string[] {
  const write = "%{http_code} %{time_total} %{errormsg}\\n";
  const script = `i=0; while [ "$i" -lt "$2" ]; do curl -s -o /dev/null -A isthmus-verify -H 'connection: close' --max-time ${requestSeconds} -w '${write}' "$1"; i=$((i+1)); done; true`;
  return ["sh", "-c", script, "isthmus-verify", url, String(count)];
}

/** "200 0.0123", "000 15.0 Connection timed out". */
function readAnswer(line: string): Answer {
  const [, code = "0", seconds = "0", message = ""] = /^(\d+) ([\d.,]+) ?(.*)$/.exec(line) ?? [];
  const status = Number(code);
  const milliseconds = Number(seconds.replace(",", ".")) * 1000;
  if (status !== 0 && status < 500) return { status, milliseconds };
  return { status, milliseconds, failure: status === 0 ? message || "no answer" : `HTTP ${status}` };
}

/** istio_requests_total of the pod's own sidecar, as it reports them at the destination. */
async function readArrivals(
  client: KubeClient,
  { namespace, name, cluster }: PodRef,
  service: CalledService,
  signal: AbortSignal,
): Promise<Arrivals> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}:${metricsPort}/proxy/stats/prometheus`;
  const { status, body } = await client.transport.send(
    { method: "GET", path, query: new URLSearchParams(), headers: { accept: "text/plain" } },
    signal,
  );
  if (status !== 200 || typeof body !== "string")
    throw new IsthmusError(
      "verify/failed",
      `the metrics of ${namespace}/${name} in ${cluster} can't be read: the API server answers ${status}`,
      {
        nextStep: `verify reads port ${metricsPort} of pods with sidecars over pods/proxy: that right is needed`,
      },
    );
  let [requests, mutual] = [0, 0];
  readExposition(body, {
    sample(series, value) {
      if (!series.startsWith("istio_requests_total{")) return;
      const labels = readSeries(series);
      if (
        labels["reporter"] !== "destination" ||
        labels["destination_service_name"] !== service.name ||
        labels["destination_service_namespace"] !== service.namespace
      )
        return;
      requests += value;
      if (labels["connection_security_policy"] === "mutual_tls") mutual += value;
    },
  });
  return { requests, mutual };
}

/** A pod with a sidecar and curl. Undefined when it does not become ready in time, or is refused. */
async function makeProbe(
  { client, name: cluster }: ReachedPods,
  namespace: string,
  options: { readonly probeImage: string; readonly log: Logger; readonly signal: AbortSignal },
): Promise<PodRef | undefined> {
  const { probeImage: image, log } = options;
  const name = `${probePrefix}${randomUUID().slice(0, 8)}`;
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      labels: {
        "app.kubernetes.io/managed-by": managedBy,
        app: "isthmus-verify",
        [probeLabel]: "true",
        "sidecar.istio.io/inject": "true",
      },
      annotations: probeAnnotations(),
    },
    spec: {
      restartPolicy: "Never",
      activeDeadlineSeconds: probeLifetimeSeconds,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "curl", image, command: ["sh", "-c", `sleep ${probeLifetimeSeconds}`] }],
    },
  };
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal, AbortSignal.timeout(probeTimeout)]);
  const remove = () => client.delete(kinds.pods, name, { namespace, gracePeriodSeconds: 0 });
  try {
    await client.create(kinds.pods, pod);
    const pods = startInformer(client, kinds.pods, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      signal,
      log,
    });
    await waitFor(() => isReady(pods.get(name, namespace)), { signal, changes: pods.changes });
    return { cluster, namespace, name };
  } catch (reason) {
    await remove();
    options.signal.throwIfAborted();
    log.warn({ cluster, namespace, reason: String(reason) }, "no caller could be made");
    return undefined;
  } finally {
    stop.abort();
  }
}

function isReady(pod: Pod | undefined): true | undefined {
  return pod?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true
    ? true
    : undefined;
}
