import type { Clock, Logger, Stop } from "../../base/index.ts";
import {
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  objectKey,
  type Secret,
} from "../../kube/index.ts";
import { type Cluster, createCluster } from "../core/cluster.ts";
import { runReconciler } from "../core/controller.ts";
import { splitKey } from "../core/keys.ts";
import { certificates } from "./certificate-kinds.ts";
import { certificateOf } from "./issued-secret.ts";

/** From a Certificate's Secret, "namespace/certificate". */
const fromCertificate = "cert-manager.io/inject-ca-from";
/** From a Secret that allows it, "namespace/secret". */
const fromSecret = "cert-manager.io/inject-ca-from-secret";
const allowsInjection = "cert-manager.io/allow-direct-injection";

/** A kind with places for a CA bundle. */
interface Injectable {
  readonly kind: Kind;
  /** A merge patch that has the bundle everywhere; undefined where it is already so. */
  patch(object: KubeObject, caBundle: string): object | undefined;
}

interface ClientConfig {
  readonly caBundle?: string;
}

const webhooks = (kind: Kind): Injectable => ({
  kind,
  patch(object, caBundle) {
    const { webhooks = [] } = object as {
      readonly webhooks?: readonly { readonly clientConfig?: ClientConfig }[];
    };
    if (webhooks.every(({ clientConfig }) => clientConfig?.caBundle === caBundle)) return undefined;
    return {
      // Lists are replaced whole by merge patches: the version keeps a change of somebody else's from being lost.
      metadata: { resourceVersion: object.metadata.resourceVersion },
      webhooks: webhooks.map((one) => ({ ...one, clientConfig: { ...one.clientConfig, caBundle } })),
    };
  },
});

const injectables: readonly Injectable[] = [
  webhooks(kinds.mutatingWebhooks),
  webhooks(kinds.validatingWebhooks),
  {
    kind: kinds.customResourceDefinitions,
    patch(object, caBundle) {
      const { conversion } = object["spec"] as {
        readonly conversion?: { readonly webhook?: { readonly clientConfig?: ClientConfig } };
      };
      const present = conversion?.webhook?.clientConfig;
      if (present === undefined || present.caBundle === caBundle) return undefined;
      return { spec: { conversion: { webhook: { clientConfig: { caBundle } } } } };
    },
  },
];

/**
 * What cert-manager's cainjector does: the CA of a Certificate, or of a Secret that allows it, is written into the webhooks
 * and CustomResourceDefinitions whose annotations ask for it, and kept true.
 */
export function startCaInjector(options: {
  readonly cluster: string;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
}): Stop {
  const { cluster: name, client, clock, log } = options;
  const abort = new AbortController();
  const cluster = createCluster({ name, client, clock, log, signal: abort.signal });
  const stops = injectables.map((injectable) => startInjecting(cluster, injectable));
  return async () => {
    abort.abort();
    await Promise.all(stops.map((stop) => stop()));
    await cluster.events.idle();
  };
}

function startInjecting(cluster: Cluster, { kind, patch }: Injectable): Stop {
  const store = cluster.store(kind);
  const secrets = cluster.store(kinds.secrets);
  const ofCertificates = cluster.store(certificates);
  const sourceOf = ({ metadata: { annotations = {} } }: KubeObject): Secret | undefined => {
    const direct = annotations[fromSecret];
    if (direct !== undefined) {
      const secret = secretAt(direct);
      return secret?.metadata.annotations?.[allowsInjection] === "true" ? secret : undefined;
    }
    const { namespace, name } = splitKey(annotations[fromCertificate] ?? "");
    const certificate = ofCertificates.get(name, namespace);
    const secret =
      certificate === undefined ? undefined : secrets.get(certificate.spec.secretName, namespace);
    return secret !== undefined && certificateOf(secret) === name ? secret : undefined;
  };
  const secretAt = (path: string) => {
    const { namespace, name } = splitKey(path);
    return secrets.get(name, namespace);
  };
  return runReconciler(cluster, {
    name: `ca-injector-${kind.plural}`,
    needs: [store, secrets, ofCertificates],
    wire(queue) {
      const asks = ({ metadata: { annotations = {} } }: KubeObject) =>
        annotations[fromCertificate] !== undefined || annotations[fromSecret] !== undefined;
      store.subscribe(({ object }) => {
        if (asks(object)) queue.add(objectKey(object));
      });
      secrets.subscribe(({ object }) => {
        const path = objectKey(object);
        const issuedFor = `${object.metadata.namespace}/${certificateOf(object)}`;
        for (const one of store.list()) {
          const { annotations = {} } = one.metadata;
          if (annotations[fromSecret] === path || annotations[fromCertificate] === issuedFor)
            queue.add(objectKey(one));
        }
      });
      ofCertificates.subscribe(({ object }) => {
        for (const one of store.list())
          if (one.metadata.annotations?.[fromCertificate] === objectKey(object)) queue.add(objectKey(one));
      });
    },
    async reconcile(key) {
      const object = store.get(splitKey(key).name);
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
      const caBundle = sourceOf(object)?.data?.["ca.crt"];
      const change = caBundle === undefined ? undefined : patch(object, caBundle);
      if (change !== undefined) await cluster.mergePatch(kind, object, change);
      return undefined;
    },
  });
}
