import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatKubeconfig, formatYaml } from "../../kube/index.ts";
import { renewalTime } from "./renewal-time.ts";

const kubeconfig = (token?: string) =>
  formatYaml(
    formatKubeconfig([
      { name: "two", server: "https://two.example:6443", ...(token === undefined ? {} : { token }) },
    ]),
  );
const jwt = (claims: object) =>
  ["e30", Buffer.from(JSON.stringify(claims)).toString("base64url"), "c2ln"].join(".");
const plugin = [
  "{ current-context: c, contexts: [{ name: c, context: { cluster: c, user: u } }],",
  "clusters: [{ name: c, cluster: { server: https://x } }], users: [{ name: u, user: { exec: {} } }] }",
].join("\n");

suite("renewalTime()", () => {
  const cases = [
    ["half of the life of a token", kubeconfig(jwt({ iat: 1000, exp: 1600 })), 1_300_000],
    ["a little more life than asked for is fine", kubeconfig(jwt({ iat: 1000, exp: 1606 })), 1_303_000],
    ["at once for one that lives too long", kubeconfig(jwt({ iat: 1000, exp: 3000 })), 0],
    ["at once for one without an end", kubeconfig(jwt({ iss: "kubernetes/serviceaccount" })), 0],
    ["never for a kubeconfig without a token", kubeconfig(), undefined],
    ["never for a credential plugin", plugin, undefined],
    ["never for what is no kubeconfig", "nonsense", undefined],
  ] as const;
  for (const [title, text, wanted] of cases) test(title, () => assert.equal(renewalTime(text, 600), wanted));
});
