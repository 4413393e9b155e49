import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject, ManagedFieldsEntry } from "../object.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { schemaFromCrd } from "../schema/crd-schema.ts";
import type { SchemaNode } from "../schema/schema-node.ts";
import { loadBuiltInSchema } from "../schema/schema-set.ts";
import { ApplyError, applyObject, conflictMessage } from "./apply-object.ts";
import {
  difference,
  type FieldSet,
  formatPath,
  intersection,
  parseFieldSet,
  paths,
  union,
} from "./field-set.ts";
import { withManagedFields } from "./ownable.ts";
import { updateManagedFields } from "./update-managed-fields.ts";
import { compareObjects, fieldSetOf } from "./walk-fields.ts";

const deployment = loadBuiltInSchema().forKind("apps", "v1", "Deployment") as SchemaNode;
const configMap = loadBuiltInSchema().forKind("", "v1", "ConfigMap") as SchemaNode;
const service = loadBuiltInSchema().forKind("", "v1", "Service") as SchemaNode;
const [early, late] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"];

function web(spec: object, metadata: object = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", ...metadata },
    spec,
  };
}

function cm(data: object, metadata: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", ...metadata }, data };
}

function created(object: KubeObject, manager: string, schema: SchemaNode): KubeObject {
  const { apiVersion } = object;
  return withManagedFields(
    object,
    updateManagedFields({ before: undefined, after: object, manager, apiVersion, schema, time: early }),
  );
}

function updated(
  before: KubeObject,
  after: KubeObject,
  manager: string,
  schema: SchemaNode,
  subresource = "",
): KubeObject {
  const { apiVersion } = after;
  return withManagedFields(
    after,
    updateManagedFields({ before, after, manager, apiVersion, schema, subresource, time: late }),
  );
}

function apply(
  live: KubeObject | undefined,
  applied: KubeObject,
  manager: string,
  schema: SchemaNode,
  force = false,
) {
  return applyObject({ live, applied, manager, apiVersion: applied.apiVersion, schema, force, time: late });
}

function owned(object: KubeObject, manager: string, operation = "Apply"): unknown {
  return object.metadata.managedFields?.find(
    (entry) => entry.manager === manager && entry.operation === operation,
  )?.fieldsV1;
}

const fieldsOf = (object: KubeObject) => object.metadata.managedFields ?? [];

suite("field sets", () => {
  const a: FieldSet = { "f:x": { ".": {}, "f:y": {} }, "f:z": {} };
  const b: FieldSet = { "f:x": {}, "f:z": { "f:q": {} } };
  test("union keeps a path and what is below it", () =>
    assert.deepEqual(union(a, b), { "f:x": { ".": {}, "f:y": {} }, "f:z": { ".": {}, "f:q": {} } }));
  test("intersection", () => assert.deepEqual(intersection(a, b), { "f:x": {} }));
  test("difference leaves what is below a path", () =>
    assert.deepEqual(difference(a, b), { "f:x": { "f:y": {} }, "f:z": {} }));
  test("paths are shown as Kubernetes shows them", () =>
    assert.deepEqual(
      [
        ...paths({
          "f:spec": { "f:containers": { 'k:{"name":"a"}': { "f:image": {} } }, "f:tags": { 'v:"x"': {} } },
        }),
      ].map(formatPath),
      ['.spec.containers[name="a"].image', '.spec.tags[="x"]'],
    ));
  test("what comes from outside is checked", () => {
    assert.equal(parseFieldSet({ "f:a": 1 }), undefined);
    assert.equal(parseFieldSet({ "x:a": {} }), undefined);
    assert.equal(parseFieldSet({ "k:{": {} }), undefined);
    assert.ok(parseFieldSet({ "f:a": { ".": {}, 'k:{"a":1}': {} } }));
  });
});

suite("fieldSetOf()", () => {
  test("structs, maps, associative and atomic lists", () =>
    assert.deepEqual(
      fieldSetOf(deployment, {
        metadata: { labels: { a: "1" }, finalizers: ["f"] },
        spec: {
          replicas: 1,
          selector: { matchLabels: { a: "1" } },
          template: {
            spec: { containers: [{ name: "a", args: ["x"], ports: [{ containerPort: 80 }], resources: {} }] },
          },
        },
      }),
      {
        "f:metadata": { "f:labels": { "f:a": {} }, "f:finalizers": { 'v:"f"': {} } },
        "f:spec": {
          "f:replicas": {},
          "f:selector": {},
          "f:template": {
            "f:spec": {
              "f:containers": {
                'k:{"name":"a"}': {
                  ".": {},
                  "f:name": {},
                  "f:args": {},
                  "f:resources": {},
                  "f:ports": {
                    'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} },
                  },
                },
              },
            },
          },
        },
      },
    ));
});

