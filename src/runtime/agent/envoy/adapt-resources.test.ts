import assert from "node:assert/strict";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { Cluster_DiscoveryType, ClusterSchema } from "../../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { DeltaDiscoveryResponseSchema } from "../../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { typeUrls } from "../../../xds/index.ts";
import { createResourceAdapter } from "./adapt-resources.ts";
import type { OutletTarget } from "./outlets.ts";

const folder = "/x";

function scene(lowestPort = 1) {
  const ports = new Map<string, string>();
  const uses = new Map<string, readonly OutletTarget[]>();
  let sweeps = 0;
  const adapter = createResourceAdapter({
    tellTraffic: () => false,
    folder,
    address: "127.16.0.2",
    isDirect: ({ address, port }) => address.startsWith("127.") && port >= lowestPort,
    inlets: {
      open: (listener, port, path) => void ports.set(listener, `${port} ${path}`),
      close: (listener) => void ports.delete(listener),
      bound: async () => {},
      stop: async () => {},
    },
    outlets: {
      path: ({ to, source = "" }) =>
        to === "original" ? `/original${source}` : `/${to.address}/${to.port}${source}`,
      target: () => undefined,
      opened: async () => {},
      use: (resource, targets) => void uses.set(resource, targets),
      sweep: () => void sweeps++,
      stop: async () => {},
    },
  });
  let nonce = 0;
  /** Sends resources through the adapter; undefined when it changed nothing. */
  const send = async <D extends DescMessage>(
    typeUrl: string,
    schema: D,
    resources: readonly MessageInitShape<D>[],
    removedResources: string[] = [],
  ): Promise<readonly MessageShape<D>[] | undefined> => {
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl,
      nonce: String(++nonce),
      removedResources,
      resources: resources.map((resource) => ({ resource: anyPack(schema, create(schema, resource)) })),
    });
    const changed = await adapter.adapt(response);
    return changed
      ? response.resources.map(({ resource }) => fromBinary(schema, resource?.value ?? new Uint8Array()))
      : undefined;
  };
  return {
    adapter,
    ports,
    uses,
    send,
    sweeps: () => sweeps,
    settle: (typeUrl: string) => adapter.settle(typeUrl, String(nonce)),
  };
}

const at = (address: string, port: number) => ({
  address: {
    case: "socketAddress" as const,
    value: { address, portSpecifier: { case: "portValue" as const, value: port } },
  },
});
const endpoints = (...places: [string, number][]) => [
  {
    lbEndpoints: places.map(([address, port]) => ({
      hostIdentifier: { case: "endpoint" as const, value: { address: at(address, port) } },
    })),
  },
];
/** Addresses of an assignment, sockets by their path. */
const addressesIn = (assignment: MessageShape<typeof ClusterLoadAssignmentSchema> | undefined) =>
  (assignment?.endpoints ?? []).flatMap(({ lbEndpoints }) =>
    lbEndpoints.map(({ hostIdentifier }) => {
      const place = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
      return place?.case === "pipe"
        ? place.value.path
        : place?.case === "socketAddress"
          ? place.value.address
          : "";
    }),
  );
const ofType = (value: Cluster_DiscoveryType) => ({ clusterDiscoveryType: { case: "type" as const, value } });
const fromApp = {
  upstreamBindConfig: {
    sourceAddress: { address: "127.0.0.6", portSpecifier: { case: "portValue" as const, value: 0 } },
  },
};

