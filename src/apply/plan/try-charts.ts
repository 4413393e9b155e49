import { isDeepStrictEqual } from "node:util";
import { IsthmusError } from "../../base/index.ts";
import type { AddressReference, ChartReference, Compiled, Wave } from "../../compile/index.ts";
import { type KubeClient, type KubeObject, kinds } from "../../kube/index.ts";
import type { Helm, HelmTarget } from "../helm/helm-cli.ts";
import { findRelease } from "../helm/helm-release.ts";
import { isInFolder } from "../helm/install-release.ts";
import { inventoryId } from "../inventory.ts";
import { fillLateValues } from "../late-values.ts";
import { createResourceMap } from "../resource-map.ts";
import { diffValues } from "./diff-objects.ts";
import { diffRelease } from "./diff-release.ts";
import {
  type ClusterPlan,
  helmRelease,
  type Place,
  type PlannedChange,
  placed,
  planObject,
} from "./plan-cluster.ts";

export interface TryChartsOptions {
  readonly compiled: Compiled;
  /** Of all clusters that can be asked: a chart may need an address in another one. */
  readonly clients: ReadonlyMap<string, KubeClient>;
  readonly helm: Helm;
  readonly target: HelmTarget;
}

/** Stands for an address that is not there before the apply (RFC 5737). */
const someAddress = "192.0.2.1";

/**
 * A cluster's plan with what its Helm charts would come to: helm renders each as a dry run, and the API server is asked for every object as
 * a dry run, so that its admission has its say. Charts whose releases are as they should be bring nothing. Changes nothing.
 */
export async function tryCharts(plan: ClusterPlan, options: TryChartsOptions): Promise<ClusterPlan> {
  const { compiled, clients } = options;
  const client = clients.get(plan.cluster);
  if (client === undefined) return plan;
  const resources = createResourceMap(client);
  const namespaces = (await client.list(kinds.namespaces)).items.map(({ metadata }) => metadata.name);
  const place: Place = { client, resources, namespaces: new Set(namespaces), effects: [] };
  let changes = plan.changes;
  for (const item of compiled.clusters.get(plan.cluster) ?? []) {
    if (item.kind !== "chart") continue;
    const tried = await tryChart(place, item.chart, item.wave, options);
    if (tried.length > 0) changes = insert(changes, tried);
  }
  return { ...plan, changes };
}

/** The release, and what it consists of after it. */
async function tryChart(
  place: Place,
  chart: ChartReference,
  wave: Wave,
  { helm, target, clients }: TryChartsOptions,
): Promise<readonly PlannedChange[]> {
  const { name, namespace, from } = chart;
  const present = await findRelease(place.client, name, namespace);
  const differs = present === undefined ? [] : diffRelease(present, chart);
  const base = { kind: helmRelease, namespace, name, wave, from, fields: differs };
  if (present !== undefined && differs.length === 0 && !isInFolder(chart)) return [];
  if (present !== undefined && /^pending-|^uninstalling/.test(present.status))
    return [
      { ...base, action: "change", note: `not tried: ${present.status}, a helm is or was at work on it` },
    ];
  const unknown: string[] = [];
  const values = await fillLateValues(chart.values, async (reference) => {
    const known = await addressIn(clients, reference);
    if (known === undefined) unknown.push(`${reference.cluster}/${reference.namespace}/${reference.service}`);
    return known ?? someAddress;
  });
  let rendered: readonly KubeObject[];
  try {
    rendered = await helm.preview({ ...chart, values: values as ChartReference["values"] }, target);
  } catch (reason) {
    if (!(reason instanceof IsthmusError && reason.code === "tool/failed")) throw reason;
    return [{ ...base, action: present === undefined ? "create" : "change", refused: reason.message }];
  }
  if (present !== undefined && differs.length === 0 && isDeepStrictEqual(present.objects, rendered))
    return [];
  const objects = await Promise.all(rendered.map((object) => placed(place.resources, object, namespace)));
  const before = new Map(await Promise.all((present?.objects ?? []).map(withId)));
  const wanted = new Set(objects.map(inventoryId));
  const tried: PlannedChange[] = [];
  for (const object of objects) {
    const change = await tryObject(place, object, wave, `chart ${name}`, before.get(inventoryId(object)));
    if (change !== undefined) tried.push(change);
  }
  const gone = [...before]
    .filter(([id]) => !wanted.has(id))
    .map(
      ([, object]): PlannedChange => ({
        ...nameOf(object),
        ...{ action: "delete", from: `chart ${name}`, fields: [], note: "not in the chart any more" },
      }),
    );
  const note = unknown.map((service) => `with ${someAddress} for the address of ${service}`).join(", ");
  return [
    {
      ...base,
      action: present === undefined ? "create" : "change",
      ...(note === "" ? {} : { note }),
    },
    ...tried,
    ...gone,
  ];

  async function withId(object: KubeObject): Promise<readonly [string, KubeObject]> {
    const where = await placed(place.resources, object, namespace);
    return [inventoryId(where), where];
  }
}

async function tryObject(
  place: Place,
  object: KubeObject,
  wave: Wave,
  from: string,
  before: KubeObject | undefined,
): Promise<PlannedChange | undefined> {
  const { namespace } = object.metadata;
  const isUntried = namespace !== undefined && !place.namespaces.has(namespace);
  const planned = await planObject(place, { kind: "object", object, wave, from });
  // Helm takes away what its chart no longer sets, and asks nobody whose fields they are.
  const dropped =
    before === undefined ? [] : diffValues(before, object).filter(({ after }) => after === undefined);
  if (planned === undefined)
    return dropped.length === 0
      ? undefined
      : { ...nameOf(object), action: "change", wave, from, fields: dropped };
  const { conflicts: _, ...change } = planned;
  return {
    ...change,
    fields: [...change.fields, ...dropped],
    ...(isUntried ? { note: `not tried: namespace ${namespace} is not there yet` } : {}),
  };
}

async function addressIn(
  clients: ReadonlyMap<string, KubeClient>,
  { cluster, namespace, service }: AddressReference,
): Promise<string | undefined> {
  const present = await clients.get(cluster)?.get(kinds.services, service, namespace);
  const ingress = present?.status?.loadBalancer?.ingress?.[0];
  return ingress?.ip ?? ingress?.hostname;
}

/** In the place of the release's own line, or at the end of its wave's. */
function insert(
  changes: readonly PlannedChange[],
  tried: readonly PlannedChange[],
): readonly PlannedChange[] {
  const [release] = tried;
  const at = changes.findIndex(
    ({ kind, name, namespace }) =>
      kind === helmRelease && name === release?.name && namespace === release.namespace,
  );
  if (at >= 0) return changes.toSpliced(at, 1, ...tried);
  const last = changes.findLastIndex(({ wave }) => wave === release?.wave);
  return changes.toSpliced(last + 1, 0, ...tried);
}

function nameOf({ kind, metadata: { name, namespace } }: KubeObject) {
  return { kind, name, ...(namespace === undefined ? {} : { namespace }) };
}
