import { createSignal } from "../../../base/index.ts";
import {
  type ApiRequest,
  type ApiResponse,
  createKubeClient,
  type KubeClient,
  nodeTypeLabel,
  virtualNodeType,
} from "../../../kube/index.ts";

/** A cluster whose API, pods and logs a test makes up. */
export interface FakeCluster {
  readonly name: string;
  readonly client: KubeClient;
  /** Logs that were asked for since the start. */
  readonly opened: number;
  /** Adds a running pod of the namespace shop at 10.0.0.1, 10.0.0.2 …; its containers app and istio-proxy have one log. */
  add(pod: string, ...lines: string[]): void;
  /** The same on a node that stands for another cluster. */
  addElsewhere(pod: string, ...lines: string[]): void;
  write(pod: string, ...lines: string[]): void;
  /** The container ends and begins again, with an empty log. */
  restart(pod: string): void;
  /** While it is away, everything fails. */
  setAway(value: boolean): void;
}

const virtualNode = "other-cluster";
const nodes = [
  { metadata: { name: "node-1" } },
  { metadata: { name: virtualNode, labels: { [nodeTypeLabel]: virtualNodeType } } },
];

export function fakeCluster(name: string): FakeCluster {
  interface FakePod {
    readonly object: object;
    lines: string[];
    /** Followers end with the run that they read. */
    run: number;
  }
  const pods = new Map<string, FakePod>();
  const changed = createSignal();
  const events: object[] = [];
  let isAway = false;
  let opened = 0;
  const next = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve) => {
      const once = new AbortController();
      const done = () => {
        once.abort();
        resolve();
      };
      changed.subscribe(done, once.signal);
      signal?.addEventListener("abort", done, { once: true });
    });
  async function* watch(signal: AbortSignal | undefined, from: number): AsyncIterable<unknown> {
    for (let at = from; signal?.aborted !== true && !isAway; ) {
      if (at < events.length) yield events[at++];
      else await next(signal);
    }
  }
  async function* log(pod: FakePod, query: URLSearchParams, signal: AbortSignal | undefined) {
    const { run } = pod;
    const since = query.get("sinceTime") ?? "";
    const tail = query.get("tailLines");
    // Kubernetes counts in whole seconds.
    const isWanted = (line: string) => line.slice(0, 19) >= since.slice(0, 19);
    let at = tail === null ? 0 : Math.max(0, pod.lines.length - Number(tail));
    for (;;) {
      for (; at < pod.lines.length; at++) {
        const line = `${pod.lines[at]}\n`;
        if (!isWanted(line)) continue;
        // In pieces, as networks deliver.
        yield Buffer.from(line.slice(0, 9));
        yield Buffer.from(line.slice(9));
      }
      if (query.get("follow") !== "true" || pod.run !== run || signal?.aborted === true || isAway) return;
      await next(signal);
    }
  }
  const answer = async ({ path, query }: ApiRequest, signal?: AbortSignal): Promise<ApiResponse> => {
    if (isAway) throw new Error(`${name} is away`);
    const [, podName] = /\/pods\/([^/]+)\/log$/.exec(path) ?? [];
    if (podName === undefined && !path.endsWith("/pods")) {
      const events = query.get("watch") === "true" ? { events: watch(signal, Number.POSITIVE_INFINITY) } : {};
      const items = path.endsWith("/nodes") ? nodes : [];
      return { status: 200, headers: {}, body: { items, metadata: { resourceVersion: "0" } }, ...events };
    }
    if (podName === undefined) {
      if (query.get("watch") === "true")
        return { status: 200, headers: {}, events: watch(signal, Number(query.get("resourceVersion"))) };
      const items = [...pods.values()].map(({ object }) => object);
      return {
        status: 200,
        headers: {},
        body: { items, metadata: { resourceVersion: String(events.length) } },
      };
    }
    opened++;
    const pod = pods.get(podName);
    if (pod === undefined) {
      const body = {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message: "gone",
        reason: "NotFound",
        code: 404,
      };
      return { status: 404, headers: {}, body };
    }
    return { status: 200, headers: {}, chunks: log(pod, query, signal) };
  };
  const add = (pod: string, nodeName: string, lines: string[]) => {
    const object = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: pod, namespace: "shop", uid: `${pod}-uid`, resourceVersion: "1" },
      spec: { nodeName, containers: [{ name: "app" }, { name: "istio-proxy" }] },
      status: { phase: "Running", podIP: `10.0.0.${pods.size + 1}` },
    };
    pods.set(pod, { object, lines, run: 1 });
    events.push({ type: "ADDED", object });
    changed.notify();
  };
  return {
    name,
    client: createKubeClient({ send: answer }),
    get opened() {
      return opened;
    },
    addElsewhere(pod: string, ...lines: string[]) {
      add(pod, virtualNode, lines);
    },
    add: (pod: string, ...lines: string[]) => add(pod, "node-1", lines),
    write(pod: string, ...lines: string[]) {
      pods.get(pod)?.lines.push(...lines);
      changed.notify();
    },
    restart(pod: string) {
      const fake = pods.get(pod);
      if (fake !== undefined) {
        fake.run++;
        fake.lines = [];
      }
      changed.notify();
    },
    setAway(value: boolean) {
      isAway = value;
      changed.notify();
    },
  };
}
