import type { RegisteredCluster } from "../checks/index.ts";
import type { Pod } from "../kube/index.ts";
import { getJson } from "./http-get.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { ProxyStatus } from "./status.ts";
import { isReady } from "./workload-reference.ts";

/** Port of istiod's status pages. */
export const debugPort = 15014;

/** One line of istiod's /debug/syncz, with the istiod that said it. */
export interface SyncStatus {
  readonly cluster_id?: string;
  /** "pod.namespace" */
  readonly proxy?: string;
  /** Ours says for each type ("CDS" …) how it stands; upstream's only gives nonces. */
  readonly states?: Readonly<Record<string, ProxyStatus["state"]>>;
  readonly rejections?: Readonly<Record<string, { readonly message: string }>>;
  readonly istiod: string;
  readonly [nonce: `${string}_${"sent" | "acked"}`]: string | undefined;
}

const longNames = ["cluster", "listener", "endpoint", "route"] as const;

/** How a connected proxy stands, over all types of resources. */
export function proxyState(line: SyncStatus): ProxyStatus["state"] {
  const states =
    line.states === undefined
      ? longNames.map((name) => stateByNonces(line, name))
      : Object.values(line.states);
  if (states.includes("STALE")) return "STALE";
  return states.every((state) => state === "NOT SENT") ? "NOT SENT" : "SYNCED";
}

function stateByNonces(line: SyncStatus, name: string): ProxyStatus["state"] {
  const sent = line[`${name}_sent`] ?? "";
  if (sent === "") return "NOT SENT";
  return sent === line[`${name}_acked`] ? "SYNCED" : "STALE";
}

/** What the istiods of one cluster say together. */
export interface ControlPlaneView {
  /** Name of the first one's pod. */
  readonly istiod: string;
  readonly proxies: readonly SyncStatus[];
  readonly clusters: readonly RegisteredCluster[];
}

/** Asks every ready istiod, by the cluster that it runs in. One whose pages do not answer is left out. */
export async function readControlPlanes(mesh: RunningMesh): Promise<ReadonlyMap<string, ControlPlaneView>> {
  const found = await Promise.all(
    [...mesh.watches].map(async ([name, { pods }]) => {
      const istiods = pods.list().filter((pod) => pod.metadata.labels?.["app"] === "istiod" && isReady(pod));
      const pages = await Promise.all(istiods.map((pod) => readPages(pod).catch(() => undefined)));
      return [name, merged(pages.filter((page) => page !== undefined))] as const;
    }),
  );
  return new Map(found.flatMap(([name, view]) => (view === undefined ? [] : [[name, view]])));
}

/** Each proxy is connected to one of them; all of them read the same clusters. */
function merged([first, ...others]: readonly ControlPlaneView[]): ControlPlaneView | undefined {
  if (first === undefined) return undefined;
  return { ...first, proxies: [first, ...others].flatMap(({ proxies }) => proxies) };
}

async function readPages({ metadata: { name }, status }: Pod): Promise<ControlPlaneView> {
  const base = `http://${status?.podIP}:${debugPort}`;
  const [proxies, clusters] = await Promise.all([
    getJson(`${base}/debug/syncz`),
    getJson(`${base}/debug/clusterz`),
  ]);
  return {
    istiod: name,
    proxies: list<Omit<SyncStatus, "istiod">>(proxies).map((line) => ({ ...line, istiod: name })),
    clusters: list<RegisteredCluster>(clusters),
  };
}

function list<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? value : [];
}
