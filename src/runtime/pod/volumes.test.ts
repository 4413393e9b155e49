import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { silentLogger, systemClock } from "../../base/index.ts";
import { type Container, kinds, type Pod } from "../../kube/index.ts";
import { createFakeApi } from "../test-support/fake-api.ts";
import { createPodObjects } from "./pod-objects.ts";
import { createPodTokens } from "./tokens.ts";
import { missingVolume, readMounts, type VolumeSources } from "./volumes.ts";

async function sourcesOf(volumes: Pod["spec"]["volumes"]): Promise<VolumeSources> {
  const { client } = createFakeApi();
  const metadata = { name: "files", namespace: "sample" };
  const data = { "a.yaml": "A", "b.yaml": "B" };
  await client.create(kinds.configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data });
  await client.create(kinds.secrets, { apiVersion: "v1", kind: "Secret", metadata, data: { key: "S0VZ" } });
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "sample", uid: "u1", labels: { app: "web" } },
    spec: { containers: [], volumes: volumes ?? [] },
  };
  return {
    pod,
    objects: createPodObjects(client, "sample", silentLogger),
    tokens: createPodTokens(client, pod, systemClock),
    allocatable: {},
  };
}

async function read(volumes: Pod["spec"]["volumes"], mounts: Container["volumeMounts"], path: string) {
  const files = await readMounts({ name: "app", volumeMounts: mounts ?? [] }, path, await sourcesOf(volumes));
  return Object.fromEntries([...files].map(([file, content]) => [file, content.toString()]));
}

suite("readMounts()", () => {
  const configMap = [{ name: "v", configMap: { name: "files" } }];
  const projected = [
    {
      name: "v",
      projected: {
        sources: [
          { serviceAccountToken: { audience: "istio-ca", expirationSeconds: 600, path: "token" } },
          { configMap: { name: "files", items: [{ key: "a.yaml", path: "conf/a" }] } },
          { secret: { name: "files" } },
          { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
        ],
      },
    },
  ];
  const at = (mountPath: string, subPath?: string) => [
    { name: "v", mountPath, ...(subPath === undefined ? {} : { subPath }) },
  ];
  const cases = [
    {
      what: "a ConfigMap's keys are files",
      volumes: configMap,
      mounts: at("/etc/c"),
      path: "/etc/c",
      files: { "a.yaml": "A", "b.yaml": "B" },
    },
    {
      what: "a folder above the mount shows them below it",
      volumes: configMap,
      mounts: at("/etc/c/"),
      path: "/etc",
      files: { "c/a.yaml": "A", "c/b.yaml": "B" },
    },
    {
      what: "one file can be asked for",
      volumes: configMap,
      mounts: at("/etc/c"),
      path: "/etc/c/a.yaml",
      files: { "a.yaml": "A" },
    },
    {
      what: "subPath mounts one file",
      volumes: configMap,
      mounts: at("/etc/c/own.yaml", "a.yaml"),
      path: "/etc/c",
      files: { "own.yaml": "A" },
    },
    {
      what: "other paths show nothing",
      volumes: configMap,
      mounts: at("/etc/c"),
      path: "/etc/cc",
      files: {},
    },
    {
      what: "projections join token, ConfigMap, Secret and fields",
      volumes: projected,
      mounts: at("/p"),
      path: "/p",
      files: { token: "token-for-istio-ca", "conf/a": "A", key: "KEY", labels: 'app="web"' },
    },
  ];
  for (const { what, volumes, mounts, path, files } of cases) {
    test(what, async () => assert.deepEqual(await read(volumes, mounts, path), files));
  }
});

suite("missingVolume()", () => {
  const cases = [
    { volume: { configMap: { name: "none" } }, message: 'configmap "none" not found' },
    { volume: { secret: { secretName: "none" } }, message: 'secret "none" not found' },
    { volume: { secret: { secretName: "none", optional: true } }, message: undefined },
    {
      volume: { configMap: { name: "files", items: [{ key: "c", path: "c" }] } },
      message: "references non-existent config key: c of sample/files",
    },
    { volume: { emptyDir: {} }, message: undefined },
  ];
  for (const { volume, message } of cases) {
    test(`${JSON.stringify(volume)}: ${message ?? "nothing is missing"}`, async () => {
      const found = await missingVolume(await sourcesOf([{ name: "v", ...volume }]));
      assert.equal(found?.missing.message, message);
    });
  }
});
