import assert from "node:assert/strict";
import { connect as netConnect } from "node:net";
import { afterEach, suite, test } from "vitest";
import { silentLogger, systemClock, waitFor } from "../../base/index.ts";
import type { Change, EndpointSlice, KubeObject, Node, Service } from "../../kube/index.ts";
import { answersOf } from "../test-support/answers-of.ts";
import { claimBlock } from "../test-support/claim-block.ts";
import { createMeshNetwork, type MeshNetwork } from "./mesh-network.ts";
import { serviceFrontends } from "./service-backends.ts";
import { startServiceProxy } from "./service-proxy.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function freeBlock(): Promise<number> {
  const { block, release } = await claimBlock();
  cleanUps.push(release);
  return block;
}

/** A cache that is changed by hand. */
function cache<T extends KubeObject>() {
  const objects = new Map<string, T>();
  const listeners: ((change: Change<T>) => void)[] = [];
  const id = ({ metadata }: T) => `${metadata.namespace}/${metadata.name}`;
  return {
    get: (name: string, namespace?: string) => objects.get(`${namespace}/${name}`),
    list: () => [...objects.values()],
    subscribe(listener: (change: Change<T>) => void) {
      listeners.push(listener);
      for (const object of objects.values()) listener({ type: "added", object });
    },
    put(object: T) {
      const previous = objects.get(id(object));
      objects.set(id(object), object);
      const change =
        previous === undefined
          ? { type: "added" as const, object }
          : { type: "modified" as const, object, previous };
      for (const listener of listeners) listener(change);
    },
    remove(object: T) {
      objects.delete(id(object));
      for (const listener of listeners) listener({ type: "deleted", object });
    },
  };
}

const metadata = { name: "web", namespace: "sample" };

function service(
  clusterIP: string,
  extra: Partial<Service> & { readonly spec?: Partial<Service["spec"]> } = {},
): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    ...extra,
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ name: "http", port: 8080 }], ...extra.spec },
  };
}

function slice(
  addresses: readonly { address: string; ready?: boolean; terminating?: boolean; node?: string }[],
  port: number,
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "sample", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints: addresses.map(({ address, ready = true, terminating = false, node }) => ({
      addresses: [address],
      conditions: { ready, serving: true, terminating },
      ...(node === undefined ? {} : { nodeName: node }),
    })),
  };
}

