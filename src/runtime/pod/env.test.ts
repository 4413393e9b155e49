import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { silentLogger } from "../../base/index.ts";
import { type Container, type EnvVar, kinds, type Pod } from "../../kube/index.ts";
import { createFakeApi } from "../test-support/fake-api.ts";
import { resolveEnv, serviceVariables } from "./env.ts";
import { expandVariables } from "./expand.ts";
import { createPodObjects } from "./pod-objects.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web-0",
    namespace: "sample",
    uid: "u1",
    labels: { b: "2", a: 'say "hi"' },
    annotations: { note: "x" },
  },
  spec: { containers: [], nodeName: "n1", serviceAccountName: "web" },
  status: { podIP: "127.16.0.9", podIPs: [{ ip: "127.16.0.9" }], hostIP: "127.16.254.1" },
};

async function envOf(container: Partial<Container>): Promise<Readonly<Record<string, string>>> {
  const api = createFakeApi();
  const metadata = { name: "settings", namespace: "sample" };
  await api.client.create(kinds.configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata,
    data: { mode: "fast" },
  });
  const data = { password: Buffer.from("s3cret").toString("base64") };
  await api.client.create(kinds.secrets, { apiVersion: "v1", kind: "Secret", metadata, data });
  return resolveEnv(
    { name: "app", ...container },
    {
      pod,
      objects: createPodObjects(api.client, "sample", silentLogger),
      allocatable: { cpu: "16", memory: "64Gi" },
      services: { WEB_SERVICE_HOST: "127.16.128.3" },
    },
  );
}

suite("resolveEnv()", () => {
  const resources = { limits: { cpu: "250m", memory: "64Mi" } };
  const variables: readonly [source: Omit<EnvVar, "name">, value: string | undefined][] = [
    [{ value: "plain" }, "plain"],
    [{ value: "http://$(WEB_SERVICE_HOST)/$$(x)/$(NONE)" }, "http://127.16.128.3/$(x)/$(NONE)"],
    [{ valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }, "web-0"],
    [{ valueFrom: { fieldRef: { fieldPath: "metadata.labels['b']" } } }, "2"],
    [{ valueFrom: { fieldRef: { fieldPath: "metadata.labels" } } }, 'a="say \\"hi\\""\nb="2"'],
    [{ valueFrom: { fieldRef: { fieldPath: "spec.serviceAccountName" } } }, "web"],
    [{ valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }, "127.16.0.9"],
    [{ valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } }, "127.16.254.1"],
    [{ valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } }, "1"],
    [{ valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } }, "250"],
    [{ valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } }, "64"],
    [{ valueFrom: { resourceFieldRef: { resource: "requests.cpu", divisor: "0" } } }, "1"],
    [{ valueFrom: { secretKeyRef: { name: "settings", key: "password" } } }, "s3cret"],
    [{ valueFrom: { configMapKeyRef: { name: "settings", key: "mode" } } }, "fast"],
    [{ valueFrom: { configMapKeyRef: { name: "settings", key: "none", optional: true } } }, undefined],
    [{ valueFrom: { secretKeyRef: { name: "none", key: "none", optional: true } } }, undefined],
  ];
  for (const [source, value] of variables) {
    test(`${JSON.stringify(source)} is ${JSON.stringify(value)}`, async () => {
      const env = await envOf({ env: [{ name: "X", ...source }], resources });
      assert.equal(env["X"], value);
    });
  }

  test("envFrom comes before env, with its prefix, and HOSTNAME is the pod's", async () => {
    const env = await envOf({
      envFrom: [{ prefix: "SET_", configMapRef: { name: "settings" } }, { secretRef: { name: "settings" } }],
      env: [{ name: "password", value: "over $(SET_mode)" }],
    });
    assert.deepEqual(env, {
      HOSTNAME: "web-0",
      WEB_SERVICE_HOST: "127.16.128.3",
      SET_mode: "fast",
      password: "over fast",
    });
  });

  const missing: readonly [source: Omit<EnvVar, "name">, message: string][] = [
    [{ valueFrom: { secretKeyRef: { name: "none", key: "k" } } }, 'secret "none" not found'],
    [
      { valueFrom: { secretKeyRef: { name: "settings", key: "k" } } },
      "couldn't find key k in Secret sample/settings",
    ],
    [
      { valueFrom: { configMapKeyRef: { name: "settings", key: "k" } } },
      "couldn't find key k in ConfigMap sample/settings",
    ],
  ];
  for (const [source, message] of missing) {
    test(`says ${message}`, () => assert.rejects(envOf({ env: [{ name: "X", ...source }] }), { message }));
  }
});

suite("serviceVariables()", () => {
  test("names address and ports in both forms, and the API server last", () => {
    const services = [
      { name: "hello-world", address: "127.16.128.4", ports: [{ name: "http", port: 5000 }] },
    ];
    const env = serviceVariables(services, { address: "127.16.0.1", port: 6443 });
    assert.equal(env["HELLO_WORLD_SERVICE_HOST"], "127.16.128.4");
    assert.equal(env["HELLO_WORLD_SERVICE_PORT_HTTP"], "5000");
    assert.equal(env["HELLO_WORLD_PORT_5000_TCP"], "tcp://127.16.128.4:5000");
    assert.equal(env["KUBERNETES_SERVICE_HOST"], "127.16.0.1");
    assert.equal(env["KUBERNETES_SERVICE_PORT_HTTPS"], "6443");
  });
});

suite("expandVariables()", () => {
  for (const [text, expanded] of [
    ["$(A)-$(A)", "1-1"],
    ["$$(A)", "$(A)"],
    ["$(B)", "$(B)"],
    ["$A", "$A"],
    ["$(", "$("],
  ] as const) {
    test(`${text} becomes ${expanded}`, () => assert.equal(expandVariables(text, { A: "1" }), expanded));
  }
});
