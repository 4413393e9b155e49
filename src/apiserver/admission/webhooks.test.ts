import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, beforeEach, suite, test } from "vitest";
import { type KubeObject, kinds, resourcePath, type Status, type Webhook } from "../../kube/index.ts";
import { generateKey, issueCertificate, readIssuer } from "../../pki/index.ts";
import { configMap, refusalOf, useApiServer } from "../test-support/api-harness.ts";

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const webhookAddress = "127.77.0.9";

interface Review {
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly object: KubeObject;
    readonly oldObject: KubeObject | null;
    readonly kind: { readonly version: string };
    readonly requestKind: { readonly version: string };
    readonly dryRun: boolean;
    readonly userInfo: { readonly username: string };
  };
}

let server: Server;
let caBundle = "";
let reviews: Review[] = [];
let respond: (review: Review) => object | undefined = () => ({ allowed: true });

const api = useApiServer({
  dial: (address, port) =>
    connect({
      host: "127.0.0.1",
      port: address === webhookAddress && port === 9443 ? (server.address() as AddressInfo).port : 1,
    }),
});

beforeAll(async () => {
  const ca = generateKey();
  const caCert = issueCertificate(
    { publicKey: ca.publicKey, subject: { commonName: "hooks" }, ca: {}, ...validity },
    { selfKey: ca.privateKey },
  );
  const pair = generateKey();
  const cert = issueCertificate(
    { publicKey: pair.publicKey, dnsNames: ["hook.hooks.svc"], ...validity },
    readIssuer(caCert, ca.privateKeyPem),
  );
  caBundle = Buffer.from(caCert).toString("base64");
  server = createServer({ key: pair.privateKeyPem, cert }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
    reviews.push(review);
    const answer = respond(review);
    if (answer === undefined) return; // Never answers.
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ ...review, response: { uid: review.request.uid, ...answer } }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const base: Webhook = {
  name: "one.example.com",
  clientConfig: { service: { namespace: "hooks", name: "hook", path: "/check" } },
  rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["configmaps"] }],
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
};

async function configure(
  kind: "mutatingWebhooks" | "validatingWebhooks",
  change: Partial<Webhook>,
): Promise<void> {
  const target = kinds[kind];
  const clientConfig = { ...base.clientConfig, caBundle };
  await api.client.create(target, {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: target.kind,
    metadata: { name: "hooks" },
    webhooks: [{ ...base, clientConfig, ...change }],
  });
}

async function serveHook(ready = true): Promise<void> {
  await api.client.apply(kinds.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "hooks" },
  });
  await api.client.apply(kinds.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "hook", namespace: "hooks" },
    spec: { ports: [{ port: 443, targetPort: 9443 }] },
  });
  await api.client.apply(kinds.endpointSlices, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "hook-1", namespace: "hooks", labels: { "kubernetes.io/service-name": "hook" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [webhookAddress], conditions: { ready } }],
    ports: [{ name: "", port: 9443 }],
  });
}

function patchOf(operations: readonly object[]): object {
  const patch = Buffer.from(JSON.stringify(operations)).toString("base64");
  return { allowed: true, patchType: "JSONPatch", patch };
}

beforeEach(async () => {
  reviews = [];
  respond = () => ({ allowed: true });
  for (const kind of [kinds.mutatingWebhooks, kinds.validatingWebhooks])
    await api.client.delete(kind, "hooks");
  await serveHook();
});

suite("mutating webhooks", () => {
  test("change objects on their way in, and defaults follow", async () => {
    const namespace = await api.freshNamespace();
    await configure("mutatingWebhooks", {
      rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
    });
    respond = () =>
      patchOf([{ op: "add", path: "/spec/containers/-", value: { name: "sidecar", image: "proxy" } }]);
    const pod = await api.client.create(kinds.pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace },
      spec: { containers: [{ name: "c", image: "i:1" }] },
    });
    assert.deepEqual(
      pod.spec.containers.map(({ name, imagePullPolicy }) => `${name} ${imagePullPolicy}`),
      ["c IfNotPresent", "sidecar Always"],
    );
    const [review] = reviews;
    assert.equal(review?.request.operation, "CREATE");
    assert.equal(review?.request.userInfo.username, "test");
  });

  test("see only what their selectors let through", async () => {
    const namespace = await api.freshNamespace();
    const other = await api.freshNamespace();
    await api.client.patch(
      kinds.namespaces,
      namespace,
      { metadata: { labels: { inject: "yes" } } },
      { type: "merge" },
    );
    await configure("mutatingWebhooks", {
      namespaceSelector: { matchLabels: { inject: "yes" } },
      objectSelector: { matchExpressions: [{ key: "skip", operator: "DoesNotExist" }] },
    });
    await api.client.create(kinds.configMaps, configMap(other, "a"));
    const skipped = configMap(namespace, "b");
    await api.client.create(kinds.configMaps, {
      ...skipped,
      metadata: { ...skipped.metadata, labels: { skip: "1" } },
    });
    await api.client.create(kinds.configMaps, configMap(namespace, "c"));
    assert.deepEqual(
      reviews.map(({ request }) => request.object.metadata.name),
      ["c"],
    );
  });

  const conditions = [
    { expression: "object.metadata.name == 'asked'", asked: true },
    { expression: "object.metadata.name != 'asked'", asked: false },
    { expression: "request.operation == 'CREATE' && request.userInfo.username != ''", asked: true },
    { expression: "object.data.nothing == 'a'", asked: false, fails: /match condition "c": No such key: / },
    { expression: "authorizer.group('').check('get').allowed()", asked: false, fails: /match condition/ },
  ];
  for (const { expression, asked, fails } of conditions)
    test(`match condition ${expression}: ${fails ? "refuses" : asked ? "asks" : "does not ask"}`, async () => {
      const namespace = await api.freshNamespace();
      await configure("validatingWebhooks", { matchConditions: [{ name: "c", expression }] });
      const made = api.client.create(kinds.configMaps, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "asked", namespace },
      });
      if (fails === undefined) await made;
      else assert.match((await refusalOf(made)).message ?? "", fails);
      assert.equal(reviews.length > 0, asked);
    });

  test("with matchPolicy Equivalent see another version of the same object", async () => {
    const namespace = await api.freshNamespace();
    await configure("mutatingWebhooks", {
      rules: [
        {
          operations: ["*"],
          apiGroups: ["autoscaling"],
          apiVersions: ["v2"],
          resources: ["horizontalpodautoscalers"],
        },
      ],
    });
    const autoscaler = {
      group: "autoscaling",
      version: "v1",
      kind: "HorizontalPodAutoscaler",
      plural: "horizontalpodautoscalers",
      namespaced: true,
    };
    await api.client.create(autoscaler, {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "h", namespace },
      spec: {
        maxReplicas: 3,
        targetCPUUtilizationPercentage: 50,
        scaleTargetRef: { kind: "Deployment", name: "web" },
      },
    });
    const request = reviews[0]?.request;
    assert.deepEqual([request?.kind.version, request?.requestKind.version], ["v2", "v1"]);
    assert.equal(request?.object.apiVersion, "autoscaling/v2");
  });
});

