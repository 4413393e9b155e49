import type { Clock, Logger, Stop } from "../../base/index.ts";
import {
  type EndpointSlice,
  type Informer,
  type KubeObject,
  type Node,
  type Service,
  serviceNameLabel,
} from "../../kube/index.ts";
import type { Destination } from "../contracts.ts";
import type { MeshNetwork } from "./mesh-network.ts";
import type { Frontend, Source } from "./routing.ts";
import { callersNode, type ServiceFrontend, serviceFrontends, type Target } from "./service-backends.ts";

export interface ServiceProxyOptions {
  readonly cluster: string;
  /** B of the cluster's addresses. */
  readonly block: number;
  readonly network: MeshNetwork;
  readonly services: Pick<Informer<Service>, "get" | "list" | "subscribe">;
  readonly endpointSlices: Pick<Informer<EndpointSlice>, "list" | "subscribe">;
  readonly nodes: Pick<Informer<Node>, "list" | "subscribe">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Clients whose endpoint is remembered, per frontend. The longest unused are forgotten first. */
const mostClients = 10_000;

/**
 * Starts kube-proxy's stand-in for one cluster: every address and port of a Service leads each new connection to
 * one of its endpoints at random. A port without endpoints refuses connections. What runs is never interrupted by
 * a change; stopping closes the listeners and leaves connections alone.
 */
export function startServiceProxy(options: ServiceProxyOptions): Stop {
  const { cluster, block, network, services, endpointSlices, nodes, clock, log } = options;
  const slices = new Map<string, Map<string, EndpointSlice>>();
  const bound = new Map<string, Map<string, BoundFrontend>>();
  const dirty = new Set<string>();
  /** Services of which an address was taken. */
  const refused = new Set<string>();
  let isStopped = false;
  let working: Promise<void> | undefined;

  const look = (service: string) => {
    dirty.add(service);
    working ??= Promise.resolve().then(work);
  };
  const lookAtAll = () => {
    for (const { metadata } of services.list()) look(`${metadata.namespace}/${metadata.name}`);
  };
  const work = async () => {
    while (dirty.size > 0 && !isStopped) {
      const batch = [...dirty];
      dirty.clear();
      await Promise.all(batch.map((id) => reconcile(id).catch((reason) => report(id, reason))));
    }
    working = undefined;
  };

  const report = (service: string, reason: unknown) => {
    log.warn({ cluster, service, reason: String(reason) }, "a Service's address can't be bound");
  };

  /** Makes what listens for one Service agree with the objects. Never runs twice at once for the same Service. */
  const reconcile = async (id: string) => {
    const [namespace = "", name = ""] = id.split("/");
    const service = services.get(name, namespace);
    const wanted = new Map<string, ServiceFrontend>();
    if (service !== undefined) {
      const own = [...(slices.get(id)?.values() ?? [])];
      for (const frontend of serviceFrontends(service, own, nodes.list(), block)) {
        // Without a listener the kernel refuses connections, as it should without endpoints.
        if (frontend.targets.length > 0) wanted.set(`${frontend.address}:${frontend.port}`, frontend);
      }
    }
    const current = bound.get(id) ?? new Map<string, BoundFrontend>();
    bound.set(id, current);
    for (const [key, one] of [...current]) {
      const next = wanted.get(key);
      if (next !== undefined) {
        one.update(next);
        wanted.delete(key);
        continue;
      }
      current.delete(key);
      await one.stop();
      // Somebody may have waited for this address.
      for (const waiting of refused) look(waiting);
      refused.clear();
    }
    await Promise.all(
      [...wanted].map(async ([key, frontend]) => {
        const balancer = createBalancer(cluster, frontend, network, clock);
        try {
          const stop = await network.bindFrontend(frontend.address, frontend.port, balancer.frontend);
          current.set(key, { update: balancer.update, stop });
        } catch (reason) {
          refused.add(id);
          report(`${id} at ${key}`, reason);
        }
      }),
    );
    if (current.size === 0) bound.delete(id);
  };

  services.subscribe(({ object }) => look(`${object.metadata.namespace}/${object.metadata.name}`));
  endpointSlices.subscribe((change) => {
    const before = change.type === "modified" ? ownerOf(change.previous) : undefined;
    const owner = ownerOf(change.object);
    const sliceName = change.object.metadata.name;
    if (before !== undefined && before !== owner) {
      slices.get(before)?.delete(sliceName);
      look(before);
    }
    if (owner === undefined) return;
    const known = slices.get(owner) ?? new Map<string, EndpointSlice>();
    slices.set(owner, known);
    if (change.type === "deleted") known.delete(sliceName);
    else known.set(sliceName, change.object);
    if (known.size === 0) slices.delete(owner);
    look(owner);
  });
  let nodeAddresses = "";
  nodes.subscribe(() => {
    // Nodes report every few seconds; only a change of addresses matters here.
    const next = JSON.stringify(nodes.list().map((node) => [node.metadata.name, node.status?.addresses]));
    if (next === nodeAddresses) return;
    nodeAddresses = next;
    lookAtAll();
  });

  return async () => {
    isStopped = true;
    await working;
    for (const frontends of bound.values()) for (const { stop } of frontends.values()) await stop();
    bound.clear();
  };
}

interface BoundFrontend {
  update(next: ServiceFrontend): void;
  readonly stop: Stop;
}

function ownerOf(slice: KubeObject): string | undefined {
  const name = slice.metadata.labels?.[serviceNameLabel];
  return name === undefined ? undefined : `${slice.metadata.namespace}/${name}`;
}

/** Picks endpoints for new connections. */
function createBalancer(
  cluster: string,
  initial: ServiceFrontend,
  network: MeshNetwork,
  clock: Clock,
): { readonly frontend: Frontend; update(next: ServiceFrontend): void } {
  let current = initial;
  const remembered = new Map<string, { readonly target: Target; readonly until: number }>();

  const candidates = (source: Source): readonly Target[] => {
    const { onlyOnNode, targets } = current;
    if (onlyOnNode === undefined) return targets;
    const node = onlyOnNode === callersNode ? network.podAt(source.address)?.node : onlyOnNode;
    return node === undefined ? targets : targets.filter((target) => target.node === node);
  };
  const pick = (source: Source): Destination | undefined => {
    const targets = candidates(source);
    const { affinitySeconds } = current;
    if (affinitySeconds === undefined) return targets[Math.floor(Math.random() * targets.length)];
    const known = remembered.get(source.address);
    remembered.delete(source.address);
    const kept =
      known !== undefined && known.until > clock.now()
        ? targets.find(({ address, port }) => address === known.target.address && port === known.target.port)
        : undefined;
    const target = kept ?? targets[Math.floor(Math.random() * targets.length)];
    if (target === undefined) return undefined;
    remembered.set(source.address, { target, until: clock.now() + affinitySeconds * 1000 });
    const [oldest] = remembered.keys();
    if (remembered.size > mostClients && oldest !== undefined) remembered.delete(oldest);
    return target;
  };
  return {
    frontend: {
      cluster,
      get keepsSource() {
        return current.keepsSource;
      },
      pick,
    },
    update(next) {
      current = next;
    },
  };
}
