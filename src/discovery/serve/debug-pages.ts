import { toJson } from "@bufbuild/protobuf";
import { typeUrls } from "../../xds/index.ts";
import type { ControlPlane } from "./control-plane.ts";
import { resourceSchemas } from "./encode.ts";
import type { HttpAnswer, HttpHandler } from "./http-servers.ts";
import type { RemoteClusters } from "./remote-clusters.ts";
import type { ObjectSource } from "./sources.ts";
import { syncStatuses } from "./sync-status.ts";
import { resourcesOf } from "./watch.ts";

export interface DebugOptions {
  readonly version: string;
  readonly clusterId: string;
  isReady(): boolean;
  readonly plane: ControlPlane;
  readonly own: ObjectSource;
  readonly remotes: RemoteClusters;
}

/** Answers istiod's status pages: /ready, /version, /debug/syncz, endpointz, clusterz, config_dump, adsz, configz, /metrics. */
export function debugPages(options: DebugOptions): HttpHandler {
  const { plane } = options;
  const json = (body: unknown): HttpAnswer => ({ status: 200, body });
  return async ({ path, query }) => {
    switch (path) {
      case "/ready":
        return options.isReady()
          ? { status: 200, body: "" }
          : { status: 503, body: "not all clusters have been read yet\n" };
      case "/version":
        return json({ version: options.version, clientVersion: options.version });
      case "/debug/syncz":
        return json(syncStatuses(plane.streams));
      case "/debug/endpointz":
        return json(endpoints(plane));
      case "/debug/clusterz":
        return json(clusters(options));
      case "/debug/adsz":
        return json(streams(plane));
      case "/debug/configz":
        return json(configObjects(plane));
      case "/debug/config_dump":
        return configDump(plane, query.get("proxyID") ?? "");
      case "/metrics":
        return { status: 200, body: metrics(plane), contentType: "text/plain; version=0.0.4" };
      default:
        return { status: 404, body: `no page ${path}\n` };
    }
  };
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

const problem = ({ problem: text }: ObjectSource) => (text === undefined ? {} : { problem: text });

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

/** Finds a stream by node id, "pod.namespace" or pod name. Secrets are left out. */
async function configDump({ streams: all }: ControlPlane, proxyId: string): Promise<HttpAnswer> {
  const stream = [...all].find(
    ({ proxy }) =>
      proxy !== undefined && [proxy.id, `${proxy.name}.${proxy.namespace}`, proxy.name].includes(proxyId),
  );
  if (stream?.snapshot === undefined)
    return { status: 404, body: `proxy "${proxyId.slice(0, 200)}" is not connected here\n` };
  const { snapshot } = stream;
  const { resourceRegistry: registry } = await import("./resource-registry.ts");
  const types = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route] as const;
  const configs = types.map((typeUrl) => ({
    "@type": typeUrl,
    resources: [...resourcesOf(snapshot, typeUrl).values()].map((message) =>
      toJson(resourceSchemas[typeUrl], message, { registry }),
    ),
  }));
  return { status: 200, body: { configs } };
}

function metrics({ streams: all, world, problems }: ControlPlane): string {
  const lines = [
    "# TYPE pilot_xds gauge",
    `pilot_xds ${all.size}`,
    "# TYPE pilot_services gauge",
    `pilot_services ${world.rules.services.length}`,
    "# TYPE pilot_virt_services gauge",
    `pilot_virt_services ${world.rules.virtualServices.length}`,
    "# TYPE pilot_total_rejected_configs gauge",
    `pilot_total_rejected_configs ${problems.length}`,
  ];
  return `${lines.join("\n")}\n`;
}
