import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type ApiServer, startApiServer } from "../apiserver/index.ts";
import { type Clock, createSignal, silentLogger, systemClock, waitFor } from "../base/index.ts";
import { createManualClock, type ManualClock } from "../base/testing/manual-clock.ts";
import { createAuthority, createRoot } from "../ca/index.ts";
import { type Discovery, startDiscovery } from "../discovery/index.ts";
import {
  createHttpTransport,
  createKubeClient,
  type EndpointSlice,
  formatKubeconfig,
  type KubeClient,
  type KubeObject,
  kinds,
  parseKubeconfig,
  readerAccount,
  remoteKubeconfigIn,
  startInformer,
} from "../kube/index.ts";
import { keepRemoteCredential, renewalTime } from "../management/index.ts";
import { clusterKeys } from "./cluster-keys.ts";

const unused = () => assert.fail("no pods here");
const deadline = () => ({ signal: AbortSignal.timeout(30_000) });
const within = { name: "test", groups: ["system:masters"] };

interface Cluster {
  readonly api: ApiServer;
  readonly client: KubeClient;
  /** The kubeconfig of a service account, with a token of its own. */
  kubeconfig(account: string): Promise<string>;
}

async function startCluster(name: string, clock: Clock = systemClock): Promise<Cluster> {
  const keys = clusterKeys(undefined, name, "127.0.0.1", systemClock.now());
  const api = await startApiServer({
    cluster: name,
    listen: { host: "127.0.0.1", port: 0 },
    tls: { key: keys.serverKey, cert: keys.serverCert },
    clientCa: keys.caCert,
    serviceAccountKey: keys.serviceAccountKey,
    kubernetesVersion: "1.33.1",
    serviceRange: { first: "127.98.128.1", last: "127.98.191.254" },
    pods: { logs: unused, exec: unused, attach: unused, portForward: unused, usage: async () => [] },
    dial: unused,
    clock,
    log: silentLogger,
  });
  const client = createKubeClient(api.transport(within));
  for (const namespace of ["istio-system", "sample"])
    await client.create(kinds.namespaces, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace },
    } as never);
  return {
    api,
    client,
    async kubeconfig(account) {
      await client.create(kinds.serviceAccounts, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: account, namespace: "istio-system" },
      } as never);
      await client.create(kinds.clusterRoleBindings, {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name: account },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ kind: "ServiceAccount", name: account, namespace: "istio-system" }],
      } as never);
      const answer = await client.post(`/api/v1/namespaces/istio-system/serviceaccounts/${account}/token`, {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {},
      });
      const { token } = (answer as { readonly status: { readonly token: string } }).status;
      return JSON.stringify(formatKubeconfig([{ name, server: api.url, ca: keys.caCert, token }]));
    },
  };
}

function endpoints(address: string): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "web-1",
      namespace: "sample",
      labels: { "kubernetes.io/service-name": "web" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: "http", port: 8080 }],
  } as EndpointSlice;
}

