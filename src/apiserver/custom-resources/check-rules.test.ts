import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "vitest";
import { dataFile, schemaFromCrd } from "../../kube/index.ts";
import { compileCel } from "../cel/index.ts";
import { checkRules } from "./check-rules.ts";

interface Crd {
  readonly name: string;
  readonly spec: {
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: unknown } }[];
  };
}

const { crds } = JSON.parse(readFileSync(dataFile("istio-crds.json"), "utf8")) as { crds: readonly Crd[] };

const schemaOf = (name: string) =>
  schemaFromCrd(crds.find((crd) => crd.name === name)?.spec.versions[0]?.schema.openAPIV3Schema);

async function said(schema: unknown, value: unknown, old?: unknown): Promise<string[]> {
  const causes = await checkRules(
    schemaFromCrd(schema),
    { spec: value },
    old === undefined ? undefined : { spec: old },
  );
  return causes.map(({ field, message }) => `${field}: ${message}`);
}

const ruled = (
  rule: object,
  schema: object = { type: "object", "x-kubernetes-preserve-unknown-fields": true },
) => ({
  type: "object",
  properties: { spec: { ...schema, "x-kubernetes-validations": [rule] } },
});

/** Every rule anywhere in a document. */
function rulesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(rulesIn);
  if (typeof value !== "object" || value === null) return [];
  const own = (value as { "x-kubernetes-validations"?: readonly { rule: string }[] })[
    "x-kubernetes-validations"
  ];
  return [...(own ?? []).map(({ rule }) => rule), ...Object.values(value).flatMap(rulesIn)];
}

