import { isApiError, type Pod, type PodTemplate } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { revisionLabel } from "../core/controller-revisions.ts";
import { controllerReference } from "../core/owners.ts";
import { podFromTemplate } from "../core/pod-control.ts";
import { volumeClaims } from "../volumes/volume-kinds.ts";
import { type StatefulSet, statefulSets } from "./stateful-set.ts";

/** The pod with this ordinal, of this revision: stable name, host name and claims. */
export function statefulPod(set: StatefulSet, template: PodTemplate, ordinal: number, revision: string): Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  const owner = controllerReference(statefulSets, set);
  const pod = podFromTemplate(template, { namespace: set.metadata.namespace, name, owner });
  const claims = (set.spec.volumeClaimTemplates ?? []).map(({ metadata }) => ({
    name: metadata.name,
    persistentVolumeClaim: { claimName: `${metadata.name}-${name}` },
  }));
  const ownVolumes = (pod.spec.volumes ?? []).filter(
    (volume) => !claims.some((claim) => claim.name === volume.name),
  );
  const volumes = [...claims, ...ownVolumes];
  const { serviceName } = set.spec;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata.labels,
        "apps.kubernetes.io/pod-index": String(ordinal),
        "statefulset.kubernetes.io/pod-name": name,
        [revisionLabel]: revision,
      },
    },
    spec: {
      ...pod.spec,
      hostname: name,
      ...(serviceName === undefined || serviceName === "" ? {} : { subdomain: serviceName }),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}

/** Makes the pod's volume claims where they are missing. They outlive the pod, that is their point. */
export async function ensureClaims(cluster: Cluster, set: StatefulSet, pod: Pod): Promise<void> {
  const { namespace = "" } = set.metadata;
  for (const claim of set.spec.volumeClaimTemplates ?? []) {
    const name = `${claim.metadata.name}-${pod.metadata.name}`;
    try {
      await cluster.create(volumeClaims, {
        ...claim,
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: {
          ...claim.metadata,
          name,
          namespace,
          labels: { ...claim.metadata.labels, ...set.spec.selector.matchLabels },
        },
      });
    } catch (reason) {
      if (!isApiError(reason, 409)) throw reason;
    }
  }
}
