import { createSignal, type Logger, type Signal } from "../../base/index.ts";
import {
  type Informer,
  jsonEqual,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  managementNamespace,
  systemNamespace,
} from "../../kube/index.ts";
import type { ClusterInformers } from "../cluster-informers.ts";
import { keepInStep } from "../keep-in-step.ts";
import { trustDomainOf } from "../workspaces/read-cluster.ts";
import type { InventoryRelations, WorkloadObject } from "./contracts.ts";
import { followSigningExpiry } from "./follow-signing-expiry.ts";
import { replacingPatch } from "./replacing-patch.ts";
import { clusterLabel, type FleetObject, takeInventory } from "./take-inventory.ts";

const fieldManager = "isthmus-inventory";
/** A cluster that is busy is written down at most so often, in milliseconds. */
const pace = 500;

export interface InventoryOptions {
  /** The management cluster. */
  readonly client: KubeClient;
  /** The objects of the inventory there, by kind. */
  readonly present: Readonly<Record<"Mesh" | "Workload" | "Destination", Informer<KubeObject>>>;
  relations(): InventoryRelations;
  /** Told when `relations` may answer differently. */
  readonly changes: Signal;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** An inventory that is kept. */
export interface Inventory {
  /** The cluster is looked at until its informers' signal aborts; then what is written of it is deleted. */
  add(cluster: {
    readonly name: string;
    readonly primary: string;
    readonly informers: ClusterInformers;
  }): void;
}

const madeKinds: Readonly<Record<FleetObject["kind"], Kind>> = {
  Mesh: kinds.meshes,
  Workload: kinds.workloads,
  Destination: kinds.destinations,
};

/** Keeps takeInventory() true on the management cluster. What is written of a cluster that is away stays as it was. */
export function startInventory(options: InventoryOptions): Inventory {
  const { client, present, relations, signal, log } = options;
  const served = new Map<string, string>();
  const changes = createSignal();
  let version = 0;
  const changed = () => {
    version++;
    changes.notify();
  };
  options.changes.subscribe(changed, signal);
  return {
    add({ name, primary, informers }) {
      served.set(name, primary);
      let ownVersion = 0;
      const ownChanges = createSignal();
      const changedHere = () => {
        ownVersion++;
        ownChanges.notify();
      };
      changes.subscribe(() => ownChanges.notify(), informers.signal);
      const watch = <T extends KubeObject>(kind: Kind<T>, namespace?: string): Informer<T> => {
        const informer = informers.watch(kind, namespace === undefined ? {} : { namespace });
        informer.changes.subscribe(changedHere, informers.signal);
        return informer;
      };
      const namespaces = watch(kinds.namespaces);
      const services = watch(kinds.services);
      const configMaps = watch(kinds.configMaps, systemNamespace);
      const workloads = [kinds.deployments, kinds.statefulSets, kinds.daemonSets].map((kind) =>
        watch(kind as Kind<KubeObject>),
      );
      const istiods = () =>
        services
          .list(systemNamespace)
          .filter(({ spec }) => spec.selector?.["app"] === "istiod")
          .map(({ metadata }) => metadata.name);
      const signing = primary === name ? followSigningExpiry(informers, istiods, changedHere) : undefined;
      const all = [namespaces, services, configMaps, ...workloads];
      const written = () =>
        Object.values(present).flatMap((informer) =>
          informer.list().filter(({ metadata }) => metadata.labels?.[clusterLabel] === name),
        );
      informers.signal.addEventListener("abort", () => {
        if (served.get(name) === primary) served.delete(name);
        changed();
        if (signal.aborted) return; // The manager ends; the cluster stays registered.
        keep(client, [], written()).catch((reason: unknown) =>
          log.warn({ cluster: name, reason: String(reason) }, "what is known of a cluster is not deleted"),
        );
      });
      keepInStep({
        what: "inventory",
        cluster: name,
        // Both only grow.
        version: () =>
          all.every(({ isSynced }) => isSynced) && signing?.wasAsked !== false
            ? version + ownVersion
            : undefined,
        changes: ownChanges,
        pace,
        async reconcile() {
          const cluster = {
            name,
            primary,
            served:
              primary === name
                ? [name, ...[...served].flatMap(([one, by]) => (by === name && one !== name ? [one] : []))]
                : [],
            trustDomain: trustDomainOf(configMaps.list()),
            namespaces: namespaces.list(),
            services: services.list(),
            configMaps: configMaps.list(),
            signingNotAfter: signing?.notAfter,
            workloads: workloads.flatMap((informer, i) =>
              informer.list().map((one) => ({ ...one, kind: workloadKinds[i] ?? "" }) as WorkloadObject),
            ),
          };
          await keep(client, takeInventory(cluster, relations()), written());
        },
        signal: informers.signal,
        log,
      });
    },
  };
}

const workloadKinds = ["Deployment", "StatefulSet", "DaemonSet"];

async function keep(
  client: KubeClient,
  wanted: readonly FleetObject[],
  present: readonly KubeObject[],
): Promise<void> {
  const idOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;
  const presentById = new Map(present.map((object) => [idOf(object), object]));
  const namespace = managementNamespace;
  for (const { status, ...object } of wanted) {
    const kind = madeKinds[object.kind as FleetObject["kind"]];
    if (kind === undefined) continue;
    const before = presentById.get(idOf(object));
    presentById.delete(idOf(object));
    if (before === undefined || !jsonEqual(before["spec"], object.spec))
      await client.apply(kind, object, fieldManager);
    if (jsonEqual(before?.["status"], status)) continue;
    const options = { type: "merge", namespace, subresource: "status", fieldManager } as const;
    const patch = replacingPatch(before?.["status"], status ?? {});
    await client.patch(kind, object.metadata.name, { status: patch }, options);
  }
  for (const { kind, metadata } of presentById.values()) {
    const made = madeKinds[kind as FleetObject["kind"]];
    if (made !== undefined) await client.delete(made, metadata.name, { namespace });
  }
}
