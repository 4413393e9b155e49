import { IsthmusError } from "../../base/index.ts";
import { kinds } from "../../kube/index.ts";
import type { GraphLevel, TrafficGraph } from "../../telemetry/index.ts";
import type { NodeFacts, TrafficPage } from "../api.ts";
import type { Reader } from "../reader.ts";
import { type ReadWorkload, readWorkloads, workloadRow } from "./read-workloads.ts";
import { rangeOf } from "./traffic-sums.ts";

const levels: readonly GraphLevel[] = ["workload", "app", "versionedApp", "service", "cluster"];

/** Who calls whom, with what else is known of the callers and the called. */
export async function trafficPage(reader: Reader, query: URLSearchParams): Promise<TrafficPage> {
  const level = query.get("level") ?? "versionedApp";
  if (!levels.some((known) => known === level))
    throw new IsthmusError("arguments/wrong", `there is no graph of "${level}"`, {
      nextStep: `One of ${levels.join(", ")}.`,
    });
  const at = Number(query.get("at") ?? Number.NaN);
  const [namespaces, clusters] = [listOf(query.get("ns")), listOf(query.get("clusters"))];
  const graph = reader.graph({
    level: level as GraphLevel,
    rangeSeconds: rangeOf(query),
    ...(Number.isFinite(at) ? { at } : {}),
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(clusters === undefined ? {} : { clusters }),
    withServices: query.get("services") === "1",
    withIdle: query.get("idle") === "1",
  });
  const state = await reader.state();
  const read = await Promise.all(
    state.clusters.map(async ({ name, primary }) => ({
      workloads: await readWorkloads(reader, name),
      virtualServices: primary === name ? (await reader.list(name, kinds.virtualServices)).items : [],
    })),
  );
  const workloads = read.flatMap(({ workloads: one }) => one.workloads);
  const outside = new Set(
    workloads
      .filter((one) => {
        const { proxies, role } = workloadRow(one, state);
        return proxies.state === "none" && role === "app" && one.pods.length > 0;
      })
      .flatMap((one) => keysOf(one)),
  );
  const routed = new Set(
    read.flatMap(({ virtualServices }) =>
      virtualServices.flatMap(({ metadata, ...object }) => {
        const { hosts = [] } = (object["spec"] ?? {}) as { readonly hosts?: readonly string[] };
        return hosts.map((host) => shortHost(host, metadata.namespace ?? "default"));
      }),
    ),
  );
  return {
    ...(graph === undefined ? {} : { graph: withoutMoment(graph) }),
    facts: graph === undefined ? {} : factsOf(graph, outside, routed),
    namespaces: [...new Set(workloads.map(({ id }) => id.namespace))].sort(),
  };
}

/** A graph that differs in nothing but its time is the same picture. */
function withoutMoment(graph: TrafficGraph): TrafficGraph {
  return { ...graph, at: 0 };
}

function factsOf(
  { nodes, edges }: TrafficGraph,
  outside: ReadonlySet<string>,
  routed: ReadonlySet<string>,
): Readonly<Record<string, NodeFacts>> {
  const facts: Record<string, NodeFacts> = {};
  for (const { id, kind, cluster, namespace, name } of nodes) {
    const isOutsideMesh =
      (kind === "workload" || kind === "app") && outside.has(`${cluster}/${namespace}/${name}`);
    const asked = edges.filter(({ to, service }) => to === id && service !== undefined);
    const hasVirtualService =
      (kind === "service" && routed.has(`${name}.${namespace}`)) ||
      asked.some(({ service = "" }) => routed.has(shortHost(service, "")));
    if (isOutsideMesh || hasVirtualService)
      facts[id] = {
        ...(isOutsideMesh ? { isOutsideMesh: true } : {}),
        ...(hasVirtualService ? { hasVirtualService: true } : {}),
      };
  }
  return facts;
}

/** Workloads are found in graphs by their own names and by those of their apps. */
function keysOf({ id, template }: ReadWorkload): readonly string[] {
  const place = `${id.cluster}/${id.namespace}`;
  const app = template.labels["app"];
  return [`${place}/${id.name}`, ...(app === undefined ? [] : [`${place}/${app}`])];
}

/** "reviews.shop" of every form in which that service is written. */
function shortHost(host: string, namespace: string): string {
  const [name = "", place = namespace, next] = host.split(".");
  return host.includes(".") && next !== undefined && next !== "svc" ? host : `${name}.${place}`;
}

function listOf(text: string | null): readonly string[] | undefined {
  const items = (text ?? "").split(",").filter((item) => item !== "");
  return items.length === 0 ? undefined : items;
}
