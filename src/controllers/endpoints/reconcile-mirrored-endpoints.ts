import { type Endpoint, isApiError, kinds } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { splitKey } from "../core/keys.ts";
import { controllerReference } from "../core/owners.ts";
import { type EndpointAddress, type Endpoints, endpointsKind } from "./endpoints-object.ts";
import type { SliceGroup } from "./plan-slices.ts";
import { hasEndpoints } from "./service-endpoints.ts";
import { removeSlices, writeSlices } from "./write-slices.ts";

const mirrorManager = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";

/** Endpoints' own bookkeeping, which says nothing about the slices. */
const keptBack: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "endpoints.kubernetes.io/last-change-trigger-time",
]);

/**
 * Makes EndpointSlices of one hand-made Endpoints object, whose Service has no selector. Where that holds no
 * longer, the slices it made go.
 */
export async function reconcileMirroredEndpoints(cluster: Cluster, key: string): Promise<undefined> {
  const { namespace, name } = splitKey(key);
  const endpoints = cluster.store(endpointsKind).get(name, namespace);
  const service = cluster.store(kinds.services).get(name, namespace);
  const isMirrored =
    endpoints !== undefined && service !== undefined && !hasEndpoints(service) && wantsMirror(endpoints);
  if (!isMirrored) return void (await removeSlices(cluster, namespace, name, mirrorManager));
  const annotations = Object.entries(endpoints.metadata.annotations ?? {}).filter(
    ([annotation]) => !keptBack.has(annotation),
  );
  try {
    await writeSlices(cluster, {
      namespace,
      name,
      managedBy: mirrorManager,
      owner: controllerReference(endpointsKind, endpoints),
      labels: endpoints.metadata.labels ?? {},
      annotations: Object.fromEntries(annotations),
      groups: groupsOf(endpoints),
    });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}

function wantsMirror({ metadata: { labels, annotations, deletionTimestamp } }: Endpoints): boolean {
  return (
    labels?.[skipLabel] !== "true" &&
    annotations?.[leaderAnnotation] === undefined &&
    deletionTimestamp === undefined
  );
}

function groupsOf({ subsets = [] }: Endpoints): readonly SliceGroup[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [
      ...addresses.map((address) => mirrored(address, true)),
      ...notReadyAddresses.map((address) => mirrored(address, false)),
    ];
    return (["IPv4", "IPv6"] as const).map((addressType) => ({
      addressType,
      ports: ports.map((port) => ({ ...port, name: port.name ?? "", protocol: port.protocol ?? "TCP" })),
      endpoints: all.filter(({ addresses: [ip = ""] }) => ip.includes(":") === (addressType === "IPv6")),
    }));
  });
}

function mirrored({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}
