import { systemNamespace, workloadOf } from "../kube/index.ts";
import { followCluster, type Landing } from "./follow-cluster.ts";
import { isRouter, proxyContainer } from "./mesh-pods.ts";
import { type MeshView, type PlacedPod, workloadId } from "./mesh-view.ts";
import { plainCallers, plainDestinations } from "./plain-callers.ts";
import { type Destination, readDestinations } from "./read-destinations.ts";
import type { Handling } from "./read-handling.ts";

/** A part of the requests. */
export interface TrafficShare {
  /** "v1", the name of a workload without versions, or a host outside. */
  readonly group: string;
  /** Where it runs; "" outside the clusters, and where nothing answers. */
  readonly cluster: string;
  /** With two decimals. */
  readonly percent: number;
  /** "gateway" when it crosses networks by an east-west gateway. */
  readonly path: "direct" | "gateway";
}

/** What becomes of a caller's requests to one host and port. */
export interface CellState {
  /** Largest first. */
  readonly shares: readonly TrafficShare[];
  /** Of what reaches workloads: all over mTLS of the mesh, some, none. */
  readonly mtls: "all" | "some" | "none";
  readonly access: "all" | "some" | "none";
  /** What keeps the others from being answered. */
  readonly reasons: readonly string[];
  /** What else is done to the requests. */
  readonly handling: Handling;
}

/** One caller, one host and port, one kind of request. */
export interface TrafficCell {
  readonly cluster: string;
  /** Name of the workload; for gateways requests come from outside. */
  readonly caller: string;
  readonly callerNamespace: string;
  readonly isGateway: boolean;
  /** "helloworld.sample", or a host that is no Service. */
  readonly service: string;
  readonly port: number;
  /** "" for requests that no rule picks out. */
  readonly match: string;
  readonly state: CellState;
}

/** Namespaces whose Services belong to the platform; nobody's traffic is meant by them. */
const platform = new Set(["kube-system", "kube-public", "kube-node-lease", systemNamespace]);

/** What every caller finds. */
export interface TrafficMatrix {
  /** By `callerKey`, those included that find nothing. */
  readonly callers: ReadonlySet<string>;
  /** By `cellKey`. */
  readonly cells: ReadonlyMap<string, TrafficCell>;
}

/** Every caller's cells: a caller is a workload in one cluster, seen by one of its pods. */
export function trafficMatrix(view: MeshView): TrafficMatrix {
  const cells = new Map<string, TrafficCell>();
  const present = new Set<string>();
  addPlainCells(view, cells, present);
  for (const caller of callers(view)) {
    const { name } = workloadOf(caller.pod);
    const { namespace = "" } = caller.pod.metadata;
    present.add(callerKey({ cluster: caller.cluster, caller: name, callerNamespace: namespace }));
    const snapshot = view.snapshotOf(caller);
    if (snapshot === undefined) continue;
    for (const destination of readDestinations(snapshot)) {
      const named = serviceName(destination.host);
      if (named === undefined) continue;
      const cell: TrafficCell = {
        cluster: caller.cluster,
        caller: name,
        callerNamespace: namespace,
        isGateway: isRouter(caller.pod),
        ...named,
        match: destination.match,
        state: stateOf(
          landingsOf(destination, (target) =>
            followCluster(view, caller, snapshot, target, destination.isHttp),
          ),
          destination.handling,
        ),
      };
      cells.set(cellKey(cell), cell);
    }
  }
  return { cells, callers: present };
}

/** Of callers without a proxy, in clusters that a control plane serves. */
function addPlainCells(view: MeshView, cells: Map<string, TrafficCell>, present: Set<string>): void {
  for (const cluster of view.clusters.values()) {
    if (cluster.primary === undefined) continue;
    const callers = plainCallers(cluster).filter(({ pod }) => !platform.has(pod.metadata.namespace ?? ""));
    if (callers.length === 0) continue;
    const found = plainDestinations(view, cluster).flatMap(({ service, namespace, port, landings }) => {
      const named = serviceName(`${service}.${namespace}.svc.cluster.local:${port}`);
      return named === undefined ? [] : [{ ...named, match: "", state: stateOf(landings) }];
    });
    for (const { pod } of callers) {
      const caller = {
        cluster: cluster.cluster,
        caller: workloadOf(pod).name,
        callerNamespace: pod.metadata.namespace ?? "",
      };
      present.add(callerKey(caller));
      for (const one of found) {
        const cell = { ...caller, isGateway: false, ...one };
        cells.set(cellKey(cell), cell);
      }
    }
  }
}

