import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { type KubeObject, kinds, resourcePath, type Status } from "../../kube/index.ts";
import { refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
let count = 0;

interface Definition {
  readonly kind: { group: string; version: string; kind: string; plural: string; namespaced: boolean };
  readonly name: string;
}

const schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["host"],
      properties: {
        host: { type: "string", pattern: "^[a-z]+$" },
        mode: { type: "string", enum: ["ON", "OFF"], default: "ON" },
        port: { "x-kubernetes-int-or-string": true },
        replicas: { type: "integer", minimum: 0 },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    status: { type: "object", properties: { replicas: { type: "integer" }, selector: { type: "string" } } },
  },
};

async function define(): Promise<Definition> {
  const group = `g${count++}.example.com`;
  const name = `things.${group}`;
  const version = {
    served: true,
    schema: { openAPIV3Schema: schema },
    subresources: {
      status: {},
      scale: {
        specReplicasPath: ".spec.replicas",
        statusReplicasPath: ".status.replicas",
        labelSelectorPath: ".status.selector",
      },
    },
  };
  await api.client.create(kinds.customResourceDefinitions, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing", shortNames: ["th"] },
      versions: [
        { ...version, name: "v1", storage: true },
        { ...version, name: "v1beta1", storage: false },
      ],
    },
  });
  await waitFor(async () => ((await served(group)) ? true : undefined), {
    signal: AbortSignal.timeout(30_000),
  });
  return { name, kind: { group, version: "v1", kind: "Thing", plural: "things", namespaced: true } };
}

async function served(group: string): Promise<boolean> {
  return (await api.send({ path: `/apis/${group}/v1` })).status === 200;
}

function thing({ kind }: Definition, namespace: string, spec: object, extra: object = {}): KubeObject {
  const apiVersion = `${kind.group}/${kind.version}`;
  return { apiVersion, kind: "Thing", metadata: { name: "a", namespace }, spec, ...extra };
}

