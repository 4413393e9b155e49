import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { type GoldenProxy, readGolden } from "./golden.ts";
import { createWorld, type ProxyPlace, type RunningProxy, type World } from "./world.ts";

/** A world with apps: HTTP servers that pods run. */
export interface TestMesh extends World {
  app(address: string, port: number, answer: RequestListener): Promise<Server>;
  /** Client sleep in cluster1; `change` may edit what istiod sent. */
  sleep(change?: (golden: GoldenProxy) => void, options?: Partial<ProxyPlace>): Promise<RunningProxy>;
  /** helloworld's pod with its sidecar and its app. */
  helloworld(
    answer: RequestListener,
    change?: (golden: GoldenProxy) => void,
    options?: Partial<ProxyPlace>,
  ): Promise<RunningProxy>;
}

/** helloworld's Service address in cluster1, and its pod's in cluster2. */
export const service = { address: "10.1.0.10", port: 5000 };
export const pod = { address: "10.20.1.10", port: 5000 };

export function createTestMesh(): TestMesh {
  const world = createWorld();
  const servers: Server[] = [];
  const mesh: TestMesh = {
    ...world,
    async app(address, port, answer) {
      const server = createServer(answer);
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      world.map(address, port, server.address() as AddressInfo);
      return server;
    },
    sleep(change, options = {}) {
      const golden = readGolden("a-multinetwork--sleep-cluster1");
      useDirectEndpoint(golden);
      change?.(golden);
      return world.addProxy("sleep", golden, { address: "10.10.1.20", serviceAccount: "sleep", ...options });
    },
    async helloworld(answer, change, options = {}) {
      await mesh.app(pod.address, pod.port, answer);
      const golden = readGolden("a-multinetwork--helloworld-cluster2");
      change?.(golden);
      return world.addProxy("helloworld", golden, {
        address: pod.address,
        serviceAccount: "helloworld",
        inboundPorts: [pod.port],
        ...options,
      });
    },
    async stop() {
      await world.stop();
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
  return mesh;
}

/** One endpoint for helloworld: its pod in cluster2, with mTLS, and no gateway on the way. */
export function useDirectEndpoint(golden: GoldenProxy): void {
  setEndpoints(golden, [{ address: pod.address, port: pod.port }]);
}

export interface TestEndpoint {
  readonly address: string;
  readonly port: number;
  readonly plain?: boolean;
  readonly weight?: number;
  readonly priority?: number;
  readonly health?: string;
  readonly locality?: string;
}

/** helloworld's load assignment as istiod would write it. */
export function assignment(endpoints: readonly TestEndpoint[], clusterName = helloworldCluster): JsonValue {
  return {
    clusterName,
    endpoints: endpoints.map(
      ({ address, port, plain, weight = 1, priority = 0, health = "HEALTHY", locality = "region1" }) => ({
        priority,
        locality: { region: locality },
        loadBalancingWeight: weight,
        lbEndpoints: [
          {
            endpoint: { address: { socketAddress: { address, portValue: port } } },
            healthStatus: health,
            loadBalancingWeight: weight,
            ...(plain
              ? {}
              : { metadata: { filterMetadata: { "envoy.transport_socket_match": { tlsMode: "istio" } } } }),
          },
        ],
      }),
    ),
  };
}

export const helloworldCluster = nameOf(
  readGolden("a-multinetwork--sleep-cluster1").cluster.find((json) =>
    nameOf(json).startsWith("outbound|5000||"),
  ),
);

function nameOf(json: JsonValue | undefined): string {
  return String((json as { name?: string } | undefined)?.name);
}

export function setEndpoints(golden: GoldenProxy, endpoints: readonly TestEndpoint[]): void {
  golden.endpoint = golden.endpoint.map((json) =>
    (json as { clusterName: string }).clusterName === helloworldCluster ? assignment(endpoints) : json,
  );
}

/** Reads a whole request body. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

export function hello(version: string): RequestListener {
  return (_request: IncomingMessage, response: ServerResponse) => {
    response.end(`Hello version: ${version}\n`);
  };
}
