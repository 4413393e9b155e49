import { type ClientHttp2Session, connect } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../../src/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { NodeSchema } from "../../src/xds/gen/envoy/config/core/v3/base_pb.js";
import { ListenerSchema } from "../../src/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { HttpConnectionManagerSchema } from "../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../src/xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { type GrpcStream, methods, openGrpc, type TypeUrl, typeUrls } from "../../src/xds/index.ts";
import { readHead } from "./response.ts";

export type Protocol = "delta" | "state-of-the-world";

/** Names that proxies of one run ask for, found in the first answers that one of them got. */
export type FollowUps = Map<TypeUrl, readonly string[]>;

/** A proxy's stream, reduced to what costs the server work: it subscribes, acknowledges and looks for nothing else. */
export interface AdsClient {
  /** Resolves when every type has been answered once. */
  readonly configured: Promise<void>;
  end(): void;
}

const windowBytes = 16 * 1024 * 1024;
const types = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route] as const;
/** Type whose names a response of another type brings. */
const followed = { [typeUrls.cluster]: typeUrls.endpoint, [typeUrls.listener]: typeUrls.route } as const;

export interface AdsClientOptions {
  readonly port: number;
  readonly protocol: Protocol;
  /** Number of the pod, and the number of workloads that the pods belong to in turn. */
  readonly pod: number;
  readonly workloads: number;
  readonly followUps: FollowUps;
  onMessage(message: Uint8Array, typeUrl: string): void;
}

/** Opens a stream on a connection of its own, in the clear. */
export function openAdsClient(options: AdsClientOptions): AdsClient {
  const { protocol, followUps } = options;
  const isDelta = protocol === "delta";
  const stop = new AbortController();
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${options.port}`, {
    settings: { initialWindowSize: windowBytes, enablePush: false },
  });
  session.on("connect", () => session.setLocalWindowSize(windowBytes));
  session.on("error", () => {}); // The stream tells.
  const stream: GrpcStream = openGrpc(
    session,
    isDelta ? methods.deltaAggregatedResources : methods.streamAggregatedResources,
    {},
    stop.signal,
  );
  const waiting = new Set<string>(types);
  let done = () => {};
  let fail = (_: unknown) => {};
  const configured = new Promise<void>((resolve, reject) => {
    done = resolve;
    fail = reject;
  });
  const subscribe = (typeUrl: TypeUrl, names: readonly string[], node = false) => {
    const who = node ? { node: benchNode(options.pod, options.workloads) } : {};
    stream.send(
      isDelta
        ? toBinary(
            DeltaDiscoveryRequestSchema,
            create(DeltaDiscoveryRequestSchema, { ...who, typeUrl, resourceNamesSubscribe: [...names] }),
          )
        : toBinary(
            DiscoveryRequestSchema,
            create(DiscoveryRequestSchema, { ...who, typeUrl, resourceNames: [...names] }),
          ),
    );
  };
  const acknowledge = (typeUrl: string, nonce: string, versionInfo: string) => {
    const resourceNames = [...(followUps.get(typeUrl as TypeUrl) ?? [])];
    stream.send(
      isDelta
        ? toBinary(
            DeltaDiscoveryRequestSchema,
            create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce: nonce }),
          )
        : toBinary(
            DiscoveryRequestSchema,
            create(DiscoveryRequestSchema, { typeUrl, responseNonce: nonce, versionInfo, resourceNames }),
          ),
    );
  };
  subscribe(typeUrls.cluster, [], true);
  (async () => {
    for await (const message of stream.messages) {
      const { typeUrl, nonce, version } = readHead(message);
      options.onMessage(message, typeUrl);
      acknowledge(typeUrl, nonce, version);
      if (!waiting.delete(typeUrl)) continue;
      const next = followed[typeUrl as keyof typeof followed];
      if (next !== undefined) {
        if (!followUps.has(next)) followUps.set(next, namesIn(message, typeUrl, protocol));
        subscribe(next, followUps.get(next) ?? []);
      }
      if (typeUrl === typeUrls.cluster) subscribe(typeUrls.listener, []);
      if (waiting.size === 0) done();
    }
    throw new Error("the control plane ended a stream");
  })().catch((reason: unknown) => {
    if (!stop.signal.aborted) fail(reason);
  });
  configured.catch(() => {}); // Whoever waits for it hears of it.
  return {
    configured,
    end() {
      stop.abort();
      session.destroy();
    },
  };
}

function benchNode(pod: number, workloads: number) {
  const workload = `app-${pod % workloads}`;
  const address = `10.100.${pod >> 8}.${pod & 255}`;
  return create(NodeSchema, {
    id: `sidecar~${address}~${workload}-${pod}.sample~sample.svc.cluster.local`,
    cluster: `${workload}.sample`,
    metadata: {
      CLUSTER_ID: "cluster1",
      NAMESPACE: "sample",
      NAME: `${workload}-${pod}`,
      NETWORK: "network1",
      SERVICE_ACCOUNT: workload,
      WORKLOAD_NAME: workload,
      LABELS: { app: workload, "service.istio.io/canonical-name": workload },
      INSTANCE_IPS: address,
      ISTIO_VERSION: "1.27.0",
      MESH_ID: "mesh1",
    },
  });
}

/** EDS names of clusters, or RDS names of listeners. */
function namesIn(message: Uint8Array, typeUrl: string, protocol: Protocol): string[] {
  const resources: readonly (Any | undefined)[] =
    protocol === "delta"
      ? fromBinary(DeltaDiscoveryResponseSchema, message).resources.map(({ resource }) => resource)
      : fromBinary(DiscoveryResponseSchema, message).resources;
  const names = new Set<string>();
  for (const resource of resources) {
    if (resource === undefined) continue;
    if (typeUrl === typeUrls.cluster) {
      const cluster = anyUnpack(resource, ClusterSchema);
      if (cluster?.edsClusterConfig !== undefined)
        names.add(cluster.edsClusterConfig.serviceName || cluster.name);
      continue;
    }
    for (const { filters } of anyUnpack(resource, ListenerSchema)?.filterChains ?? []) {
      for (const { configType } of filters) {
        if (configType.case !== "typedConfig") continue;
        const manager = anyUnpack(configType.value, HttpConnectionManagerSchema);
        if (manager?.routeSpecifier.case === "rds") names.add(manager.routeSpecifier.value.routeConfigName);
      }
    }
  }
  return [...names];
}
