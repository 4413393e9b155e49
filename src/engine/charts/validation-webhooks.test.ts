import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { WebhookConfiguration } from "../../kube/index.ts";
import { readIstioValues } from "./istio-values.ts";
import { validationWebhooks } from "./validation-webhooks.ts";

function rendered(values: Readonly<Record<string, unknown>>, isInstalled = false) {
  return validationWebhooks(
    readIstioValues(values, "1.31.1"),
    "istio-system",
    () => isInstalled,
  ) as WebhookConfiguration[];
}

const facts = (configurations: readonly WebhookConfiguration[]) =>
  configurations.map(({ metadata, webhooks = [] }) => ({
    name: metadata.name,
    revision: metadata.labels?.["istio.io/rev"],
    webhooks: webhooks.map(({ name, clientConfig, failurePolicy, objectSelector }) => [
      name,
      clientConfig.service?.name,
      failurePolicy,
      objectSelector?.matchExpressions?.[0]?.values?.[0],
    ]),
  }));

suite("validationWebhooks()", () => {
  test("are open when they are installed, one for objects of the revision and one for all", () => {
    assert.deepEqual(facts(rendered({})), [
      {
        name: "istio-validator-istio-system",
        revision: "default",
        webhooks: [["rev.validation.istio.io", "istiod", "Ignore", "default"]],
      },
      {
        name: "istiod-default-validator",
        revision: "default",
        webhooks: [["validation.istio.io", "istiod", "Ignore", undefined]],
      },
    ]);
  });

  test("are those of a named revision, with its istiod", () => {
    const [own, all] = facts(rendered({ revision: "canary" }));
    assert.equal(own?.name, "istio-validator-canary-istio-system");
    assert.deepEqual(own?.webhooks, [["rev.validation.istio.io", "istiod-canary", "Ignore", "canary"]]);
    assert.deepEqual(all?.webhooks, [["validation.istio.io", "istiod-canary", "Ignore", undefined]]);
  });

  test("leave failurePolicy and caBundle to istiod from the second time on", () => {
    for (const { webhooks = [] } of rendered({}, true))
      for (const webhook of webhooks) {
        assert.equal(webhook.failurePolicy, undefined);
        assert.equal(webhook.clientConfig.caBundle, undefined);
      }
  });
});
