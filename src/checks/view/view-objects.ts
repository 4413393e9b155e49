import {
  groupVersion,
  isInjected,
  type KubeObject,
  key,
  matchesLabels,
  objectKey,
  type Pod,
  type PodTemplate,
} from "../../kube/index.ts";
import type { CheckedCluster, ClusterView, WrittenObject } from "../contracts.ts";
import { makeView, type ObjectsByKind } from "./make-view.ts";
import { type ReadKind, readKinds } from "./read-kinds.ts";

/** A workload by its pod template, of any kind that has one. */
interface Workload extends KubeObject {
  readonly spec: { readonly template?: PodTemplate; readonly replicas?: number };
}

/**
 * What checks look at, of objects that no API server has: as it would be once they were applied and their pods ran. An
 * object that comes again replaces the earlier one.
 */
export function viewObjects(
  cluster: Omit<CheckedCluster, "client">,
  objects: readonly WrittenObject[],
): ClusterView {
  const places = new Map<KubeObject, string>();
  const kept = new Map<string, { readonly kind: ReadKind; readonly object: KubeObject }>();
  const workloads: Workload[] = [];
  for (const { object: written, writtenAt } of objects) {
    const kind = kindOf(written);
    const isNamespaced = kind === undefined ? hasTemplate(written) : readKinds[kind].kind.namespaced;
    const object = placed(written, isNamespaced);
    if (writtenAt !== undefined) places.set(object, writtenAt);
    if (hasTemplate(object)) workloads.push(object);
    if (kind !== undefined) kept.set(`${kind} ${objectKey(object)}`, { kind, object });
  }
  const byKind: Partial<Record<ReadKind, KubeObject[]>> = {};
  for (const { kind, object } of kept.values()) byKind[kind] = [...(byKind[kind] ?? []), object];
  const pods = podsOf(workloads, byKind);
  for (const { pod, of } of pods) {
    const place = places.get(of);
    if (place !== undefined) places.set(pod, place);
  }
  return makeView(
    cluster,
    { ...byKind, pods: [...(byKind.pods ?? []), ...pods.map(({ pod }) => pod)] },
    places,
  );
}

/** The name in a view of an object's kind; undefined for a kind that no check looks at. */
export function kindOf({ apiVersion, kind }: KubeObject): ReadKind | undefined {
  const { group } = groupVersion(apiVersion);
  return (Object.keys(readKinds) as ReadKind[]).find(
    (name) => readKinds[name].kind.kind === kind && readKinds[name].kind.group === group,
  );
}

function placed(object: KubeObject, isNamespaced: boolean): KubeObject {
  const { namespace, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: isNamespaced ? { ...metadata, namespace: namespace ?? "default" } : metadata,
  };
}

function hasTemplate(object: KubeObject): object is Workload {
  const { kind, spec } = object;
  return (
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].includes(kind) &&
    typeof spec === "object" &&
    spec !== null &&
    "template" in spec
  );
}

/** A pod for each workload that has none among the objects, as injection would leave it. */
function podsOf(
  workloads: readonly Workload[],
  { pods = [], namespaces = [] }: ObjectsByKind,
): readonly { readonly pod: Pod; readonly of: Workload }[] {
  return workloads.flatMap((of) => {
    const { template, replicas } = of.spec;
    const { name, namespace } = of.metadata;
    const labels = template?.metadata?.labels ?? {};
    const isThere = pods.some(
      ({ metadata }) => metadata.namespace === namespace && matchesLabels(labels, metadata.labels),
    );
    if (template === undefined || replicas === 0 || isThere) return [];
    const home = namespaces.find(({ metadata }) => metadata.name === namespace);
    const asked =
      labels["sidecar.istio.io/inject"] ?? template.metadata?.annotations?.["sidecar.istio.io/inject"];
    const getsProxy =
      template.spec.hostNetwork !== true &&
      (asked === undefined ? home !== undefined && isInjected(home) : asked === "true");
    const containers = template.spec.containers ?? [];
    const isOwn = containers.some((container) => container.name === "istio-proxy");
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...template.metadata,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ownerReferences: [{ apiVersion: of.apiVersion, kind: of.kind, name, uid: key(name, namespace) }],
      },
      spec: {
        ...template.spec,
        containers: [
          // Injection replaces "auto"; that there is none is said of the template.
          ...containers.map(({ image, ...rest }) =>
            image === undefined || image === "auto" ? rest : { ...rest, image },
          ),
          ...(getsProxy && !isOwn ? [{ name: "istio-proxy" }] : []),
        ],
      },
    };
    return [{ pod, of }];
  });
}
