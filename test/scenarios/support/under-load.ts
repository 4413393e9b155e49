import assert from "node:assert/strict";
import path from "node:path";
import { connectEngine, openStateFolder, type PodAddress } from "../../../src/engine/index.ts";
import { type LoadReport, startLoad } from "../../../src/load/index.ts";
import { eventually, type MeshUnderTest } from "./running-mesh.ts";

/** Who sends requests, and where to. */
export interface Sender {
  readonly url: string;
  /** A workload and its cluster: "deploy/curl.sample", "fra". Absent: from outside of the mesh. */
  readonly from?: readonly [workload: string, cluster: string];
  /** A new connection for every request. */
  readonly fresh?: boolean;
  /** Requests a second; ten unless said otherwise. */
  readonly rate?: number;
}

export interface UnderLoadOptions<T> {
  readonly senders: readonly Sender[];
  /** Requests of each sender that may fail; none unless said otherwise. */
  readonly mayFail?: number;
  action(): Promise<T>;
}

/**
 * Sends requests from each sender while `action` runs: it begins when each has had an answer, and requests go
 * on until it is over, however long that takes. Gives what `action` gives; rejects when too many requests failed.
 */
export async function underLoad<T>(mesh: MeshUnderTest, options: UnderLoadOptions<T>): Promise<T> {
  const { senders, mayFail = 0, action } = options;
  const over = new AbortController();
  const answered = senders.map(() => 0);
  const loads = senders.map(async ({ url, from, fresh = false, rate = 10 }, at): Promise<LoadReport> => {
    const pod = from === undefined ? undefined : await podOf(mesh, from);
    return startLoad({
      url: new URL(url),
      proxy: pod && {
        host: pod.address,
        port: pod.httpProxyPort,
        authorization: pod.httpProxyAuthorization,
      },
      ...{ rate, milliseconds: Number.POSITIVE_INFINITY, connections: 10, fresh, signal: over.signal },
      answered: () => {
        answered[at] = (answered[at] ?? 0) + 1;
      },
    }).done;
  });
  const all = Promise.all(loads);
  // Whatever fails first is told below.
  all.catch(() => over.abort());
  try {
    await Promise.race([
      eventually(async () => answered.every((count) => count > 0)),
      all.then(() => assert.fail("the load ended before the change began")),
    ]);
    return await action();
  } finally {
    over.abort();
    for (const [at, { sent, failed, answers }] of (await all).entries()) {
      const { url, from } = senders[at] ?? {};
      const said = `${failed} of ${sent} requests from ${from?.join(" of ") ?? "outside"} to ${url}`;
      assert.ok(failed <= mayFail, `${said}: ${JSON.stringify(answers)}`);
    }
  }
}

async function podOf(
  mesh: MeshUnderTest,
  [reference, cluster]: readonly [string, string],
): Promise<PodAddress> {
  const state = openStateFolder(path.join(mesh.folder, ".isthmus"), { create: false });
  const [pod] = await connectEngine(state).call<readonly PodAddress[]>("pods", { reference, cluster });
  assert.ok(pod, `${reference} of ${cluster} has no ready pod`);
  return pod;
}
