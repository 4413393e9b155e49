import type { Pod, PodSpec, VirtualNode } from "../../kube/index.ts";
import {
  homeNodeLabel,
  homeUidAnnotation,
  reflectedMetadata,
  reflectionLabels,
  virtualNodeTaint,
} from "./marks.ts";

/** Between which clusters pods are reflected, and over which virtual node. */
export interface PodRoute {
  /** Cluster that the pods belong to. */
  readonly home: string;
  readonly provider: string;
  /** Name of the virtual node at home. */
  readonly node: string;
  readonly patch?: NonNullable<VirtualNode["spec"]>["offloadingPatch"];
}

/**
 * What is about a pod's place at home, or about objects that are only there. Pods of others may not use the network and
 * processes of a provider's nodes.
 */
const staysAtHome = [
  "nodeName",
  "nodeSelector",
  "affinity",
  "topologySpreadConstraints",
  "schedulerName",
  "priority",
  "priorityClassName",
  "preemptionPolicy",
  "runtimeClassName",
  "overhead",
  "serviceAccount",
  "ephemeralContainers",
  "readinessGates",
  "hostNetwork",
  "hostPID",
  "hostIPC",
] as const;

/**
 * The pod that runs on the provider for one at home: of the same name, as admission and injection at home left it, to be
 * scheduled there anew. It mounts no token of the provider's: its content comes from home.
 */
export function remotePod(pod: Pod, route: PodRoute): Pod {
  const spec: Record<string, unknown> = { ...pod.spec };
  for (const field of staysAtHome) delete spec[field];
  const { nodeSelector, tolerations = [], affinity } = route.patch ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: remoteMetadata(pod, route),
    spec: {
      ...(spec as unknown as PodSpec),
      automountServiceAccountToken: false,
      tolerations: [
        ...(pod.spec.tolerations ?? []).filter(({ key }) => key !== virtualNodeTaint.key),
        ...tolerations,
      ],
      ...(nodeSelector === undefined ? {} : { nodeSelector }),
      ...(affinity === undefined ? {} : { affinity }),
    },
  };
}

function remoteMetadata(pod: Pod, { home, provider, node }: PodRoute): Pod["metadata"] {
  const { name, namespace = "", uid = "" } = pod.metadata;
  const marks = { ...reflectionLabels(home, provider), [homeNodeLabel]: node };
  const { labels, annotations } = reflectedMetadata(pod.metadata, marks);
  return { name, namespace, labels, annotations: { ...annotations, [homeUidAnnotation]: uid } };
}

/**
 * The strategic merge patch by which a reflected pod follows its pod at home: labels, annotations and images, all that
 * may change of a running pod. Annotations that others made stay. Undefined when there is nothing to change.
 */
export function remotePodPatch(pod: Pod, remote: Pod, route: PodRoute): object | undefined {
  const wanted = remoteMetadata(pod, route);
  const { labels: present = {}, annotations: noted = {} } = remote.metadata;
  const labels = {
    ...changedEntries(wanted.labels ?? {}, present),
    ...Object.fromEntries(
      Object.keys(present)
        .filter((name) => wanted.labels?.[name] === undefined)
        .map((name) => [name, null]),
    ),
  };
  const annotations = changedEntries(wanted.annotations ?? {}, noted);
  const containers = changedImages(pod.spec.containers, remote.spec.containers);
  const initContainers = changedImages(pod.spec.initContainers ?? [], remote.spec.initContainers ?? []);
  if ([labels, annotations].every(isEmpty) && containers.length + initContainers.length === 0)
    return undefined;
  return {
    metadata: { labels, annotations },
    ...(containers.length + initContainers.length === 0
      ? {}
      : {
          spec: {
            ...(containers.length === 0 ? {} : { containers }),
            ...(initContainers.length === 0 ? {} : { initContainers }),
          },
        }),
  };
}

/** Containers that were added to the pod at home to look into it, and that its reflection does not have yet. */
export function missingEphemeralContainers(
  pod: Pod,
  remote: Pod,
): NonNullable<PodSpec["ephemeralContainers"]> {
  const known = new Set((remote.spec.ephemeralContainers ?? []).map(({ name }) => name));
  return (pod.spec.ephemeralContainers ?? []).filter(({ name }) => !known.has(name));
}

function changedEntries(
  wanted: Readonly<Record<string, string>>,
  present: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => present[name] !== value));
}

function changedImages(wanted: PodSpec["containers"], present: PodSpec["containers"]) {
  return wanted.flatMap(({ name, image }) => {
    const before = present.find((container) => container.name === name);
    return before === undefined || image === undefined || before.image === image ? [] : [{ name, image }];
  });
}

const isEmpty = (object: object) => Object.keys(object).length === 0;
