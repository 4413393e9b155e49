import { type Clock, type Stop, silentLogger, systemClock, waitFor } from "../../base/index.ts";
import { type Deployment, type Kind, type KubeObject, kinds, type Pod } from "../../kube/index.ts";
import { type Cluster, createCluster } from "../core/cluster.ts";
import type { StartController } from "../core/controller.ts";
import { createFakeApi, type FakeApi } from "./fake-api.ts";

/** A fake API with some controllers running on it. */
export interface TestCluster {
  readonly api: FakeApi;
  readonly cluster: Cluster;
  /** Waits until `probe` gives a value, looking after every event-loop turn or so; fails after 3 s. */
  eventually<T>(probe: () => T | undefined | Promise<T | undefined>): Promise<T>;
  /** All objects of a kind, as the API has them. */
  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): Promise<readonly T[]>;
  /** Plays kubelet: the pod runs and is ready, or not. */
  run(
    pod: Pod,
    options?: {
      readonly ready?: boolean;
      readonly since?: number;
      readonly phase?: string;
      readonly ip?: string;
    },
  ): Promise<Pod>;
  /** Plays kubelet: runs every pod now and later, and lets terminating ones go. Stops with the cluster. */
  kubelet(): void;
  /** Waits until nothing has been written for some turns of the event loop. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

export function startTestCluster(
  controllers: readonly StartController[],
  clock: Clock = systemClock,
): TestCluster {
  const api = createFakeApi(clock);
  const abort = new AbortController();
  const cluster = createCluster({
    name: "east",
    client: api.client,
    clock,
    log: silentLogger,
    signal: abort.signal,
  });
  const stops: readonly Stop[] = controllers.map((start) => start(cluster));
  const eventually: TestCluster["eventually"] = (probe) =>
    waitFor(probe, { signal: AbortSignal.timeout(30_000), every: 1 });
  let nextAddress = 2;
  const test: TestCluster = {
    api,
    cluster,
    eventually,
    list: async (kind, namespace) =>
      (await api.client.list(kind, namespace === undefined ? {} : { namespace })).items,
    async run(pod, { ready = true, since = clock.now(), phase = "Running", ip } = {}) {
      const current = (await api.client.get(kinds.pods, pod.metadata.name, pod.metadata.namespace)) ?? pod;
      const podIP = ip ?? current.status?.podIP ?? `127.16.0.${nextAddress++}`;
      const lastTransitionTime = new Date(since).toISOString();
      const status = {
        phase,
        podIP,
        podIPs: [{ ip: podIP }],
        conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime }],
      };
      const { resourceVersion: _, ...metadata } = current.metadata;
      return api.client.replace(kinds.pods, { ...current, metadata, status } as Pod, "status");
    },
    kubelet() {
      const seen = new Set<string>();
      cluster.store(kinds.pods).subscribe(({ type, object }) => {
        const { uid = "", name, namespace, deletionTimestamp } = object.metadata;
        if (type === "deleted") return;
        if (deletionTimestamp !== undefined) {
          const options = { gracePeriodSeconds: 0, ...(namespace === undefined ? {} : { namespace }) };
          void api.client.delete(kinds.pods, name, options).catch(() => {});
        } else if (!seen.has(uid)) {
          seen.add(uid);
          void test.run(object).catch(() => {});
        }
      });
    },
    async quiet() {
      for (let still = 0, seen = -1; still < 50; still++) {
        if (api.writes.length !== seen) still = 0;
        seen = api.writes.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async stop() {
      abort.abort();
      await Promise.all(stops.map((stop) => stop()));
      await cluster.events.idle();
    },
  };
  return test;
}

/** A Deployment named `name` with pods labelled app=name. */
export function testDeployment(name: string, spec: Partial<Deployment["spec"]> = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "sample" },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "app", image: "app:1" }] },
      },
      ...spec,
    },
  };
}
