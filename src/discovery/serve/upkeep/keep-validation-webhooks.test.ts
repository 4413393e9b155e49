import assert from "node:assert/strict";
import { onTestFinished, suite, test } from "vitest";
import { createSignal, type Logger, silentLogger, waitFor } from "../../../base/index.ts";
import type { ApiRequest, ApiResponse, KubeObject, WebhookConfiguration } from "../../../kube/index.ts";
import { startUpkeep } from "./start-upkeep.ts";
import { createFakeCluster, status } from "./test-support/fake-cluster.ts";

const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v";
const gateways = "/apis/networking.istio.io/v1/namespaces/istio-system/gateways";

function validator(revision: string): KubeObject {
  const webhook = (name: string) => ({
    name,
    clientConfig: { service: { namespace: "istio-system", name: "istiod" } },
    failurePolicy: "Ignore",
  });
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "v", labels: { app: "istiod", "istio.io/rev": revision } },
    webhooks: [webhook("a.example.com"), webhook("b.example.com")],
  } as KubeObject;
}

const denied = {
  ...status(400, "BadRequest"),
  body: {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code: 400,
    message: 'admission webhook "a.example.com" denied the request: no',
  },
};

/** A cluster whose API answers the trial object with what `probe` gives, undefined letting it in. */
function start(probe: () => ApiResponse | undefined, options: { readonly remote?: boolean } = {}) {
  const cluster = createFakeCluster();
  const probes: ApiRequest[] = [];
  const warnings: string[] = [];
  cluster.refuse = (request) => {
    if (request.path !== gateways) return undefined;
    probes.push(request);
    return probe() ?? { status: 201, headers: {}, body: request.body };
  };
  cluster.put(validator("default"));
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const { signal } = controller;
  const rootChanges = createSignal();
  let pem = "root 1";
  const log: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) };
  startUpkeep({
    clusterId: "fra",
    ...(options.remote === true ? { controlPlaneCluster: "other" } : {}),
    client: cluster.client,
    revision: "",
    systemNamespace: "istio-system",
    rootPem: () => pem,
    rootChanges,
    signal,
    log,
  });
  const webhooks = () => (cluster.get(path) as WebhookConfiguration | undefined)?.webhooks ?? [];
  return {
    cluster,
    probes,
    warnings,
    setRoot(next: string) {
      pem = next;
      rootChanges.notify();
    },
    bundles: () =>
      webhooks().map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? "", "base64").toString()),
    policies: () => webhooks().map(({ failurePolicy }) => failurePolicy),
    until: (isSo: () => boolean) =>
      waitFor(() => (isSo() ? true : undefined), {
        signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
      }),
  };
}

suite("validation webhooks", () => {
  test("get the root at once, and fail closed as soon as a wrong object is seen to be refused", async () => {
    let isReached = false;
    const on = start(() => (isReached ? denied : undefined));
    await on.until(() => on.probes.length >= 3);
    assert.deepEqual(on.bundles(), ["root 1", "root 1"]);
    assert.deepEqual(on.policies(), ["Ignore", "Ignore"]);
    isReached = true;
    await on.until(() => on.policies().every((policy) => policy === "Fail"));
    assert.deepEqual(on.warnings, []);
    const asked = on.probes.map(({ query, body }) => [
      query.get("dryRun"),
      (body as KubeObject).metadata.labels,
    ]);
    assert.deepEqual(asked[0], ["All", { "istio.io/rev": "default" }]);
  });

  test("that an installer opens again are closed, and follow a new root", async () => {
    const on = start(() => denied);
    const areKept = () => on.policies().every((policy) => policy === "Fail");
    await on.until(areKept);
    on.cluster.put(validator("default"));
    await on.until(() => areKept() && on.bundles().every((pem) => pem === "root 1"));
    assert.equal(on.probes.length, 1);
    on.setRoot("root 2");
    await on.until(() => on.bundles().every((pem) => pem === "root 2"));
  });

  test("are closed in a cluster that has no kinds of Istio", async () => {
    const on = start(() => status(404, "NotFound"));
    await on.until(() => on.policies().every((policy) => policy === "Fail"));
  });

  test("stay open when a wrong object is refused for another reason", async () => {
    const on = start(() => status(500, "InternalError"));
    await on.until(() => on.probes.length >= 3);
    assert.deepEqual(on.policies(), ["Ignore", "Ignore"]);
  });

  test("of other revisions and of remote clusters are left alone", async () => {
    const remote = start(() => denied, { remote: true });
    await remote.until(() => remote.cluster.watching === 3);
    assert.deepEqual(remote.cluster.writes, []);
    const other = start(() => denied);
    await other.until(() => other.policies().every((policy) => policy === "Fail"));
    other.cluster.put(validator("canary"));
    other.setRoot("root 2");
    await other.until(() => other.cluster.watching === 4);
    assert.deepEqual(other.bundles(), ["", ""]);
  });
});
