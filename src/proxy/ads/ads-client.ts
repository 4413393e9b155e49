import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Clock, createRetry, type Logger } from "../../base/index.ts";
import type { Node } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { type GrpcStream, grpcStatus, type TypeUrl, typeUrls } from "../../xds/index.ts";
import type { Configuration } from "../config/configuration.ts";

export interface AdsOptions {
  readonly node: Node;
  openAds(signal: AbortSignal): Promise<GrpcStream>;
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told after every response, and when the connection came or went. */
  onChange(): void;
}

export interface AdsTypeState {
  readonly version: string;
  readonly nonce: string;
  readonly rejected?: string;
}

export interface AdsClient {
  readonly connected: boolean;
  readonly types: ReadonlyMap<string, AdsTypeState>;
  /** Resolves when the client has ended after `signal` aborted. */
  readonly ended: Promise<void>;
}

/** Types of which a proxy gets all there is; the others are asked for by name. */
const wildcardTypes: readonly TypeUrl[] = [typeUrls.cluster, typeUrls.listener, typeUrls.nameTable];
const namedTypes: readonly TypeUrl[] = [typeUrls.endpoint, typeUrls.route, typeUrls.secret];

/**
 * Keeps a delta ADS stream open (the xDS transport protocol's incremental variant): subscribes to what the
 * configuration refers to, hands it every response, and acknowledges or rejects it. Reconnects with back-off from
 * 50 ms to 5 s, telling which versions it already has.
 */
export function startAdsClient(options: AdsOptions): AdsClient {
  const { configuration, clock, log, signal } = options;
  const types = new Map<string, AdsTypeState>();
  let connected = false;

  const ended = run();
  return {
    get connected() {
      return connected;
    },
    types,
    ended,
  };

  async function run(): Promise<void> {
    const retry = createRetry(clock, { first: 50, most: 5000 });
    while (!signal.aborted) {
      try {
        const stream = await open();
        if (stream === undefined) break;
        connected = true;
        options.onChange();
        await talk(stream, () => retry.reset());
        log.info({}, "discovery ended the stream");
      } catch (reason) {
        if (signal.aborted) break;
        log.warn({ reason: String(reason) }, "discovery can't be reached, will try again");
      }
      connected = false;
      options.onChange();
      await retry.wait(signal);
    }
    connected = false;
  }

  /** Undefined when the client is to end meanwhile: opening may wait for a control plane that is ending too. */
  async function open(): Promise<GrpcStream | undefined> {
    const done = new AbortController();
    const aborted = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined), { once: true, signal: done.signal });
    });
    const stream = await Promise.race([options.openAds(signal), aborted]).finally(() => done.abort());
    return signal.aborted ? undefined : stream;
  }

  async function talk(stream: GrpcStream, onAnswer: () => void): Promise<void> {
    const subscribed = new Map<TypeUrl, Set<string>>();
    let isFirst = true;
    const send = (
      request: Omit<Partial<DeltaDiscoveryRequest>, "$typeName" | "$unknown"> & { typeUrl: string },
    ) => {
      const node = isFirst ? { node: options.node } : {};
      isFirst = false;
      stream.send(
        toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { ...request, ...node })),
      );
    };
    const end = () => stream.end();
    signal.addEventListener("abort", end, { once: true });
    try {
      for (const type of wildcardTypes) {
        send({ typeUrl: type, initialResourceVersions: configuration.table(type).versions() });
      }
      subscribe();
      for await (const bytes of stream.messages) {
        if (signal.aborted) return;
        onAnswer();
        receive(fromBinary(DeltaDiscoveryResponseSchema, bytes));
        subscribe();
        options.onChange();
      }
    } finally {
      signal.removeEventListener("abort", end);
      stream.end();
    }

    /** Asks for names that are new and gives back those that nothing refers to any more. */
    function subscribe() {
      for (const type of namedTypes) {
        const wanted = configuration.wanted(type);
        const asked = subscribed.get(type);
        const fresh = [...wanted].filter((name) => asked?.has(name) !== true);
        const stale = asked === undefined ? [] : [...asked].filter((name) => !wanted.has(name));
        if (fresh.length === 0 && stale.length === 0) continue;
        subscribed.set(type, new Set(wanted));
        send({
          typeUrl: type,
          resourceNamesSubscribe: fresh,
          resourceNamesUnsubscribe: stale,
          ...(asked === undefined ? { initialResourceVersions: knownVersions(type, wanted) } : {}),
        });
      }
    }

    function receive(response: DeltaDiscoveryResponse) {
      const type = Object.values(typeUrls).find((known) => known === response.typeUrl);
      if (type === undefined) {
        log.warn({ type: response.typeUrl }, "discovery sent a type that was not asked for");
        return;
      }
      const problems = configuration.apply(
        type,
        response.resources.map(({ name, version, resource }) => ({
          name,
          version,
          bytes: resource?.value ?? new Uint8Array(),
        })),
        response.removedResources,
      );
      const { nonce, systemVersionInfo: version } = response;
      if (problems.length === 0) {
        types.set(type, { version, nonce });
        send({ typeUrl: type, responseNonce: nonce });
        return;
      }
      const message = problems.join("\n");
      log.warn({ type, problems }, "rejected what discovery sent, the last good resources stay in use");
      types.set(type, { version: types.get(type)?.version ?? "", nonce, rejected: message });
      send({
        typeUrl: type,
        responseNonce: nonce,
        errorDetail: { $typeName: "google.rpc.Status", code: grpcStatus.internal, message, details: [] },
      });
    }

    function knownVersions(type: TypeUrl, wanted: ReadonlySet<string>): Record<string, string> {
      const versions = configuration.table(type).versions();
      return Object.fromEntries(Object.entries(versions).filter(([name]) => wanted.has(name)));
    }
  }
}
