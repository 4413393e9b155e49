import type { Socket } from "node:net";
import { systemClock } from "../base/index.ts";
import { tenantNamespace } from "../compile/index.ts";
import { type ForeignCluster, type KubeClient, kinds, openConditions } from "../kube/index.ts";
import type { Peering } from "../mesh/index.ts";
import { addressesOf, apiPort } from "./address-blocks.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { PeeringStatus } from "./status.ts";

/** Milliseconds until a connection that does not come about counts as none. */
const patience = 2000;

/** How each peering of the mesh stands: by the consumer's own word, and by a connection in each direction. */
export function readPeerings(mesh: RunningMesh): Promise<readonly PeeringStatus[]> {
  return Promise.all(mesh.mesh.peerings.map((peering) => readPeering(mesh, peering)));
}

async function readPeering(mesh: RunningMesh, { consumer, provider }: Peering): Promise<PeeringStatus> {
  const [toProvider, toConsumer, told] = await Promise.all([
    roundTrip(mesh, consumer, provider),
    roundTrip(mesh, provider, consumer),
    readObjects(mesh.clusters.get(consumer)?.client, provider),
  ]);
  const away = [consumer, provider].find((name) => !mesh.clusters.has(name));
  const { state, problem } =
    away === undefined
      ? stateOf(told.foreignCluster)
      : { state: "Unreachable" as const, problem: `${away} is stopped` };
  const lastSeen = toProvider === undefined ? told.lastSeen : new Date(systemClock.now()).toISOString();
  return {
    consumer,
    provider,
    state,
    ...(problem === undefined ? {} : { problem }),
    resources: told.resources,
    roundTrip: {
      ...(toProvider === undefined ? {} : { toProvider }),
      ...(toConsumer === undefined ? {} : { toConsumer }),
    },
    ...(lastSeen === undefined ? {} : { lastSeen }),
  };
}

interface Told {
  readonly foreignCluster: ForeignCluster | undefined;
  readonly resources: Readonly<Record<string, string>>;
  readonly lastSeen: string | undefined;
}

/** What the consumer's API says of the provider; nothing when it is away. */
async function readObjects(client: KubeClient | undefined, provider: string): Promise<Told> {
  const nothing: Told = { foreignCluster: undefined, resources: {}, lastSeen: undefined };
  if (client === undefined) return nothing;
  try {
    const [foreignCluster, slice, lease] = await Promise.all([
      client.get(kinds.foreignClusters, provider),
      client.get(kinds.resourceSlices, provider, tenantNamespace(provider)),
      client.get(kinds.leases, provider, "kube-node-lease"),
    ]);
    const resources = Object.entries(slice?.status?.resources ?? {});
    const { renewTime } = (lease?.["spec"] ?? {}) as { readonly renewTime?: string };
    return {
      foreignCluster,
      resources: Object.fromEntries(resources.map(([name, quantity]) => [name, String(quantity)])),
      lastSeen: renewTime,
    };
  } catch {
    // Stopped meanwhile.
    return nothing;
  }
}

/** The words of Liqo's conditions, over all of its modules, as one. */
function stateOf(foreignCluster: ForeignCluster | undefined): Pick<PeeringStatus, "state" | "problem"> {
  if (foreignCluster?.status?.conditions === undefined) return { state: "Pending" };
  const [open] = openConditions(foreignCluster);
  if (open === undefined) return { state: "Established" };
  const problem = open.message ?? `${open.type} is ${open.status}`;
  return { state: open.type === "APIServerStatus" ? "Unreachable" : "Pending", problem };
}

/** Milliseconds until a node of one cluster is connected with the API of another; undefined when it does not come to that. */
function roundTrip(mesh: RunningMesh, from: string, to: string): Promise<number | undefined> {
  const block = mesh.clusterSet.blocks.get(to);
  if (block === undefined || !mesh.clusters.has(from) || !mesh.clusters.has(to))
    return Promise.resolve(undefined);
  const started = performance.now();
  return new Promise((resolve) => {
    const socket: Socket = mesh.dialFromNode(from, { address: addressesOf(block).api, port: apiPort });
    const timer = setTimeout(() => socket.destroy(), patience);
    socket.once("connect", () => {
      resolve(Math.round((performance.now() - started) * 100) / 100);
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
