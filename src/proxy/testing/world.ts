import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { type Clock, silentLogger, systemClock, waitFor } from "../../base/index.ts";
import { generateKey, type Issuer, issueCertificate, readIssuer } from "../../pki/index.ts";
import {
  type Secret,
  SecretSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { TypeUrl } from "../../xds/index.ts";
import type { Destination, Proxy as MeshProxy, ProxyNetwork, SecretSource } from "../contracts.ts";
import { startProxy } from "../start-proxy.ts";
import { createFakeDiscovery, type FakeDiscovery } from "./fake-discovery.ts";
import { type GoldenProxy, readNode, toResources } from "./golden.ts";

/** Addresses as the resources name them, mapped to sockets on loopback. */
export interface World {
  /** Lets connections to address:port reach `onConnection`. */
  serve(address: string, port: number, onConnection: (socket: Socket) => void): Promise<void>;
  /** Leads connections to address:port to a server that already listens. */
  map(address: string, port: number, to: AddressInfo): void;
  /** Takes a mapping away: dialling is refused. */
  unmap(address: string, port: number): void;
  readonly issuer: Issuer;
  addProxy(name: string, golden: GoldenProxy, options: ProxyPlace): Promise<RunningProxy>;
  /** A client's connection to an address, past every proxy of its own. */
  open(address: string, port: number): Promise<Socket>;
  /** Connections dialled so far, by "address:port". */
  readonly dialled: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

export interface ProxyPlace {
  /** The pod's address; connections to it go into the proxy's inbound side. */
  readonly address: string;
  readonly serviceAccount: string;
  readonly namespace?: string;
  readonly issuer?: Issuer;
  readonly inboundPorts?: readonly number[];
  readonly clock?: Clock;
}

export interface RunningProxy {
  readonly proxy: MeshProxy;
  readonly discovery: FakeDiscovery;
  readonly resources: Map<TypeUrl, Map<string, Uint8Array>>;
  readonly logs: string[];
  readonly secrets: MutableSecrets;
  /** A client's connection, as if intercepted on its way to `destination`. */
  connect(destination: Destination): Promise<Socket>;
}

export interface MutableSecrets extends SecretSource {
  put(name: string, secret: Secret | undefined): void;
}

const day = 86_400_000;

export function makeRoot(name: string): Issuer {
  const key = generateKey();
  const pem = issueCertificate(
    {
      publicKey: key.publicKey,
      subject: { commonName: name },
      ca: {},
      notBefore: Date.now() - day,
      notAfter: Date.now() + day,
    },
    { selfKey: key.privateKey },
  );
  return readIssuer(pem, key.privateKeyPem);
}

/** The two secrets of a workload. */
export function makeSecrets(issuer: Issuer, spiffeId: string, trust: Issuer = issuer): MutableSecrets {
  const secrets = new Map<string, Secret>();
  const listeners = new Map<string, Set<() => void>>();
  const key = generateKey();
  const chain = issueCertificate(
    { publicKey: key.publicKey, uris: [spiffeId], notBefore: Date.now() - day, notAfter: Date.now() + day },
    issuer,
  );
  secrets.set("default", tlsSecret("default", chain, key.privateKeyPem));
  secrets.set(
    "ROOTCA",
    create(SecretSchema, {
      name: "ROOTCA",
      type: {
        case: "validationContext",
        value: {
          trustedCa: { specifier: { case: "inlineBytes", value: Buffer.from(trust.certificatePem) } },
        },
      },
    }),
  );
  return {
    get: (name) => secrets.get(name),
    onChange(name, listener, signal) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      set.add(listener);
      signal.addEventListener("abort", () => set.delete(listener));
    },
    put(name, secret) {
      if (secret === undefined) secrets.delete(name);
      else secrets.set(name, secret);
      for (const listener of listeners.get(name) ?? []) listener();
    },
  };
}

export function tlsSecret(name: string, chain: string, key: string): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: { specifier: { case: "inlineBytes", value: Buffer.from(chain) } },
        privateKey: { specifier: { case: "inlineBytes", value: Buffer.from(key) } },
      },
    },
  });
}

