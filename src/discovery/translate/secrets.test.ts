import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { makeSnapshot, type ProxySnapshot } from "./snapshot.ts";
import {
  objectsOf,
  parseObjects,
  proxyOf,
  putObject,
  service,
  snapshotOf,
} from "./test-support/make-world.ts";
import { createWorld, updateWorld } from "./world.ts";

const edge = proxyOf({ type: "router", labels: { istio: "edge" } });
const secret = (name: string, data: Readonly<Record<string, string>>, namespace = "sample") => `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
data: {${Object.entries(data).map(([key, value]) => `${key}: ${Buffer.from(value).toString("base64")}`)}}
---
`;
const gateway = (tls: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: sample}
spec: {selector: {istio: edge}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {${tls}}}]}
---
`;

/** What a proxy holds, as "certificate/key" or "root" with a "-" before a revocation list. */
function held({ secrets }: ProxySnapshot): Record<string, string> {
  const text = (source?: { readonly specifier: { readonly value?: unknown } }) =>
    source === undefined ? "" : Buffer.from(source.specifier.value as Uint8Array).toString();
  return Object.fromEntries(
    [...secrets.values()].map(({ name, type }) => [
      name,
      type.case === "tlsCertificate"
        ? `${text(type.value.certificateChain)}/${text(type.value.privateKey)}`
        : type.case === "validationContext"
          ? `${text(type.value.trustedCa)}${type.value.crl === undefined ? "" : `-${text(type.value.crl)}`}`
          : String(type.case),
    ]),
  );
}

suite("the Secrets of a Gateway", () => {
  const cases = [
    {
      title: "of type tls, with what clients must be signed by in the same one",
      tls: "mode: MUTUAL, credentialName: shop",
      secrets: secret("shop", { "tls.crt": "C", "tls.key": "K", "ca.crt": "R", "ca.crl": "X" }),
      holds: { "kubernetes://shop": "C/K", "kubernetes://shop-cacert": "R-X" },
    },
    {
      title: "with the names of older times",
      tls: "mode: MUTUAL, credentialName: shop",
      secrets: secret("shop", { cert: "C", key: "K", cacert: "R", crl: "X" }),
      holds: { "kubernetes://shop": "C/K", "kubernetes://shop-cacert": "R-X" },
    },
    {
      title: "with what clients must be signed by in a Secret of its own",
      tls: "mode: OPTIONAL_MUTUAL, credentialName: shop",
      secrets:
        secret("shop", { "tls.crt": "C", "tls.key": "K", "ca.crt": "R" }) +
        secret("shop-cacert", { cacert: "OWN" }),
      holds: { "kubernetes://shop": "C/K", "kubernetes://shop-cacert": "OWN" },
    },
    {
      title: "with what clients must be signed by in a Secret of any name, and no key of it",
      tls: "mode: MUTUAL, credentialName: shop, caCertCredentialName: roots",
      secrets:
        secret("shop", { "tls.crt": "C", "tls.key": "K" }) +
        secret("roots", { "tls.crt": "C", "tls.key": "K", "ca.crt": "R" }),
      holds: { "kubernetes://shop": "C/K", "kubernetes://roots": "R" },
    },
    {
      title: "several at once",
      tls: "mode: SIMPLE, credentialNames: [a, b]",
      secrets:
        secret("a", { "tls.crt": "A", "tls.key": "K" }) + secret("b", { "tls.crt": "B", "tls.key": "K" }),
      holds: { "kubernetes://a": "A/K", "kubernetes://b": "B/K" },
    },
    {
      title: "none that lies elsewhere or is half of one",
      tls: "mode: SIMPLE, credentialNames: [a, other/b, half]",
      secrets:
        secret("a", { "tls.crt": "A", "tls.key": "K" }, "other") +
        secret("b", { "tls.crt": "B", "tls.key": "K" }, "other") +
        secret("half", { "tls.crt": "A" }),
      holds: {},
    },
  ];
  for (const { title, tls, secrets, holds } of cases) {
    test(title, () => {
      assert.deepEqual(held(snapshotOf(secrets + gateway(tls), edge)), holds);
    });
  }

  test("change when the Secret does, and come and go with it", () => {
    const fail = (problem: string) => {
      throw new Error(problem);
    };
    const objects = objectsOf(gateway("mode: SIMPLE, credentialName: shop"));
    let world = createWorld(objects, fail);
    const after = (yaml: string, isGone = false) => {
      for (const object of parseObjects(yaml))
        world = updateWorld(world, putObject(objects, object, isGone), fail);
      return held(makeSnapshot(world, edge, fail));
    };
    const old = secret("shop", { "tls.crt": "OLD", "tls.key": "K" });
    assert.deepEqual(after(""), {});
    assert.deepEqual(after(old), { "kubernetes://shop": "OLD/K" });
    assert.deepEqual(after(secret("shop", { "tls.crt": "NEW", "tls.key": "K" })), {
      "kubernetes://shop": "NEW/K",
    });
    assert.deepEqual(after(old, true), {});
  });
});

suite("the Secrets that a DestinationRule shows to other servers", () => {
  const shop = secret("shop", { "tls.crt": "C", "tls.key": "K", "ca.crt": "R" });
  const rule = (tls: string, more = "") => `${service("web")}
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: web, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {${tls}, credentialName: shop}}]}${more}}
---
`;
  const client = proxyOf({ labels: { app: "client" } });
  const forClient = ", workloadSelector: {matchLabels: {app: client}}";
  const authority = { "kubernetes://shop-cacert": "R" };
  const both = { "kubernetes://shop": "C/K", ...authority };
  const cases = [
    { title: "a router: MUTUAL", yaml: rule("mode: MUTUAL"), proxy: edge, holds: both },
    { title: "a router: SIMPLE", yaml: rule("mode: SIMPLE"), proxy: edge, holds: authority },
    {
      title: "a router that asks for no proof",
      yaml: rule("mode: SIMPLE, insecureSkipVerify: true"),
      proxy: edge,
      holds: {},
    },
    {
      title: "a sidecar that the rule selects",
      yaml: rule("mode: MUTUAL", forClient),
      proxy: client,
      holds: both,
    },
    { title: "no other sidecar", yaml: rule("mode: MUTUAL"), proxy: client, holds: {} },
  ];
  for (const { title, yaml, proxy, holds } of cases) {
    test(title, () => {
      assert.deepEqual(held(snapshotOf(shop + yaml, proxy)), holds);
    });
  }
});
