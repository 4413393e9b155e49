import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { ForeignCluster, Node } from "../../kube/index.ts";
import { findingsOf } from "../check-mesh.ts";
import type { ClusterView, MeshView } from "../contracts.ts";
import { emptyCluster, now, pod, rule, service } from "../test-support/healthy-mesh.ts";

const node = (name: string, zone: string | undefined, isVirtual = false): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name,
    labels: {
      ...(zone === undefined ? {} : { "topology.kubernetes.io/zone": zone }),
      ...(isVirtual ? { "liqo.io/type": "virtual-node" } : {}),
    },
  },
});
const foreignCluster = (apiServer: "Established" | "Error", virtualNode = "Ready"): ForeignCluster => ({
  apiVersion: "core.liqo.io/v1beta1",
  kind: "ForeignCluster",
  metadata: { name: "far" },
  spec: { clusterID: "far" },
  status: {
    role: "Provider",
    conditions: [{ type: "APIServerStatus", status: apiServer, message: "dial 127.17.0.1:6443: refused" }],
    modules: {
      networking: { enabled: true, conditions: [{ type: "NetworkConnectionStatus", status: "Established" }] },
      authentication: { enabled: false, conditions: [{ type: "AuthTenantStatus", status: "NotReady" }] },
      offloading: {
        enabled: true,
        conditions: [{ type: "OffloadingVirtualNodeStatus", status: virtualNode as "Ready" }],
      },
    },
  },
});
const offloading = (status: object = { offloadingPhase: "Ready" }): ClusterView["namespaceOffloadings"] => [
  {
    apiVersion: "offloading.liqo.io/v1beta1",
    kind: "NamespaceOffloading",
    metadata: { name: "offloading", namespace: "sample" },
    spec: { podOffloadingStrategy: "LocalAndRemote" },
    status,
  },
];
const slice = (cpu: string, granted: string, conditions: object[] = []): ClusterView["resourceSlices"] => [
  {
    apiVersion: "authentication.liqo.io/v1beta1",
    kind: "ResourceSlice",
    metadata: { name: "far", namespace: "liqo-tenant-far" },
    spec: { providerClusterID: "far", resources: { cpu } },
    status: { resources: { cpu: granted }, conditions: conditions as never },
  },
];
const placed = (name: string, nodeName: string) => {
  const made = pod(name, "sample", { labels: { app: "hello" } });
  return { ...made, spec: { ...made.spec, nodeName } };
};
const rules = (trafficPolicy: object) => [rule("DestinationRule", "hello", { host: "hello", trafficPolicy })];
const autoscaler = (status: string, reason: string, message: string, since: number) => [
  {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "hello", namespace: "sample" },
    spec: {},
    status: {
      conditions: [
        {
          type: "ScalingActive",
          status,
          reason,
          message,
          lastTransitionTime: new Date(now - since).toISOString(),
        },
      ],
    },
  },
];

const healthy: Partial<ClusterView> = {
  nodes: [node("home-1", "home"), node("far", "far", true)],
  foreignClusters: [foreignCluster("Established")],
  resourceSlices: slice("20", "20"),
  namespaceOffloadings: offloading(),
  services: [service("hello", "sample")],
  pods: [placed("hello-1", "home-1"), placed("hello-2", "far")],
  destinationRules: rules({ outlierDetection: { interval: "30s" } }),
};

