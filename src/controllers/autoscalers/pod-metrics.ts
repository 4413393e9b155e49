import { type Kind, type KubeObject, type Pod, quantityMillis } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";

/** metrics.k8s.io PodMetrics. */
export interface PodMetrics extends KubeObject {
  readonly timestamp: string;
  /** A Go duration in seconds: "15.2s". */
  readonly window: string;
  readonly containers: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[];
}

export const podMetrics: Kind<PodMetrics> = {
  group: "metrics.k8s.io",
  version: "v1beta1",
  kind: "PodMetrics",
  plural: "pods",
  namespaced: true,
};

/** What a pod uses of one resource, in thousandths, over a window that ended at `timestamp` (milliseconds). */
export interface PodSample {
  readonly value: number;
  readonly timestamp: number;
  readonly window: number;
}

/** Which use is meant: of all containers, or of the one that is named. */
export interface MeasuredResource {
  readonly name: string;
  readonly container?: string;
}

/**
 * What the pods of a selector use of a resource, by the pods' names; pods whose use is not known are left out.
 * Throws, in Kubernetes' words, when there is nothing to read.
 */
export async function readPodSamples(
  { client }: Cluster,
  { name, container }: MeasuredResource,
  namespace: string,
  labelSelector: string,
): Promise<Map<string, PodSample>> {
  const items = await client.list(podMetrics, { namespace, labelSelector }).then(
    (list) => list.items,
    (reason: unknown) => {
      const why = reason instanceof Error ? reason.message : String(reason);
      throw new Error(`unable to fetch metrics from resource metrics API: ${why}`);
    },
  );
  if (items.length === 0) throw new Error("no metrics returned from resource metrics API");
  const samples = new Map<string, PodSample>();
  for (const { metadata, timestamp, window, containers } of items) {
    const chosen = container === undefined ? containers : containers.filter((one) => one.name === container);
    if (container !== undefined && chosen.length === 0)
      throw new Error(
        `failed to get container metrics: container ${container} not present in metrics for pod ${namespace}/${metadata.name}`,
      );
    const values = chosen.map(({ usage }) => quantityMillis(usage[name] ?? ""));
    if (values.length === 0 || values.includes(undefined)) continue;
    samples.set(metadata.name, {
      value: values.reduce((sum: number, value) => sum + (value ?? 0), 0),
      timestamp: Date.parse(timestamp),
      window: Number.parseFloat(window) * 1000,
    });
  }
  return samples;
}

/** What the pods request of the resource, in thousandths, by name. Throws for a container that requests none. */
export function requestsOf(
  pods: readonly Pod[],
  { name, container }: MeasuredResource,
): ReadonlyMap<string, number> {
  return new Map(
    pods.map(({ metadata, spec }) => {
      const lasting = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
      const counted = [...spec.containers, ...lasting].filter(
        (one) => container === undefined || one.name === container,
      );
      if (counted.length === 0) throw new Error(`container ${container} not found in Pod ${metadata.name}`);
      const sum = counted.reduce((total, one) => {
        const request = quantityMillis(one.resources?.requests?.[name] ?? "");
        if (request === undefined)
          throw new Error(`missing request for ${name} in container ${one.name} of Pod ${metadata.name}`);
        return total + request;
      }, 0);
      return [metadata.name, sum];
    }),
  );
}
