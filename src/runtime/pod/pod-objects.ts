import type { Logger } from "../../base/index.ts";
import {
  type ConfigMap,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type Secret,
  startInformer,
} from "../../kube/index.ts";

/** A Secret or ConfigMap that a pod refers to. */
export interface ObjectReference {
  readonly kind: "secret" | "configmap";
  readonly name: string;
  /** The version that was looked at; absent when there was no such object. */
  readonly resourceVersion?: string;
}

/** Something that a pod needs and that is not there (yet). `message` is a kubelet's text for it. */
export class MissingReference extends Error {
  override readonly name = "MissingReference";
  /** What to wait for; undefined when only a change of the pod itself can help. */
  readonly reference: ObjectReference | undefined;

  constructor(message: string, reference?: ObjectReference) {
    super(message);
    this.reference = reference;
  }
}

/** Reads what the pods of one namespace refer to. */
export interface PodObjects {
  /** Values by key. Undefined when there is no such object and `optional` is true; else throws MissingReference. */
  values(
    kind: "secret" | "configmap",
    name: string,
    optional: boolean,
  ): Promise<ReferencedValues | undefined>;
  /** Resolves when the object exists in another version than the reference names, or when `signal` aborts. */
  changed(reference: ObjectReference, signal: AbortSignal): Promise<void>;
}

export interface ReferencedValues {
  readonly values: ReadonlyMap<string, Buffer>;
  readonly reference: ObjectReference;
}

export function createPodObjects(client: KubeClient, namespace: string, log: Logger): PodObjects {
  return {
    async values(kind, name, optional) {
      const object =
        kind === "secret"
          ? await client.get(kinds.secrets, name, namespace)
          : await client.get(kinds.configMaps, name, namespace);
      if (object === undefined) {
        if (optional) return undefined;
        throw new MissingReference(`${kind} "${name}" not found`, { kind, name });
      }
      const values = kind === "secret" ? secretValues(object) : configMapValues(object);
      const { resourceVersion } = object.metadata;
      return {
        values,
        reference: { kind, name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      };
    },
    changed({ kind, name, resourceVersion }, signal) {
      if (signal.aborted) return Promise.resolve();
      const wanted: Kind<KubeObject> = kind === "secret" ? kinds.secrets : kinds.configMaps;
      const watch = new AbortController();
      const stop = () => watch.abort();
      signal.addEventListener("abort", stop, { once: true });
      return new Promise<void>((resolve) => {
        watch.signal.addEventListener("abort", () => resolve(), { once: true });
        const informer = startInformer(client, wanted, {
          namespace,
          fieldSelector: `metadata.name=${name}`,
          signal: watch.signal,
          log,
        });
        informer.subscribe((change) => {
          if (change.type !== "deleted" && change.object.metadata.resourceVersion !== resourceVersion) stop();
        });
      }).then(() => signal.removeEventListener("abort", stop));
    },
  };
}

function secretValues({ data }: Secret): ReadonlyMap<string, Buffer> {
  return new Map(Object.entries(data ?? {}).map(([name, value]) => [name, Buffer.from(value, "base64")]));
}

function configMapValues({ data, binaryData }: ConfigMap): ReadonlyMap<string, Buffer> {
  return new Map([
    ...Object.entries(data ?? {}).map(([name, value]) => [name, Buffer.from(value, "utf8")] as const),
    ...Object.entries(binaryData ?? {}).map(([name, value]) => [name, Buffer.from(value, "base64")] as const),
  ]);
}