suite("validating webhooks", () => {
  test("refuse with their own words and code", async () => {
    const namespace = await api.freshNamespace();
    await configure("validatingWebhooks", {});
    respond = () => ({ allowed: false, status: { message: "not on a Friday", code: 422 } });
    const refused = await refusalOf(api.client.create(kinds.configMaps, configMap(namespace, "a")));
    assert.equal(refused.code, 422);
    assert.equal(refused.message, 'admission webhook "one.example.com" denied the request: not on a Friday');
  });

  test("see the old object of a deletion", async () => {
    const namespace = await api.freshNamespace();
    await api.client.create(kinds.configMaps, configMap(namespace, "a"));
    await configure("validatingWebhooks", {});
    await api.client.delete(kinds.configMaps, "a", { namespace });
    const request = reviews[0]?.request;
    assert.deepEqual(
      [request?.operation, request?.object, request?.oldObject?.metadata.name],
      ["DELETE", null, "a"],
    );
  });

  test("are never asked about webhook configurations", async () => {
    await configure("validatingWebhooks", {
      rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
    });
    await api.client.delete(kinds.validatingWebhooks, "hooks");
    assert.deepEqual(reviews, []);
  });
});

suite("webhooks that fail", () => {
  const cases: readonly (readonly [
    why: string,
    change: Partial<Webhook>,
    prepare: () => Promise<void>,
    message: RegExp,
  ])[] = [
    [
      "without endpoints",
      {},
      () => serveHook(false),
      /^Internal error occurred: failed calling webhook "one.example.com": failed to call webhook: Post "https:\/\/hook.hooks.svc:443\/check\?timeout=10s": no endpoints available for service "hook"$/,
    ],
    [
      "without their Service",
      { clientConfig: { service: { namespace: "hooks", name: "missing" } } },
      async () => {},
      /Post "https:\/\/missing.hooks.svc:443\/\?timeout=10s": service "missing" not found$/,
    ],
    [
      "with a certificate of somebody else",
      { clientConfig: { ...base.clientConfig, caBundle: undefined } as unknown as Webhook["clientConfig"] },
      async () => {},
      /tls: failed to verify certificate: x509: certificate signed by unknown authority$/,
    ],
    [
      "that cannot be reached",
      { clientConfig: { url: "https://127.0.0.1:1/check" } },
      async () => {},
      /Post "https:\/\/127.0.0.1:1\/check\?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused$/,
    ],
    [
      "that do not answer in time",
      { timeoutSeconds: 1 },
      async () => {
        respond = () => undefined;
      },
      /context deadline exceeded$/,
    ],
    [
      "that answer somebody else's question",
      {},
      async () => {
        respond = () => ({ uid: "other", allowed: true });
      },
      /expected response.uid="[^"]+", got "other"$/,
    ],
  ];
  for (const [why, change, prepare, message] of cases) {
    test(`${why} stop the request`, async () => {
      const namespace = await api.freshNamespace();
      await prepare();
      await configure("validatingWebhooks", change);
      const refused = await refusalOf(api.client.create(kinds.configMaps, configMap(namespace, "a")));
      assert.deepEqual([refused.code, refused.reason], [500, "InternalError"]);
      assert.match(refused.message ?? "", message);
    });
    test(`${why} are left out when their failurePolicy says so`, async () => {
      const namespace = await api.freshNamespace();
      await prepare();
      await configure("validatingWebhooks", { ...change, failurePolicy: "Ignore" });
      await api.client.create(kinds.configMaps, configMap(namespace, "a"));
    });
  }

  test("by side effects are not asked in a dry run", async () => {
    const namespace = await api.freshNamespace();
    await configure("validatingWebhooks", {});
    const path = resourcePath(kinds.configMaps, namespace);
    const query = new URLSearchParams({ dryRun: "All" });
    const answer = await api.send({ method: "POST", path, query, body: configMap(namespace, "a") });
    assert.equal(answer.status, 201);
    assert.equal(reviews[0]?.request.dryRun, true);
    assert.equal((answer.body as Status | KubeObject).kind, "ConfigMap");
  });
});
