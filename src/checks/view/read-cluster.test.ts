import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { IsthmusError } from "../../base/index.ts";
import { type ApiRequest, createKubeClient } from "../../kube/index.ts";
import { checkMesh } from "../check-mesh.ts";
import { isRead, readCluster } from "./read-cluster.ts";

/** A cluster whose API answers what `answer` says to a path. */
function cluster(answer: (request: ApiRequest) => readonly object[] | number, name = "ash") {
  const client = createKubeClient({
    async send(request) {
      const found = answer(request);
      return typeof found === "number"
        ? { status: found, headers: {}, body: { kind: "Status", code: found, message: `code ${found}` } }
        : { status: 200, headers: {}, body: { items: found, metadata: { resourceVersion: "1" } } };
    },
  });
  return { name, primary: name, network: undefined, reads: [], client };
}

suite("readCluster()", () => {
  test("kinds that the API does not serve are empty", async () => {
    const read = await readCluster(cluster(({ path }) => (path.includes("istio.io") ? 404 : [])));
    assert.ok(isRead(read));
    assert.deepEqual([read.virtualServices, read.sidecars], [[], []]);
  });

  test("of remote secrets it keeps names, no credentials", async () => {
    const metadata = { name: "s", namespace: "istio-system", labels: { "istio/multiCluster": "true" } };
    const secret = { metadata, data: { ash: "c2VjcmV0" } };
    const read = await readCluster(cluster(({ path }) => (path.endsWith("/secrets") ? [secret] : [])));
    assert.ok(isRead(read));
    assert.deepEqual(read.remoteSecrets, [{ name: "s", clusters: ["ash"], lives: new Map() }]);
    assert.ok(!JSON.stringify(read).includes("c2VjcmV0"));
  });

  test("an API that refuses is said with its answer", async () => {
    const read = await readCluster(cluster(() => 403));
    assert.ok(!isRead(read));
    assert.equal(read.reason, "code 403");
  });

  test("an API that fails is said with the way out that the failure names", async () => {
    const read = await readCluster(
      cluster(() => {
        throw new IsthmusError("cluster/unreachable", "nothing listens there", { nextStep: "Start it." });
      }),
    );
    assert.ok(!isRead(read));
    assert.deepEqual([read.reason, read.fix], ["nothing listens there", "Start it."]);
  });
});

suite("checkMesh()", () => {
  test("errors come before warnings, and a cluster that is away is one of them", async () => {
    const ready = { conditions: [{ type: "Ready", status: "True" }] };
    const istiod = {
      metadata: { name: "istiod", namespace: "istio-system", labels: { app: "istiod" } },
      spec: { containers: [] },
      status: ready,
    };
    const away = { ...cluster(() => [], "fra"), client: { away: "it is stopped", fix: "start it" } };
    const findings = await checkMesh({
      clusters: [cluster(({ path }) => (path.endsWith("/pods") ? [istiod] : [])), away],
      controlPlanes: new Map(),
      now: 0,
    });
    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [
        ["cluster/not-answering", "error"],
        ["istiod/not-answering", "warning"],
      ],
    );
  });
});
