import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { test } from "vitest";
import { startTestServer } from "../apiserver/test-support/start-test-server.ts";
import { createKubeClient, kinds, type Pod } from "../kube/index.ts";
import { probeAnnotations, probeLabel, removeOrphanedProbes } from "./orphaned-probes.ts";

test("probe pods that nobody will delete any more are deleted, and no others", async () => {
  const { api } = await startTestServer();
  const client = createKubeClient(api.transport({ name: "isthmus", groups: ["system:masters"] }));
  try {
    const namespace = "default";
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } };
    await client.create(kinds.serviceAccounts, account);
    const { pid: dead } = spawnSync(process.execPath, ["--version"]);
    const by = (maker: string) => ({ "isthmus.dev/made-by": maker });
    const cases: readonly [string, Readonly<Record<string, string>>, string, boolean][] = [
      ["of-this-process", probeAnnotations(), "Running", true],
      ["of-a-dead-process", by(`${hostname()} ${dead}`), "Running", false],
      ["of-another-machine", by(`elsewhere.example ${dead}`), "Running", true],
      ["ended", by(`elsewhere.example ${dead}`), "Failed", false],
      ["of-nobody", {}, "Running", true],
    ];
    for (const [name, annotations, phase] of cases) {
      const labels = { [probeLabel]: "true" };
      const spec = { containers: [{ name: "curl", image: "curl:1" }] };
      const pod: Pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace, labels, annotations },
        spec,
      };
      await client.create(kinds.pods, pod);
      await client.patch(
        kinds.pods,
        name,
        { status: { phase } },
        { type: "merge", subresource: "status", namespace },
      );
    }
    const users: Pod = {
      ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "users", namespace } },
      spec: { containers: [{ name: "curl", image: "curl:1" }] },
    };
    await client.create(kinds.pods, users);
    await removeOrphanedProbes(client);
    const left = (await client.list(kinds.pods)).items.map(({ metadata }) => metadata.name);
    const wanted = [...cases.filter(([, , , stays]) => stays).map(([name]) => name), "users"];
    assert.deepEqual(left.sort(), wanted.sort());
  } finally {
    await api.stop();
  }
});
