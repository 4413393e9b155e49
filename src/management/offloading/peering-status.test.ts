import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type KubeObject, knownSchema, validateValue } from "../../kube/index.ts";
import {
  foreignClusterStatus,
  namespaceOffloadingStatus,
  type RemoteNamespaceState,
  resourceSliceStatus,
  virtualNodeStatus,
} from "./peering-status.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const object = (apiVersion: string, kind: string, spec: object = {}) => ({
  apiVersion,
  kind,
  metadata: { name: "provider1", generation: 3 },
  spec: spec as never,
});
const foreign = object("core.liqo.io/v1beta1", "ForeignCluster", { clusterID: "provider1" });
const slice = object("authentication.liqo.io/v1beta1", "ResourceSlice", { resources: { cpu: "40" } });
const virtualNode = object("offloading.liqo.io/v1beta1", "VirtualNode");
const offloading = object("offloading.liqo.io/v1beta1", "NamespaceOffloading");
const reach = { isReachable: true, hasNode: true, tenantNamespace: "liqo-tenant-provider1", now };
const state = (cluster: string, isReady: boolean | undefined): RemoteNamespaceState => ({
  cluster,
  isReady,
  reason: "Because",
  message: "why",
});

suite("the status of Liqo's kinds", () => {
  const grant = { resources: { cpu: "32" }, shortfalls: ["cpu: 40 asked for, 32 offered"] };
  const statuses: readonly (readonly [KubeObject, object])[] = [
    [foreign, foreignClusterStatus(foreign, { role: "Provider", ...reach })],
    [foreign, foreignClusterStatus(foreign, { role: "Consumer", ...reach, tenantNamespace: undefined })],
    [slice, resourceSliceStatus(slice, grant, { zone: "a" }, now)],
    [virtualNode, virtualNodeStatus(virtualNode, { hasNode: false, now })],
    [offloading, namespaceOffloadingStatus(offloading, [state("provider1", true)], now)],
  ];
  for (const [of, status] of statuses)
    test(`is valid for a ${of.kind}`, () => {
      const schema = knownSchema(of.apiVersion, of.kind)?.schema;
      assert.ok(schema);
      assert.deepEqual(validateValue(schema, { ...of, status }), []);
    });

  test("says what a slice lacks, and grants the rest", () => {
    const { conditions, resources } = resourceSliceStatus(slice, grant, {}, now);
    const [found] = conditions?.filter(({ type }) => type === "Resources") ?? [];
    assert.deepEqual(
      [found?.status, found?.reason, found?.message, resources],
      ["Accepted", "ResourceSliceResourcesReduced", "cpu: 40 asked for, 32 offered", { cpu: "32" }],
    );
  });

  test("keeps the time of a condition that did not change", () => {
    const before = foreignClusterStatus(foreign, { role: "Provider", ...reach });
    const seen = { ...foreign, status: before };
    const later = { ...reach, now: now + 60_000 };
    assert.deepEqual(foreignClusterStatus(seen, { role: "Provider", ...later }), before);
    const gone = foreignClusterStatus(seen, { role: "Provider", ...later, isReachable: false });
    assert.equal(gone.conditions?.[0]?.status, "Error");
    assert.equal(gone.conditions?.[0]?.lastTransitionTime, "2026-01-01T00:01:00Z");
    assert.equal(gone.modules?.offloading.conditions?.[0]?.status, "NotReady");
  });

  const phases = [
    { states: [], phase: "NoClusterSelected" },
    { states: [state("a", true), state("b", true)], phase: "Ready" },
    { states: [state("a", true), state("b", undefined)], phase: "InProgress" },
    { states: [state("a", true), state("b", false)], phase: "SomeFailed" },
    { states: [state("a", false), state("b", false)], phase: "AllFailed" },
  ];
  for (const { states, phase } of phases)
    test(`of ${states.length} clusters with ${states.filter(({ isReady }) => isReady).length} ready is ${phase}`, () => {
      const status = namespaceOffloadingStatus(offloading, states, now);
      assert.equal(status.offloadingPhase, phase);
      assert.equal(status.observedGeneration, 3);
    });
});