/** The same before and after a change. */
export function callerKey({
  cluster,
  callerNamespace,
  caller,
}: Pick<TrafficCell, "cluster" | "caller" | "callerNamespace">): string {
  return [cluster, callerNamespace, caller].join("\n");
}

/** The same before and after a change. */
export function cellKey(cell: Omit<TrafficCell, "state">): string {
  return [callerKey(cell), cell.service, cell.port, cell.match].join("\n");
}

/** One pod for each workload with a proxy. */
function callers({ clusters }: MeshView): PlacedPod[] {
  const found = new Map<string, PlacedPod>();
  for (const { cluster, pods } of clusters.values()) {
    for (const pod of pods) {
      const placed = { cluster, pod };
      const id = `${cluster} ${workloadId(placed)}`;
      if (proxyContainer(pod) !== undefined && !found.has(id)) found.set(id, placed);
    }
  }
  return [...found.values()];
}

/** "helloworld.sample" and 5000 of "helloworld.sample.svc.cluster.local:5000"; undefined for the platform's own. */
function serviceName(host: string): { readonly service: string; readonly port: number } | undefined {
  const colon = host.lastIndexOf(":");
  const port = Number(host.slice(colon + 1));
  const name = colon < 0 ? host : host.slice(0, colon);
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\.[^:]+$/.exec(name) ?? [];
  if (namespace === undefined) return { service: name, port };
  if (platform.has(namespace) || (service === "kubernetes" && namespace === "default")) return undefined;
  return { service: `${service}.${namespace}`, port };
}

function landingsOf(
  { targets }: Destination,
  follow: (cluster: string) => readonly Landing[],
): readonly Landing[] {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  return targets.flatMap(({ cluster, weight, isOwnAnswer }): readonly Landing[] => {
    const part = total === 0 ? 0 : weight / total;
    if (part === 0) return [];
    if (isOwnAnswer === true)
      return [
        {
          group: cluster,
          cluster: "",
          share: part,
          path: "direct",
          isMutual: false,
          admission: { access: "yes" },
        },
      ];
    return follow(cluster).map((landing) => ({ ...landing, share: landing.share * part }));
  });
}

function stateOf(landings: readonly Landing[], handling: Handling = {}): CellState {
  const shares = new Map<string, Pick<Landing, "group" | "cluster" | "path" | "share">>();
  for (const { group, cluster, path, share } of landings) {
    const key = [group, cluster, path].join("\n");
    shares.set(key, { group, cluster, path, share: (shares.get(key)?.share ?? 0) + share });
  }
  const atWorkloads = landings.filter(({ cluster }) => cluster !== "");
  const reasons = new Set(landings.flatMap(({ admission: { reason } }) => reason ?? []));
  return {
    shares: [...shares.values()]
      .map(({ share, ...where }) => ({ ...where, percent: Math.round(share * 10_000) / 100 }))
      .sort((a, b) => b.percent - a.percent || order(a.group, b.group) || order(a.cluster, b.cluster)),
    mtls: summary(atWorkloads.map(({ isMutual }) => (isMutual ? "yes" : "no"))),
    access: summary(landings.map(({ admission }) => admission.access)),
    reasons: [...reasons].sort(),
    handling,
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function summary(verdicts: readonly ("yes" | "some" | "no")[]): "all" | "some" | "none" {
  if (verdicts.every((verdict) => verdict === "no")) return "none";
  return verdicts.every((verdict) => verdict === "yes") ? "all" : "some";
}
