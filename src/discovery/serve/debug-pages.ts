import type { ConfigDump } from "../../xds/gen/envoy/admin/v3/config_dump_pb.js";
import { typeUrls } from "../../xds/index.ts";
import type { ProxySnapshot } from "../translate/snapshot.ts";
import type { ControlPlane } from "./control-plane.ts";
import { versionLine } from "./control-plane-identity.ts";
import type { HttpAnswer, HttpHandler } from "./http-servers.ts";
import type { RemoteClusters } from "./remote-clusters.ts";
import type { ObjectSource } from "./sources.ts";
import { streamOf, syncStatuses } from "./sync-status.ts";

export interface DebugOptions {
  readonly version: string;
  readonly clusterId: string;
  isReady(): boolean;
  readonly plane: ControlPlane;
  readonly own: ObjectSource;
  readonly remotes: RemoteClusters;
  /** The page of metrics. */
  metrics(): string;
}

/** A page under its path, for example "/debug/syncz". */
type Page = (query: URLSearchParams) => HttpAnswer | Promise<HttpAnswer>;

/** Answers istiod's status pages: /ready, /version, /metrics and those below /debug, which /debug/list names. */
export function debugPages(options: DebugOptions): HttpHandler {
  const { plane, version } = options;
  const json = (make: () => unknown) => (): HttpAnswer => ({ status: 200, body: make() });
  const pages: Readonly<Record<string, Page>> = {
    "/ready": () =>
      options.isReady()
        ? { status: 200, body: "" }
        : { status: 503, body: "not all clusters have been read yet\n" },
    "/version": () => ({ status: 200, body: versionLine(version) }),
    "/metrics": () => ({ status: 200, body: options.metrics(), contentType: "text/plain; version=0.0.4" }),
    "/debug/adsz": json(() => streams(plane)),
    "/debug/clusterz": json(() => clusters(options)),
    "/debug/config_dump": (query) =>
      dumpOf(plane, query, ({ configDump }, snapshot) => configDump(snapshot, query.has("include_eds"))),
    "/debug/configz": json(() => configObjects(plane)),
    "/debug/edsz": (query) =>
      dumpOf(plane, query, ({ resourceDump }, snapshot) => resourceDump(snapshot, typeUrls.endpoint)),
    "/debug/endpointz": json(() => endpoints(plane)),
    "/debug/list": json(() => Object.keys(pages).flatMap((path) => /^\/debug\/(.+)/.exec(path)?.[1] ?? [])),
    "/debug/ndsz": (query) =>
      dumpOf(plane, query, ({ resourceDump }, snapshot) => resourceDump(snapshot, typeUrls.nameTable)),
    "/debug/syncz": json(() => syncStatuses(plane.streams)),
  };
  return async ({ path, query }) =>
    Object.hasOwn(pages, path) && pages[path] !== undefined
      ? pages[path](query)
      : { status: 404, body: `no page ${path}\n` };
}

function endpoints({ world }: ControlPlane) {
  return [...world.endpoints]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, { endpoints: all, accounts }]) => ({
      svc: host,
      serviceAccounts: accounts,
      ep: all.map(
        ({
          address,
          port,
          portName,
          clusterId,
          network,
          locality,
          tlsMode,
          health,
          workloadName,
          namespace,
        }) => ({
          endpoint: { Address: address, EndpointPort: port, ServicePortName: portName },
          cluster: clusterId,
          network,
          locality: [locality.region, locality.zone, locality.subzone]
            .filter((part) => part !== "")
            .join("/"),
          tlsMode,
          health: health.toUpperCase(),
          workload: `${workloadName}.${namespace}`,
        }),
      ),
    }));
}

function clusters({ clusterId, own, remotes }: DebugOptions) {
  const status = (source: ObjectSource) =>
    source.problem !== undefined ? "unreachable" : source.isSynced ? "synced" : "syncing";
  const known = [
    { id: clusterId, secretName: "", syncStatus: status(own), ...problem(own) },
    ...remotes.list().map(({ id, secret, source }) => ({
      id,
      secretName: secret,
      syncStatus: status(source),
      ...problem(source),
    })),
  ];
  const unusable = [...remotes.problems].map(([key, message]) => {
    const [secretName = "", id = ""] = key.split(" ");
    return { id, secretName, syncStatus: "unusable", problem: message };
  });
  return [...known, ...unusable];
}

/** What is wrong with a cluster, and that what it said before is still in use. */
const problem = ({ problem: text, isSynced }: ObjectSource) =>
  text === undefined ? {} : { problem: text, ...(isSynced ? { stale: true } : {}) };

function streams({ streams: all, problems }: ControlPlane) {
  return {
    totalClients: all.size,
    clients: [...all].map((stream) => ({
      connectionId: `${stream.proxy?.id ?? ""}-${stream.id}`,
      connectedAt: new Date(stream.connectedAt).toISOString(),
      address: stream.peerAddress,
      protocol: stream.protocol,
      watches: Object.fromEntries(
        [...stream.watches].map(([typeUrl, { names }]) => [
          typeUrl,
          names === undefined ? ["*"] : [...names],
        ]),
      ),
    })),
    problems,
  };
}

function configObjects({ world }: ControlPlane) {
  return Object.values(world.objects.config).flatMap((objects: ReadonlyMap<string, unknown>) => [
    ...objects.values(),
  ]);
}

/** What `make` makes of the snapshot of the proxy that the query's proxyID names, as JSON. */
async function dumpOf(
  plane: ControlPlane,
  query: URLSearchParams,
  make: (dumps: typeof import("./config-dump.ts"), snapshot: ProxySnapshot) => ConfigDump,
): Promise<HttpAnswer> {
  const proxyId = query.get("proxyID") ?? "";
  const snapshot = streamOf(plane.streams, proxyId)?.snapshot;
  if (snapshot === undefined)
    return { status: 404, body: `proxy "${proxyId.slice(0, 200)}" is not connected here\n` };
  const dumps = await import("./config-dump.ts");
  return { status: 200, body: dumps.dumpToJson(make(dumps, snapshot)) };
}