/** The consumer, changed, and its provider, in which nothing of the mesh is its own. */
function codes(change: Partial<ClusterView>, unread: MeshView["unread"] = []) {
  const home = { ...emptyCluster("home", { ...healthy, ...change }) };
  const far = { ...emptyCluster("far"), primary: "home", nodes: [node("far-1", "far")] };
  const mesh: MeshView = { clusters: [home, far], unread, controlPlanes: undefined, now };
  return findingsOf(mesh, { isRunning: true })
    .filter(({ code }) => /^(peering|locality|autoscaler)\//.test(code))
    .map(({ code, cause }) => `${code}: ${cause}`);
}

suite("checks of peerings", () => {
  test("a peering in which everything is as it was asked for has no finding", () => {
    assert.deepEqual(codes({}), []);
  });

  const cases: readonly (readonly [string, Partial<ClusterView>, RegExp])[] = [
    [
      "a provider that does not answer",
      { foreignClusters: [foreignCluster("Error")] },
      /^peering\/incomplete: dial 127\.17\.0\.1:6443: refused$/,
    ],
    [
      "a virtual node that is not ready",
      { foreignClusters: [foreignCluster("Established", "NotReady")] },
      /^peering\/incomplete: OffloadingVirtualNodeStatus is NotReady$/,
    ],
    [
      "LIQO-46 a namespace that the provider has already",
      {
        namespaceOffloadings: offloading({
          offloadingPhase: "AllFailed",
          remoteNamespacesConditions: {
            far: [
              { type: "Ready", status: "False", reason: "Conflict", message: "far has a sample of its own" },
            ],
          },
        }),
      },
      /^peering\/namespace-refused: far has a sample of its own$/,
    ],
    [
      "a selector that no virtual node has",
      { namespaceOffloadings: offloading({ offloadingPhase: "NoClusterSelected" }) },
      /^peering\/no-cluster-selected/,
    ],
    [
      "LIQO-44 less than was asked for",
      { resourceSlices: slice("20", "7500m") },
      /^peering\/resources-capped: far grants 7500m of 20 cpu: it has no more$/,
    ],
    [
      "LIQO-44 nothing of what was asked for",
      { resourceSlices: slice("20", "20", [{ type: "Resources", status: "Denied", message: "no" }]) },
      /^peering\/resources-capped: no$/,
    ],
    [
      "LIQO-41 nodes without a zone",
      { nodes: [node("home-1", undefined), node("far", "far", true)] },
      /^locality\/nothing-to-prefer: home-1 has neither region nor zone$/,
    ],
    [
      "LIQO-41 the same zone on both sides",
      { nodes: [node("home-1", "a"), node("far", "a", true)] },
      /^locality\/nothing-to-prefer: far and home-1 are all in zone a$/,
    ],
    [
      "LIQO-17 no DestinationRule",
      { destinationRules: [] },
      /^locality\/no-outlier-detection: no outlier detection: locality failover off for hello\.sample$/,
    ],
    [
      "LIQO-17 a DestinationRule about other things",
      { destinationRules: rules({ loadBalancer: { simple: "RANDOM" } }) },
      /^locality\/no-outlier-detection/,
    ],
    [
      "LIQO-45 an autoscaler of pods without a request",
      {
        autoscalers: autoscaler(
          "False",
          "FailedGetResourceMetric",
          "missing request for cpu in container s0",
          0,
        ),
      },
      /^autoscaler\/no-metrics: missing request for cpu in container s0$/,
    ],
    [
      "an autoscaler that has seen no metrics for long",
      { autoscalers: autoscaler("False", "FailedGetResourceMetric", "no metrics returned", 61_000) },
      /^autoscaler\/no-metrics: no metrics returned$/,
    ],
  ];
  for (const [what, change, says] of cases)
    test(what, () => {
      const found = codes(change);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", says);
    });

  const harmless: readonly (readonly [string, Partial<ClusterView>])[] = [
    [
      "a Service that says itself where its clients stay",
      {
        destinationRules: [],
        services: [service("hello", "sample", { spec: { trafficDistribution: "PreferClose" } })],
      },
    ],
    [
      "outlier detection for all Services at once",
      {
        destinationRules: [
          rule("DestinationRule", "all", {
            host: "*.sample.svc.cluster.local",
            trafficPolicy: { outlierDetection: {} },
          }),
        ],
      },
    ],
    [
      "pods on one side only",
      { destinationRules: [], pods: [placed("hello-1", "home-1"), placed("hello-2", "home-1")] },
    ],
    [
      "an autoscaler whose pods have just started",
      { autoscalers: autoscaler("False", "FailedGetResourceMetric", "no metrics returned", 5000) },
    ],
    [
      "an autoscaler whose target was scaled to nothing",
      { autoscalers: autoscaler("False", "ScalingDisabled", "scaling is disabled", 3_600_000) },
    ],
  ];
  for (const [what, change] of harmless)
    test(`${what}: no finding`, () => {
      assert.deepEqual(codes(change), []);
    });

  test("a provider that is known not to answer is told once", () => {
    const unread: MeshView["unread"] = [
      {
        name: "far",
        primary: "home",
        network: undefined,
        reads: [],
        reason: "far is stopped",
        fix: "start it",
      },
    ];
    assert.deepEqual(codes({ foreignClusters: [foreignCluster("Error")] }, unread), []);
  });
});
