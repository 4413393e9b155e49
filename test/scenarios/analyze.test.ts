import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { startAks } from "./support/examples.ts";
import { eventually, type MeshUnderTest } from "./support/running-mesh.ts";

interface Finding {
  readonly code: string;
  readonly istioCode?: string;
  readonly severity: string;
  readonly cluster: string;
  readonly objects: readonly {
    readonly cluster: string;
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
    readonly writtenAt?: string;
  }[];
}

const hasKubectl = findKubectls().length > 0;

const istio = (kind: string, name: string, spec: object, group = "networking.istio.io/v1") => ({
  apiVersion: group,
  kind,
  metadata: { name, namespace: "shop" },
  spec,
});
const page = { port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["page.example.com"] };
const service = (port: object) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "cart", namespace: "shop" },
  spec: { ports: [port] },
});
const mine = istio("VirtualService", "mine", {
  hosts: ["cart"],
  http: [{ route: [{ destination: { host: "kart" } }] }],
});

/** What is applied with kubectl, per cluster, and what is found then. */
const broken: Readonly<Record<string, readonly object[]>> = {
  main0: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    service({ name: "web", port: 80 }),
    mine,
    istio("VirtualService", "yours", {
      hosts: ["cart.shop.svc.cluster.local"],
      http: [{ route: [{ destination: { host: "cart" } }] }],
    }),
    istio("VirtualService", "front", {
      hosts: ["other.example.com"],
      gateways: ["page"],
      http: [{ route: [{ destination: { host: "cart" } }] }],
    }),
    istio("Gateway", "page", { selector: { istio: "ingressgateway" }, servers: [page] }),
    istio("Gateway", "same", { selector: { istio: "ingressgateway" }, servers: [page] }),
    istio("Gateway", "lost", { selector: { istio: "nowhere" }, servers: [page] }),
    istio(
      "AuthorizationPolicy",
      "nobody",
      { selector: { matchLabels: { app: "nobody" } } },
      "security.istio.io/v1",
    ),
    istio("ServiceEntry", "db", {
      // A wildcard gets no address of its own from istiod.
      hosts: ["*.db.example.com"],
      resolution: "NONE",
      ports: [{ number: 5432, name: "db", protocol: "TCP" }],
    }),
  ],
  remote0: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    service({ name: "web", port: 8080 }),
  ],
};

const expected: readonly (readonly [istioCode: string, severity: string, cluster: string, object: string])[] =
  [
    ["IST0101", "error", "main0", "VirtualService shop/mine"],
    ["IST0101", "error", "main0", "Gateway shop/lost"],
    ["IST0102", "info", "main0", "Namespace shop"],
    ["IST0102", "info", "remote0", "Namespace shop"],
    ["IST0109", "error", "main0", "VirtualService shop/mine"],
    ["IST0118", "info", "main0", "Service shop/cart"],
    ["IST0118", "info", "remote0", "Service shop/cart"],
    ["IST0127", "warning", "main0", "AuthorizationPolicy shop/nobody"],
    ["IST0132", "warning", "main0", "VirtualService shop/front"],
    ["IST0133", "warning", "main0", "ServiceEntry shop/db"],
    ["IST0134", "warning", "main0", "ServiceEntry shop/db"],
    ["IST0145", "error", "main0", "Gateway shop/page"],
    ["IST0170", "warning", "main0", "Service shop/cart"],
  ];

suite.skipIf(!hasKubectl)("analyze: the AKS mesh [needs kubectl]", () => {
  let mesh: MeshUnderTest;
  const apply = async (cluster: string, objects: readonly object[]) => {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    const { code, stderr } = await mesh.tryKubectl(cluster, ["apply", "-f", "-"], JSON.stringify(list));
    assert.equal(code, 0, stderr);
  };
  const findings = async (...args: string[]): Promise<readonly Finding[]> => {
    const { stdout, stderr } = await mesh.isthmus("analyze", "-o", "json", ...args);
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout);
  };
  const line = ({ istioCode, severity, objects: [first] }: Finding) =>
    `${istioCode} ${severity} ${first?.cluster} ${first?.kind} ${first?.namespace === undefined ? "" : `${first.namespace}/`}${first?.name}`;

  beforeAll(async () => {
    mesh = await startAks();
  });
  afterAll(() => mesh?.stop());

  test("GUIDE-10 what kubectl applied is found with Istio's code, its severity, the cluster and the object", async () => {
    await Promise.all(Object.entries(broken).map(([cluster, objects]) => apply(cluster, objects)));
    await eventually(async () => {
      const found = (await findings("-n", "shop")).map(line);
      assert.deepEqual(
        [...new Set(found)].sort(),
        expected
          .map(([code, severity, cluster, object]) => `${code} ${severity} ${cluster} ${object}`)
          .sort(),
      );
      return true;
    });
    const { code, stdout } = await mesh.isthmus("analyze", "--cluster", "remote0", "-o", "table");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /IST0118 +service\/port-name +remote0 +Service shop\/cart/);
    assert.equal(
      (await mesh.isthmus("analyze", "--cluster", "remote0", "--failure-threshold", "info")).code,
      1,
    );
    assert.match((await mesh.isthmus("status")).stdout, /IST0145/);
  });

  test("GUIDE-10 MeshNetworks with a registry that is no cluster: IST0126", async () => {
    const patch = (networks: string) =>
      mesh.kubectl(
        "main0",
        "-n",
        "istio-system",
        "patch",
        "configmap",
        "istio",
        "--type=merge",
        "-p",
        JSON.stringify({ data: { meshNetworks: networks } }),
      );
    await patch("networks: { network9: { endpoints: [{ fromRegistry: remote9 }] } }");
    await eventually(async () =>
      (await findings("-n", "istio-system")).some(
        (one) => line(one) === "IST0126 error main0 ConfigMap istio-system/istio",
      ),
    );
    await patch("networks: {}");
  });

  test("GUIDE-10 files are looked at together with the running mesh, and nothing is applied", async () => {
    const file = path.join(mesh.folder, "new.yaml");
    writeFileSync(file, JSON.stringify({ ...mine, metadata: { name: "new", namespace: "sample" } }));
    const [found] = await findings(file, "-n", "sample");
    assert.deepEqual(
      [found?.istioCode, found?.cluster, found?.objects[0]?.name, found?.objects[0]?.writtenAt],
      ["IST0101", "main0", "new", `${file}:1`],
    );
    assert.equal(
      (await mesh.kubectl("main0", "-n", "sample", "get", "virtualservices", "-o", "name")).trim(),
      "",
    );
  });

  test("GUIDE-10 the clusters of a mesh file are looked at by the contexts of a kubeconfig", async () => {
    const byContext = ["-f", path.join(mesh.folder, "mesh.yaml"), "--kubeconfig", mesh.kubeconfig];
    await eventually(async () => {
      const found = await findings(...byContext);
      assert.deepEqual(found.map(line).sort(), (await findings()).map(line).sort());
      return true;
    });
  });

  test("GUIDE-10 an object's annotation galley.istio.io/analyze-suppress leaves a finding out", async () => {
    await mesh.kubectl(
      "main0",
      "-n",
      "shop",
      "annotate",
      "gateway.networking.istio.io",
      "lost",
      "galley.istio.io/analyze-suppress=IST0101",
      "--overwrite",
    );
    await eventually(async () => {
      const found = (await findings("-n", "shop")).map(line);
      assert.ok(!found.includes("IST0101 error main0 Gateway shop/lost"), found.join("\n"));
      return found.includes("IST0101 error main0 VirtualService shop/mine");
    });
  });
});