export function createWorld(): World {
  const routes = new Map<string, AddressInfo>();
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const proxies: MeshProxy[] = [];
  const dialled = new Map<string, number>();
  const issuer = makeRoot("test root");

  function dialFrom(own: string, apps: ReadonlyMap<string, AddressInfo>): ProxyNetwork["dial"] {
    return (to, source) => {
      const key = `${to.address}:${to.port}`;
      dialled.set(key, (dialled.get(key) ?? 0) + 1);
      const target = to.address === own && source === "127.0.0.6" ? apps.get(key) : routes.get(key);
      if (target === undefined) {
        const socket = new Socket();
        queueMicrotask(() => socket.destroy(Object.assign(new Error("refused"), { code: "ECONNREFUSED" })));
        return socket;
      }
      const socket = connect(target.port, target.address);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket;
    };
  }

  async function listen(onConnection: (socket: Socket) => void): Promise<AddressInfo> {
    const server = createServer(onConnection);
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server.address() as AddressInfo;
  }

  const world: World = {
    issuer,
    dialled,
    async serve(address, port, onConnection) {
      routes.set(`${address}:${port}`, await listen(onConnection));
    },
    map(address, port, to) {
      routes.set(`${address}:${port}`, to);
    },
    async open(address, port) {
      const target = routes.get(`${address}:${port}`);
      if (target === undefined) throw new Error(`nothing listens on ${address}:${port}`);
      const socket = connect(target.port, target.address);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
      return socket;
    },
    unmap(address, port) {
      routes.delete(`${address}:${port}`);
    },
    async addProxy(_name, golden, place) {
      const resources = toResources(golden);
      const discovery = createFakeDiscovery(resources);
      const apps = new Map<string, AddressInfo>();
      const logs: string[] = [];
      const namespace = place.namespace ?? "sample";
      const secrets = makeSecrets(
        place.issuer ?? issuer,
        `spiffe://cluster.local/ns/${namespace}/sa/${place.serviceAccount}`,
      );
      const proxy = startProxy({
        node: readNode(golden),
        openAds: discovery.openAds,
        secrets,
        network: {
          dial: dialFrom(place.address, apps),
          async listen(port, onConnection) {
            const key = `${place.address}:${port}`;
            const address = await listen(onConnection);
            routes.set(key, address);
            return async () => {
              routes.delete(key);
            };
          },
          resolve: async (host) => [host],
        },
        accessLog: (line) => logs.push(line),
        log: silentLogger,
        clock: place.clock ?? systemClock,
      });
      proxies.push(proxy);
      for (const port of place.inboundPorts ?? []) {
        const app = routes.get(`${place.address}:${port}`);
        if (app !== undefined) apps.set(`${place.address}:${port}`, app);
        await world.serve(place.address, port, (socket) =>
          proxy.acceptInbound(socket, { address: place.address, port }),
        );
      }
      await waitFor(() => (proxy.state.ready ? true : undefined), {
        changes: proxy.changes,
        signal: AbortSignal.timeout(5000),
      });
      const front = new Map<string, AddressInfo>();
      return {
        proxy,
        discovery,
        resources,
        logs,
        secrets,
        async connect(destination) {
          const key = `${destination.address}:${destination.port}`;
          let entry = front.get(key);
          if (entry === undefined) {
            entry = await listen((socket) => proxy.acceptOutbound(socket, destination));
            front.set(key, entry);
          }
          const socket = connect(entry.port, entry.address);
          sockets.add(socket);
          socket.once("close", () => sockets.delete(socket));
          await new Promise<void>((resolve, reject) => {
            socket.once("connect", resolve);
            socket.once("error", reject);
          });
          return socket;
        },
      };
    },
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.stop(0)));
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
  return world;
}
