import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "../../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { type Address, AddressSchema } from "../../../xds/gen/envoy/config/core/v3/address_pb.js";
import { TransportSocketSchema } from "../../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolConfig_Version } from "../../../xds/gen/envoy/config/core/v3/proxy_protocol_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerFilterSchema } from "../../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { ProxyProtocolSchema } from "../../../xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { RawBufferSchema } from "../../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import type { DeltaDiscoveryResponse } from "../../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { typeUrls } from "../../../xds/index.ts";
import type { Destination } from "../../contracts.ts";
import { followSources } from "./follow-sources.ts";
import type { Inlets } from "./inlets.ts";
import type { Outlets, OutletTarget } from "./outlets.ts";

/** Makes what discovery sends fit an Envoy that shares this machine's loopback with everybody else. */
export interface ResourceAdapter {
  /**
   * Changes the response in place; false when there was nothing to change.
   *
   * Listeners that bind a port bind a unix socket of the same name instead and get a PROXY protocol filter first,
   * through which they learn where a connection was going, as iptables would let them; rules about callers' addresses look
   * there, too. Endpoints that can't be dialled
   * from the pod's address (host names, what is off loopback, ports that had to move) become unix sockets behind which
   * the agent dials. All else stays as it is.
   */
  adapt(response: DeltaDiscoveryResponse): Promise<boolean>;
  /** Envoy answered the response with this nonce: what it brought counts, what it removed can go. */
  settle(typeUrl: string, nonce: string): void;
}

export interface AdapterOptions {
  readonly folder: string;
  readonly inlets: Inlets;
  readonly outlets: Outlets;
  readonly isDirect: (to: Destination) => boolean;
  /** The pod's own. */
  readonly address: string;
  /** Makes a listener tell of its traffic, in place; false when it has none that it could tell of. */
  tellTraffic(listener: Listener): boolean;
}

/** Ports whose listeners connections get by the pod's interception, not by a port of the pod. */
const interceptionPorts: ReadonlySet<number> = new Set([15001, 15006]);

/** The unix socket of the listener for intercepted connections. */
export function interceptionSocket(folder: string, direction: "outbound" | "inbound"): string {
  return listenerSocket(folder, "0.0.0.0", direction === "outbound" ? 15001 : 15006);
}

function listenerSocket(folder: string, address: string, port: number): string {
  return `${folder}/${address}_${port}`;
}

/** The address that a listener's socket stands for; undefined when `path` is none. */
export function listenerAddress(path: string): Destination | undefined {
  const [, address, port] = /([^/]+)_(\d+)$/.exec(path) ?? [];
  return address === undefined ? undefined : { address, port: Number(port) };
}

export function createResourceAdapter(options: AdapterOptions): ResourceAdapter {
  const { folder, inlets, outlets, isDirect, address } = options;
  /** What listeners of a response bind, until Envoy has answered it. */
  const pending = new Map<
    string,
    { readonly opened: Map<string, BoundListener>; readonly closed: readonly string[] }
  >();
  const bindsLowPorts = isDirect({ address, port: 1 });

  const adaptListeners = (response: DeltaDiscoveryResponse) => {
    const opened = new Map<string, BoundListener>();
    const changed = mapResources(response, ListenerSchema, (listener) => {
      const tells = options.tellTraffic(listener);
      const bound = moveToSocket(listener, folder);
      if (bound === undefined) return tells;
      if (!interceptionPorts.has(bound.port)) opened.set(listener.name, bound);
      return true;
    });
    pending.set(response.nonce, { opened, closed: response.removedResources });
    return changed;
  };
  const adaptClusters = (response: DeltaDiscoveryResponse) => {
    for (const name of response.removedResources) outlets.use(`cluster ${name}`, []);
    return mapResources(response, ClusterSchema, (cluster) => {
      const targets = adaptCluster(cluster);
      outlets.use(`cluster ${cluster.name}`, targets);
      return targets.length > 0;
    });
  };
  const adaptCluster = (cluster: Cluster): readonly OutletTarget[] => {
    const type =
      cluster.clusterDiscoveryType.case === "type" ? cluster.clusterDiscoveryType.value : undefined;
    const source = cluster.upstreamBindConfig?.sourceAddress?.address;
    if (type === Cluster_DiscoveryType.ORIGINAL_DST) {
      if (!needsOutlet(cluster.name, source)) return [];
      const target: OutletTarget = { to: "original", source };
      const path = outlets.path(target);
      if (path === undefined) return [];
      leadThrough(cluster, path);
      return [target];
    }
    const { loadAssignment } = cluster;
    const targets = loadAssignment === undefined ? [] : adaptAssignment(loadAssignment, source);
    const isByName = type === Cluster_DiscoveryType.STRICT_DNS || type === Cluster_DiscoveryType.LOGICAL_DNS;
    // The agent looks names up when it dials.
    if (isByName && targets.length > 0)
      cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
    return targets;
  };
  /** Where a connection was going is known only when it comes: off loopback, or to a port that moved, Envoy would fail. */
  const needsOutlet = (cluster: string, source: string | undefined): boolean => {
    if (source === undefined) return !bindsLowPorts || cluster === "PassthroughCluster";
    const port = /^inbound\|(\d+)\|/.exec(cluster)?.[1];
    return port === undefined ? !bindsLowPorts : !isDirect({ address, port: Number(port) });
  };
  const adaptAssignments = (response: DeltaDiscoveryResponse) => {
    for (const name of response.removedResources) outlets.use(`endpoints ${name}`, []);
    return mapResources(response, ClusterLoadAssignmentSchema, (assignment) => {
      const targets = adaptAssignment(assignment, undefined);
      outlets.use(`endpoints ${assignment.clusterName}`, targets);
      return targets.length > 0;
    });
  };
  const adaptAssignment = (
    assignment: ClusterLoadAssignment,
    source: string | undefined,
  ): readonly OutletTarget[] => {
    const targets: OutletTarget[] = [];
    for (const { lbEndpoints } of assignment.endpoints) {
      for (const { hostIdentifier } of lbEndpoints) {
        if (hostIdentifier.case !== "endpoint") continue;
        const endpoint = hostIdentifier.value;
        const to = destinationOf(endpoint.address);
        if (to === undefined || isDirect(to)) continue;
        const target: OutletTarget = { to, source };
        const path = outlets.path(target);
        if (path === undefined) continue;
        endpoint.address = atSocket(path);
        // What Envoy would have taken from the address, for routes that rewrite the host.
        if (endpoint.hostname === "") endpoint.hostname = to.address;
        targets.push(target);
      }
    }
    return targets;
  };

  return {
    async adapt(response) {
      switch (response.typeUrl) {
        case typeUrls.listener:
          return adaptListeners(response);
        case typeUrls.cluster:
        case typeUrls.endpoint: {
          const changed =
            response.typeUrl === typeUrls.cluster ? adaptClusters(response) : adaptAssignments(response);
          if (changed) await outlets.opened();
          return changed;
        }
        default:
          return false;
      }
    },
    settle(typeUrl, nonce) {
      if (typeUrl === typeUrls.cluster || typeUrl === typeUrls.endpoint) return outlets.sweep();
      const settled = typeUrl === typeUrls.listener ? pending.get(nonce) : undefined;
      if (settled === undefined) return;
      pending.delete(nonce);
      for (const name of settled.closed) if (!settled.opened.has(name)) inlets.close(name);
      for (const [name, { port, path }] of settled.opened) inlets.open(name, port, path);
    },
  };
}

