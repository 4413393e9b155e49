import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { GrpcError, type GrpcStream, grpcStatus, type TypeUrl, typeUrls } from "../../xds/index.ts";

/** A control plane for one proxy: serves a changeable set of resources over delta ADS, in memory. */
export interface FakeDiscovery {
  openAds(signal: AbortSignal): Promise<GrpcStream>;
  /** Sets a resource, or removes it, and sends it to who asked for it. */
  set(type: TypeUrl, name: string, bytes: Uint8Array | undefined): void;
  /** Makes these its resources in place of all it had and sends what differs, types in istiod's order. */
  replace(resources: ReadonlyMap<TypeUrl, ReadonlyMap<string, Uint8Array>>): void;
  /** Whether the proxy answered all that was sent. */
  readonly isSettled: boolean;
  /** Requests so far, for looking at subscriptions, acknowledgements and rejections. */
  readonly requests: readonly DeltaDiscoveryRequest[];
  /** Breaks the stream, and refuses new ones while `away`. */
  disconnect(away: boolean): void;
}

const wildcards = new Set<string>([typeUrls.cluster, typeUrls.listener, typeUrls.nameTable]);

export function createFakeDiscovery(
  initial: ReadonlyMap<TypeUrl, ReadonlyMap<string, Uint8Array>>,
): FakeDiscovery {
  const resources = new Map<string, Map<string, { bytes: Uint8Array; version: string }>>();
  for (const type of Object.values(typeUrls)) {
    const named = [...(initial.get(type) ?? [])].map(
      ([name, bytes]) => [name, { bytes, version: "1" }] as const,
    );
    resources.set(type, new Map(named));
  }
  const requests: DeltaDiscoveryRequest[] = [];
  const unanswered = new Set<string>();
  let counter = 1;
  let nonces = 0;
  let refuses = false;
  let current:
    | {
        send(type: string, names: Iterable<string>, removed: string[]): void;
        wants(type: string, name: string): boolean;
        fail(): void;
      }
    | undefined;

  return {
    requests,
    set(type, name, bytes) {
      const named = resources.get(type);
      if (bytes === undefined) named?.delete(name);
      else named?.set(name, { bytes, version: String(++counter) });
      if (current?.wants(type, name))
        current.send(type, bytes === undefined ? [] : [name], bytes === undefined ? [name] : []);
    },
    replace(next) {
      const sends: (() => void)[] = [];
      let changedClusters: readonly string[] = [];
      for (const type of Object.values(typeUrls)) {
        const named = resources.get(type) ?? new Map();
        const wanted = next.get(type) ?? new Map<string, Uint8Array>();
        const changed = [...wanted].flatMap(([name, bytes]) =>
          named.has(name) && Buffer.compare(named.get(name).bytes, bytes) === 0 ? [] : [name],
        );
        const removed = [...named.keys()].filter((name) => !wanted.has(name));
        for (const name of removed) named.delete(name);
        for (const name of changed) {
          const bytes = wanted.get(name);
          if (bytes !== undefined) named.set(name, { bytes, version: String(++counter) });
        }
        if (type === typeUrls.cluster) changedClusters = changed;
        // A cluster that was made anew waits for its endpoints, though they are the same.
        const names = new Set(type === typeUrls.endpoint ? [...changed, ...changedClusters] : changed);
        sends.push(() => {
          const send = [...names].filter((name) => named.has(name) && current?.wants(type, name));
          const forget = removed.filter((name) => current?.wants(type, name));
          if (send.length > 0 || forget.length > 0) current?.send(type, send, forget);
        });
      }
      for (const send of sends) send();
    },
    get isSettled() {
      return unanswered.size === 0;
    },
    disconnect(away) {
      refuses = away;
      current?.fail();
    },
    async openAds(signal) {
      if (refuses) throw new GrpcError(grpcStatus.unavailable, "away");
      const queue: Uint8Array[] = [];
      let wake = () => {};
      let ended = false;
      let failed = false;
      const subscriptions = new Map<string, Set<string>>();
      const asked = new Set<string>();
      const finish = () => {
        ended = true;
        wake();
      };
      signal.addEventListener("abort", finish);
      current = {
        wants: (type, name) =>
          wildcards.has(type) ? asked.has(type) : subscriptions.get(type)?.has(name) === true,
        send(type, names, removed) {
          const list = [...names].flatMap((name) => {
            const resource = resources.get(type)?.get(name);
            return resource === undefined
              ? []
              : [{ name, version: resource.version, resource: { typeUrl: type, value: resource.bytes } }];
          });
          const nonce = `${type}/${++nonces}`;
          unanswered.add(nonce);
          queue.push(
            toBinary(
              DeltaDiscoveryResponseSchema,
              create(DeltaDiscoveryResponseSchema, {
                typeUrl: type,
                systemVersionInfo: String(counter),
                nonce,
                resources: list,
                removedResources: removed,
              }),
            ),
          );
          wake();
        },
        fail() {
          failed = true;
          finish();
        },
      };
      const mine = current;
      unanswered.clear();
      return {
        send(bytes) {
          const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
          requests.push(request);
          unanswered.delete(request.responseNonce);
          const { typeUrl: type } = request;
          if (wildcards.has(type)) {
            if (asked.has(type)) return true;
            asked.add(type);
            const known = request.initialResourceVersions;
            const named = resources.get(type) ?? new Map();
            const fresh = [...named]
              .filter(([name, { version }]) => known[name] !== version)
              .map(([name]) => name);
            mine.send(
              type,
              fresh,
              Object.keys(known).filter((name) => !named.has(name)),
            );
          } else if (request.resourceNamesSubscribe.length > 0) {
            const set = subscriptions.get(type) ?? new Set();
            subscriptions.set(type, set);
            for (const name of request.resourceNamesSubscribe) set.add(name);
            const known = request.initialResourceVersions;
            const fresh = request.resourceNamesSubscribe.filter(
              (name) => resources.get(type)?.get(name)?.version !== known[name],
            );
            if (fresh.length > 0) mine.send(type, fresh, []);
          }
          for (const name of request.resourceNamesUnsubscribe) subscriptions.get(type)?.delete(name);
          return true;
        },
        drained: () => Promise.resolve(),
        end: finish,
        messages: (async function* () {
          while (!ended || queue.length > 0) {
            const next = queue.shift();
            if (next !== undefined) yield next;
            else {
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
            }
            if (failed) throw new GrpcError(grpcStatus.unavailable, "broken off");
          }
        })(),
      };
    },
  };
}
