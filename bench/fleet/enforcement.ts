import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { waitFor } from "../../src/base/index.ts";
import { connectEngine, openStateFolder, type PodAddress } from "../../src/engine/index.ts";
import {
  createHttpTransport,
  createKubeClient,
  type KubeClient,
  kinds,
  managementNamespace,
  type Pod,
  readKubeconfig,
  resolveAccess,
} from "../../src/kube/index.ts";

const namespace = "stranger";
const url = "http://reviews.bookinfo:9080/reviews/0";

/**
 * Milliseconds from writing that a workspace of the running example gloo is isolated, or no longer is, until a request of
 * somebody else is answered accordingly; one of each kind a round.
 */
export async function measureEnforcement(folder: string, rounds: number): Promise<readonly number[]> {
  const state = path.join(folder, ".isthmus");
  const clientOf = async (context: string): Promise<KubeClient> => {
    const file = path.join(state, "kubeconfig");
    const config = readKubeconfig(readFileSync(file, "utf8"), file);
    return createKubeClient(createHttpTransport(await resolveAccess(config, context, { folder: state })));
  };
  const [management, cluster] = await Promise.all([clientOf("mgmt"), clientOf("cluster-1")]);
  await cluster.create(kinds.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace, labels: { "istio-injection": "enabled" } },
  });
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "caller", namespace },
    spec: { containers: [{ name: "curl", image: "curlimages/curl", command: ["sleep", "infinity"] }] },
  };
  await cluster.create(kinds.pods, pod);
  const isReady = async () => {
    const found = await cluster.get(kinds.pods, "caller", namespace);
    const ready = found?.status?.conditions?.some(
      ({ type, status }) => type === "Ready" && status === "True",
    );
    return ready === true ? true : undefined;
  };
  await waitFor(isReady, { signal: AbortSignal.timeout(60_000), every: 50 });
  const [caller] = await connectEngine(openStateFolder(state, { create: false })).call<readonly PodAddress[]>(
    "pods",
    { reference: `pod/caller.${namespace}`, cluster: "cluster-1" },
  );
  if (caller === undefined) throw new Error("the caller has no address");
  const times: number[] = [];
  for (let i = 0; i < 2 * rounds; i++) {
    const isolation = i % 2 === 1;
    const began = performance.now();
    await management.patch(
      kinds.workspaces,
      "bookinfo",
      { spec: { isolation } },
      { type: "merge", namespace: managementNamespace },
    );
    const isSo = async () => ((await statusFor(caller)) === (isolation ? 403 : 200) ? true : undefined);
    await waitFor(isSo, { signal: AbortSignal.timeout(60_000), every: 1 });
    times.push(performance.now() - began);
  }
  return times;
}

/** The status that a request on a connection of its own gets, from inside the pod through its sidecar; 0: none. */
function statusFor({ address, httpProxyPort, httpProxyAuthorization }: PodAddress): Promise<number> {
  return new Promise((resolve) => {
    const request = http.request(
      {
        host: address,
        port: httpProxyPort,
        path: url,
        headers: {
          host: new URL(url).host,
          connection: "close",
          "proxy-authorization": httpProxyAuthorization,
        },
        agent: false,
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    request.on("error", () => resolve(0));
    request.end();
  });
}
