import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type Stop, silentLogger, systemClock, waitFor } from "../../base/index.ts";
import { type KubeObject, kinds } from "../../kube/index.ts";
import { createFakeApi, type FakeApi } from "../test-support/fake-api.ts";
import { certificates } from "./certificate-kinds.ts";
import { startCaInjector } from "./start-ca-injector.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

suite("startCaInjector()", () => {
  let api: FakeApi;
  let stop: Stop;

  beforeEach(() => {
    api = createFakeApi();
    api.serve(certificates);
    stop = startCaInjector({ cluster: "east", client: api.client, clock: systemClock, log: silentLogger });
  });
  afterEach(() => stop());

  const webhook = (annotations: Readonly<Record<string, string>>): KubeObject =>
    ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "it", annotations },
      webhooks: [
        { name: "a.example.com", clientConfig: { url: "https://a" } },
        { name: "b.example.com", clientConfig: { url: "https://b", caBundle: "old" } },
      ],
    }) as KubeObject;
  const secret = (ca: string, annotations: Readonly<Record<string, string>>) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "tls", namespace: "sample", annotations },
    data: { "ca.crt": base64(ca) },
  });
  const bundles = async () => {
    const found = await api.client.get(kinds.validatingWebhooks, "it");
    return found?.webhooks?.map(({ clientConfig }) => clientConfig.caBundle);
  };
  const becomes = (ca: string) =>
    waitFor(async () => ((await bundles())?.every((one) => one === base64(ca)) ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });

  test("writes a Certificate's CA into the webhooks that ask for it, also when it comes or changes later", async () => {
    await api.client.create(
      kinds.validatingWebhooks,
      webhook({ "cert-manager.io/inject-ca-from": "sample/web" }) as never,
    );
    await api.client.create(certificates, {
      apiVersion: "cert-manager.io/v1",
      kind: "Certificate",
      metadata: { name: "web", namespace: "sample" },
      spec: { secretName: "tls", issuerRef: { name: "own" } },
    });
    await api.client.create(kinds.secrets, secret("one", { "cert-manager.io/certificate-name": "web" }));
    await becomes("one");
    await api.client.patch(
      kinds.secrets,
      "tls",
      { data: { "ca.crt": base64("two") } },
      { type: "merge", namespace: "sample" },
    );
    await becomes("two");
  });

  test("takes a Secret directly only where it allows that", async () => {
    await api.client.create(
      kinds.validatingWebhooks,
      webhook({ "cert-manager.io/inject-ca-from-secret": "sample/tls" }) as never,
    );
    await api.client.create(kinds.secrets, secret("one", {}));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await bundles(), [undefined, "old"]);
    await api.client.patch(
      kinds.secrets,
      "tls",
      { metadata: { annotations: { "cert-manager.io/allow-direct-injection": "true" } } },
      { type: "merge", namespace: "sample" },
    );
    await becomes("one");
  });

  test("writes into the conversion webhook of a CustomResourceDefinition", async () => {
    await api.client.create(
      kinds.secrets,
      secret("one", { "cert-manager.io/allow-direct-injection": "true" }),
    );
    await api.client.create(kinds.customResourceDefinitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: {
        name: "its.example.com",
        annotations: { "cert-manager.io/inject-ca-from-secret": "sample/tls" },
      },
      spec: { conversion: { strategy: "Webhook", webhook: { clientConfig: { url: "https://a" } } } },
    });
    await waitFor(
      async () => {
        const found = await api.client.get(kinds.customResourceDefinitions, "its.example.com");
        return JSON.stringify(found?.["spec"]).includes(base64("one")) || undefined;
      },
      { signal: AbortSignal.timeout(30_000) },
    );
  });
});
