import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { type Kind, kinds, type Status } from "../../../kube/index.ts";
import { configMap, refusalOf, useApiServer } from "../../test-support/api-harness.ts";
import type { Binding, Policy } from "./policy-objects.ts";

const api = useApiServer();
const group = "admissionregistration.k8s.io";
const policies: Kind<Policy> = {
  group,
  version: "v1",
  kind: "ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
  namespaced: false,
};
const bindings: Kind<Binding> = {
  ...policies,
  kind: "ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
} as Kind<Binding>;

const onMaps = {
  resourceRules: [
    { operations: ["CREATE", "UPDATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] },
  ],
};
const small = { expression: "size(object.data) <= 1" };

async function apply(spec: Policy["spec"] = {}, binding: Binding["spec"] = {}): Promise<string> {
  const namespace = await api.freshNamespace();
  await api.client.create(policies, {
    apiVersion: `${group}/v1`,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: "few" },
    spec: { matchConstraints: onMaps, validations: [small], ...spec },
  });
  await api.client.create(bindings, {
    apiVersion: `${group}/v1`,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: "everywhere" },
    spec: { policyName: "few", validationActions: ["Deny"], ...binding },
  });
  return namespace;
}
afterEach(async () => {
  await api.client.delete(bindings, "everywhere");
  await api.client.delete(policies, "few");
});
const create = (namespace: string, content: Record<string, string> = { a: "1", b: "2" }, name = "m") =>
  api.client.create(kinds.configMaps, configMap(namespace, name, content));
const who = "ValidatingAdmissionPolicy 'few' with binding 'everywhere'";

suite("validating admission policies", () => {
  test("refuse what breaks an expression, and name policy, binding and expression", async () => {
    const namespace = await apply();
    await create(namespace, { a: "1" }, "fine");
    const refused = await refusalOf(create(namespace));
    const why = `${who} denied request: failed expression: size(object.data) <= 1`;
    assert.deepEqual(
      [refused.code, refused.reason, refused.message],
      [422, "Invalid", `configmaps "m" is forbidden: ${why}`],
    );
    assert.deepEqual(refused.details?.causes, [{ message: why }]);
  });

  const denials: readonly (readonly [title: string, spec: Policy["spec"], code: number, says: string])[] = [
    [
      "their message",
      { validations: [{ ...small, message: "too many entries" }] },
      422,
      "denied request: too many entries",
    ],
    [
      "a message that is an expression",
      { validations: [{ ...small, messageExpression: "'has ' + string(size(object.data))" }] },
      422,
      "denied request: has 2",
    ],
    ["another reason", { validations: [{ ...small, reason: "Forbidden" }] }, 403, "failed expression"],
    [
      "a variable",
      {
        variables: [
          { name: "count", expression: "size(object.data)" },
          { name: "broken", expression: "object.none.at.all" },
        ],
        validations: [{ expression: "variables.count < 2" }],
      },
      422,
      "failed expression: variables.count < 2",
    ],
    [
      "what can't be evaluated",
      { validations: [{ expression: "object.none > 1" }] },
      422,
      "expression 'object.none > 1' resulted in error:",
    ],
    [
      "the namespace",
      { validations: [{ expression: "namespaceObject.metadata.name == 'other'" }] },
      422,
      "failed expression: namespaceObject",
    ],
    [
      "who asks",
      { validations: [{ expression: "request.userInfo.username != 'test'" }] },
      422,
      "failed expression: request.userInfo",
    ],
  ];
  for (const [title, spec, code, says] of denials)
    test(`refuse with ${title}`, async () => {
      const refused = await refusalOf(create(await apply(spec)));
      assert.equal(refused.code, code);
      assert.ok(refused.message?.includes(says), refused.message);
    });

  const passes: readonly (readonly [title: string, spec: Policy["spec"], binding: Binding["spec"]])[] = [
    [
      "other resources",
      {
        matchConstraints: {
          resourceRules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["*"], resources: ["secrets"] }],
        },
      },
      {},
    ],
    [
      "excluded resources",
      { matchConstraints: { ...onMaps, excludeResourceRules: onMaps.resourceRules } },
      {},
    ],
    [
      "other names",
      {
        matchConstraints: {
          resourceRules: onMaps.resourceRules.map((rule) => ({ ...rule, resourceNames: ["n"] })),
        },
      },
      {},
    ],
    [
      "what no condition wants",
      { matchConditions: [{ name: "never", expression: "object.metadata.name == 'n'" }] },
      {},
    ],
    [
      "namespaces that the binding leaves out",
      {},
      { matchResources: { namespaceSelector: { matchLabels: { strict: "yes" } } } },
    ],
    [
      "failures that are ignored",
      { failurePolicy: "Ignore", validations: [{ expression: "object.none > 1" }] },
      {},
    ],
    [
      "missing parameters where that is allowed",
      { paramKind: { apiVersion: "v1", kind: "ConfigMap" } },
      { paramRef: { name: "none", parameterNotFoundAction: "Allow" } },
    ],
  ];
  for (const [title, spec, binding] of passes)
    test(`let through ${title}`, async () => {
      await create(await apply(spec, binding));
    });

  test("read their parameters from the objects that bindings name", async () => {
    const namespace = await apply(
      {
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        validations: [
          { expression: "object.metadata.name == 'limit' || size(object.data) <= int(params.data.most)" },
        ],
      },
      { paramRef: { name: "limit", parameterNotFoundAction: "Deny" } },
    );
    const missing = await refusalOf(create(namespace));
    assert.ok(
      missing.message?.endsWith("no params found for policy binding with `Deny` parameterNotFoundAction"),
      missing.message,
    );
    await api.client.delete(bindings, "everywhere");
    await create(namespace, { most: "2" }, "limit");
    await api.client.create(bindings, {
      apiVersion: `${group}/v1`,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: "everywhere" },
      spec: {
        policyName: "few",
        validationActions: ["Deny"],
        paramRef: { name: "limit", parameterNotFoundAction: "Deny" },
      },
    });
    await create(namespace);
    await refusalOf(create(namespace, { a: "1", b: "2", c: "3" }, "large"));
  });

  test("warn only, where the binding says so", async () => {
    const namespace = await apply({}, { validationActions: ["Warn", "Audit"] });
    await create(namespace);
  });

  test("never keep themselves from being deleted", async () => {
    await apply({
      matchConstraints: {
        resourceRules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
      },
      validations: [{ expression: "false" }],
    });
    await api.client.delete(bindings, "everywhere");
    await api.client.delete(policies, "few");
  });

  test("are checked themselves", async () => {
    const { status, body } = await api.send({
      method: "POST",
      path: `/apis/${group}/v1/validatingadmissionpolicies`,
      body: {
        apiVersion: `${group}/v1`,
        kind: "ValidatingAdmissionPolicy",
        metadata: { name: "few" },
        spec: {},
      },
    });
    assert.equal(status, 422);
    assert.match((body as Status).message ?? "", /spec.matchConstraints.resourceRules: Required value/);
  });
});
