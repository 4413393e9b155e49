import { type EndpointSlice, isApiError, kinds, type Service } from "../../kube/index.ts";
import { canonicalJson, isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { splitKey } from "../core/keys.ts";
import { controllerReference } from "../core/owners.ts";
import {
  type EndpointAddress,
  type EndpointSubset,
  type Endpoints,
  endpointsKind,
} from "./endpoints-object.ts";
import { groupId, type SliceGroup } from "./plan-slices.ts";
import { hasEndpoints, type ServiceEndpoint, serviceEndpoints } from "./service-endpoints.ts";
import { writeSlices } from "./write-slices.ts";

const sliceManager = "endpointslice-controller.k8s.io";
const headlessLabel = "service.kubernetes.io/headless";
const endpointsManagerLabel = "endpoints.kubernetes.io/managed-by";
const endpointsManager = "endpoint-controller";

/**
 * Makes the EndpointSlices and the Endpoints object of one Service agree with its pods. Those of a Service that is
 * gone are deleted with it: the slices by the garbage collector, the Endpoints object here, since nobody owns it.
 */
export async function reconcileServiceEndpoints(cluster: Cluster, key: string): Promise<undefined> {
  const { namespace, name } = splitKey(key);
  const service = cluster.store(kinds.services).get(name, namespace);
  if (service === undefined) {
    const endpoints = cluster.store(endpointsKind).get(name, namespace);
    if (endpoints !== undefined) await cluster.remove(endpointsKind, endpoints);
    return;
  }
  if (service.metadata.deletionTimestamp !== undefined || !hasEndpoints(service)) return;
  const rows = serviceEndpoints(cluster, service);
  const headless: Readonly<Record<string, string>> =
    service.spec.clusterIP === "None" ? { [headlessLabel]: "" } : {};
  await writeSlices(cluster, {
    namespace,
    name,
    managedBy: sliceManager,
    owner: controllerReference(kinds.services, service),
    labels: { ...withoutHeadless(service), ...headless },
    groups: groupByPorts(rows),
  });
  await writeEndpoints(cluster, service, rows, headless);
}

function groupByPorts(rows: readonly ServiceEndpoint[]): readonly SliceGroup[] {
  const groups = new Map<string, { addressType: EndpointSlice["addressType"]; rows: ServiceEndpoint[] }>();
  for (const row of rows) {
    const addressType = (row.endpoint.addresses[0] ?? "").includes(":") ? "IPv6" : "IPv4";
    const id = groupId({ addressType, ports: row.ports });
    const group = groups.get(id) ?? { addressType, rows: [] };
    group.rows.push(row);
    groups.set(id, group);
  }
  return [...groups.values()].map(({ addressType, rows: members }) => ({
    addressType,
    ports: members[0]?.ports ?? [],
    endpoints: members.map(({ endpoint }) => endpoint),
  }));
}

function withoutHeadless({ metadata }: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _, ...labels } = metadata.labels ?? {};
  return labels;
}

async function writeEndpoints(
  cluster: Cluster,
  service: Service,
  rows: readonly ServiceEndpoint[],
  headless: Readonly<Record<string, string>>,
): Promise<void> {
  const { name, namespace = "" } = service.metadata;
  const present = cluster.store(endpointsKind).get(name, namespace);
  const labels = { ...withoutHeadless(service), ...headless, [endpointsManagerLabel]: endpointsManager };
  const subsets = subsetsOf(rows);
  if (present === undefined) {
    const metadata = { name, namespace, labels };
    const wanted: Endpoints = {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata,
      ...(subsets.length === 0 ? {} : { subsets }),
    };
    await cluster.create(endpointsKind, wanted);
    return;
  }
  if (isEquivalent(present.subsets, subsets) && isEquivalent(present.metadata.labels, labels)) return;
  try {
    await cluster.replace(endpointsKind, { ...present, metadata: { ...present.metadata, labels }, subsets });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}

/** The same rows as v1 Endpoints has them: addresses with the same ports together, terminating pods left out. */
function subsetsOf(rows: readonly ServiceEndpoint[]): readonly EndpointSubset[] {
  const subsets = new Map<
    string,
    { ready: EndpointAddress[]; notReady: EndpointAddress[]; row: ServiceEndpoint }
  >();
  for (const row of rows) {
    const { addresses, conditions, hostname, nodeName, targetRef } = row.endpoint;
    if (conditions?.terminating === true && conditions.ready !== true) continue;
    const id = canonicalJson(row.ports);
    const subset = subsets.get(id) ?? { ready: [], notReady: [], row };
    subsets.set(id, subset);
    const address: EndpointAddress = {
      ip: addresses[0] ?? "",
      ...(hostname === undefined ? {} : { hostname }),
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(targetRef === undefined ? {} : { targetRef }),
    };
    (conditions?.ready === true ? subset.ready : subset.notReady).push(address);
  }
  return [...subsets.values()].map(({ ready, notReady, row }) => ({
    ...(ready.length === 0 ? {} : { addresses: ready }),
    ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
    ...(row.ports.length === 0 ? {} : { ports: row.ports }),
  }));
}
