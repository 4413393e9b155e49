import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, suite, test } from "vitest";
import { type Kind, kinds, type PodSpec } from "../../kube/index.ts";
import { createFakeApi } from "../test-support/fake-api.ts";
import { isReady, startTestNodes, type TestNodes } from "../test-support/start-test-nodes.ts";
import { removeLeftVolumes } from "./volume-folders.ts";

const kind = (name: string, plural: string, namespaced: boolean): Kind => ({
  group: "",
  version: "v1",
  kind: name,
  plural,
  namespaced,
});
const claims = kind("PersistentVolumeClaim", "persistentvolumeclaims", true);
const volumes = kind("PersistentVolume", "persistentvolumes", false);

let nodes: TestNodes | undefined;
const folders: string[] = [];
afterEach(async () => {
  await nodes?.stop();
  nodes = undefined;
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const spec = (claimName: string): Partial<PodSpec> & Pick<PodSpec, "containers"> => ({
  containers: [{ name: "app", image: "busybox", volumeMounts: [{ name: "files", mountPath: "/data" }] }],
  volumes: [{ name: "files", persistentVolumeClaim: { claimName } }],
});

suite("volumes of claims", () => {
  const cases = [
    { title: "keep what a pod wrote for the next one", volumeName: "pvc-1", next: "kept\n" },
    { title: "that are not bound are empty for every pod", volumeName: undefined, next: "none\n" },
    { title: "never lead out of their folder", volumeName: "../../outside", next: "none\n" },
  ];
  for (const { title, volumeName, next } of cases)
    test(title, async () => {
      nodes = await startTestNodes();
      const { api } = nodes;
      await api.client.create(claims, {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "c", namespace: "sample" },
        spec: { volumeName },
      });
      const run = async (name: string, command: string) => {
        await nodes?.create(name, spec("c"));
        await nodes?.see(name, (pod) => isReady(pod) && pod);
        const result = await nodes?.exec(name, ["sh", "-c", command]);
        await api.client.delete(kinds.pods, name, { namespace: "sample", gracePeriodSeconds: 0 });
        await nodes?.isGone(name);
        return result?.stdout;
      };
      await run("first", 'cd "$ISTHMUS_ROOT/data" && echo kept > file');
      assert.equal(await run("second", 'cat "$ISTHMUS_ROOT/data/file" 2>/dev/null || echo none'), next);
    });

  test("go when their volume has gone", async () => {
    const stateFolder = await mkdtemp(path.join(tmpdir(), "isthmus-volumes-"));
    folders.push(stateFolder);
    for (const name of ["here", "gone"])
      await mkdir(path.join(stateFolder, "volumes", name), { recursive: true });
    const { client } = createFakeApi();
    await client.create(volumes, { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "here" } });
    await removeLeftVolumes({ client, stateFolder });
    assert.deepEqual(await readdir(path.join(stateFolder, "volumes")), ["here"]);
  });
});
