import { type TypeUrl, typeUrls } from "../../xds/index.ts";
import type { AdsStream } from "./ads-stream.ts";
import type { Watch } from "./watch.ts";

/** Whether a proxy has what it was sent. */
export type SyncState = "SYNCED" | "STALE" | "NOT SENT";

const shortNames = [
  ["CDS", "cluster", typeUrls.cluster],
  ["LDS", "listener", typeUrls.listener],
  ["EDS", "endpoint", typeUrls.endpoint],
  ["RDS", "route", typeUrls.route],
] as const satisfies readonly (readonly [string, string, TypeUrl])[];

/** One proxy as /debug/syncz shows it: istiod's fields, and in words what they mean. */
export interface SyncStatus {
  readonly cluster_id: string;
  /** "pod.namespace" */
  readonly proxy: string;
  readonly proxy_type: string;
  readonly istio_version: string;
  readonly namespace: string;
  readonly pod: string;
  readonly states: Readonly<Record<string, SyncState>>;
  /** Last refusal of each type, while it stands. */
  readonly rejections: Readonly<Record<string, { readonly message: string; readonly at: string }>>;
  readonly [nonce: `${string}_${"sent" | "acked"}`]: string;
}

/** The status of all connected proxies, by cluster and name. */
export function syncStatuses(streams: Iterable<AdsStream>): SyncStatus[] {
  const statuses = [...streams].flatMap((stream) => statusOf(stream) ?? []);
  return statuses.sort((a, b) => (`${a.cluster_id}/${a.proxy}` < `${b.cluster_id}/${b.proxy}` ? -1 : 1));
}

function statusOf({ proxy, watches }: AdsStream): SyncStatus | undefined {
  if (proxy === undefined) return undefined;
  const states: Record<string, SyncState> = {};
  const rejections: Record<string, { message: string; at: string }> = {};
  const nonces: Record<`${string}_${"sent" | "acked"}`, string> = {};
  for (const [short, long, typeUrl] of shortNames) {
    const watch = watches.get(typeUrl);
    states[short] = syncState(watch);
    nonces[`${long}_sent`] = watch?.nonceSent ?? "";
    nonces[`${long}_acked`] = watch?.nonceAcked ?? "";
    if (watch?.rejection !== undefined)
      rejections[short] = {
        message: watch.rejection.message,
        at: new Date(watch.rejection.at).toISOString(),
      };
  }
  return {
    ...nonces,
    cluster_id: proxy.clusterId,
    proxy: `${proxy.name}.${proxy.namespace}`,
    proxy_type: proxy.type,
    istio_version: proxy.istioVersion,
    namespace: proxy.namespace,
    pod: proxy.name,
    states,
    rejections,
  };
}

/** The stream of a proxy by its node id, "pod.namespace" or the pod's name. */
export function streamOf(streams: Iterable<AdsStream>, proxyId: string): AdsStream | undefined {
  return [...streams].find(
    ({ proxy }) =>
      proxy !== undefined && [proxy.id, `${proxy.name}.${proxy.namespace}`, proxy.name].includes(proxyId),
  );
}

/** What was sent last was acknowledged, or not (yet), or nothing was asked for. */
export function syncState(watch: Watch | undefined): SyncState {
  if (watch === undefined || watch.nonceSent === "") return "NOT SENT";
  return watch.nonceSent === watch.nonceAcked ? "SYNCED" : "STALE";
}
