import {
  type EndpointSlice,
  key,
  kinds,
  originLabel,
  type Pod,
  type Service,
  serviceNameLabel,
} from "../kube/index.ts";
import type { PodRef, VerifyTarget } from "./contracts.ts";

/** A backend pod of a service, with what its answers are grouped by. */
export interface Backend {
  readonly pod: PodRef;
  readonly group: string;
  readonly address: string;
  /** Port of the pod that requests arrive at. */
  readonly port: number;
}

/** One service to prove, and who calls it. */
export interface PlannedService {
  /** "helloworld.sample" */
  readonly service: string;
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  readonly url: string;
  readonly backends: readonly Backend[];
  /** One client per cluster that knows the name. */
  readonly clients: readonly PodRef[];
}

export interface Plan {
  readonly services: readonly PlannedService[];
  readonly skipped: readonly string[];
}

interface ClusterView {
  readonly name: string;
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
}

/** Which services have HTTP ports and meshed pods behind them, and which meshed pods can call them. Reads only. */
export async function planVerification(target: VerifyTarget, signal: AbortSignal): Promise<Plan> {
  const all = await Promise.all(
    target.clusters.map(async ({ name, client }): Promise<ClusterView> => {
      const [pods, services, slices] = await Promise.all([
        client.list(kinds.pods),
        client.list(kinds.services),
        client.list(kinds.endpointSlices),
      ]);
      return { name, pods: pods.items, services: services.items, slices: slices.items };
    }),
  );
  const views = all.map((view) => withoutPlacedElsewhere(view, all));
  const skipped = new Set<string>();
  const seen = new Set<string>();
  const planned = new Map<string, PlannedService>();
  for (const view of views) {
    for (const service of view.services) {
      const { name, namespace = "default" } = service.metadata;
      const port = service.spec.ports?.find(isHttp);
      const id = `${name}.${namespace}`;
      if (port === undefined || seen.has(id) || service.spec.selector === undefined) continue;
      seen.add(id);
      const meshed = views.flatMap((one) => backendsOf(one, name, namespace, port.name));
      if (meshed.length === 0) {
        if (isMeshed(namespace, views))
          skipped.add(`${id}: no ready pod with a sidecar behind it in any cluster`);
        continue;
      }
      const silent = await Promise.all(
        meshed.map((backend) => target.silence(backend.pod, backend.port, signal)),
      );
      const backends = meshed.filter((_, i) => silent[i] === undefined);
      for (const [i, { pod }] of meshed.entries())
        if (silent[i] !== undefined) skipped.add(`${id}: ${silent[i]} of ${pod.name} in ${pod.cluster}`);
      // A service with a pod that answers nothing fails for its share; that is the app's doing, not the mesh's.
      if (backends.length < meshed.length) continue;
      const known = views.filter((one) =>
        one.services.some((other) => other.metadata.name === name && other.metadata.namespace === namespace),
      );
      const clients: PodRef[] = [];
      for (const one of known) {
        const client = await findClient(target, one, namespace, backends, signal);
        if (client !== undefined) clients.push(client);
      }
      const url = `http://${id}${port.port === 80 ? "" : `:${port.port}`}/`;
      planned.set(id, { service: id, name, namespace, port: port.port, url, backends, clients });
      for (const one of known) {
        if (!clients.some(({ cluster }) => cluster === one.name))
          skipped.add(`${id} from ${one.name}: no ready pod with a sidecar to call from`);
      }
    }
  }
  return {
    services: [...planned.values()].filter(({ clients }) => clients.length > 0),
    skipped: [...skipped],
  };
}

/** A pod that runs in another cluster by offloading is in both APIs; it counts where it runs. */
function withoutPlacedElsewhere(view: ClusterView, views: readonly ClusterView[]): ClusterView {
  const placed = new Set(
    views
      .flatMap(({ pods }) => pods)
      .filter(({ metadata }) => metadata.labels?.[originLabel] === view.name)
      .map(({ metadata }) => key(metadata.name, metadata.namespace)),
  );
  return {
    ...view,
    pods: view.pods.filter(({ metadata }) => !placed.has(key(metadata.name, metadata.namespace))),
  };
}

/** By Istio's rules: the port's name or appProtocol says HTTP, or nothing at all on the usual port. */
function isHttp(port: {
  readonly name?: string;
  readonly appProtocol?: string;
  readonly port: number;
}): boolean {
  const protocol = port.appProtocol ?? port.name ?? (port.port === 80 ? "http" : "");
  return /^(http|http2|grpc|grpc-web)(-|$)/.test(protocol) && !protocol.startsWith("https");
}

function isMeshed(namespace: string, views: readonly ClusterView[]): boolean {
  return views.some(({ pods }) =>
    pods.some((pod) => pod.metadata.namespace === namespace && hasSidecar(pod)),
  );
}

/** Whether the pod has an injected sidecar (as a container or a native sidecar) and is no gateway. */
export function hasSidecar(pod: Pod): boolean {
  const names = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(({ name }) => name);
  return names.includes("istio-proxy") && pod.spec.containers.some(({ name }) => name !== "istio-proxy");
}

function isReady(pod: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true
  );
}

function backendsOf(
  view: ClusterView,
  service: string,
  namespace: string,
  portName: string | undefined,
): Backend[] {
  const slices = view.slices.filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceNameLabel] === service,
  );
  return slices.flatMap((slice) => {
    const port = slice.ports?.find(({ name }) => (name ?? "") === (portName ?? ""))?.port;
    return (slice.endpoints ?? []).flatMap(({ targetRef, conditions }) => {
      const pod = view.pods.find(
        ({ metadata }) => metadata.name === targetRef?.name && metadata.namespace === namespace,
      );
      if (pod === undefined || port === undefined || conditions?.ready === false || !hasSidecar(pod))
        return [];
      const version = pod.metadata.labels?.["version"] ?? pod.metadata.labels?.["app"] ?? service;
      const ref = { cluster: view.name, namespace, name: pod.metadata.name };
      return [{ pod: ref, group: `${version} (${view.name})`, address: pod.status?.podIP ?? "", port }];
    });
  });
}

/** Pods of others that are asked whether they can call, before one is made for it. */
const mostAsked = 3;

/** A pod to call from: in the same namespace when possible, and rather one that is not itself called. */
async function findClient(
  target: VerifyTarget,
  view: ClusterView,
  namespace: string,
  backends: readonly Backend[],
  signal: AbortSignal,
): Promise<PodRef | undefined> {
  const isBackend = (pod: Pod) =>
    backends.some(({ pod: { cluster, name } }) => cluster === view.name && name === pod.metadata.name);
  const rank = (pod: Pod) => (pod.metadata.namespace === namespace ? 0 : 2) + (isBackend(pod) ? 1 : 0);
  const suitable = view.pods
    .filter((pod) => isReady(pod) && hasSidecar(pod))
    // Where one can be made in the namespace itself, none of another stands in for it.
    .filter((pod) => target.makeCaller === undefined || pod.metadata.namespace === namespace)
    .sort((a, b) => rank(a) - rank(b));
  const refs = suitable.map(({ metadata }): PodRef => {
    return { cluster: view.name, namespace: metadata.namespace ?? "default", name: metadata.name };
  });
  if (target.canCall === undefined) return refs[0];
  for (const ref of refs.slice(0, mostAsked)) if (await target.canCall(ref, signal)) return ref;
  return target.makeCaller?.(view.name, namespace, signal);
}
