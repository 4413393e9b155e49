import { createRetry, createSignal, type Logger, systemClock, waitFor } from "../../base/index.ts";
import {
  type Informer,
  jsonEqual,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  objectKey,
  startInformer,
} from "../../kube/index.ts";
import type { FederatedCluster, FederationOptions, ServiceExport } from "./contracts.ts";
import { type ExportState, type Federation, federate, federationLabels, isOurs } from "./federate.ts";
import { readFacts } from "./read-facts.ts";

const fieldManager = "isthmus-federation";
const ownLabels = Object.entries(federationLabels)
  .map(([name, value]) => `${name}=${value}`)
  .join(",");

/** Objects that federation makes, by their kind. */
const madeKinds: Readonly<Record<string, Kind>> = {
  ServiceEntry: kinds.serviceEntries,
  DestinationRule: kinds.destinationRules,
  Gateway: kinds.gateways,
};

/**
 * Keeps what federate() says true in every cluster until the signal aborts: services come and go, gateways get other
 * addresses, clusters go away and come back. A cluster that does not answer holds up nobody else; what is known of it
 * stays.
 */
export function startFederation({ clusters, hostSuffix, signal, log }: FederationOptions): void {
  const changes = createSignal();
  const watched = clusters.map((cluster) => watchCluster(cluster, signal, log, () => changes.notify()));
  let version = 0;
  let known: { readonly version: number; readonly federation: Federation } | undefined;
  changes.subscribe(() => version++, signal);
  const current = (): { readonly version: number; readonly federation: Federation } => {
    if (known?.version !== version)
      known = {
        version,
        federation: federate(
          watched.map(({ facts }) => facts()),
          hostSuffix,
        ),
      };
    return known;
  };
  for (const one of watched) {
    const run = async () => {
      const retry = createRetry(systemClock, { first: 100, most: 5000 });
      let done = -1;
      for (;;) {
        await waitFor(() => (one.isSynced() && version !== done ? true : undefined), { signal, changes });
        const { version: now, federation } = current();
        try {
          await reconcile(one, federation);
          done = now;
          retry.reset();
        } catch (reason) {
          log.warn({ cluster: one.cluster.name, reason: String(reason) }, "exported services: trying again");
          await retry.wait(signal);
        }
      }
    };
    run().catch((reason: unknown) => {
      if (!signal.aborted)
        log.error({ reason: String(reason) }, "exported services are no longer kept in step");
    });
  }
}

interface WatchedCluster {
  readonly cluster: FederatedCluster;
  isSynced(): boolean;
  facts(): ReturnType<typeof readFacts>;
  /** Objects of ours in its API; only a primary has some. */
  own(): readonly KubeObject[];
}

function watchCluster(
  cluster: FederatedCluster,
  signal: AbortSignal,
  log: Logger,
  changed: () => void,
): WatchedCluster {
  const { client } = cluster;
  const all: Informer<KubeObject>[] = [];
  const watch = <T extends KubeObject>(kind: Kind<T>, labelSelector?: string): Informer<T> => {
    const selector = labelSelector === undefined ? {} : { labelSelector };
    const informer = startInformer(client, kind, { ...selector, signal, log });
    informer.changes.subscribe(changed, signal);
    all.push(informer as unknown as Informer<KubeObject>);
    return informer;
  };
  const isPrimary = cluster.primary === cluster.name;
  const namespaces = watch(kinds.namespaces);
  const nodes = watch(kinds.nodes);
  const services = watch(kinds.services);
  const exports = watch(kinds.serviceExports);
  const serviceEntries = isPrimary ? watch(kinds.serviceEntries) : undefined;
  const rules = isPrimary
    ? [kinds.destinationRules, kinds.gateways].map((kind) => watch(kind, ownLabels))
    : [];
  const isSynced = () => all.every((informer) => informer.isSynced);
  return {
    cluster,
    isSynced,
    facts: () =>
      readFacts(
        cluster,
        {
          namespaces: namespaces.list(),
          nodes: nodes.list(),
          services: services.list(),
          exports: exports.list(),
          serviceEntries: serviceEntries?.list() ?? [],
        },
        isSynced(),
      ),
    own: () => [
      ...(serviceEntries?.list() ?? []).filter(isOurs),
      ...rules.flatMap((informer) => informer.list()),
    ],
  };
}

async function reconcile({ cluster, own }: WatchedCluster, federation: Federation): Promise<void> {
  const { client, name } = cluster;
  const wanted = new Map((federation.objects.get(name) ?? []).map((object) => [idOf(object), object]));
  const present = new Map(own().map((object) => [idOf(object), object]));
  for (const [id, object] of wanted) {
    const kind = madeKinds[object.kind];
    if (kind !== undefined && !isSame(present.get(id), object))
      await client.apply(kind, object, fieldManager);
  }
  for (const [id, { kind, metadata }] of present) {
    const made = madeKinds[kind];
    const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
    if (made !== undefined && !wanted.has(id)) await client.delete(made, metadata.name, place);
  }
  for (const state of federation.exports) if (state.cluster === name) await writeState(client, state);
}

function idOf(object: KubeObject): string {
  return `${object.kind} ${objectKey(object)}`;
}

/** Whether everything that we want of an object is so already. */
function isSame(present: KubeObject | undefined, wanted: KubeObject): boolean {
  if (present === undefined) return false;
  const has = (map: Readonly<Record<string, string>> = {}, part: Readonly<Record<string, string>> = {}) =>
    Object.entries(part).every(([name, value]) => map[name] === value);
  return (
    jsonEqual(present["spec"], wanted["spec"]) &&
    has(present.metadata.labels, wanted.metadata.labels) &&
    has(present.metadata.annotations, wanted.metadata.annotations)
  );
}

/** Writes how the export fares into its status, as conditions of the Multi-Cluster Services API. */
async function writeState(client: KubeClient, state: ExportState): Promise<void> {
  const { by, isReady, message, reason } = state;
  const conditions = [
    condition(by, "Valid", reason !== "NoService", reason, message),
    condition(by, "Ready", isReady, reason, message),
  ];
  if (jsonEqual(by.status?.conditions, conditions)) return;
  const { name, namespace = "default" } = by.metadata;
  const options = { type: "merge", namespace, subresource: "status", fieldManager } as const;
  await client.patch(kinds.serviceExports, name, { status: { conditions } }, options);
}

function condition(by: ServiceExport, type: string, isTrue: boolean, reason: string, message: string) {
  const status = isTrue ? ("True" as const) : ("False" as const);
  const before = by.status?.conditions?.find((one) => one.type === type);
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  return {
    type,
    status,
    reason,
    message,
    lastTransitionTime: since ?? new Date(systemClock.now()).toISOString().replace(/\.\d+/, ""),
  };
}
