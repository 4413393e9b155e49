import { createSignal, type Logger, type Signal, systemClock } from "../../base/index.ts";
import {
  type ApiTransport,
  createKubeClient,
  type Informer,
  jsonEqual,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  managementNamespace,
  startInformer,
  type Workspace,
} from "../../kube/index.ts";
import { createClusterInformers } from "../cluster-informers.ts";
import { startConversion } from "../conversion/start-conversion.ts";
import type { ExportClash } from "../federation/contracts.ts";
import { startFederation } from "../federation/start-federation.ts";
import { startInventory } from "../inventory/start-inventory.ts";
import { keepInStep } from "../keep-in-step.ts";
import type { AgentConnection } from "../relay/start-relay.ts";
import type { WorkspaceDeclaration } from "../workspaces/contracts.ts";
import { declarationOf } from "../workspaces/declaration-of.ts";
import { startWorkspaces } from "../workspaces/start-workspaces.ts";
import { workspaceStatus } from "../workspaces/workspace-status.ts";
import { keepRegistrations } from "./keep-registrations.ts";
import { keepRemoteCredentials } from "./keep-remote-credentials.ts";

export interface ManagerOptions {
  /** The management cluster. */
  readonly client: KubeClient;
  /** The ways to the registered clusters. */
  readonly connections: FleetConnections;
  /** DNS suffix of exported services; undefined: nothing gets a name in other clusters. */
  readonly hostSuffix: string | undefined;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** How registered clusters are reached; a Relay is one. */
export interface FleetConnections {
  /** The way to a cluster's API, whether it can be reached now or not. */
  transport(cluster: string): ApiTransport;
  connection(cluster: string): AgentConnection | undefined;
  /** Told that a cluster is no longer registered. */
  drop(cluster: string): void;
  readonly changes: Signal;
}

/**
 * Manages the clusters that are registered on a management cluster, by what the objects there say: workspaces and
 * exported services. All that it knows is in those objects and in the clusters, so another one can go on at any time.
 */
export function startManager(options: ManagerOptions): void {
  const { client, connections, hostSuffix, signal, log } = options;
  const namespace = managementNamespace;
  const changes = createSignal();
  const own = { namespace, signal, log };
  const registered = startInformer(client, kinds.kubernetesClusters, own);
  const declared = startInformer(client, kinds.workspaces, own);
  const meshes = startInformer(client, kinds.meshes, own);

  const declarations = createSignal();
  let declarationsNow: readonly WorkspaceDeclaration[] | undefined;
  declared.changes.subscribe(() => {
    const next = declared.isSynced ? declared.list().map(declarationOf) : undefined;
    // Statuses that we write ourselves change no declaration.
    if (jsonEqual(next, declarationsNow)) return;
    declarationsNow = next;
    declarations.notify();
  }, signal);

  const workspaces = startWorkspaces({ declared: () => declarationsNow, declarations, signal, log });
  const offersChanged = createSignal();
  let translation = workspaces.current();
  workspaces.changes.subscribe(() => {
    // That a cluster has what it should changes no offer.
    if (workspaces.current() === translation) return;
    translation = workspaces.current();
    offersChanged.notify();
  }, signal);
  let clashes: readonly ExportClash[] = [];
  const federation =
    hostSuffix === undefined
      ? undefined
      : startFederation({
          hostSuffix,
          offers: { current: () => workspaces.current().offers, changes: offersChanged },
          disagree(found) {
            clashes = found;
          },
          signal,
          log,
        });
  keepRegistrations({
    ...{ client, registered, signal, log },
    connection: (name) => connections.connection(name),
    connections: connections.changes,
  });
  const relationsChanged = createSignal();
  for (const { changes: changed } of [workspaces, ...(federation === undefined ? [] : [federation])])
    changed.subscribe(() => relationsChanged.notify(), signal);
  const inventory = startInventory({
    client,
    present: {
      Mesh: meshes as unknown as Informer<KubeObject>,
      Workload: startInformer(client, kinds.workloads as Kind<KubeObject>, own),
      Destination: startInformer(client, kinds.destinations as Kind<KubeObject>, own),
    },
    relations: () => ({
      owners: workspaces.current().owners,
      hosts: federation?.hosts() ?? new Map(),
    }),
    changes: relationsChanged,
    signal,
    log,
  });
  const conversion = startConversion({
    client,
    declared: declared as unknown as Informer<KubeObject>,
    registered: registered as unknown as Informer<KubeObject>,
    hostSuffix,
    signal,
    log,
  });
  keepRemoteCredentials({ registered, connections, signal, log });
  const managed = new Map<string, { readonly primary: string; readonly left: AbortController }>();
  const meetClusters = () => {
    // The last known trust domains first: without them callers of a cluster that is away would be locked out.
    if (!registered.isSynced || !meshes.isSynced) return;
    const wanted = new Map(
      registered.list().map(({ metadata, spec }) => [metadata.name, spec?.primary ?? metadata.name]),
    );
    for (const [name, { primary, left }] of managed)
      if (wanted.get(name) !== primary) {
        left.abort();
        managed.delete(name);
        if (!wanted.has(name)) connections.drop(name);
      }
    for (const [name, primary] of wanted) {
      if (managed.has(name)) continue;
      const left = new AbortController();
      managed.set(name, { primary, left });
      const informers = createClusterInformers(
        createKubeClient(connections.transport(name)),
        AbortSignal.any([signal, left.signal]),
        log,
      );
      const lastTrustDomain = meshes.list().find(({ spec }) => spec.cluster === name)?.status?.trustDomain;
      workspaces.add({ name, primary, informers, lastTrustDomain });
      federation?.add({ name, primary, informers });
      inventory.add({ name, primary, informers });
      conversion.add(name, informers);
    }
  };
  for (const { changes: changed } of [registered, meshes]) changed.subscribe(meetClusters, signal);

  let version = 0;
  const changed = () => {
    version++;
    changes.notify();
  };
  declared.changes.subscribe(changed, signal);
  workspaces.changes.subscribe(changed, signal);
  federation?.changes.subscribe(changed, signal);
  meshes.changes.subscribe(() => changes.notify(), signal);
  keepInStep({
    what: "states of workspaces",
    cluster: "management",
    // Without the meshes no cluster is managed yet, and everything would seem to be enforced.
    version: () => (declared.isSynced && registered.isSynced && meshes.isSynced ? version : undefined),
    changes,
    async reconcile() {
      const { states } = workspaces.current();
      const hosts = federation?.hosts() ?? new Map<string, string>();
      for (const workspace of declared.list()) {
        const state = states.get(workspace.metadata.name);
        if (state === undefined) continue;
        const named = state.namespaces.flatMap((place) =>
          [...hosts].flatMap(([id, host]) => (id.startsWith(`${place}/`) ? [host] : [])),
        );
        const clashing = clashes.filter((one) => one.workspaces.includes(workspace.metadata.name));
        const status = workspaceStatus(
          workspace,
          {
            namespaces: state.namespaces,
            problems: [
              ...state.problems,
              ...clashing.map(({ message }) => ({
                severity: "error" as const,
                reason: "PortsDiffer",
                message,
              })),
            ],
            hosts: [...new Set(named)].sort(),
            waitingFor: primariesOf(workspace, managed).filter(
              (one) => !workspaces.isEnforced(one) || federation?.isSettled(one) === false,
            ),
          },
          systemClock.now(),
        );
        if (jsonEqual(workspace.status, status)) continue;
        const { name } = workspace.metadata;
        await client.patch(
          kinds.workspaces,
          name,
          { status },
          {
            type: "merge",
            namespace,
            subresource: "status",
          },
        );
      }
    },
    signal,
    log,
  });
}

/** Control planes of the clusters that a workspace has namespaces in. */
function primariesOf(
  { spec }: Workspace,
  managed: ReadonlyMap<string, { readonly primary: string }>,
): readonly string[] {
  const named = spec.clusters.flatMap(({ name }) => (name === "*" ? [...managed.keys()] : [name]));
  return [...new Set(named.flatMap((name) => managed.get(name)?.primary ?? []))];
}