suite("custom resources", () => {
  test("are pruned, defaulted and kept where anything may stand", async () => {
    const namespace = await api.freshNamespace();
    const definition = await define();
    const made = await api.client.create(
      definition.kind,
      thing(definition, namespace, { host: "a", bogus: 1, free: { anything: { goes: true } }, port: "http" }),
    );
    assert.deepEqual(made["spec"], {
      host: "a",
      mode: "ON",
      port: "http",
      free: { anything: { goes: true } },
    });
  });

  test("are refused with everything that is wrong", async () => {
    const namespace = await api.freshNamespace();
    const definition = await define();
    const refused = await refusalOf(
      api.client.create(
        definition.kind,
        thing(definition, namespace, { mode: "MAYBE", port: true, replicas: -1 }),
      ),
    );
    assert.equal(refused.code, 422);
    assert.deepEqual(refused.details?.causes?.map(({ field }) => field).sort(), [
      "spec.host",
      "spec.mode",
      "spec.port",
      "spec.replicas",
    ]);
  });

  test("keep status and spec apart, and scale", async () => {
    const namespace = await api.freshNamespace();
    const definition = await define();
    const made = await api.client.create(
      definition.kind,
      thing(definition, namespace, { host: "a", replicas: 1 }, { status: { replicas: 9 } }),
    );
    assert.deepEqual([made["status"], made.metadata.generation], [undefined, 1]);
    const status = { replicas: 1, selector: "app=a" };
    const reported = await api.client.replace(
      definition.kind,
      { ...made, status, spec: { host: "b" } },
      "status",
    );
    assert.deepEqual(
      [reported["status"], reported["spec"], reported.metadata.generation],
      [status, made["spec"], 1],
    );
    const options = { type: "merge", namespace, subresource: "scale" } as const;
    const scale = await api.client.patch(definition.kind, "a", { spec: { replicas: 4 } }, options);
    assert.deepEqual([scale["spec"], scale["status"]], [{ replicas: 4 }, { replicas: 1, selector: "app=a" }]);
    const last = await api.client.get(definition.kind, "a", namespace);
    assert.equal(last?.metadata.generation, 2);
  });

  test("are one object in all their versions", async () => {
    const namespace = await api.freshNamespace();
    const definition = await define();
    const beta = { ...definition, kind: { ...definition.kind, version: "v1beta1" } };
    const made = await api.client.create(beta.kind, thing(beta, namespace, { host: "a" }));
    assert.equal(made.apiVersion, `${beta.kind.group}/v1beta1`);
    const read = await api.client.get(definition.kind, "a", namespace);
    assert.deepEqual(
      [read?.apiVersion, read?.metadata.uid],
      [`${definition.kind.group}/v1`, made.metadata.uid],
    );
  });

  test("take no strategic merge patch", async () => {
    const namespace = await api.freshNamespace();
    const definition = await define();
    await api.client.create(definition.kind, thing(definition, namespace, { host: "a" }));
    const refused = await refusalOf(
      api.client.patch(definition.kind, "a", { spec: {} }, { type: "strategic", namespace }),
    );
    assert.equal(refused.code, 415);
  });

  test("go with their definition, whose end waits for them", async () => {
    const namespace = await api.freshNamespace();
    const definition = await define();
    const object = thing(definition, namespace, { host: "a" });
    await api.client.create(definition.kind, {
      ...object,
      metadata: { ...object.metadata, finalizers: ["example.com/hold"] },
    });
    await api.client.delete(kinds.customResourceDefinitions, definition.name);
    const ending = await api.client.get(kinds.customResourceDefinitions, definition.name);
    assert.deepEqual(ending?.metadata.finalizers, ["customresourcecleanup.apiextensions.k8s.io"]);
    const late = await api.send({
      method: "POST",
      path: resourcePath(definition.kind, namespace),
      body: { ...object, metadata: { name: "late" } },
    });
    assert.equal(late.status, 405);
    await waitFor(
      async () => (await api.client.get(definition.kind, "a", namespace))?.metadata.deletionTimestamp,
      { signal: AbortSignal.timeout(30_000) },
    );
    await api.client.patch(
      definition.kind,
      "a",
      { metadata: { finalizers: null } },
      { type: "merge", namespace },
    );
    await waitFor(async () => ((await served(definition.kind.group)) ? undefined : true), {
      signal: AbortSignal.timeout(30_000),
    });
    assert.equal(await api.client.get(kinds.customResourceDefinitions, definition.name), undefined);
  });
});

suite("definitions", () => {
  test("of names that are taken are not served", async () => {
    const first = await define();
    const definition = await api.client.get(kinds.customResourceDefinitions, first.name);
    const spec = definition?.["spec"] as { readonly names: object };
    const name = `others.${first.kind.group}`;
    await api.client.create(kinds.customResourceDefinitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name },
      spec: { ...spec, names: { plural: "others", kind: "Thing" } },
    });
    const status = await waitFor(
      async () => (await api.client.get(kinds.customResourceDefinitions, name))?.["status"],
      { signal: AbortSignal.timeout(30_000) },
    );
    const { conditions } = status as {
      conditions: readonly { type: string; status: string; message: string }[];
    };
    assert.deepEqual(
      conditions.map((condition) => `${condition.type} ${condition.status}`),
      ["NamesAccepted False", "Established False"],
    );
  });

  test("must be named by plural and group", async () => {
    const answer = await api.send({
      method: "POST",
      path: resourcePath(kinds.customResourceDefinitions),
      body: {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "wrong" },
        spec: {
          group: "example.com",
          names: { plural: "things", kind: "Thing" },
          scope: "Namespaced",
          versions: [],
        },
      },
    });
    assert.equal(answer.status, 422);
    assert.match((answer.body as Status).message ?? "", /must be spec.names.plural\+"."\+spec.group/);
  });
});