/** What the pod's server says to a connection: "name source", or the error. */
function ask(mesh: MeshNetwork | undefined, dial: () => ReturnType<typeof netConnect>): Promise<string> {
  assert.ok(mesh);
  return new Promise((resolve) => {
    const socket = dial();
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

async function scene() {
  const block = await freeBlock();
  const mesh = createMeshNetwork({
    clock: systemClock,
    log: silentLogger,
    connectTimeoutMs: 50,
    clusters: [{ name: "c", block, network: "n", answer: answersOf(() => []) }],
  });
  cleanUps.push(() => mesh.stop());
  const services = cache<Service>();
  const endpointSlices = cache<EndpointSlice>();
  const nodes = cache<Node>();
  const stop = startServiceProxy({
    cluster: "c",
    block,
    network: mesh,
    services,
    endpointSlices,
    nodes,
    clock: systemClock,
    log: silentLogger,
  });
  cleanUps.push(stop);
  const pod = async (name: string, node?: string) => {
    const facts = { cluster: "c", namespace: "sample", name, ...(node === undefined ? {} : { node }) };
    const { network } = await mesh.attachPod(facts);
    await network.listen(9000, (socket) => socket.end(`${name} ${socket.remoteAddress}`));
    return network;
  };
  const vip = `127.${block}.128.5`;
  /** Waits until a caller from outside gets an answer that matches. */
  const answers = (address: string, port: number, expected: RegExp) =>
    waitFor(
      async () => {
        const text = await ask(mesh, () => netConnect(port, address));
        return expected.test(text) ? text : undefined;
      },
      { signal: AbortSignal.timeout(30_000) },
    );
  return { block, mesh, services, endpointSlices, nodes, pod, vip, answers };
}

suite("startServiceProxy()", () => {
  test("a ClusterIP leads to ready endpoints, keeps a pod's address, and refuses without endpoints", async () => {
    const { mesh, services, endpointSlices, pod, vip, answers } = await scene();
    const [client, server] = [await pod("client"), await pod("server")];
    services.put(service(vip));
    await answers(vip, 8080, /ECONNREFUSED/);
    endpointSlices.put(slice([{ address: server.address }], 9000));
    await answers(vip, 8080, /^server /);
    assert.equal(
      await ask(mesh, () => client.dial({ address: vip, port: 8080 })),
      `server ${client.address}`,
    );
    endpointSlices.put(slice([{ address: server.address, ready: false }], 9000));
    await answers(vip, 8080, /ECONNREFUSED/);
    assert.equal(await ask(mesh, () => client.dial({ address: vip, port: 8080 })), "ECONNREFUSED");
  });

  test("load balancer addresses and node ports are served, and go with their Service", async () => {
    const { block, services, endpointSlices, nodes, pod, vip, answers } = await scene();
    const server = await pod("server", "node-1");
    const lb = `127.${block}.255.2`;
    const node: Node = {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "node-1" },
      status: { addresses: [{ type: "InternalIP", address: `127.${block}.254.7` }] },
    };
    const object = service(vip, {
      spec: { type: "LoadBalancer", ports: [{ name: "http", port: 8080, nodePort: 30080 }] },
      status: { loadBalancer: { ingress: [{ ip: lb }] } },
    });
    endpointSlices.put(slice([{ address: server.address, node: "node-1" }], 9000));
    services.put(object);
    await answers(lb, 8080, new RegExp(`^server 127\\.${block}\\.254\\.1$`));
    nodes.put(node);
    await answers(`127.${block}.254.7`, 30080, /^server /);
    services.put({ ...object, spec: { ...object.spec, externalTrafficPolicy: "Local" } });
    await answers(lb, 8080, /^server 127\.0\.0\.1$/);
    services.remove(object);
    await answers(lb, 8080, /ECONNREFUSED/);
    await answers(`127.${block}.254.7`, 30080, /ECONNREFUSED/);
  });

  test("a change of endpoints leaves running connections alone", async () => {
    const { mesh, services, endpointSlices, pod, vip, answers } = await scene();
    const server = await pod("server");
    await server.listen(9001, (socket) => socket.pipe(socket));
    services.put(service(vip));
    endpointSlices.put(slice([{ address: server.address }], 9001));
    const socket = await waitFor(
      () =>
        new Promise<ReturnType<typeof netConnect> | undefined>((resolve) => {
          const attempt = netConnect(8080, vip);
          attempt.once("connect", () => resolve(attempt));
          attempt.once("error", () => resolve(undefined));
        }),
      { signal: AbortSignal.timeout(30_000) },
    );
    endpointSlices.put(slice([], 9001));
    await answers(vip, 8080, /ECONNREFUSED/);
    socket.write("still here");
    const [echo] = await new Promise<Buffer[]>((resolve) =>
      socket.once("data", (...chunks) => resolve(chunks)),
    );
    assert.equal(String(echo), "still here");
    socket.destroy();
    assert.ok(mesh);
  });

  test("sessionAffinity ClientIP keeps a client at its endpoint", async () => {
    const { mesh, services, endpointSlices, pod, vip, answers } = await scene();
    const client = await pod("client");
    const servers = [await pod("s1"), await pod("s2"), await pod("s3")];
    services.put(service(vip, { spec: { sessionAffinity: "ClientIP" } }));
    endpointSlices.put(
      slice(
        servers.map(({ address }) => ({ address })),
        9000,
      ),
    );
    await answers(vip, 8080, /^s/);
    const seen = new Set<string>();
    for (let i = 0; i < 12; i++) seen.add(await ask(mesh, () => client.dial({ address: vip, port: 8080 })));
    assert.equal(seen.size, 1);
  });
});

suite("serviceFrontends()", () => {
  const targets = (endpoints: Parameters<typeof slice>[0]) =>
    serviceFrontends(service("127.20.128.1"), [slice(endpoints, 9000)], [], 20)[0]?.targets.map(
      ({ address }) => address,
    );

  test("uses endpoints that end but still serve only when none is ready", () => {
    const ending = { address: "127.20.0.3", ready: false, terminating: true };
    assert.deepEqual(targets([{ address: "127.20.0.2" }, ending]), ["127.20.0.2"]);
    assert.deepEqual(targets([{ address: "127.20.0.2", ready: false }, ending]), ["127.20.0.3"]);
  });

  test("never binds addresses that belong to pods, the API server, other clusters or this machine", () => {
    const object = service("None", {
      spec: {
        clusterIP: "None",
        clusterIPs: ["None"],
        externalIPs: ["127.0.0.1", "127.20.0.1", "127.20.0.9", "127.21.255.2", "10.0.0.1"],
      },
      status: { loadBalancer: { ingress: [{ ip: "127.20.64.2" }, { hostname: "x" }] } },
    });
    assert.deepEqual(serviceFrontends(object, [slice([{ address: "127.20.0.2" }], 9000)], [], 20), []);
  });
});
