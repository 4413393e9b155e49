import { apiVersionOf, type KubeObject, type Pod } from "../../kube/index.ts";
import type { ContainerUsage, PodConnector, PodUsage } from "../contracts.ts";
import { child, text } from "../draft.ts";
import type { Answer, Call } from "../http/call.ts";
import { notFound } from "../status.ts";
import { type Context, keyOf, type Target, timestamp } from "../verbs/context.ts";
import { listAnswer, objectAnswer } from "../verbs/present.ts";
import { selectionOf } from "../verbs/selection.ts";

/** Answers a GET of metrics.k8s.io: what pods and nodes use, as metrics-server would say it. Nothing of it is stored. */
export async function resourceMetrics(
  context: Context,
  pods: PodConnector,
  call: Call,
  target: Target,
): Promise<Answer> {
  const { type, namespace, name } = target;
  const usages = await pods.usage();
  const all = type.plural === "nodes" ? nodeMetrics(context, usages) : podMetrics(context, usages);
  const selection = selectionOf(type, call.query);
  const apiVersion = apiVersionOf(type);
  const chosen = all
    .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
    .map((object): KubeObject => ({ kind: type.kind, apiVersion, ...object }))
    .filter((object) => (name === undefined ? selection.matches(object) : object.metadata.name === name));
  if (name === undefined) {
    const metadata = { resourceVersion: "" };
    return listAnswer(context, call, type, {
      kind: "list",
      apiVersion,
      listKind: type.listKind,
      metadata,
      items: chosen,
    });
  }
  const [object] = chosen;
  if (object === undefined) throw notFound(type, namespace === undefined ? name : `${namespace}/${name}`);
  return objectAnswer(context, call, type, 200, object);
}

/** An object of metrics.k8s.io, as far as it depends on what was measured. */
interface Metrics {
  readonly metadata: KubeObject["metadata"];
  readonly [field: string]: unknown;
}

function podMetrics({ store, clock }: Context, usages: readonly PodUsage[]): Metrics[] {
  const stored = store.resource("pods");
  return usages.flatMap(({ pod, timestamp: at, window, containers }) => {
    const object = stored.get(keyOf(pod.name, pod.namespace));
    // On its way out of the API, and still running.
    if (object === undefined) return [];
    const { labels } = object.metadata;
    return {
      metadata: {
        name: pod.name,
        namespace: pod.namespace,
        creationTimestamp: timestamp(clock.now()),
        ...(labels === undefined ? {} : { labels }),
      },
      timestamp: timestamp(at),
      window: duration(window),
      containers: containers.map((one) => ({ name: one.name, usage: usageOf(one) })),
    };
  });
}

/** What a node's pods use together: nothing else runs there. */
function nodeMetrics({ store, clock }: Context, usages: readonly PodUsage[]): Metrics[] {
  const pods = store.resource("pods");
  const nodes = new Map<string, PodUsage[]>();
  for (const usage of usages) {
    const pod = pods.get(keyOf(usage.pod.name, usage.pod.namespace)) as Pod | undefined;
    const node = pod?.spec.nodeName ?? "";
    nodes.set(node, [...(nodes.get(node) ?? []), usage]);
  }
  return store
    .resource("nodes")
    .list()
    .filter(isReady)
    .map(({ metadata: { name, labels } }) => {
      const own = nodes.get(name) ?? [];
      const containers = own.flatMap((usage) => usage.containers);
      const sum = (field: "cpu" | "memory") => containers.reduce((total, one) => total + one[field], 0);
      return {
        metadata: {
          name,
          creationTimestamp: timestamp(clock.now()),
          ...(labels === undefined ? {} : { labels }),
        },
        timestamp: timestamp(Math.max(0, ...own.map((usage) => usage.timestamp)) || clock.now()),
        window: duration(Math.max(0, ...own.map((usage) => usage.window))),
        usage: usageOf({ cpu: sum("cpu"), memory: sum("memory") }),
      };
    });
}

function isReady(node: KubeObject): boolean {
  const conditions = child(node, "status")?.["conditions"];
  return (
    Array.isArray(conditions) &&
    conditions.some((one) => text(one, "type") === "Ready" && text(one, "status") === "True")
  );
}

/** Billionths of a processor and kibibytes, as kubelets give them. */
function usageOf({ cpu, memory }: Pick<ContainerUsage, "cpu" | "memory">) {
  return { cpu: `${Math.round(cpu * 1e9)}n`, memory: `${Math.round(memory / 1024)}Ki` };
}

/** Milliseconds as Go writes a duration of seconds. */
function duration(milliseconds: number): string {
  return `${Number((milliseconds / 1000).toFixed(3))}s`;
}
