import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { parse } from "yaml";
import { importMesh } from "./import-mesh.ts";
import { gateway, istio, liveClient } from "./test-support/live-cluster.ts";

const imported = async (clusters: Readonly<Record<string, string>>) => {
  const made = await importMesh(
    Object.entries(clusters).map(([context, yaml]) => ({ context, client: liveClient(yaml) })),
    "/nowhere",
  );
  return { ...made, mesh: parse(made.meshFile) };
};

const eastWestGateway = (name: string, label: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: istio-system }
spec:
  selector: { istio: ${label} }
  servers: [{ port: { number: 15443, name: tls, protocol: TLS }, tls: { mode: AUTO_PASSTHROUGH }, hosts: ["*.local"] }]
---
`;
const shop = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled, team: a } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIP: 10.96.0.7, selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Secret
metadata: { name: password, namespace: shop, annotations: { kubectl.kubernetes.io/last-applied-configuration: '{"data":{"key":"aHVudGVyMg=="}}' } }
data: { key: aHVudGVyMg== }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: kube-root-ca.crt, namespace: shop }
data: {}
---
apiVersion: v1
kind: Pod
metadata: { name: web-1, namespace: shop, ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u }] }
spec: { containers: [{ name: app }] }
---
`;
const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web }
---
`;

suite("a mesh that was made by hand", () => {
  test("primary-remote over two networks: who serves whom, networks, gateways, and what users put in", async () => {
    const { mesh, files, notes } = await imported({
      "oke-fra":
        istio({
          cluster: "fra",
          network: "n1",
          reads: ["ash"],
          mesh: '{"accessLogFile":"/dev/stdout","trustDomain":"cluster.local"}',
        }) +
        gateway("istio-eastwestgateway", { network: "n1", ports: [15021, 15443, 15012, 15017] }) +
        gateway("istio-ingressgateway", { ports: [15021, 80, 443] }) +
        eastWestGateway("expose-services", "istio-eastwestgateway") +
        shop +
        rule,
      ash:
        istio({ cluster: "ash", network: "n2", primary: "fra" }) +
        gateway("istio-eastwestgateway", { network: "n2", ports: [15021, 15443] }) +
        shop +
        rule,
    });
    assert.deepEqual(mesh, {
      apiVersion: "isthmus.dev/v1alpha1",
      kind: "Mesh",
      name: "mesh1",
      clusters: {
        fra: {
          context: "oke-fra",
          network: "n1",
          istio: { version: "1.24.2", meshConfig: { accessLogFile: "/dev/stdout" } },
          gateways: {
            eastwest: {
              service: {
                ports: [15021, 15443, 15012, 15017].map((port) => ({ name: `p${port}`, port })),
              },
            },
            ingress: { service: { ports: [15021, 80, 443].map((port) => ({ name: `p${port}`, port })) } },
          },
          loadBalancer: { annotations: { "example.com/shape": "flexible" } },
          namespaces: [{ name: "shop", labels: { team: "a" } }],
          manifests: [{ file: "manifests/fra/" }],
        },
        ash: {
          primary: "fra",
          network: "n2",
          gateways: {
            eastwest: { service: { ports: [15021, 15443].map((port) => ({ name: `p${port}`, port })) } },
          },
          loadBalancer: { annotations: { "example.com/shape": "flexible" } },
          namespaces: [{ name: "shop", labels: { team: "a" } }],
          manifests: [{ file: "manifests/ash/" }],
        },
      },
    });
    assert.deepEqual([...files.keys()].sort(), ["manifests/ash/shop.yaml", "manifests/fra/shop.yaml"]);
    assert.match(files.get("manifests/fra/shop.yaml") ?? "", /kind: Service[\s\S]*kind: DestinationRule/);
    assert.doesNotMatch(files.get("manifests/fra/shop.yaml") ?? "", /clusterIP|kind: (Pod|ConfigMap|Secret)/);
    assert.doesNotMatch(files.get("manifests/ash/shop.yaml") ?? "", /DestinationRule/);
    assert.deepEqual([...notes].sort(), [
      "ash: DestinationRule shop/web has no effect: no control plane reads it there",
      "ash: Secret shop/password is not in the file: its values stay where they are",
      "fra: Gateway istio-system/expose-services opens the mesh to other networks; the file makes a Gateway of its own for it",
      "fra: Secret shop/password is not in the file: its values stay where they are",
    ]);
  });

  test("no value of a Secret is anywhere, not even where kubectl keeps what it applied", async () => {
    const made = await imported({ fra: istio({ cluster: "fra", reads: ["ash"] }) + shop });
    const text = JSON.stringify([made.meshFile, [...made.files], made.notes]);
    for (const value of ["aHVudGVyMg", "hunter2", "c2VjcmV0"]) assert.ok(!text.includes(value), value);
  });

  test("one gateway for ingress and other networks, on port 443, is written as one", async () => {
    const main = (cluster: string, other: string, network: string) =>
      istio({ cluster, network, reads: [other] }) +
      gateway("istio-ingressgateway", { ports: [15021, 80, 443] }) +
      eastWestGateway("cluster-aware-gateway", "istio-ingressgateway").replace(
        "number: 15443",
        "number: 443",
      );
    const { mesh } = await imported({ a: main("a", "b", "n1"), b: main("b", "a", "n2") });
    assert.deepEqual(mesh.clusters.a.gateways.eastwest, { name: "istio-ingressgateway", port: 443 });
    assert.equal(mesh.discovery, undefined);
  });

  test("ServiceEntries under .global that lead to another cluster's gateway become exports", async () => {
    const entry = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: messenger, namespace: default }
spec:
  hosts: [messenger.default.global]
  location: MESH_INTERNAL
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 192.0.2.2, ports: { http: 15443 } }]
---
`;
    const { mesh, files, notes } = await imported({
      one: istio({ cluster: "one", network: "aws" }) + entry,
      two:
        istio({ cluster: "two", network: "gcp" }) +
        gateway("istio-eastwestgateway", { network: "gcp", address: "192.0.2.2", ports: [15021, 15443] }),
    });
    assert.equal(mesh.discovery, "exports");
    assert.deepEqual(mesh.clusters.two.exports, ["messenger.default"]);
    assert.equal(files.size, 0);
    assert.deepEqual(notes, [
      "one: ServiceEntry default/messenger says by hand what the file says by exports of two: messenger.default",
    ]);
  });

  test("an IstioOperator's values and mesh configuration are carried over, but for what follows from the topology", async () => {
    const operator = `
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: { name: installed-state, namespace: istio-system }
spec:
  meshConfig: { accessLogFile: /dev/stdout, trustDomain: acme.example }
  values:
    pilot: { resources: { requests: { cpu: 10m } } }
    global: { meshID: mesh1, multiCluster: { clusterName: fra }, network: n1 }
---
`;
    const { mesh } = await imported({
      fra: istio({ cluster: "fra", network: "n1", mesh: '{"trustDomain":"acme.example"}' }) + operator,
    });
    assert.deepEqual(mesh.clusters.fra.trust, { domain: "acme.example" });
    assert.deepEqual(mesh.clusters.fra.istio, {
      version: "1.24.2",
      meshConfig: { accessLogFile: "/dev/stdout" },
      values: { pilot: { resources: { requests: { cpu: "10m" } } } },
    });
  });

  test("a name that is no cluster's name is replaced, and a cluster without Istio is said", async () => {
    const { mesh, notes } = await imported({
      "arn:aws:eks:eu-central-1:1:cluster/prod": istio({ cluster: "Prod_1" }),
      empty: "apiVersion: v1\nkind: Namespace\nmetadata: { name: default }\n",
    });
    assert.deepEqual(Object.keys(mesh.clusters), ["arn-aws-eks-eu-central-1-1-cluster-prod", "empty"]);
    assert.equal(
      mesh.clusters["arn-aws-eks-eu-central-1-1-cluster-prod"].context,
      "arn:aws:eks:eu-central-1:1:cluster/prod",
    );
    assert.deepEqual(notes, [
      'arn:aws:eks:eu-central-1:1:cluster/prod: Istio knows the cluster as "Prod_1", which the file calls arn-aws-eks-eu-central-1-1-cluster-prod',
      "empty: no control plane is there and none reads it; the file gives it one of its own",
    ]);
  });

  test("a remote whose control plane is not among the contexts is refused with the way out", async () => {
    await assert.rejects(
      imported({ ash: istio({ cluster: "ash", network: "n2", primary: "fra" }) }),
      /no cluster is called "fra"/,
    );
  });

  test("different roots are said", async () => {
    const root = (text: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio-ca-root-cert, namespace: default }
data: { root-cert.pem: ${text} }
---
`;
    const { notes } = await imported({
      a: istio({ cluster: "a", reads: ["b"] }) + root("one"),
      b: istio({ cluster: "b", reads: ["a"] }) + root("two"),
    });
    assert.deepEqual(notes, [
      "the clusters trust 2 different roots: workloads of one can't call those of another",
    ]);
  });
});
