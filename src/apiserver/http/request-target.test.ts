import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { requestTarget } from "./request-target.ts";

suite("requestTarget()", () => {
  const cases: readonly (readonly [path: string, target: Record<string, unknown>])[] = [
    ["/api/v1/pods", { group: "", version: "v1", plural: "pods" }],
    ["/api/v1/namespaces", { plural: "namespaces" }],
    ["/api/v1/namespaces/x", { plural: "namespaces", name: "x" }],
    ["/api/v1/namespaces/x/status", { plural: "namespaces", name: "x", subresource: "status" }],
    ["/api/v1/namespaces/x/finalize", { plural: "namespaces", name: "x", subresource: "finalize" }],
    ["/api/v1/namespaces/x/pods", { plural: "pods", namespace: "x" }],
    ["/api/v1/namespaces/x/pods/p", { plural: "pods", namespace: "x", name: "p" }],
    ["/api/v1/namespaces/x/pods/p/log", { plural: "pods", namespace: "x", name: "p", subresource: "log" }],
    [
      "/api/v1/namespaces/x/services/http:s:80/proxy/a/b",
      { plural: "services", name: "http:s:80", subresource: "proxy", rest: "a/b" },
    ],
    ["/apis/apps/v1/deployments", { group: "apps", plural: "deployments" }],
    [
      "/apis/apps/v1/namespaces/x/deployments/d/scale",
      { group: "apps", plural: "deployments", namespace: "x", name: "d", subresource: "scale" },
    ],
    ["/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", { name: "system:node" }],
    ["/api/v1/watch/namespaces/x/pods", { plural: "pods", namespace: "x", watch: true }],
  ];
  for (const [path, expected] of cases)
    test(`${path} is a resource`, () => {
      const target: Record<string, unknown> = { ...requestTarget(path) };
      assert.equal(target["kind"], "resource");
      for (const [field, value] of Object.entries(expected)) assert.equal(target[field], value, field);
    });

  for (const path of [
    "/",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/apis/apps/v1",
    "/version",
    "/openapi/v3/api/v1",
  ])
    test(`${path} is a plain path`, () => assert.deepEqual(requestTarget(path), { kind: "path", path }));
});
