import {
  type EndpointSlice,
  isApiError,
  kinds,
  type OwnerReference,
  serviceNameLabel,
} from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { planSlices, type SliceContent, type SliceGroup } from "./plan-slices.ts";

export const managedByLabel = "endpointslice.kubernetes.io/managed-by";

/**
 * Makes the slices that one controller keeps for one Service hold these groups. Slices of an earlier Service of
 * the same name go. New ones are written before old ones are deleted, so that no endpoint is missing in between.
 */
export async function writeSlices(
  cluster: Cluster,
  options: {
    readonly namespace: string;
    /** Of the Service. */
    readonly name: string;
    readonly managedBy: string;
    readonly owner: OwnerReference;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly groups: readonly SliceGroup[];
  },
): Promise<void> {
  const { namespace, name, managedBy, owner, groups, annotations = {} } = options;
  const labels = { ...options.labels, [serviceNameLabel]: name, [managedByLabel]: managedBy };
  const present = ownSlices(cluster, namespace, name, managedBy);
  const isOurs = ({ metadata }: EndpointSlice) =>
    (metadata.ownerReferences ?? []).some(({ uid }) => uid === owner.uid);
  const foreign = present.filter((slice) => !isOurs(slice));
  const plan = planSlices(present.filter(isOurs), groups);
  await Promise.all(
    plan.create.map((content) =>
      cluster.create(kinds.endpointSlices, {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          name: "",
          generateName: `${name}-`,
          namespace,
          labels,
          ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
          ownerReferences: [owner],
        },
        ...content,
      }),
    ),
  );
  for (const { slice, content } of plan.update) {
    if (isTrue(slice, content, labels, annotations)) continue;
    const metadata = { ...slice.metadata, labels, annotations };
    try {
      await cluster.replace(kinds.endpointSlices, { ...slice, ...content, metadata });
    } catch (reason) {
      if (!isApiError(reason, 404)) throw reason;
    }
  }
  for (const slice of [...plan.remove, ...foreign]) await removeSlice(cluster, slice);
}

/** Deletes all slices that this controller keeps for a Service. */
export async function removeSlices(
  cluster: Cluster,
  namespace: string,
  name: string,
  managedBy: string,
): Promise<void> {
  for (const slice of ownSlices(cluster, namespace, name, managedBy)) await removeSlice(cluster, slice);
}

async function removeSlice(cluster: Cluster, slice: EndpointSlice): Promise<void> {
  await cluster.remove(kinds.endpointSlices, slice);
}

function ownSlices(
  cluster: Cluster,
  namespace: string,
  name: string,
  managedBy: string,
): readonly EndpointSlice[] {
  return cluster
    .store(kinds.endpointSlices)
    .list(namespace)
    .filter(
      ({ metadata: { labels, deletionTimestamp } }) =>
        labels?.[serviceNameLabel] === name &&
        labels[managedByLabel] === managedBy &&
        deletionTimestamp === undefined,
    );
}

function isTrue(
  slice: EndpointSlice,
  content: SliceContent,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): boolean {
  return (
    isEquivalent(slice.endpoints, content.endpoints) &&
    isEquivalent(slice.ports, content.ports) &&
    isEquivalent(slice.metadata.labels, labels) &&
    isEquivalent(slice.metadata.annotations, annotations)
  );
}
