import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTls } from "node:tls";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { waitFor } from "../../../base/index.ts";
import { NodeSchema } from "../../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { type GrpcStream, methods, openGrpc, type TypeUrl } from "../../../xds/index.ts";

/** A session in the clear with istiod's port 15010. */
export function plainSession(port: number): ClientHttp2Session {
  return connect(`http://127.0.0.1:${port}`);
}

/** A session over TLS with istiod's port 15012. */
export function tlsSession(
  port: number,
  ca: string,
  certificate?: { readonly key: string; readonly cert: string },
): ClientHttp2Session {
  return connect("https://istiod.istio-system.svc:15012", {
    createConnection: () =>
      connectTls({
        host: "127.0.0.1",
        port,
        ca,
        servername: "istiod.istio-system.svc",
        ALPNProtocols: ["h2"],
        ...certificate,
      }),
  });
}

/** A Node as the agent beside a proxy makes it. */
export function testNode(
  options: {
    readonly type?: "sidecar" | "router";
    readonly pod?: string;
    readonly namespace?: string;
    readonly cluster?: string;
    readonly network?: string;
    readonly account?: string;
    readonly labels?: Readonly<Record<string, string>>;
  } = {},
) {
  const { type = "sidecar", pod = "client-1", namespace = "sample", cluster = "c1", network = "" } = options;
  return create(NodeSchema, {
    id: `${type}~10.1.0.9~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    metadata: {
      CLUSTER_ID: cluster,
      NAMESPACE: namespace,
      NAME: pod,
      NETWORK: network,
      SERVICE_ACCOUNT: options.account ?? "client",
      LABELS: { ...options.labels },
      INSTANCE_IPS: "10.1.0.9",
    },
  });
}

/** A delta stream that remembers what it was sent. */
export interface DeltaClient {
  readonly responses: readonly DeltaDiscoveryResponse[];
  send(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void;
  /** The next response after those already taken, acknowledged. */
  next(typeUrl: TypeUrl): Promise<DeltaDiscoveryResponse>;
  /** How the call failed. */
  readonly failure: Promise<unknown>;
  end(): void;
}

export function openDelta(
  session: ClientHttp2Session,
  metadata: Readonly<Record<string, string>> = {},
  method: string = methods.deltaAggregatedResources,
): DeltaClient {
  const stop = new AbortController();
  const stream: GrpcStream = openGrpc(session, method, metadata, stop.signal);
  const responses: DeltaDiscoveryResponse[] = [];
  const failure = (async () => {
    for await (const message of stream.messages) {
      responses.push(fromBinary(DeltaDiscoveryResponseSchema, message));
    }
    return undefined;
  })().catch((reason: unknown) => reason);
  const client: DeltaClient = {
    responses,
    failure,
    send(request) {
      stream.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request)));
    },
    async next(typeUrl) {
      const found = await waitFor(
        () => {
          const index = responses.findIndex((response) => response.typeUrl === typeUrl);
          if (index < 0) return undefined;
          const [response] = responses.splice(index, 1);
          return response;
        },
        { signal: AbortSignal.timeout(30_000) },
      );
      client.send({ typeUrl, responseNonce: found.nonce });
      return found;
    },
    end: () => stop.abort(),
  };
  return client;
}

/** A state-of-the-world stream. */
export interface SotwClient {
  send(request: MessageInitShape<typeof DiscoveryRequestSchema>): void;
  next(typeUrl: string): Promise<DiscoveryResponse>;
  readonly responses: readonly DiscoveryResponse[];
  end(): void;
}

export function openSotw(
  session: ClientHttp2Session,
  metadata: Readonly<Record<string, string>> = {},
): SotwClient {
  const stop = new AbortController();
  const stream = openGrpc(session, methods.streamAggregatedResources, metadata, stop.signal);
  const responses: DiscoveryResponse[] = [];
  (async () => {
    for await (const message of stream.messages) responses.push(fromBinary(DiscoveryResponseSchema, message));
  })().catch(() => {}); // The test ends the call.
  return {
    responses,
    send(request) {
      stream.send(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, request)));
    },
    next: (typeUrl) =>
      waitFor(
        () => {
          const index = responses.findIndex((response) => response.typeUrl === typeUrl);
          return index < 0 ? undefined : responses.splice(index, 1)[0];
        },
        { signal: AbortSignal.timeout(30_000) },
      ),
    end: () => stop.abort(),
  };
}
