import assert from "node:assert/strict";
import { create, toJson } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { PolicySchema } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { UriTemplateMatchConfigSchema } from "../../xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import type { AuthorizationRule } from "./config-types.ts";
import { type RuleContext, rbacPolicy } from "./rbac-rules.ts";
import { unpack } from "./test-support/describe.ts";

const context: RuleContext = {
  forTcp: false,
  isAllow: true,
  namespace: "sample",
  trustDomains: ["mesh.example", "cluster.local"],
};

function policy(rule: AuthorizationRule, more: Partial<RuleContext> = {}): unknown {
  const made = rbacPolicy(rule, { ...context, ...more });
  return made === undefined ? undefined : toJson(PolicySchema, create(PolicySchema, made));
}

const principals = (rule: AuthorizationRule) =>
  JSON.stringify((policy(rule) as { readonly principals: unknown }).principals);
const permissions = (rule: AuthorizationRule) =>
  JSON.stringify((policy(rule) as { readonly permissions: unknown }).permissions);
const principal = (name: object) =>
  JSON.stringify([{ andIds: { ids: [{ orIds: { ids: [{ authenticated: { principalName: name } }] } }] } }]);

suite("rules of authorization policies", () => {
  test.each([
    ["example/ns/a/sa/b", { exact: "spiffe://example/ns/a/sa/b" }],
    ["example/*", { prefix: "spiffe://example/" }],
    ["*/sa/b", { safeRegex: { regex: "spiffe://.*/sa/b" } }],
    ["*", { safeRegex: { regex: ".+" } }],
  ])("principal %s", (value, expected) => {
    assert.equal(principals({ from: [{ source: { principals: [value] } }] }), principal(expected));
  });

  test("a principal of the mesh is meant under every name of its trust domain", () => {
    const text = principals({ from: [{ source: { principals: ["cluster.local/ns/a/sa/b"] } }] });
    assert.match(text, /spiffe:\/\/mesh\.example\/ns\/a\/sa\/b/);
    assert.match(text, /spiffe:\/\/cluster\.local\/ns\/a\/sa\/b/);
  });

  test.each([
    ["trust.example", [{ prefix: "spiffe://trust.example/" }]],
    ["*", [{ prefix: "spiffe://" }]],
    ["*.example", [{ safeRegex: { regex: "spiffe://[^/]*\\.example/.*" } }]],
    ["cluster.local", [{ prefix: "spiffe://mesh.example/" }, { prefix: "spiffe://cluster.local/" }]],
  ])("trust domain %s", (value, expected) => {
    const ids = expected.map((principalName) => ({ authenticated: { principalName } }));
    const text = JSON.stringify([{ andIds: { ids: [{ orIds: { ids } }] } }]);
    assert.equal(principals({ from: [{ source: { trustDomains: [value] } }] }), text);
    assert.equal(principals({ when: [{ key: "source.trustDomain", values: [value] }] }), text);
  });

  test("a pattern of the mesh's trust domains stays for those it means, the others are added", () => {
    const text = principals({ from: [{ source: { principals: ["*.example/ns/a/sa/b"] } }] });
    assert.ok(text.includes(JSON.stringify("spiffe://.*\\.example/ns/a/sa/b")));
    assert.match(text, /spiffe:\/\/cluster\.local\/ns\/a\/sa\/b/);
  });

  test("a namespace is a part of the identity", () => {
    assert.equal(
      principals({ from: [{ source: { namespaces: ["a.b*"] } }] }),
      principal({ safeRegex: { regex: ".*/ns/a\\.b.*/.*" } }),
    );
  });

  test("what must not be is negated as a whole", () => {
    assert.equal(
      permissions({ to: [{ operation: { notMethods: ["PUT", "POST"] } }] }),
      JSON.stringify([
        {
          andRules: {
            rules: [
              {
                notRule: {
                  orRules: {
                    rules: ["PUT", "POST"].map((exact) => ({
                      header: { name: ":method", stringMatch: { exact } },
                    })),
                  },
                },
              },
            ],
          },
        },
      ]),
    );
  });

  test.each([
    ["/a", '"path":{"exact":"/a"}'],
    ["/a/*", '"path":{"prefix":"/a/"}'],
    ["*/a", '"path":{"suffix":"/a"}'],
  ])("path %s", (value, expected) => {
    const text = permissions({ to: [{ operation: { paths: [value] } }] });
    assert.ok(text.includes(expected), text);
  });

  test("a path with {*} is a template", () => {
    const made = rbacPolicy({ to: [{ operation: { paths: ["/a/{*}/{**}"] } }] }, context);
    assert.ok(made !== undefined);
    const [permission] = create(PolicySchema, made).permissions;
    const all = permission?.rule.case === "andRules" ? permission.rule.value.rules[0]?.rule : undefined;
    const one = all?.case === "orRules" ? all.value.rules[0]?.rule : undefined;
    const config = one?.case === "uriTemplate" ? one.value.typedConfig : undefined;
    assert.equal(unpack(config, UriTemplateMatchConfigSchema).pathTemplate, "/a/*/**");
  });

  test("on TCP, an ALLOW rule that looks at requests can't hold; a DENY rule holds without that condition", () => {
    const rule = { to: [{ operation: { methods: ["GET"], ports: ["80"] } }] };
    assert.equal(policy(rule, { forTcp: true }), undefined);
    assert.deepEqual(policy(rule, { forTcp: true, isAllow: false }), {
      permissions: [{ andRules: { rules: [{ orRules: { rules: [{ destinationPort: 80 }] } }] } }],
      principals: [{ andIds: { ids: [{ any: true }] } }],
    });
  });

  test("an attribute that nobody knows never widens an ALLOW rule", () => {
    assert.equal(policy({ when: [{ key: "request.weather", values: ["fair"] }] }), undefined);
  });

  test("claims are values or lists of values", () => {
    const text = principals({ when: [{ key: "request.auth.claims[realm][roles]", values: ["admin"] }] });
    assert.match(text, /"path":\[\{"key":"payload"\},\{"key":"realm"\},\{"key":"roles"\}\]/);
    assert.match(
      text,
      /"orMatch":\{"valueMatchers":\[\{"listMatch":\{"oneOf":\{"stringMatch":\{"exact":"admin"\}\}\}\},\{"stringMatch":\{"exact":"admin"\}\}\]\}/,
    );
  });
});
