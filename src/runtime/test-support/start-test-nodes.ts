import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { silentLogger, systemClock, waitFor } from "../../base/index.ts";
import { type Container, kinds, type Pod, type PodSpec } from "../../kube/index.ts";
import type { NodesOptions, RunningContainer, Runtime, StandIn } from "../contracts.ts";
import { startNodes } from "../start-nodes.ts";
import { createFakeApi, type FakeApi } from "./fake-api.ts";
import { attachLoopback } from "./loopback-network.ts";

export interface TestNodes {
  readonly api: FakeApi;
  readonly runtime: Runtime;
  readonly stateFolder: string;
  create(name: string, spec: Partial<PodSpec> & { readonly containers: readonly Container[] }): Promise<Pod>;
  /** Waits until `probe` says something about the pod. */
  see<T>(name: string, probe: (pod: Pod) => T | undefined | false): Promise<T>;
  isGone(name: string): Promise<void>;
  logs(name: string, container?: string, options?: Parameters<Runtime["logs"]>[2]): Promise<string>;
  exec(
    name: string,
    command: readonly string[],
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  eventMessages(): readonly string[];
  stop(): Promise<void>;
}

let lastAddress = 1;

/** One node, "n1", over a fake API and a fake network. Each pod gets an address that no other test has. */
export async function startTestNodes(
  options: Partial<NodesOptions> & { readonly names?: Readonly<Record<string, string>> } = {},
  api = createFakeApi(),
): Promise<TestNodes> {
  const stateFolder = options.stateFolder ?? (await mkdtemp(path.join(tmpdir(), "isthmus-runtime-")));
  const runtime = await startNodes({
    cluster: "test",
    client: api.client,
    clientAs: () => api.client,
    nodes: [
      {
        name: "n1",
        address: "127.99.254.1",
        labels: { "topology.kubernetes.io/region": "here" },
        capacity: {},
      },
    ],
    standIns: [],
    images: new Map(),
    async attachPod(pod) {
      return attachLoopback(
        pod.status?.podIP ?? `127.99.${Math.floor(lastAddress / 250)}.${++lastAddress % 250}`,
        options.names,
      );
    },
    apiService: { address: "127.99.128.1", port: 443 },
    kubernetesVersion: "1.33.1",
    stateFolder,
    clock: systemClock,
    log: silentLogger,
    ...options,
  });
  const signal = AbortSignal.timeout(30_000);
  const find = async <T>(name: string, probe: (pod: Pod) => T | undefined | false) =>
    waitFor(
      () => {
        const pod = api.pod(name);
        return (pod === undefined ? undefined : probe(pod)) || undefined;
      },
      { signal, changes: api.changes },
    );
  return {
    api,
    runtime,
    stateFolder,
    create(name, spec) {
      const metadata = { name, namespace: "sample", labels: { app: name } };
      return api.client.create(kinds.pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: { nodeName: "n1", ...spec },
      });
    },
    see: find,
    async isGone(name) {
      await waitFor(() => (api.pod(name) === undefined ? true : undefined), { signal, changes: api.changes });
    },
    async logs(name, container = "app", logOptions = {}) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of runtime.logs({ namespace: "sample", name }, container, logOptions, signal))
        chunks.push(chunk);
      return Buffer.concat(chunks).toString("utf8");
    },
    async exec(name, command) {
      const streams = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
      const { exitCode } = await runtime.exec(
        { namespace: "sample", name },
        "app",
        command,
        {
          tty: false,
          stdout: (chunk) => streams.stdout.push(chunk),
          stderr: (chunk) => streams.stderr.push(chunk),
        },
        signal,
      );
      return {
        exitCode,
        stdout: Buffer.concat(streams.stdout).toString(),
        stderr: Buffer.concat(streams.stderr).toString(),
      };
    },
    eventMessages: () => api.all("events").map((event) => String(event["message"])),
    async stop() {
      await runtime.stop(0);
      if (options.stateFolder === undefined) await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

export const isReady = (pod: Pod) =>
  pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");

/** A stand-in for the image `name` that a test ends by hand. `order` collects what happens to its containers. */
export function createTestStandIn(
  name: string,
  order: string[] = [],
): StandIn & { readonly ends: ((exitCode: number) => void)[] } {
  const ends: ((exitCode: number) => void)[] = [];
  return {
    name,
    ends,
    matches: (imageName) => imageName === name,
    async start({ container, log }): Promise<RunningContainer> {
      order.push(`start ${container.name}`);
      log(`run ${ends.length + 1} of ${container.name}`);
      const exited = new Promise<{ exitCode: number }>((resolve) =>
        ends.push((exitCode) => resolve({ exitCode })),
      );
      const end = ends.at(-1);
      return {
        exited,
        async stop() {
          order.push(`stop ${container.name}`);
          end?.(143);
        },
      };
    },
  };
}
