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
  let counter = 1;
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
          queue.push(
            toBinary(
              DeltaDiscoveryResponseSchema,
              create(DeltaDiscoveryResponseSchema, {
                typeUrl: type,
                systemVersionInfo: String(counter),
                nonce: `${type}/${requests.length}/${queue.length}`,
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
      return {
        send(bytes) {
          const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
          requests.push(request);
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
