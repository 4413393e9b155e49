import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject } from "../../kube/index.ts";
import { convertGloo } from "./convert-gloo.ts";

function object(kind: string, name: string, namespace: string, spec: object): KubeObject {
  return { apiVersion: "admin.gloo.solo.io/v2", kind, metadata: { name, namespace }, spec };
}

const bookinfo = object("Workspace", "bookinfo", "gloo-mesh", {
  workloadClusters: [
    { name: "cluster-1", namespaces: [{ name: "bookinfo" }] },
    { name: "cluster-2", namespaces: [{ name: "bookinfo" }] },
  ],
});
const gateways = object("Workspace", "istio-system", "gloo-mesh", {
  workloadClusters: [{ name: "cluster-1", namespaces: [{ name: "istio-system" }] }],
});
const federation = { enabled: true, serviceSelector: [{}], hostSuffix: "global" };

suite("convertGloo()", () => {
  for (const { shape, exportTo, imports } of [
    { shape: "the beta", exportTo: [{ name: "istio-system" }], imports: { imports: [{ name: "bookinfo" }] } },
    {
      shape: "the releases",
      exportTo: [{ workspaces: [{ name: "istio-system" }] }],
      imports: { importFrom: [{ workspaces: [{ name: "bookinfo" }] }] },
    },
  ])
    test(`GLOO-26 workspaces with settings in the shape of ${shape} become workspaces here`, () => {
      const settings = object("WorkspaceSettings", "bookinfo-settings", "bookinfo", {
        exportTo,
        options: { serviceIsolation: { enabled: true }, federation },
      });
      const other = object("WorkspaceSettings", "istio-system-settings", "istio-system", imports);
      const { objects, notes } = convertGloo(
        [
          { cluster: undefined, object: bookinfo },
          { cluster: undefined, object: gateways },
          { cluster: "cluster-1", object: settings },
          { cluster: "cluster-1", object: other },
        ],
        "global",
      );
      assert.deepEqual(
        objects.map(({ metadata, spec }) => [metadata.name, spec]),
        [
          [
            "bookinfo",
            {
              clusters: [
                { name: "cluster-1", namespaces: ["bookinfo"] },
                { name: "cluster-2", namespaces: ["bookinfo"] },
              ],
              exports: ["*"],
              exportTo: ["istio-system"],
              isolation: true,
            },
          ],
          [
            "istio-system",
            {
              clusters: [{ name: "cluster-1", namespaces: ["istio-system"] }],
              importFrom: ["bookinfo"],
              isolation: false,
            },
          ],
        ],
      );
      assert.deepEqual([...notes.values()].flat(), []);
    });

  test("GLOO-26 GLOO-51 what has no meaning here is told, field by field, and left out", () => {
    const settings = object("WorkspaceSettings", "s", "bookinfo", {
      license: "x",
      options: {
        eastWestGateways: [{}],
        federation: { ...federation, hostSuffix: "mesh", serviceSelector: [{ labels: { a: "b" } }] },
      },
    });
    const { notes } = convertGloo(
      [
        { cluster: undefined, object: bookinfo },
        { cluster: "cluster-2", object: settings },
      ],
      "global",
    );
    assert.deepEqual(notes.get(settings), [
      "spec.license has no meaning here and is left out",
      "spec.options.eastWestGateways has no meaning here and is left out",
      "spec.options.federation.hostSuffix: names end in global in this fleet",
      "spec.options.federation.serviceSelector[0].labels has no meaning here and is left out",
      "spec.options.federation.serviceSelector[0] names no namespace and selects nothing here",
    ]);
  });

  test("settings in a namespace of no workspace are told so", () => {
    const settings = object("WorkspaceSettings", "s", "elsewhere", {});
    const { objects, notes } = convertGloo([{ cluster: "cluster-1", object: settings }], "global");
    assert.deepEqual([objects, notes.get(settings)], [[], ["no workspace has the namespace elsewhere"]]);
  });

  test("a KubernetesCluster becomes a registration", () => {
    const { objects } = convertGloo(
      [{ cluster: undefined, object: object("KubernetesCluster", "cluster-3", "gloo-mesh", {}) }],
      "global",
    );
    assert.deepEqual(
      objects.map(({ kind, metadata, apiVersion }) => [apiVersion, kind, metadata.name]),
      [["management.isthmus.dev/v1alpha1", "KubernetesCluster", "cluster-3"]],
    );
  });
});
