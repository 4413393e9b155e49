import {
  isApiError,
  type KubeObject,
  kinds,
  type OwnerReference,
  type Pod,
  type PodTemplate,
} from "../../kube/index.ts";
import type { Cluster } from "./cluster.ts";
import { createRefusals } from "./refusals.ts";

/** Makes and deletes the pods of a controller, and says so in events of the pods' owner. */
export interface PodControl {
  /**
   * Creates a pod for `owner`. When the API server refuses it, `wake` is called as soon as something changes
   * that may alter that, and the refusal is thrown. In a namespace on its way out nothing is created and nothing thrown.
   */
  create(owner: KubeObject, pod: Pod, wake: () => void): Promise<void>;
  /** Deletes the pod gracefully; nothing happens when it is gone. */
  remove(owner: KubeObject, pod: Pod): Promise<void>;
}

/** How a controller puts what it did with a pod, as Kubernetes' one of the same name does. */
export interface PodWording {
  readonly created: (pod: string, owner: string) => string;
  readonly deleted: (pod: string, owner: string) => string;
  readonly createFailed: (pod: string, owner: string, reason: string) => string;
  readonly deleteFailed: (pod: string, owner: string, reason: string) => string;
}

const usualWording: PodWording = {
  created: (pod) => `Created pod: ${pod}`,
  deleted: (pod) => `Deleted pod: ${pod}`,
  createFailed: (_pod, _owner, reason) => `Error creating: ${reason}`,
  deleteFailed: (_pod, _owner, reason) => `Error deleting: ${reason}`,
};

/** `component` is who the events come from, for example "replicaset-controller". */
export function createPodControl(
  cluster: Cluster,
  component: string,
  wording: PodWording = usualWording,
): PodControl {
  const refusals = createRefusals(cluster);
  return {
    async create(owner, pod, wake) {
      try {
        const created = await cluster.create(kinds.pods, pod);
        const message = wording.created(created.metadata.name, owner.metadata.name);
        cluster.events.record(component, owner, { type: "Normal", reason: "SuccessfulCreate", message });
      } catch (reason) {
        const { namespace = "", uid = "" } = owner.metadata;
        if (isNamespaceTerminating(reason)) return;
        if (cluster.signal.aborted) throw reason;
        refusals.add(uid, namespace, wake);
        const message = wording.createFailed(pod.metadata.name, owner.metadata.name, messageOf(reason));
        cluster.events.record(component, owner, { type: "Warning", reason: "FailedCreate", message });
        throw reason;
      }
    },
    async remove(owner, pod) {
      const { name } = pod.metadata;
      try {
        await cluster.remove(kinds.pods, pod);
        const message = wording.deleted(name, owner.metadata.name);
        cluster.events.record(component, owner, { type: "Normal", reason: "SuccessfulDelete", message });
      } catch (reason) {
        const message = wording.deleteFailed(name, owner.metadata.name, messageOf(reason));
        cluster.events.record(component, owner, { type: "Warning", reason: "FailedDelete", message });
        throw reason;
      }
    },
  };
}

/** A pod made from a controller's template. An empty name leaves it to the API server to make one from `prefix`. */
export function podFromTemplate(
  template: PodTemplate,
  options: {
    readonly namespace: string | undefined;
    readonly name?: string;
    readonly prefix?: string;
    readonly owner: OwnerReference;
  },
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const { namespace, name = "", prefix, owner } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      ...(prefix === undefined ? {} : { generateName: prefix }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [owner],
    },
    spec: template.spec,
  };
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function isNamespaceTerminating(reason: unknown): boolean {
  return (
    isApiError(reason, 403) &&
    (reason.status.details?.causes ?? []).some((cause) => cause.reason === "NamespaceTerminating")
  );
}
