import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Clock, createRetry, type Logger } from "../../../base/index.ts";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "../../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { type NameTable, NameTableSchema } from "../../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import { type GrpcCall, GrpcError, type GrpcStream, grpcStatus, typeUrls } from "../../../xds/index.ts";
import type { ResourceAdapter } from "./adapt-resources.ts";

export interface AdsRelayOptions {
  /** Opens a stream to discovery; rejects when it can't be reached. */
  openAds(signal: AbortSignal): Promise<GrpcStream>;
  readonly adapter: ResourceAdapter;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told after every message, and when the stream to discovery came or went. */
  onChange(): void;
}

/** What is known of one type of resource: what Envoy took last, and why it refused what came after. */
export interface RelayedType {
  readonly version: string;
  readonly nonce: string;
  readonly rejected?: string;
}

export interface AdsRelay {
  /** Carries one ADS stream of Envoy's until either side ends it. Throws GrpcError when discovery did. */
  serve(call: GrpcCall): Promise<void>;
  readonly connected: boolean;
  readonly types: ReadonlyMap<string, RelayedType>;
  readonly nameTable: NameTable | undefined;
}

/**
 * Carries delta ADS between Envoy and discovery. Requests pass unchanged, answers and refusals included; responses pass
 * as the adapter makes them. The name table, which Envoy does not know, is asked for on the same stream and kept here.
 */
export function createAdsRelay(options: AdsRelayOptions): AdsRelay {
  const { adapter, clock, log } = options;
  const types = new Map<string, RelayedType>();
  /** Version of what was sent and not answered yet, by nonce. */
  const versions = new Map<string, string>();
  let connected = false;
  let nameTable: NameTable | undefined;

  /** Tries until discovery answers: Envoy's own waits between attempts are longer. */
  const open = async (signal: AbortSignal): Promise<GrpcStream> => {
    const retry = createRetry(clock, { first: 50, most: 5000 });
    for (;;) {
      try {
        return await options.openAds(signal);
      } catch (reason) {
        if (signal.aborted) throw new GrpcError(grpcStatus.cancelled, "Envoy ended the stream");
        log.debug({ reason: String(reason) }, "discovery can't be reached, will try again");
        await retry.wait(signal);
      }
    }
  };

  const carryUp = async (call: GrpcCall, up: GrpcStream) => {
    let isFirst = true;
    for await (const bytes of call.messages) {
      up.send(bytes);
      await up.drained();
      note(fromBinary(DeltaDiscoveryRequestSchema, bytes));
      if (isFirst) request(up, { typeUrl: typeUrls.nameTable });
      isFirst = false;
    }
    up.end();
  };
  const note = ({ typeUrl, responseNonce: nonce, errorDetail }: DeltaDiscoveryRequest) => {
    if (nonce === "") return;
    const version = versions.get(nonce) ?? "";
    versions.delete(nonce);
    if (errorDetail === undefined) types.set(typeUrl, { version, nonce });
    else {
      const rejected = errorDetail.message.replaceAll(/\s+/g, " ").trim();
      log.warn(
        { type: typeUrl, rejected },
        "Envoy refused what discovery sent, the last good resources stay in use",
      );
      types.set(typeUrl, { version: types.get(typeUrl)?.version ?? "", nonce, rejected });
    }
    adapter.settle(typeUrl, nonce);
    options.onChange();
  };
  const carryDown = async (call: GrpcCall, up: GrpcStream) => {
    for await (const bytes of up.messages) {
      const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
      if (response.typeUrl === typeUrls.nameTable) {
        takeNames(response);
        request(up, { typeUrl: typeUrls.nameTable, responseNonce: response.nonce });
        continue;
      }
      versions.set(response.nonce, response.systemVersionInfo);
      const changed = await adapter.adapt(response);
      call.send(changed ? toBinary(DeltaDiscoveryResponseSchema, response) : bytes);
      await call.drained();
    }
  };
  const takeNames = ({ resources }: DeltaDiscoveryResponse) => {
    const table = resources[0]?.resource;
    if (table === undefined) return;
    nameTable = fromBinary(NameTableSchema, table.value);
    options.onChange();
  };

  return {
    async serve(call) {
      const over = new AbortController();
      const signal = AbortSignal.any([call.signal, over.signal]);
      const up = await open(signal);
      connected = true;
      versions.clear();
      options.onChange();
      try {
        const ends = [carryUp(call, up).then(() => true), carryDown(call, up).then(() => false)];
        for (const end of ends) end.catch(() => {}); // The first one to end says why; the other follows.
        const isEnvoys = await Promise.race(ends);
        if (!isEnvoys) throw new GrpcError(grpcStatus.unavailable, "discovery ended the stream");
      } catch (reason) {
        if (!call.signal.aborted) log.info({ reason: String(reason) }, "the stream to discovery has ended");
        throw reason;
      } finally {
        connected = false;
        over.abort();
        options.onChange();
      }
    },
    get connected() {
      return connected;
    },
    types,
    get nameTable() {
      return nameTable;
    },
  };
}

function request(
  up: GrpcStream,
  fields: { readonly typeUrl: string; readonly responseNonce?: string },
): void {
  up.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, fields)));
}