suite("credentials of remote clusters, on real API servers", () => {
  let clock: ManualClock;
  let primary: Cluster;
  let remote: Cluster;
  let discovery: Discovery;
  const ports = new Map<number, number>();
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    primary = await startCluster("one");
    clock = createManualClock(Date.now());
    remote = await startCluster("two", clock);
    await remote.client.create(kinds.services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "sample" },
      spec: { ports: [{ name: "http", port: 80 }] },
    } as never);
    await remote.client.create(kinds.endpointSlices, endpoints("10.2.0.1"));
    const root = createRoot("test", systemClock.now());
    const authority = createAuthority(
      {
        "ca-cert.pem": root.certificatePem,
        "ca-key.pem": root.privateKeyPem,
        "root-cert.pem": root.certificatePem,
        "cert-chain.pem": root.certificatePem,
      },
      systemClock,
    );
    discovery = await startDiscovery({
      clusterId: "one",
      instance: "istiod-0",
      version: "1.31.1",
      systemNamespace: "istio-system",
      client: primary.client,
      connectRemote: (kubeconfig) =>
        createKubeClient(
          createHttpTransport({
            ...parseKubeconfig(kubeconfig),
            connect(host, port) {
              const socket = connect(port, host);
              sockets.add(socket);
              socket.once("close", () => sockets.delete(socket));
              return socket;
            },
          }),
        ),
      signer: {
        rootPem: authority.rootPem,
        sign: authority.sign,
        serverCertificate: authority.serverCertificate,
        changes: createSignal(),
      },
      async listen(port, onConnection) {
        const server = createServer(onConnection);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const address = server.address();
        if (typeof address === "object" && address !== null) ports.set(port, address.port);
        return () => new Promise<void>((resolve) => server.close(() => resolve()));
      },
      log: silentLogger,
      clock: systemClock,
    });
  });
  afterEach(async () => {
    await discovery.stop();
    await remote.api.stop();
    await primary.api.stop();
  });

  const secret = (name: string, data: Readonly<Record<string, string>>) =>
    ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: "istio-system", labels: { "istio/multiCluster": "true" } },
      stringData: data,
    }) as KubeObject;
  const apply = async (name: string, data: Readonly<Record<string, string>>) => {
    const known = await primary.client.get(kinds.secrets, name, "istio-system");
    if (known === undefined) await primary.client.create(kinds.secrets, secret(name, data) as never);
    else
      await primary.client.patch(
        kinds.secrets,
        name,
        { stringData: data },
        { type: "merge", namespace: "istio-system" },
      );
  };
  const page = async (path: string) => (await fetch(`http://127.0.0.1:${ports.get(15014)}${path}`)).json();
  const addresses = async () => {
    const hosts = (await page("/debug/endpointz")) as {
      readonly svc: string;
      readonly ep: readonly { readonly endpoint: { readonly Address: string } }[];
    }[];
    const web = hosts.find(({ svc }) => svc.startsWith("web."));
    return (web?.ep ?? []).map(({ endpoint }) => endpoint.Address);
  };
  const shows = (...wanted: string[]) =>
    waitFor(async () => ((await addresses()).join() === wanted.join() ? true : undefined), deadline());
  const status = (id: string) =>
    page("/debug/clusterz").then((rows) =>
      (rows as { readonly id: string; readonly syncStatus: string }[]).find((row) => row.id === id),
    );

  test("a token is renewed and the old one revoked: endpoints stay, and changes are seen all the time", async () => {
    await apply("two", { two: await remote.kubeconfig("first") });
    await shows("10.2.0.1");
    let lost = 0;
    const watching = new AbortController();
    const looking = (async () => {
      while (!watching.signal.aborted) if ((await addresses()).length === 0) lost++;
    })();
    await apply("two", { two: await remote.kubeconfig("second") });
    await remote.client.delete(kinds.serviceAccounts, "first", { namespace: "istio-system" });
    for (const address of ["10.2.0.2", "10.2.0.3"]) {
      await remote.client.replace(kinds.endpointSlices, {
        ...(await remote.client.get(kinds.endpointSlices, "web-1", "sample")),
        endpoints: endpoints(address).endpoints,
      } as EndpointSlice);
      await shows(address);
    }
    watching.abort();
    await looking;
    assert.equal(lost, 0);
    assert.equal((await status("two"))?.syncStatus, "synced");
  });

  test("a token is renewed at half of its life by whoever keeps it, and istiod sees changes all the time, also after the end of the first one", async () => {
    const lifetime = 600;
    const name = "istio-remote-secret-two";
    await apply(name, { two: await remote.kubeconfig(readerAccount) });
    await shows("10.2.0.1");
    const stop = new AbortController();
    const { signal } = stop;
    const secrets = startInformer(primary.client, kinds.secrets, {
      namespace: "istio-system",
      ...{ signal, log: silentLogger },
    });
    keepRemoteCredential({
      ...{ cluster: "one", client: primary.client, secrets },
      ...{ remote: "two", remoteClient: remote.client, lifetime },
      ...{ clock, signal, log: silentLogger },
    });
    const kept = () => remoteKubeconfigIn(secrets.get(name, "istio-system"), "two") ?? "";
    const other = (than: string) =>
      waitFor(() => (kept() !== "" && kept() !== than ? kept() : undefined), {
        ...deadline(),
        changes: secrets.changes,
      });
    let lost = 0;
    const looking = (async () => {
      while (!signal.aborted) if ((await addresses()).length === 0) lost++;
    })();
    try {
      await secrets.synced;
      // Its life of an hour is longer than the mesh wants it.
      let now = await waitFor(() => (renewalTime(kept(), lifetime) !== 0 ? kept() : undefined), deadline());
      for (let life = 1; life <= 4; life++) {
        const before = now;
        clock.move(lifetime * 500 + 1000);
        now = await other(before);
        const address = `10.2.0.${life + 1}`;
        await remote.client.replace(kinds.endpointSlices, {
          ...(await remote.client.get(kinds.endpointSlices, "web-1", "sample")),
          endpoints: endpoints(address).endpoints,
        } as EndpointSlice);
        await shows(address);
      }
      assert.equal((await status("two"))?.syncStatus, "synced");
    } finally {
      stop.abort();
      await looking;
    }
    assert.equal(lost, 0);
  });

  test("a revoked token is reported with the reason, and what the account gets anew is used", async () => {
    await apply("two", { two: await remote.kubeconfig(readerAccount) });
    await shows("10.2.0.1");
    await remote.client.delete(kinds.serviceAccounts, readerAccount, { namespace: "istio-system" });
    // Watches that are open stay so; what connects with it now is refused.
    const kubeconfig = remoteKubeconfigIn(
      await primary.client.get(kinds.secrets, "two", "istio-system"),
      "two",
    );
    await primary.client.delete(kinds.secrets, "two", { namespace: "istio-system" });
    await shows();
    await apply("two", { two: kubeconfig ?? "" });
    const refused = await waitFor(async () => {
      const row = (await status("two")) as { readonly problem?: string } | undefined;
      return /unauthorized/i.test(row?.problem ?? "") ? row : undefined;
    }, deadline());
    assert.ok(!JSON.stringify(refused).includes("eyJ"));
    await apply("two", { two: await remote.kubeconfig("another") });
    await shows("10.2.0.1");
  });

  test("a cluster that can't be reached delays nobody, and a Secret that goes ends all connections with watches", async () => {
    const nowhere = createServer();
    await new Promise<void>((resolve) => nowhere.listen(0, "127.0.0.1", resolve));
    const address = nowhere.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await new Promise((resolve) => nowhere.close(resolve));
    const kubeconfig = await remote.kubeconfig("reader");
    await apply("remotes", {
      gone: JSON.stringify(
        formatKubeconfig([{ name: "gone", server: `https://127.0.0.1:${port}`, token: "t" }]),
      ),
      two: kubeconfig,
    });
    await shows("10.2.0.1");
    assert.equal((await status("gone"))?.syncStatus, "unreachable");
    await primary.client.delete(kinds.secrets, "remotes", { namespace: "istio-system" });
    await shows();
    // Watches had a connection each; of the others a few may idle until the server ends them.
    await waitFor(() => (sockets.size < 6 ? true : undefined), deadline());
    assert.equal(await status("two"), undefined);
    assert.equal(await status("gone"), undefined);
  });
});
