import { createSignal, type Logger, systemClock } from "../../base/index.ts";
import {
  type Informer,
  jsonEqual,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  managementNamespace as namespace,
  startInformer,
} from "../../kube/index.ts";
import type { ClusterInformers } from "../cluster-informers.ts";
import { stamped } from "../conditions.ts";
import { keepInStep } from "../keep-in-step.ts";
import { keepObjects } from "../keep-objects.ts";
import { conversionLabels, convertGloo, type GlooObject } from "./convert-gloo.ts";

export interface ConversionOptions {
  /** The management cluster. */
  readonly client: KubeClient;
  /** The objects there that others and we declare. */
  readonly declared: Informer<KubeObject>;
  readonly registered: Informer<KubeObject>;
  readonly hostSuffix: string | undefined;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Gloo Mesh's objects, converted for as long as they are there. */
export interface RunningConversion {
  /** Settings are read in the cluster too, where Gloo Mesh has them; until its informers' signal aborts. */
  add(cluster: string, informers: ClusterInformers): void;
}

interface Watched {
  readonly cluster: string | undefined;
  readonly client: KubeClient;
  readonly kind: Kind;
  readonly informer: Informer<KubeObject>;
}

const madeKinds: Readonly<Record<string, Kind>> = {
  Workspace: kinds.workspaces,
  KubernetesCluster: kinds.kubernetesClusters,
};

/** Keeps what convertGloo() makes on the management cluster; an object of that name that somebody declared is left alone. */
export function startConversion(options: ConversionOptions): RunningConversion {
  const { client, declared, registered, hostSuffix, signal, log } = options;
  const changes = createSignal();
  let version = 0;
  const changed = () => {
    version++;
    changes.notify();
  };
  const informers = (kind: Kind) => startInformer(client, kind, { namespace, signal, log });
  const watched = new Set<Watched>(
    [kinds.glooWorkspaces, kinds.glooWorkspaceSettings, kinds.glooKubernetesClusters].map((kind) => ({
      cluster: undefined,
      client,
      kind,
      informer: informers(kind),
    })),
  );
  for (const { informer } of watched) informer.changes.subscribe(changed, signal);
  for (const informer of [declared, registered]) informer.changes.subscribe(changed, signal);
  keepInStep({
    what: "objects of Gloo Mesh",
    cluster: "management",
    // Settings that were not heard of yet would be taken for none.
    version: () =>
      declared.isSynced && registered.isSynced && [...watched].every(({ informer }) => informer.isSynced)
        ? version
        : undefined,
    changes,
    async reconcile() {
      const found = [...watched].flatMap((one) =>
        one.informer.list().map((object) => ({
          ...one,
          object: { ...object, apiVersion: "admin.gloo.solo.io/v2", kind: one.kind.kind },
        })),
      );
      const sources: readonly GlooObject[] = found;
      const conversion = convertGloo(sources, hostSuffix);
      const present = [...declared.list(), ...registered.list()];
      const isOurs = ({ metadata }: KubeObject) =>
        Object.entries(conversionLabels).every(([name, value]) => metadata.labels?.[name] === value);
      const theirs = new Set(
        present.filter((one) => !isOurs(one)).map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      );
      const wanted = conversion.objects.filter(
        ({ kind, metadata }) => !theirs.has(`${kind} ${metadata.name}`),
      );
      await keepObjects(client, wanted, present.filter(isOurs), {
        kinds: madeKinds,
        fieldManager: "isthmus-conversion",
      });
      for (const { object, client: at, kind } of found) {
        const isTaken = theirs.has(`${object.kind} ${object.metadata.name}`);
        const notes = [
          ...(isTaken ? [`a ${object.kind} of this name is declared already and stays`] : []),
          ...(conversion.notes.get(object) ?? []),
        ];
        const { conditions } =
          (object as { status?: { conditions?: Parameters<typeof stamped>[1] } }).status ?? {};
        const condition = stamped(
          {
            type: "Converted",
            status: isTaken ? "False" : "True",
            reason: notes.length === 0 ? "Converted" : "WithNotes",
            message: notes.join("; "),
          },
          conditions,
          systemClock.now(),
        );
        if (jsonEqual(conditions, [condition])) continue;
        const where = {
          type: "merge",
          namespace: object.metadata.namespace ?? "",
          subresource: "status",
        } as const;
        await at.patch(kind, object.metadata.name, { status: { conditions: [condition] } }, where);
      }
    },
    signal,
    log,
  });
  return {
    add(cluster, of) {
      const kind = kinds.glooWorkspaceSettings;
      const entry: Watched = { cluster, client: of.client, kind, informer: of.watch(kind) };
      watched.add(entry);
      entry.informer.changes.subscribe(changed, of.signal);
      of.signal.addEventListener("abort", () => {
        watched.delete(entry);
        if (!signal.aborted) changed();
      });
    },
  };
}
