import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject, PodSpec } from "../../kube/index.ts";
import { findChartStandIn } from "./chart-stand-in.ts";
import { chartStandIns } from "./chart-stand-ins.ts";

const standIns = chartStandIns("1.31.1");

const render = (
  chart: string,
  values: Readonly<Record<string, unknown>>,
  more: { readonly name?: string; readonly version?: string } = {},
) => {
  const { name = chart, version } = more;
  const standIn = findChartStandIn(standIns, { chart }) ?? assert.fail(`no stand-in for ${chart}`);
  return standIn.render({ name, namespace: "demo", version, values, isInstalled: () => false });
};
const named = (objects: readonly KubeObject[]) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
const find = (objects: readonly KubeObject[], kind: string, name: string): KubeObject =>
  objects.find((object) => object.kind === kind && object.metadata.name === name) ??
  assert.fail(`no ${kind} ${name} in ${named(objects).join(", ")}`);
const podSpec = (object: KubeObject) =>
  (object["spec"] as { readonly template: { readonly spec: PodSpec } }).template.spec;
const env = (object: KubeObject) =>
  Object.fromEntries((podSpec(object).containers[0]?.env ?? []).map(({ name, value }) => [name, value]));

suite("findChartStandIn()", () => {
  const cases: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ["cert-manager", undefined, "cert-manager"],
    ["jetstack/cert-manager", undefined, "cert-manager"],
    ["cert-manager", "https://charts.jetstack.io", "cert-manager"],
    ["cert-manager", "https://charts.jetstack.io/", "cert-manager"],
    ["oci://quay.io/jetstack/charts/cert-manager", undefined, "cert-manager"],
    ["cert-manager", "https://charts.example.com", undefined],
    ["oci://example.com/charts/cert-manager", undefined, undefined],
    ["./charts/cert-manager", undefined, undefined],
    ["../cert-manager", undefined, undefined],
    ["/srv/charts/cert-manager", undefined, undefined],
    ["open-webui/open-webui", undefined, "open-webui"],
    ["open-webui", "https://helm.openwebui.com/", "open-webui"],
    ["shop/cart", undefined, undefined],
  ];
  for (const [chart, repo, wanted] of cases) {
    test(`${chart}${repo === undefined ? "" : ` of ${repo}`}: ${wanted ?? "none"}`, () => {
      const asked = repo === undefined ? { chart } : { chart, repo };
      assert.equal(findChartStandIn(standIns, asked)?.chart, wanted);
    });
  }
});

suite("the stand-in for cert-manager's chart", () => {
  test("installs definitions only when asked, by either name", () => {
    const definitions = (values: Readonly<Record<string, unknown>>) =>
      render("cert-manager", values).filter(({ kind }) => kind === "CustomResourceDefinition").length;
    assert.deepEqual(
      [{}, { crds: { enabled: true } }, { installCRDs: true }, { installCRDs: "false" }].map(definitions),
      [0, 3, 3, 0],
    );
  });

  test("has the chart's names, images of the version and the parts that are switched on", () => {
    const objects = render(
      "cert-manager",
      { replicaCount: 2, webhook: { replicaCount: 3 } },
      { version: "1.17.0" },
    );
    const controller = find(objects, "Deployment", "cert-manager");
    assert.equal((controller["spec"] as { replicas: number }).replicas, 2);
    assert.equal(podSpec(controller).serviceAccountName, "cert-manager");
    assert.equal(
      podSpec(controller).containers[0]?.image,
      "quay.io/jetstack/cert-manager-controller:v1.17.0",
    );
    assert.equal(
      (find(objects, "Deployment", "cert-manager-webhook")["spec"] as { replicas: number }).replicas,
      3,
    );
    find(objects, "Deployment", "cert-manager-cainjector");
    const without = render("cert-manager", { cainjector: { enabled: false } }, { name: "tls" });
    assert.deepEqual(
      named(without).filter((name) => name.startsWith("Deployment")),
      ["Deployment tls-cert-manager", "Deployment tls-cert-manager-webhook"],
    );
  });

  test("gives nobody the right to delete Secrets, nor any right on everything", () => {
    for (const object of render("cert-manager", {})) {
      const rules = (object["rules"] ?? []) as readonly {
        resources: string[];
        verbs: string[];
        apiGroups: string[];
      }[];
      for (const { resources, verbs, apiGroups } of rules) {
        assert.ok(![...resources, ...verbs, ...apiGroups].includes("*"), object.metadata.name);
        if (resources.includes("secrets")) assert.ok(!verbs.includes("delete"), object.metadata.name);
      }
    }
  });
});

suite("the stand-in for open-webui's chart", () => {
  const urls = (values: Readonly<Record<string, unknown>>) => {
    const objects = render("open-webui", { persistence: { enabled: false }, ...values });
    const { OPENAI_API_BASE_URL: one, OPENAI_API_BASE_URLS: several } = env(
      find(objects, "Deployment", "open-webui"),
    );
    return { one, several };
  };
  const plans = "http://open-webui-pipelines.demo.svc.cluster.local:9099";

  test("leads the page to its model servers, pipelines first", () => {
    const off = { pipelines: { enabled: false } };
    assert.deepEqual(urls({}), { one: plans, several: undefined });
    assert.deepEqual(urls({ openaiBaseApiUrl: "http://a/v1" }), {
      one: undefined,
      several: `${plans};http://a/v1`,
    });
    assert.deepEqual(urls({ ...off, openaiBaseApiUrl: "http://a/v1" }), {
      one: "http://a/v1",
      several: undefined,
    });
    assert.deepEqual(
      urls({ ...off, openaiBaseApiUrl: "http://a", openaiBaseApiUrls: ["http://b", "http://c"] }),
      {
        one: undefined,
        several: "http://b;http://c",
      },
    );
    assert.deepEqual(urls({ enableOpenaiApi: false }), { one: undefined, several: undefined });
  });

  test("is a StatefulSet with a claim when it keeps data, and has the Service's port and type", () => {
    const objects = render("open-webui", {
      pipelines: { enabled: false },
      persistence: { enabled: true, size: "50Gi" },
      service: { type: "NodePort", port: 8081, nodePort: 30123, labels: { a: "b" } },
      extraEnvVars: [{ name: "WEBUI_NAME", value: "Ask" }],
    });
    assert.deepEqual(named(objects), [
      "ServiceAccount open-webui",
      "PersistentVolumeClaim open-webui",
      "Service open-webui",
      "StatefulSet open-webui",
    ]);
    const { spec, metadata } = find(objects, "Service", "open-webui") as KubeObject & { spec: object };
    assert.equal(metadata.labels?.["a"], "b");
    assert.deepEqual((spec as { ports: unknown[] }).ports, [
      { name: "http", protocol: "TCP", port: 8081, targetPort: "http", nodePort: 30123 },
    ]);
    assert.equal(env(find(objects, "StatefulSet", "open-webui"))["WEBUI_NAME"], "Ask");
    assert.match(JSON.stringify(find(objects, "PersistentVolumeClaim", "open-webui")), /"storage":"50Gi"/);
  });

  test("the Service bears the release's name", () => {
    assert.ok(named(render("open-webui", {}, { name: "chat" })).includes("Service chat-open-webui"));
  });
});