suite("compareObjects()", () => {
  test("tells added, modified and removed apart", () =>
    assert.deepEqual(
      compareObjects(configMap, { data: { a: "1", b: "1" } }, { data: { b: "2", c: "1" }, immutable: true }),
      {
        added: { "f:data": { "f:c": {} }, "f:immutable": {} },
        modified: { "f:data": { "f:b": {} } },
        removed: { "f:data": { "f:a": {} } },
      },
    ));
  test("a new map is added itself, and so is a new item", () =>
    assert.deepEqual(
      compareObjects(service, { spec: {} }, { spec: { ports: [{ port: 80 }], selector: { a: "b" } } }).added,
      {
        "f:spec": {
          "f:ports": { ".": {}, 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } },
          "f:selector": {},
        },
      },
    ));
});

suite("updateManagedFields()", () => {
  test("a create owns everything, in the form that Kubernetes writes", () => {
    const object = created(
      web(
        {
          replicas: 1,
          strategy: { type: "Recreate" },
          template: { metadata: { labels: { a: "1" } }, spec: { containers: [{ name: "a" }] } },
        },
        { labels: { l: "1" } },
      ),
      "kubectl-create",
      deployment,
    );
    assert.deepEqual(fieldsOf(object), [
      {
        manager: "kubectl-create",
        operation: "Update",
        apiVersion: "apps/v1",
        time: early,
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:metadata": { "f:labels": { ".": {}, "f:l": {} } },
          "f:spec": {
            "f:replicas": {},
            "f:strategy": { "f:type": {} },
            "f:template": {
              "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
              "f:spec": { "f:containers": { ".": {}, 'k:{"name":"a"}': { ".": {}, "f:name": {} } } },
            },
          },
        },
      },
    ]);
  });
  test("an update takes what it changes, and only that", () => {
    const before = created(cm({ a: "1", b: "1" }), "one", configMap);
    const after = updated(before, { ...before, data: { a: "2", b: "1" } }, "two", configMap);
    assert.deepEqual(owned(after, "one", "Update"), { "f:data": { ".": {}, "f:b": {} } });
    assert.deepEqual(owned(after, "two", "Update"), { "f:data": { "f:a": {} } });
  });
  test("an update that changes nothing leaves the very entries", () => {
    const before = created(cm({ a: "1" }), "one", configMap);
    const after = updated(before, { ...before }, "two", configMap);
    assert.equal(fieldsOf(after), fieldsOf(before));
  });
  test("what is removed is nobody's any more", () => {
    const before = created(cm({ a: "1", b: "1" }), "one", configMap);
    const after = updated(before, { ...before, data: { b: "1" } }, "two", configMap);
    assert.deepEqual(
      fieldsOf(after).map(({ manager }) => manager),
      ["one"],
    );
    assert.deepEqual(owned(after, "one", "Update"), { "f:data": { ".": {}, "f:b": {} } });
  });
  test("a subresource is a manager of its own", () => {
    const before = created(web({ replicas: 1 }), "c", deployment);
    const after = updated(before, { ...before, status: { replicas: 1 } }, "c", deployment, "status");
    assert.deepEqual(
      fieldsOf(after).map(({ subresource }) => subresource),
      [undefined, "status"],
    );
  });
  test("[{}] resets the books, and an object without books stays without", () => {
    const before = created(cm({ a: "1" }), "one", configMap);
    const reset = {
      ...before,
      metadata: { ...before.metadata, managedFields: [{}] as unknown as ManagedFieldsEntry[] },
    };
    const after = updated(before, reset, "two", configMap);
    assert.deepEqual(fieldsOf(after), []);
    assert.deepEqual(fieldsOf(updated(after, { ...after, data: { z: "1" } }, "two", configMap)), []);
  });
  test("a patch may write the books itself", () => {
    const before = created(cm({ a: "1" }), "one", configMap);
    const renamed = applyJsonPatch(before, [
      { op: "replace", path: "/metadata/managedFields/0/manager", value: "uno" },
    ]);
    assert.deepEqual(
      fieldsOf(updated(before, renamed as KubeObject, "two", configMap)).map(({ manager }) => manager),
      ["uno"],
    );
  });
  test("books that make no sense are not taken", () => {
    const before = created(cm({ a: "1" }), "one", configMap);
    const broken = applyJsonPatch(before, [
      { op: "replace", path: "/metadata/managedFields/0/fieldsV1", value: { nonsense: 1 } },
    ]);
    assert.deepEqual(fieldsOf(updated(before, broken as KubeObject, "two", configMap)), fieldsOf(before));
  });
  test("the oldest of many updaters are folded into one", () => {
    let object = created(cm({ a: "0" }), "m0", configMap);
    for (let i = 1; i < 15; i++)
      object = updated(
        object,
        { ...object, data: { ...(object["data"] as object), [`k${i}`]: "x" } },
        `m${i}`,
        configMap,
      );
    assert.ok(fieldsOf(object).length <= 10);
    assert.ok(fieldsOf(object).some(({ manager }) => manager === "ancient-changes"));
  });
  test("objects that are managed alike share their sets", () => {
    const [one, two] = [created(cm({ a: "1" }), "x", configMap), created(cm({ a: "2" }), "x", configMap)];
    assert.equal(fieldsOf(one)[0]?.fieldsV1, fieldsOf(two)[0]?.fieldsV1);
  });
});

