import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { tokenLife } from "./token-request.ts";

const jwt = (claims: object) =>
  ["e30", Buffer.from(JSON.stringify(claims)).toString("base64url"), "c2ln"].join(".");

suite("tokenLife()", () => {
  test("is what the claims say, in milliseconds", () => {
    assert.deepEqual(tokenLife(jwt({ iat: 1000, exp: 1600 })), { issuedAt: 1_000_000, expiresAt: 1_600_000 });
  });

  const without = [
    ["a token without an end", jwt({ iss: "kubernetes/serviceaccount" })],
    ["a token whose claims are a list", jwt([1])],
    ["a token of another kind", "k8s-aws-v1.aHR0cHM6Ly9zdHM"],
    ["nothing", ""],
  ] as const;
  for (const [title, token] of without)
    test(`${title} has none`, () => assert.equal(tokenLife(token), undefined));
});