suite("the resource adapter", () => {
  test("listeners that bind get a socket and read PROXY headers first; others stay as they are", async () => {
    const { send, ports, settle } = scene();
    const sent = await send(typeUrls.listener, ListenerSchema, [
      { name: "virtualOutbound", address: at("0.0.0.0", 15001), listenerFilters: [{ name: "tls" }] },
      { name: "0.0.0.0_80", address: at("0.0.0.0", 80), bindToPort: false },
      { name: "0.0.0.0_8080", address: at("0.0.0.0", 8080), statPrefix: "mine" },
    ]);
    const [outbound, unbound, gateway] = sent ?? [];
    assert.deepEqual(outbound?.address?.address.value, {
      $typeName: "envoy.config.core.v3.Pipe",
      path: "/x/0.0.0.0_15001",
      mode: 0,
    });
    assert.deepEqual(
      outbound?.listenerFilters.map(({ name }) => name),
      ["envoy.filters.listener.proxy_protocol", "tls"],
    );
    assert.equal(outbound?.statPrefix, "0.0.0.0_15001");
    assert.equal(unbound?.address?.address.case, "socketAddress");
    assert.deepEqual(unbound?.listenerFilters, []);
    assert.equal(gateway?.statPrefix, "mine");
    assert.equal(ports.size, 0, "nothing is opened before Envoy has it");
    settle(typeUrls.listener);
    assert.deepEqual([...ports], [["0.0.0.0_8080", "8080 /x/0.0.0.0_8080"]]);
    await send(typeUrls.listener, ListenerSchema, [], ["0.0.0.0_8080"]);
    settle(typeUrls.listener);
    assert.equal(ports.size, 0);
  });

  test("endpoints off loopback, by name, or at ports that moved become sockets; the rest stays", async () => {
    const { send, uses, settle, sweeps } = scene(1024);
    const sent = await send(typeUrls.endpoint, ClusterLoadAssignmentSchema, [
      {
        clusterName: "a",
        endpoints: endpoints(["127.16.0.9", 8080], ["127.16.0.9", 80], ["203.0.113.7", 443]),
      },
      { clusterName: "b", endpoints: endpoints(["127.16.0.9", 8080]) },
    ]);
    assert.deepEqual(sent?.map(addressesIn), [
      ["127.16.0.9", "/127.16.0.9/80", "/203.0.113.7/443"],
      ["127.16.0.9"],
    ]);
    assert.equal(uses.get("endpoints a")?.length, 2);
    await send(typeUrls.endpoint, ClusterLoadAssignmentSchema, [], ["a"]);
    assert.deepEqual(uses.get("endpoints a"), []);
    settle(typeUrls.endpoint);
    assert.equal(sweeps(), 1);
  });

  test("a response without anything to change is not touched", async () => {
    const { send } = scene();
    const assignment = { clusterName: "b", endpoints: endpoints(["127.16.0.9", 80]) };
    assert.equal(await send(typeUrls.endpoint, ClusterLoadAssignmentSchema, [assignment]), undefined);
    const cluster = { name: "outbound|80||a", ...ofType(Cluster_DiscoveryType.EDS) };
    assert.equal(await send(typeUrls.cluster, ClusterSchema, [cluster]), undefined);
  });

  const byName = [
    { type: Cluster_DiscoveryType.STRICT_DNS, to: "db.example.com", becomes: Cluster_DiscoveryType.STATIC },
    { type: Cluster_DiscoveryType.LOGICAL_DNS, to: "db.example.com", becomes: Cluster_DiscoveryType.STATIC },
    { type: Cluster_DiscoveryType.STRICT_DNS, to: "127.17.255.2", becomes: undefined },
  ];
  for (const { type, to, becomes } of byName) {
    test(`${Cluster_DiscoveryType[type]} to ${to}: ${becomes === undefined ? "stays" : "the agent looks the name up"}`, async () => {
      const { send } = scene();
      const loadAssignment = { clusterName: "c", endpoints: endpoints([to, 5432]) };
      const sent = await send(typeUrls.cluster, ClusterSchema, [
        { name: "c", ...ofType(type), loadAssignment },
      ]);
      assert.equal(sent?.[0]?.clusterDiscoveryType.value, becomes);
      if (becomes === undefined) return;
      assert.deepEqual(addressesIn(sent?.[0]?.loadAssignment), [`/${to}/5432`]);
      const [endpoint] = sent?.[0]?.loadAssignment?.endpoints[0]?.lbEndpoints ?? [];
      assert.equal(
        endpoint?.hostIdentifier.case === "endpoint" && endpoint.hostIdentifier.value.hostname,
        to,
      );
    });
  }

  const passing = [
    { name: "PassthroughCluster", inbound: false, lowestPort: 1, path: "/original" },
    { name: "outbound|80||headless", inbound: false, lowestPort: 1, path: undefined },
    { name: "outbound|80||headless", inbound: false, lowestPort: 1024, path: "/original" },
    { name: "inbound|8080||", inbound: true, lowestPort: 1024, path: undefined },
    { name: "inbound|80||", inbound: true, lowestPort: 1024, path: "/original127.0.0.6" },
    { name: "InboundPassthroughCluster", inbound: true, lowestPort: 1, path: undefined },
    { name: "InboundPassthroughCluster", inbound: true, lowestPort: 1024, path: "/original127.0.0.6" },
  ];
  for (const { name, inbound, lowestPort, path } of passing) {
    test(`${name}, ports from ${lowestPort} on may be bound: ${path === undefined ? "Envoy dials" : "the agent dials"}`, async () => {
      const { send } = scene(lowestPort);
      const cluster = { name, ...ofType(Cluster_DiscoveryType.ORIGINAL_DST), ...(inbound ? fromApp : {}) };
      const sent = await send(typeUrls.cluster, ClusterSchema, [cluster]);
      assert.deepEqual(sent === undefined ? undefined : addressesIn(sent[0]?.loadAssignment)[0], path);
      if (sent === undefined) return;
      assert.equal(sent[0]?.transportSocket?.name, "envoy.transport_sockets.upstream_proxy_protocol");
    });
  }
});
