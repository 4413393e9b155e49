import { type Clock, createRetry, type Logger } from "../../base/index.ts";
import {
  type Change,
  type Informer,
  isApiError,
  isVirtualNode,
  type KubeClient,
  kinds,
  type Node,
  type Pod,
  type PodLogOptions,
  startInformer,
} from "../../kube/index.ts";
import { createLineQueue } from "./line-queue.ts";
import { type LogLine, type StampedLine, stampedLines } from "./log-line.ts";

export interface PodLogsOptions {
  readonly clusters: readonly { readonly name: string; readonly client: KubeClient }[];
  /** The containers of a pod whose logs are wanted. */
  containersOf(pod: Pod, cluster: string): readonly string[];
  /** Milliseconds since 1970; what was written before is left out. */
  readonly since?: number;
  /** Most lines of each container from before the call. */
  readonly tailLines?: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told of a cluster whose API does not answer. */
  away(cluster: string, reason: unknown): void;
}

/** Logs that are read at a time, over all clusters. */
const mostReads = 16;
/** Lines kept while they are read, the newest. */
const mostLines = 200_000;
/** Lines that wait for a slow reader of followed logs; their writers wait then. */
const mostWaiting = 1000;

/** What containers of all clusters wrote until now, in the order of time: the newest 200,000 lines. */
export async function readPodLogs(options: PodLogsOptions): Promise<readonly LogLine[]> {
  const targets = (await Promise.all(options.clusters.map((cluster) => targetsIn(cluster, options)))).flat();
  let lines: LogLine[] = [];
  const inOrder = () => lines.sort((a, b) => a.at - b.at).slice(-mostLines);
  const work = async () => {
    for (let target = targets.shift(); target !== undefined; target = targets.shift()) {
      try {
        for await (const line of stampedLines(openLog(target, { ...begin(options) }, options.signal)))
          lines.push(lineOf(target, line));
      } catch (reason) {
        // A container that has not begun, and one whose pod has gone meanwhile, wrote nothing.
        if (!isApiError(reason, 400) && !isApiError(reason, 404)) options.away(target.cluster, reason);
      }
      if (lines.length > mostLines * 2) lines = inOrder();
    }
  };
  await Promise.all(Array.from({ length: mostReads }, work));
  options.signal.throwIfAborted();
  return inOrder();
}

/**
 * What containers of all clusters write, as it is written: pods that appear are followed too, a container that begins
 * again and a cluster that comes back are followed on without a gap. Ends when `signal` aborts or the iteration ends.
 */
export async function* followPodLogs(options: PodLogsOptions): AsyncIterable<LogLine> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const queue = createLineQueue<LogLine>(mostWaiting);
  for (const cluster of options.clusters)
    followCluster(cluster, { ...options, signal }, (line) => queue.put(line));
  try {
    yield* queue.values(signal);
  } finally {
    ended.abort();
  }
}

interface Target {
  readonly cluster: string;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

async function targetsIn(
  { name, client }: PodLogsOptions["clusters"][number],
  options: PodLogsOptions,
): Promise<Target[]> {
  try {
    const [pods, nodes] = await Promise.all([client.list(kinds.pods), nodesOf(client)]);
    return pods.items
      .filter((pod) => runsHere(pod, nodes))
      .flatMap((pod) => targetsOf(pod, name, client, options));
  } catch (reason) {
    options.away(name, reason);
    return [];
  }
}

/** None for whoever may read pods and not nodes. */
async function nodesOf(client: KubeClient): Promise<readonly Node[]> {
  try {
    return (await client.list(kinds.nodes)).items;
  } catch (reason) {
    if (isApiError(reason, 403)) return [];
    throw reason;
  }
}

/** A pod on a node that stands for another cluster is read there, where it runs. */
function runsHere({ spec }: Pod, nodes: readonly Node[]): boolean {
  return !nodes.some((node) => node.metadata.name === spec.nodeName && isVirtualNode(node));
}

/** Resolves when the nodes are known, or can't be. */
function known(nodes: Informer<Node>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    nodes.synced.then(resolve, () => resolve());
    nodes.changes.subscribe(() => {
      if (isApiError(nodes.failure, 403)) resolve();
    }, signal);
  });
}