suite("checkRules()", () => {
  test("compiles every rule of Istio's definitions", async () => {
    const rules = new Set(rulesIn(crds));
    assert.ok(rules.size > 30);
    for (const rule of rules) await compileCel(rule);
  });

  const istio = [
    {
      kind: "virtualservices.networking.istio.io",
      good: { http: [{ timeout: "5s" }] },
      bad: { http: [{ timeout: "0s" }] },
      says: 'spec.http[0].timeout: Invalid value: "string": must be a valid duration greater than 1ms',
    },
    {
      kind: "serviceentries.networking.istio.io",
      good: { hosts: ["a.com"], ports: [{ number: 80, name: "http" }] },
      bad: { hosts: ["*"] },
      says: 'spec.hosts[0]: Invalid value: "string": hostname cannot be wildcard',
    },
    {
      kind: "serviceentries.networking.istio.io",
      good: {
        hosts: ["a"],
        ports: [
          { number: 80, name: "a" },
          { number: 81, name: "b" },
        ],
      },
      bad: {
        hosts: ["a"],
        ports: [
          { number: 80, name: "a" },
          { number: 80, name: "b" },
        ],
      },
      says: 'spec.ports: Invalid value: "array": port number cannot be duplicated',
    },
    {
      kind: "peerauthentications.security.istio.io",
      good: { selector: { matchLabels: { app: "a" } }, portLevelMtls: { "80": { mode: "STRICT" } } },
      bad: { portLevelMtls: { "80": { mode: "STRICT" } } },
      says: 'spec: Invalid value: "object": portLevelMtls requires selector',
    },
    {
      kind: "requestauthentications.security.istio.io",
      good: { jwtRules: [{ issuer: "a", jwksUri: "https://a/keys" }] },
      bad: { jwtRules: [{ issuer: "a", jwksUri: "ftp://a/keys" }] },
      says: 'spec.jwtRules[0].jwksUri: Invalid value: "string": url must have scheme http:// or https://',
    },
    {
      kind: "wasmplugins.extensions.istio.io",
      good: { url: "oci://a/b:1" },
      bad: { url: "ftp://a/b" },
      says: 'spec.url: Invalid value: "string": url must have schema one of [http, https, file, oci]',
    },
    {
      kind: "workloadentries.networking.istio.io",
      good: { address: "1.2.3.4", ports: { http: 80 } },
      bad: { ports: { http: 80 } },
      says: 'spec: Invalid value: "object": Address is required',
    },
  ];
  for (const { kind, good, bad, says } of istio)
    test(`${kind}: ${says}`, async () => {
      assert.deepEqual(await checkRules(schemaOf(kind), { spec: good }, undefined), []);
      const causes = await checkRules(schemaOf(kind), { spec: bad }, undefined);
      assert.deepEqual(
        causes.map(({ field, message }) => `${field}: ${message}`),
        [says],
      );
    });

  test("a transition rule compares with what was there, and only where something was", async () => {
    const schema = ruled({ rule: "self.size >= oldSelf.size", message: "may only grow" });
    assert.deepEqual(await said(schema, { size: 1 }), []);
    assert.deepEqual(await said(schema, { size: 2 }, { size: 1 }), []);
    assert.deepEqual(await said(schema, { size: 1 }, { size: 2 }), [
      'spec: Invalid value: "object": may only grow',
    ]);
  });

  test("an optional oldSelf applies to new values as well", async () => {
    const schema = ruled({ rule: "oldSelf.hasValue() || self.size == 1", optionalOldSelf: true });
    assert.deepEqual(await said(schema, { size: 1 }), []);
    assert.equal((await said(schema, { size: 2 })).length, 1);
    assert.deepEqual(await said(schema, { size: 2 }, { size: 1 }), []);
  });

  test("a value that stays as it was may break a rule that came later", async () => {
    const schema = ruled({ rule: "self.size == 1" });
    assert.deepEqual(await said(schema, { size: 2 }, { size: 2 }), []);
    assert.deepEqual(await said(schema, { size: 3 }, { size: 2 }), [
      'spec: Invalid value: "object": failed rule: self.size == 1',
    ]);
  });

  test("the message is the rule's, or what its expression makes of the value", async () => {
    const expressed = {
      rule: "self.size == 1",
      message: "no",
      messageExpression: "'size is ' + string(self.size)",
    };
    assert.deepEqual(await said(ruled(expressed), { size: 2 }), ['spec: Invalid value: "object": size is 2']);
    const broken = { ...expressed, messageExpression: "self.nothing" };
    assert.deepEqual(await said(ruled(broken), { size: 2 }), ['spec: Invalid value: "object": no']);
    const forbidden = { rule: "false", message: "no", reason: "FieldValueForbidden", fieldPath: ".size" };
    assert.deepEqual(await said(ruled(forbidden), { size: 2 }), ["spec.size: Forbidden: no"]);
  });

  test("a rule that fails while it is evaluated, or is none, refuses and says so", async () => {
    assert.match((await said(ruled({ rule: "self.a.b == 1" }), {})).join(), /No such key: a evaluating rule/);
    assert.match((await said(ruled({ rule: "self.(" }), {})).join(), /rule compile error/);
  });

  test("list items are the same when their keys are", async () => {
    const item = {
      type: "object",
      properties: { name: { type: "string" }, size: { type: "integer" } },
      "x-kubernetes-validations": [{ rule: "self.size == oldSelf.size", message: "fixed" }],
    };
    const list = (type: object) => ({
      type: "object",
      properties: { spec: { type: "array", items: item, ...type } },
    });
    const keyed = list({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] });
    const before = [
      { name: "a", size: 1 },
      { name: "b", size: 2 },
    ];
    assert.deepEqual(await said(keyed, [{ name: "b", size: 3 }], before), [
      'spec[0]: Invalid value: "object": fixed',
    ]);
    assert.deepEqual(await said(list({}), [{ name: "b", size: 3 }], before), []);
  });

  const expressions: readonly (readonly [expression: string, self: unknown])[] = [
    [
      "self.__namespace__ == 'a' && self.x__dash__y == 1 && self.a__dot__b == 2",
      { namespace: "a", "x-y": 1, "a.b": 2 },
    ],
    ["quantity(self.q).isGreaterThan(quantity('1Gi')) && quantity('1k').asInteger() == 1000", { q: "2Gi" }],
    [
      "self.l.isSorted() && self.l.sum() == 6 && self.l.max() == 3 && self.l.indexOf(2) == 1",
      { l: [1, 2, 3] },
    ],
    [
      "self.s.find('[0-9]+') == '12' && self.s.replace('a', 'b') == 'b12' && self.s.charAt(1) == '1'",
      { s: "a12" },
    ],
    [
      "isIP(self.i) && ip(self.i).family() == 4 && isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33')",
      { i: "1.2.3.4" },
    ],
    ["url(self.u).getHostname() == 'a.com' && url(self.u).getPort() == '81'", { u: "https://a.com:81/x" }],
    ["self.?none.orValue('x') == 'x' && !has(self.constructor)", {}],
  ];
  for (const [expression, self] of expressions)
    test(`evaluates ${expression}`, async () => {
      const properties = Object.fromEntries(
        Object.keys(self as object).map((name) => [name, { "x-kubernetes-preserve-unknown-fields": true }]),
      );
      assert.deepEqual(await said(ruled({ rule: expression }, { type: "object", properties }), self), []);
    });
});