suite("applyObject()", () => {
  test("creates, and owns what it applied", () => {
    const { object, conflicts } = apply(undefined, cm({ a: "1" }), "me", configMap);
    assert.deepEqual(conflicts, []);
    assert.deepEqual(object["data"], { a: "1" });
    assert.deepEqual(owned(object, "me"), { "f:data": { "f:a": {} } });
  });
  test("a field that is left out goes when nobody else owns it", () => {
    const first = apply(undefined, cm({ a: "1", b: "1" }), "me", configMap).object;
    const second = apply(first, cm({ a: "1" }), "me", configMap).object;
    assert.deepEqual(second["data"], { a: "1" });
  });
  test("a field that is left out stays when somebody else owns it", () => {
    const first = apply(undefined, cm({ a: "1", b: "1" }), "me", configMap).object;
    const both = apply(first, cm({ b: "1" }), "you", configMap).object;
    assert.deepEqual(apply(both, cm({ a: "1" }), "me", configMap).object["data"], { a: "1", b: "1" });
  });
  test("applying the same again gives back the very object", () => {
    const first = apply(undefined, cm({ a: "1" }), "me", configMap).object;
    assert.equal(apply(first, cm({ a: "1" }), "me", configMap).object, first);
  });
  test("the same value makes co-owners, another value a conflict, force a new owner", () => {
    const first = apply(undefined, cm({ a: "1" }), "me", configMap).object;
    const co = apply(first, cm({ a: "1" }), "you", configMap);
    assert.deepEqual(co.conflicts, []);
    const clash = apply(co.object, cm({ a: "2" }), "you", configMap);
    assert.deepEqual(clash.conflicts, [{ manager: '"me"', field: ".data.a" }]);
    assert.equal(clash.object, co.object);
    const forced = apply(co.object, cm({ a: "2" }), "you", configMap, true).object;
    assert.deepEqual(forced["data"], { a: "2" });
    assert.equal(owned(forced, "me"), undefined);
  });
  test("the message of a conflict is Kubernetes' own", () => {
    const live = updated(
      created(web({ replicas: 1 }), "kubectl-create", deployment),
      web({ replicas: 3 }),
      "kubectl-client-side-apply",
      deployment,
    );
    const { conflicts } = apply(live, web({ replicas: 2 }), "me", deployment);
    assert.equal(
      conflictMessage(conflicts),
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
    );
    const two = apply(
      updated(
        created(cm({ a: "1", b: "1", c: "1" }), "z", configMap),
        cm({ a: "2", b: "1", c: "1" }),
        "y",
        configMap,
      ),
      cm({ a: "3", b: "3", c: "3" }),
      "me",
      configMap,
    ).conflicts;
    assert.equal(
      conflictMessage(two),
      'Apply failed with 3 conflicts: conflicts with "y" using v1:\n- .data.a\nconflicts with "z" using v1:\n- .data.b\n- .data.c',
    );
  });
  test("containers merge by name; one that is left out goes with everything in it", () => {
    const containers = (...names: string[]) =>
      web({ template: { spec: { containers: names.map((name) => ({ name, image: `${name}:1` })) } } });
    const first = apply(undefined, containers("a", "b"), "me", deployment).object;
    const injected = updated(
      first,
      applyJsonPatch(first, [
        { op: "add", path: "/spec/template/spec/containers/-", value: { name: "proxy", image: "p" } },
      ]) as KubeObject,
      "injector",
      deployment,
    );
    const second = apply(injected, containers("b", "c"), "me", deployment).object;
    const names = (object: KubeObject) =>
      (
        object["spec"] as { template: { spec: { containers: { name: string }[] } } }
      ).template.spec.containers.map(({ name }) => name);
    assert.deepEqual(names(second), ["b", "proxy", "c"]);
  });
  test("nulls and what the server decides change nothing", () => {
    const first = { ...apply(undefined, cm({ a: "1" }), "me", configMap).object };
    const live = { ...first, metadata: { ...first.metadata, uid: "u", creationTimestamp: early } };
    const manifest = cm({ a: "1" }, { creationTimestamp: null, labels: null });
    const second = apply(live, manifest, "me", configMap).object;
    assert.deepEqual(
      [second.metadata.uid, second.metadata.creationTimestamp, second.metadata.labels],
      ["u", early, undefined],
    );
    assert.equal(apply(second, manifest, "me", configMap).object, second);
  });
  test("defaults below an applied field stay with it", () => {
    const first = apply(
      undefined,
      web({ template: { spec: { containers: [{ name: "a", image: "x" }] } } }),
      "me",
      deployment,
    ).object;
    const defaulted = applyJsonPatch(first, [
      { op: "add", path: "/spec/template/spec/containers/0/imagePullPolicy", value: "Always" },
      { op: "add", path: "/spec/replicas", value: 1 },
    ]) as KubeObject;
    const second = apply(
      defaulted,
      web({ template: { spec: { containers: [{ name: "a", image: "y" }] } } }),
      "me",
      deployment,
    ).object;
    assert.deepEqual(second["spec"], {
      replicas: 1,
      template: { spec: { containers: [{ name: "a", image: "y", imagePullPolicy: "Always" }] } },
    });
  });
  test("an object from before the books is one update of before-first-apply", () => {
    const { conflicts } = apply(cm({ a: "1" }), cm({ a: "2" }), "me", configMap);
    assert.deepEqual(conflicts, [{ manager: '"before-first-apply" using v1', field: ".data.a" }]);
  });
  test("wrong configurations are refused in Kubernetes' words", () => {
    const cases: readonly [object: KubeObject, message: string][] = [
      [
        web({ foo: 1 }),
        "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema",
      ],
      [
        web({ template: { spec: { containers: [{ name: "a" }, { name: "a" }] } } }),
        'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="a"]',
      ],
      [
        web({ template: { spec: { containers: [{ image: "a" }] } } }),
        'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
      ],
    ];
    for (const [object, message] of cases)
      assert.throws(
        () => apply(undefined, object, "me", deployment),
        (reason) => reason instanceof ApplyError && reason.message === message,
      );
  });
  test("lists that custom kinds declare as sets and maps merge, others replace", () => {
    const schema = schemaFromCrd({
      type: "object",
      properties: {
        spec: {
          type: "object",
          properties: {
            tags: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
            hosts: { type: "array", items: { type: "string" } },
            free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          },
        },
      },
    });
    const object = (spec: object): KubeObject => ({
      apiVersion: "x/v1",
      kind: "X",
      metadata: { name: "x" },
      spec,
    });
    const first = apply(
      undefined,
      object({ tags: ["a"], hosts: ["a"], free: { p: 1 } }),
      "me",
      schema,
    ).object;
    const second = apply(
      first,
      object({ tags: ["b"], hosts: ["b"], free: { q: 1 } }),
      "you",
      schema,
      true,
    ).object;
    assert.deepEqual(second["spec"], { tags: ["a", "b"], hosts: ["b"], free: { p: 1, q: 1 } });
  });
});

suite("from client-side to server-side apply", () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const configuration = cm({ a: "1" }, { annotations: {} });
  const live = created(
    cm({ a: "1" }, { annotations: { [annotation]: JSON.stringify(configuration) } }),
    "kubectl-client-side-apply",
    configMap,
  );

  test("kubectl's own earlier fields are no conflict, and the annotation follows", () => {
    const { object, conflicts } = apply(live, cm({ a: "2" }), "kubectl", configMap);
    assert.deepEqual(conflicts, []);
    assert.deepEqual(object["data"], { a: "2" });
    assert.equal(object.metadata.annotations?.[annotation], `${JSON.stringify(cm({ a: "2" }))}\n`);
  });
  test("another manager gets the conflict", () =>
    assert.equal(apply(live, cm({ a: "2" }), "me", configMap).conflicts.length, 1));
  test("what somebody changed in between is a conflict", () => {
    const changed = updated(live, { ...live, data: { a: "9" } }, "somebody", configMap);
    assert.deepEqual(apply(changed, cm({ a: "2" }), "kubectl", configMap).conflicts, [
      { manager: '"somebody" using v1', field: ".data.a" },
    ]);
  });
});
