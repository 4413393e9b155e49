import { formatMetricsPage, type MetricRows } from "../../base/index.ts";
import type { Pod } from "../../kube/index.ts";
import type { ContainerUsage, PodConnector } from "../contracts.ts";
import type { Answer } from "../http/call.ts";
import { plainText } from "../http/call.ts";
import { notFound } from "../status.ts";
import { type Context, keyOf, type Target } from "../verbs/context.ts";
import { found } from "../verbs/read.ts";

/**
 * Answers nodes/NAME/proxy/PATH for the pages of a kubelet that Prometheus reads: /metrics/cadvisor, with what each
 * container uses, and /healthz. There is nothing else behind a node here.
 */
export async function nodePage(
  context: Context,
  pods: PodConnector,
  target: Target,
  path: string,
): Promise<Answer> {
  const node = found(context, target);
  if (path === "healthz") return plainText(200, "ok");
  if (path !== "metrics/cadvisor") throw notFound(target.type, `${node.metadata.name}/proxy/${path}`);
  const stored = context.store.resource("pods");
  const onNode = (await pods.usage()).filter(({ pod }) => {
    const object = stored.get(keyOf(pod.name, pod.namespace)) as Pod | undefined;
    return object?.spec.nodeName === node.metadata.name;
  });
  const rows = (value: (container: ContainerUsage) => number): MetricRows["rows"] =>
    onNode.flatMap(({ pod, containers }) =>
      containers.map((container) => [
        { namespace: pod.namespace, pod: pod.name, container: container.name },
        value(container),
      ]),
    );
  const text = formatMetricsPage([
    {
      name: "container_cpu_usage_seconds_total",
      help: "Cumulative cpu time consumed in seconds.",
      type: "counter",
      rows: rows(({ cpuSeconds }) => cpuSeconds),
    },
    ...["container_memory_usage_bytes", "container_memory_working_set_bytes"].map(
      (name): MetricRows => ({
        name,
        help: "Memory in use, in bytes.",
        type: "gauge",
        rows: rows(({ memory }) => memory),
      }),
    ),
  ]);
  return { kind: "text", status: 200, body: text, headers: { "content-type": "text/plain; version=0.0.4" } };
}