interface BoundListener {
  readonly port: number;
  readonly path: string;
}

/** Gives a listener that binds a port a unix socket instead. Undefined for those that bind nothing. */
function moveToSocket(listener: Listener, folder: string): BoundListener | undefined {
  const at = destinationOf(listener.address);
  const binds = listener.bindToPort ?? listener.deprecatedV1?.bindToPort ?? true;
  if (at === undefined || !binds) return undefined;
  const path = listenerSocket(folder, at.address, at.port);
  // Counters keep the name that they would have.
  if (listener.statPrefix === "") listener.statPrefix = `${at.address}_${at.port}`;
  listener.address = atSocket(path);
  listener.additionalAddresses = [];
  listener.listenerFilters.unshift(
    create(ListenerFilterSchema, {
      name: "envoy.filters.listener.proxy_protocol",
      configType: { case: "typedConfig", value: anyPack(ProxyProtocolSchema, create(ProxyProtocolSchema)) },
    }),
  );
  followSources(listener);
  return { port: at.port, path };
}

/** Leads all of a cluster's connections to an outlet, which a PROXY header tells where each was going. */
function leadThrough(cluster: Cluster, path: string): void {
  cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
  cluster.lbPolicy = Cluster_LbPolicy.ROUND_ROBIN;
  cluster.lbConfig = { case: undefined };
  delete cluster.cleanupInterval;
  cluster.loadAssignment = create(ClusterLoadAssignmentSchema, {
    clusterName: cluster.name,
    endpoints: [
      { lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: atSocket(path) } } }] },
    ],
  });
  const inner =
    cluster.transportSocket ??
    create(TransportSocketSchema, {
      name: "envoy.transport_sockets.raw_buffer",
      configType: { case: "typedConfig", value: anyPack(RawBufferSchema, create(RawBufferSchema)) },
    });
  const outer = create(ProxyProtocolUpstreamTransportSchema, {
    config: { version: ProxyProtocolConfig_Version.V1 },
    transportSocket: inner,
  });
  cluster.transportSocket = create(TransportSocketSchema, {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    configType: { case: "typedConfig", value: anyPack(ProxyProtocolUpstreamTransportSchema, outer) },
  });
}

function destinationOf(address: Address | undefined): Destination | undefined {
  if (address?.address.case !== "socketAddress") return undefined;
  const { address: host, portSpecifier } = address.address.value;
  return portSpecifier.case === "portValue" ? { address: host, port: portSpecifier.value } : undefined;
}

function atSocket(path: string): Address {
  return create(AddressSchema, { address: { case: "pipe", value: { path } } });
}

/** Puts every resource through `change`, which says whether it changed it; the result says whether any did. */
function mapResources<D extends DescMessage>(
  response: DeltaDiscoveryResponse,
  schema: D,
  change: (message: MessageShape<D>) => boolean,
): boolean {
  let changed = false;
  for (const entry of response.resources) {
    if (entry.resource === undefined) continue;
    const message = fromBinary(schema, entry.resource.value);
    if (!change(message)) continue;
    const resource: Any = { ...entry.resource, value: toBinary(schema, message) };
    entry.resource = resource;
    changed = true;
  }
  return changed;
}
