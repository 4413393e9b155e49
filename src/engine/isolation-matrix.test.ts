import assert from "node:assert/strict";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import * as fc from "fast-check";
import { suite, test } from "vitest";
import { createWorld, createWorldObjects } from "../discovery/index.ts";
import { authorizationFor } from "../discovery/translate/authorization.ts";
import { proxyOf, putObject } from "../discovery/translate/test-support/make-world.ts";
import type { KubeObject, Service } from "../kube/index.ts";
import type { WorkspaceCluster, WorkspaceDeclaration } from "../management/workspaces/contracts.ts";
import {
  mayCall,
  type Place,
  randomWorkspaces,
} from "../management/workspaces/test-support/isolation-matrix.ts";
import { translateWorkspaces } from "../management/workspaces/translate-workspaces.ts";
import { compileRbac } from "../proxy/filters/rbac.ts";
import { RBACSchema } from "../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";

const clusterNames = ["a", "b", "c"];
const namespaceNames = ["n1", "n2", "n3"];
const serviceNames = ["s1", "s2"];

const everyPlace: readonly Place[] = clusterNames.flatMap((cluster) =>
  namespaceNames.map((namespace) => ({ cluster, namespace })),
);

const declarations = randomWorkspaces(clusterNames, namespaceNames, [
  ...["*", "*.n1", "s1.n1", "s2.n2", "s1.n3"],
]).map((workspaces): readonly WorkspaceDeclaration[] => workspaces.map((one) => ({ ...one, from: "test" })));

function service(name: string, namespace: string): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }] },
  };
}

const clusters: readonly WorkspaceCluster[] = clusterNames.map((name) => ({
  name,
  primary: name,
  trustDomain: `td-${name}`,
  namespaces: namespaceNames.map((namespace) => ({ name: namespace, isInjected: true })),
  services: namespaceNames.flatMap((namespace) => serviceNames.map((one) => service(one, namespace))),
  wholeNamespace: [],
}));

/** Whether the policies that are in `to`'s cluster let the caller in, as discovery translates and the proxy reads them. */
function policyOf(objects: readonly KubeObject[], to: Place, called: string) {
  const world = createWorldObjects(to.cluster, "istio-system");
  const aliases = clusterNames.filter((name) => name !== to.cluster).map((name) => `td-${name}`);
  world.mesh = `trustDomain: td-${to.cluster}\ntrustDomainAliases: [${aliases}]`;
  for (const object of objects) if (object.kind === "AuthorizationPolicy") putObject(world, object);
  const { rules } = createWorld(world, assert.fail);
  const { http } = authorizationFor(rules, proxyOf({ namespace: to.namespace, labels: { app: called } }));
  const filters = http.map((filter) => {
    const config =
      filter.configType.case === "typedConfig" ? anyUnpack(filter.configType.value, RBACSchema) : undefined;
    return compileRbac(config?.rules, "test");
  });
  return ({ cluster, namespace }: Place, isMutual = true) => {
    const peer = { uris: [`spiffe://td-${cluster}/ns/${namespace}/sa/any`] };
    const tls = isMutual ? { peer } : undefined;
    // biome-ignore lint/suspicious/noExplicitAny: only the caller's identity matters here
    const attempt: any = { downstream: { tls }, request: { headers: [] }, clientAddress: "10.0.0.1" };
    return filters.every((filter) => filter?.(attempt).allowed !== false);
  };
}

suite("isolation of workspaces", () => {
  test("whatever is declared, the policies let in exactly those who may call", { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(declarations, (workspaces) => {
        const { objects } = translateWorkspaces(workspaces, clusters);
        for (const to of everyPlace)
          for (const called of serviceNames) {
            const isAllowed = policyOf(objects.get(to.cluster) ?? [], to, called);
            for (const from of everyPlace)
              assert.equal(
                isAllowed(from),
                mayCall(workspaces, from, to, called),
                `${JSON.stringify(from)} to ${called} of ${JSON.stringify(to)}`,
              );
          }
      }),
      { numRuns: 60 },
    );
  });

  test("a caller without an identity is let in nowhere that is isolated", () => {
    const workspace: WorkspaceDeclaration = {
      ...{ name: "w1", createdAt: "", from: "test", exports: ["*"], exportTo: [], importFrom: [] },
      namespaces: [{ cluster: "*", names: ["n1"] }],
      isolation: true,
    };
    const { objects } = translateWorkspaces([workspace], clusters);
    const to = { cluster: "a", namespace: "n1" };
    const isAllowed = policyOf(objects.get("a") ?? [], to, "s1");
    assert.deepEqual([isAllowed(to), isAllowed(to, false)], [true, false]);
    assert.deepEqual(objects.get("a")?.find(({ kind }) => kind === "PeerAuthentication")?.["spec"], {
      mtls: { mode: "STRICT" },
    });
  });
});