function targetsOf(pod: Pod, cluster: string, client: KubeClient, options: PodLogsOptions): Target[] {
  const { name, namespace = "default" } = pod.metadata;
  return options
    .containersOf(pod, cluster)
    .map((container) => ({ cluster, client, namespace, pod: name, container }));
}

function followCluster(
  { name, client }: PodLogsOptions["clusters"][number],
  options: PodLogsOptions,
  put: (line: LogLine) => Promise<void>,
): void {
  const { signal, log } = options;
  const pods = startInformer(client, kinds.pods, { signal, log });
  const nodes = startInformer(client, kinds.nodes, { signal, log });
  let isAway = false;
  pods.changes.subscribe(() => {
    const { failure } = pods;
    if (failure !== undefined && !isAway) options.away(name, failure);
    isAway = failure !== undefined;
  }, signal);
  /** By pod and container, so that each is followed once. */
  const followed = new Set<string>();
  const follow = ({ type, object }: Change<Pod>) => {
    if (type === "deleted" || !runsHere(object, nodes.list())) return;
    for (const target of targetsOf(object, name, client, options)) {
      const id = `${object.metadata.uid}/${target.container}`;
      if (followed.has(id)) continue;
      followed.add(id);
      const mayWrite = () => {
        const pod = pods.get(target.pod, target.namespace);
        return (
          pod?.metadata.uid === object.metadata.uid && !/^(Succeeded|Failed)$/.test(pod?.status?.phase ?? "")
        );
      };
      void followContainer(target, options, { put, mayWrite }).finally(() => followed.delete(id));
    }
  };
  void known(nodes, signal).then(() => pods.subscribe(follow));
}

async function followContainer(
  target: Target,
  options: PodLogsOptions,
  { put, mayWrite }: { put(line: LogLine): Promise<void>; mayWrite(): boolean },
): Promise<void> {
  const { signal, clock, log } = options;
  const retry = createRetry(clock, { first: 100, most: 5000 });
  let last: Seen | undefined;
  do {
    const range = last === undefined ? begin(options) : { sinceTime: last.stamp };
    const before = last;
    // The API counts in whole seconds, so some lines come again.
    let repeated = before?.count ?? 0;
    try {
      for await (const line of stampedLines(openLog(target, { ...range, follow: true }, signal))) {
        if (before !== undefined && line.stamp < before.stamp) continue;
        if (before !== undefined && line.stamp === before.stamp && repeated-- > 0) continue;
        last = { stamp: line.stamp, count: last?.stamp === line.stamp ? last.count + 1 : 1 };
        retry.reset();
        await put(lineOf(target, line));
        if (signal.aborted) return;
      }
    } catch (reason) {
      // It has not begun yet, or its cluster is away: the watch of the pods tells of that.
      log.debug(
        { pod: target.pod, cluster: target.cluster, reason: String(reason) },
        "a log can't be followed now",
      );
    }
    await retry.wait(signal);
  } while (!signal.aborted && mayWrite());
}

/** The newest time of which lines were seen, and how many. */
interface Seen {
  readonly stamp: string;
  readonly count: number;
}

function begin({ since, tailLines }: PodLogsOptions): PodLogOptions {
  return {
    ...(since === undefined ? {} : { sinceTime: new Date(since).toISOString() }),
    ...(tailLines === undefined ? {} : { tailLines }),
  };
}

function openLog(
  { client, pod, namespace, container }: Target,
  range: PodLogOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return client.podLog(pod, namespace, { ...range, container, timestamps: true }, signal);
}

function lineOf({ cluster, namespace, pod, container }: Target, { stamp, text }: StampedLine): LogLine {
  return { cluster, namespace, pod, container, at: Date.parse(stamp), text };
}
