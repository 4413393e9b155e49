import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { inTurn } from "./leftovers.ts";

const entry = (apiVersion: string, kind: string, name: string, namespace?: string) => ({
  ...{ apiVersion, kind, name },
  ...(namespace === undefined ? {} : { namespace }),
});

suite("inTurn()", () => {
  test("webhooks and Certificates go before what they would keep or make anew, and namespaces last", () => {
    const made = [
      entry("v1", "Namespace", "shop"),
      entry("v1", "Secret", "cacerts", "istio-system"),
      entry("rbac.authorization.k8s.io/v1", "ClusterRole", "reader"),
      entry("cert-manager.io/v1", "Certificate", "cacerts", "istio-system"),
      entry("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "checks"),
    ];
    const found = [entry("v1", "ConfigMap", "theirs", "shop")];
    assert.deepEqual(
      inTurn({ made, found }).map((one) => `${one.entry.kind} ${one.isOurs}`),
      [
        "Certificate true",
        "ValidatingWebhookConfiguration true",
        "Secret true",
        "ConfigMap false",
        "ClusterRole true",
        "Namespace true",
      ],
    );
  });
});
