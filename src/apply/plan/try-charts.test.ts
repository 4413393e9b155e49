import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import { startTestServer } from "../../apiserver/test-support/start-test-server.ts";
import { IsthmusError, type Stop } from "../../base/index.ts";
import type { ChartReference, Compiled } from "../../compile/index.ts";
import { createKubeClient, type KubeClient, type KubeObject, kinds } from "../../kube/index.ts";
import type { Helm } from "../helm/helm-cli.ts";
import { findRelease } from "../helm/helm-release.ts";
import { createFakeHelm } from "../test-support/fake-helm.ts";
import type { PlannedChange } from "./plan-cluster.ts";
import { tryCharts } from "./try-charts.ts";

const target = { kubeconfig: "", context: "fra" };
const chart: ChartReference = {
  ...{ name: "istiod", namespace: "istio-system", chart: "./charts/istiod", from: "clusters.fra" },
  values: { extra: "extra" },
};
const configMap = (name: string, data: Readonly<Record<string, string>>): KubeObject => ({
  ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "istio-system" }, data },
});

suite("tryCharts()", () => {
  let stop: Stop;
  let client: KubeClient;
  let helm: Helm;

  beforeAll(async () => {
    const { api } = await startTestServer();
    stop = api.stop;
    client = createKubeClient(api.transport({ name: "isthmus", groups: ["system:masters"] }));
    await client.create(kinds.namespaces, {
      ...{ apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system" } },
    });
    helm = createFakeHelm(new Map([["fra", client]]));
    await helm.install(chart, target);
  });
  afterAll(() => stop());

  /** What comes of a chart that helm renders to these objects. */
  const tryOne = async (
    objects: readonly KubeObject[] | IsthmusError,
    more: Partial<ChartReference> = {},
  ): Promise<readonly PlannedChange[]> => {
    const item = { kind: "chart", chart: { ...chart, ...more }, wave: "control-plane" } as const;
    const compiled = { clusters: new Map([["fra", [item]]]) } as unknown as Compiled;
    const preview = async () => {
      if (objects instanceof IsthmusError) throw objects;
      return objects;
    };
    const plan = { cluster: "fra", changes: [], unchanged: 0, effects: [] };
    const clients = new Map([["fra", client]]);
    const versions = async () =>
      (await client.list(kinds.configMaps)).items.map(({ metadata }) => metadata.resourceVersion);
    const before = await versions();
    const { changes } = await tryCharts(plan, { compiled, clients, helm: { ...helm, preview }, target });
    assert.deepEqual(await versions(), before);
    return changes;
  };
  const shown = (changes: readonly PlannedChange[]) =>
    changes.map(({ action, kind, name, note, refused, fields }) =>
      [action, kind, name, ...fields.map(({ path }) => path), note ?? refused].filter(Boolean).join(" "),
    );

  test("a release whose chart comes to what it consists of brings nothing", async () => {
    const release = await findRelease(client, "istiod", "istio-system");
    assert.deepEqual(await tryOne(release?.objects ?? []), []);
  });

  test("objects that come, change and go are told one by one", async () => {
    assert.deepEqual(
      shown(await tryOne([configMap("istio", { mesh: "changed" }), configMap("new", { a: "1" })])),
      [
        "change Helm release istiod",
        "change ConfigMap istio data.mesh metadata.annotations",
        "create ConfigMap new",
        "delete ConfigMap extra not in the chart any more",
      ],
    );
  });

  test("what the API server's admission says against an object is told", async () => {
    const [, refused] = await tryOne([configMap("Not_A_Name", {})]);
    assert.match(refused?.refused ?? "", /Not_A_Name.*is invalid/);
  });

  test("what helm says against a chart is told", async () => {
    const failure = new IsthmusError("tool/failed", "helm can't install chart: no such template");
    assert.deepEqual(shown(await tryOne(failure)), [
      "change Helm release istiod helm can't install chart: no such template",
    ]);
  });

  test("objects in a namespace that is not there yet, and addresses that are not, are said to be so", async () => {
    const values = { remote: "${address:ash/istio-system/eastwest}" };
    const objects = [{ ...configMap("istio", {}), metadata: { name: "istio", namespace: "later" } }];
    assert.deepEqual(shown(await tryOne(objects, { name: "remote", namespace: "later", values })), [
      "create Helm release remote with 192.0.2.1 for the address of ash/istio-system/eastwest",
      "create ConfigMap istio not tried: namespace later is not there yet",
    ]);
  });
});
