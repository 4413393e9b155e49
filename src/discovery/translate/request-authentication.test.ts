import assert from "node:assert/strict";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { JwtAuthenticationSchema } from "../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { asKeySet, requestAuthenticationFor } from "./request-authentication.ts";
import { objectsOf, proxyOf } from "./test-support/make-world.ts";
import { createWorld } from "./world.ts";

const authentication = (name: string, namespace: string, spec: string) => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}
---`;
const keys = '{"keys": [{"kty": "EC"}]}';

/** The filter's settings for a pod of app web in namespace sample; undefined when there is none. */
function settings(yaml: string, fetched: ReadonlyMap<string, string> = new Map()) {
  const objects = objectsOf(yaml);
  objects.keySets = fetched;
  const { rules } = createWorld(objects, (problem) => assert.fail(problem));
  const [filter] = requestAuthenticationFor(rules, proxyOf({ labels: { app: "web" } }));
  assert.ok(filter === undefined || filter.configType.case === "typedConfig");
  return filter === undefined
    ? undefined
    : anyUnpack(filter.configType.value as Parameters<typeof anyUnpack>[0], JwtAuthenticationSchema);
}
const issuers = (yaml: string) => Object.values(settings(yaml)?.providers ?? {}).map(({ issuer }) => issuer);

suite("requestAuthenticationFor()", () => {
  test("the mesh's, the namespace's and the workload's own rules count together, in the order of their issuers", () => {
    const yaml = [
      authentication(
        "own",
        "sample",
        `{selector: {matchLabels: {app: web}}, jwtRules: [{issuer: c, jwks: '${keys}'}]}`,
      ),
      authentication("all", "sample", `{jwtRules: [{issuer: b, jwks: '${keys}'}]}`),
      authentication("mesh", "istio-system", `{jwtRules: [{issuer: a, jwks: '${keys}'}]}`),
      authentication(
        "other",
        "sample",
        `{selector: {matchLabels: {app: x}}, jwtRules: [{issuer: x, jwks: '${keys}'}]}`,
      ),
      authentication("elsewhere", "else", `{jwtRules: [{issuer: x, jwks: '${keys}'}]}`),
    ].join("");
    assert.deepEqual(issuers(yaml), ["a", "b", "c"]);
  });

  test("without rules there is no filter", () => {
    assert.equal(settings(authentication("none", "sample", "{}")), undefined);
  });

  for (const [name, rule, fetched, wanted] of [
    ["a rule's own keys", `{issuer: a, jwks: '${keys}'}`, [], keys],
    ["fetched keys", "{issuer: a, jwksUri: 'http://k'}", [["keys http://k", keys]], keys],
    ["an issuer's fetched keys", "{issuer: a}", [["issuer a", keys]], keys],
  ] as const) {
    test(`${name} are part of the configuration`, () => {
      const made = settings(authentication("web", "sample", `{jwtRules: [${rule}]}`), new Map(fetched));
      const source = made?.providers["origins-0"]?.jwksSourceSpecifier;
      assert.ok(source?.case === "localJwks");
      assert.equal(source.value.specifier.value, wanted);
    });
  }

  for (const rule of [
    "{issuer: a, jwksUri: 'http://k'}",
    "{issuer: a, jwks: 'none'}",
    "{issuer: a, jwks: '{\"keys\": []}'}",
  ])
    test(`keys that are not known are keys that nobody has: ${rule}`, () => {
      const made = settings(authentication("web", "sample", `{jwtRules: [${rule}]}`));
      const source = made?.providers["origins-0"]?.jwksSourceSpecifier;
      assert.ok(source?.case === "localJwks");
      assert.match(String(source.value.specifier.value), /^\{"keys":\[\{"kty":"EC".*"x":/);
    });
});

suite("asKeySet()", () => {
  for (const [text, wanted] of [
    [keys, keys],
    ['{"kty": "EC"}', '{"keys":[{"kty":"EC"}]}'],
    ['{"keys": []}', undefined],
    ['{"keys": [{}]}', undefined],
    ["[]", undefined],
    ["{", undefined],
  ] as const)
    test(`${text}: ${wanted ?? "none"}`, () => assert.equal(asKeySet(text), wanted));
});
