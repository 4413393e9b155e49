import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { okeClusters as clusters, hello, startOke } from "./support/examples.ts";
import { versions } from "./support/hello.ts";
import { dataplane, eventually, type MeshUnderTest } from "./support/running-mesh.ts";
import { underLoad } from "./support/under-load.ts";

const hasKubectl = findKubectls().length > 0;

/** What the tests read of `isthmus status -o json`. */
interface Status {
  readonly state: string;
  readonly clusters: readonly { readonly name: string; readonly state: string; readonly api: string }[];
  readonly proxies: readonly { readonly cluster: string; readonly pod: string; readonly state: string }[];
}

/** What the tests read of an object. */
interface Item {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly clusterIP?: string };
  readonly status: {
    readonly podIP?: string;
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] };
    readonly containerStatuses?: readonly { readonly name: string; readonly restartCount: number }[];
  };
}

suite.skipIf(!hasKubectl)("a mesh with a part away [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  beforeAll(async () => {
    mesh = await startOke();
  });
  afterAll(() => mesh?.stop());

  /** Requests from each cluster's client at 10 a second, on kept connections and on fresh ones, while `action` runs. */
  const whileAsked = (action: () => Promise<void>) =>
    underLoad(mesh, {
      senders: clusters.flatMap((cluster) =>
        [false, true].map((fresh) => ({
          ...{ url: `http://${hello}`, fresh },
          from: ["deploy/curl.sample", cluster] as const,
        })),
      ),
      action,
    });
  const status = async () => JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout) as Status;
  const scale = (cluster: string, namespace: string, deployment: string, replicas: number) =>
    mesh.kubectl(cluster, "-n", namespace, "scale", `deployment/${deployment}`, `--replicas=${replicas}`);
  const restart = async (cluster: string, namespace: string, deployment: string) => {
    await mesh.kubectl(cluster, "-n", namespace, "rollout", "restart", `deployment/${deployment}`);
    await mesh.kubectl(cluster, "-n", namespace, "rollout", "status", `deployment/${deployment}`);
    // Those before them end with what they have under way.
    await eventually(async () =>
      (await items(cluster, "pods")).every(({ metadata }) => metadata.deletionTimestamp === undefined),
    );
  };
  const items = async (cluster: string, kinds: string) =>
    JSON.parse(await mesh.kubectl(cluster, "get", kinds, "-A", "-o", "json")).items as Item[];
  const restartCounts = async (cluster: string) =>
    (await items(cluster, "pods"))
      .flatMap(({ metadata, status: { containerStatuses = [] } }) =>
        containerStatuses.map(({ name, restartCount }) => `${metadata.name} ${name} ${restartCount}`),
      )
      .sort();
  const readyReplicas = async (cluster: string, deployment: string) =>
    Number(
      await mesh.kubectl(
        ...([cluster, "-n", "sample", "get", "deployment", deployment] as const),
        ...["-o", "jsonpath={.status.readyReplicas}"],
      ),
    );
  /** What a test that failed may have left otherwise: v2 with one pod, and none on its way out. */
  const oneAnswersInAsh = async () => {
    await scale("ash", "sample", "helloworld-v2", 1);
    await eventually(async () => {
      const pods = (await items("ash", "pods")).filter(({ metadata }) =>
        metadata.name.startsWith("helloworld-v2"),
      );
      return pods.length === 1 && (await readyReplicas("ash", "helloworld-v2")) === 1;
    });
  };
  const bothAnswer = async (cluster: string) => {
    const { v1, v2 } = versions(await mesh.curl(cluster, hello, 40));
    assert.ok(v1 > 0 && v2 > 0, `from ${cluster}: v1 ${v1}, v2 ${v2}`);
    return true;
  };
  const allSynced = async () => {
    const { proxies } = await status();
    for (const { cluster, pod, state } of proxies) assert.equal(state, "SYNCED", `${pod} of ${cluster}`);
    return proxies.length;
  };

  test("AKS-25 control plane away: requests go on, new pods wait and then start, rules are refused meanwhile, proxies are SYNCED again without restarts", async () => {
    await oneAnswersInAsh();
    const before = {
      proxies: await eventually(allSynced),
      fra: await restartCounts("fra"),
      ash: await restartCounts("ash"),
    };
    await whileAsked(async () => {
      await scale("fra", "istio-system", "istiod", 0);
      await eventually(async () => (await status()).proxies.every(({ state }) => state === "NOT CONNECTED"));
      await scale("ash", "sample", "helloworld-v2", 2);
      await eventually(async () =>
        (await mesh.kubectl("ash", "-n", "sample", "get", "events")).includes("failed calling webhook"),
      );
      assert.equal(await readyReplicas("ash", "helloworld-v2"), 1);
      await eventually(async () => {
        const unseen = await mesh.tryKubectl("fra", ["apply", "--dry-run=server", "-f", "-"], rule);
        assert.equal(unseen.code, 1);
        assert.match(
          unseen.stderr,
          /failed calling webhook "validation\.istio\.io": .*no endpoints available for service "istiod"/,
        );
        return true;
      });
      await scale("fra", "istio-system", "istiod", 1);
      await eventually(async () => (await readyReplicas("ash", "helloworld-v2")) === 2);
      await eventually(async () => {
        const seen = await mesh.tryKubectl("fra", ["apply", "--dry-run=server", "-f", "-"], rule);
        assert.equal(seen.code, 0, seen.stderr);
        return true;
      });
    });
    await scale("ash", "sample", "helloworld-v2", 1);
    await eventually(async () => (await allSynced()) === before.proxies);
    const isNew = (line: string) => !before.fra.includes(line) && !before.ash.includes(line);
    // istiod and the pods of the second replica are new; nothing that ran was restarted.
    for (const cluster of clusters)
      for (const line of (await restartCounts(cluster)).filter(isNew)) assert.match(line, / 0$/);
  });

  test("OKE-42 east-west gateway away: requests are answered by v1 alone, and by both when it is back", async () => {
    await scale("ash", "istio-system", "istio-eastwestgateway", 0);
    // Its pod first finishes what it carries.
    await eventually(async () => {
      const { v1, v2 } = versions(await mesh.curl("fra", hello, 20));
      return v1 === 20 && v2 === 0;
    });
    try {
      for (let i = 0; i < 3; i++) assert.equal(versions(await mesh.curl("fra", hello, 20)).v2, 0);
    } finally {
      await scale("ash", "istio-system", "istio-eastwestgateway", 1);
    }
    await eventually(() => bothAnswer("fra"));
  });

  test("AKS-55 cluster away and back: the other goes on alone, everything returns with its addresses and uids", async () => {
    const facts = async () =>
      (await items("ash", "pods,services"))
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ kind, metadata, spec, status: { podIP, loadBalancer } }) =>
          [
            ...[kind, metadata.namespace, metadata.name, metadata.uid],
            ...[podIP, spec.clusterIP, loadBalancer?.ingress?.[0]?.ip],
          ].join(" "),
        )
        .sort();
    const kubeconfig = () => mesh.kubectl("ash", "config", "view", "--raw");
    await mesh.isthmus("cluster", "start", "ash");
    await oneAnswersInAsh();
    const before = { facts: await facts(), kubeconfig: await kubeconfig() };
    const stopped = await mesh.isthmus("cluster", "stop", "ash");
    assert.equal(stopped.code, 0, stopped.stderr);
    const again = await mesh.isthmus("cluster", "stop", "ash");
    assert.deepEqual([again.code, again.stderr.trim()], [0, "ash was stopped already"]);

    const said = await status();
    assert.deepEqual(
      said.clusters.map(({ name, state }) => `${name} ${state}`),
      ["fra ready", "ash stopped"],
    );
    const refused = await mesh.tryKubectl("ash", ["get", "pods"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /cluster ash is stopped; isthmus cluster start ash starts it again/);
    const endpoints = await mesh.isthmus("endpoints", "deploy/curl.sample", "--cluster", "ash");
    assert.match(endpoints.stderr, /ash is stopped/);
    await eventually(async () => versions(await mesh.curl("fra", hello, 20)).v1 === 20);
    for (let i = 0; i < 3; i++) assert.equal(versions(await mesh.curl("fra", hello, 20)).v1, 20);

    const started = await mesh.isthmus("cluster", "start", "ash");
    assert.equal(started.code, 0, started.stderr);
    await eventually(async () => {
      assert.deepEqual({ facts: await facts(), kubeconfig: await kubeconfig() }, before);
      return true;
    });
    for (const cluster of clusters) await eventually(() => bothAnswer(cluster));
    await eventually(allSynced);
  });

  test("AKS-54 OKE-51 the primary away: the remote's own requests go on, its new pods wait; SYNCED without restarts when it is back", async () => {
    await mesh.isthmus("cluster", "start", "fra");
    await oneAnswersInAsh();
    const before = await restartCounts("ash");
    const stopped = await mesh.isthmus("cluster", "stop", "fra");
    assert.equal(stopped.code, 0, stopped.stderr);
    await eventually(async () => versions(await mesh.curl("ash", hello, 20)).v2 === 20);
    await eventually(async () => {
      const { clusters: shown, proxies } = await status();
      assert.equal(shown.find(({ name }) => name === "fra")?.state, "stopped");
      return proxies.length > 0 && proxies.every(({ state }) => state === "NOT CONNECTED");
    });
    await scale("ash", "sample", "helloworld-v2", 2);
    await eventually(async () =>
      (await mesh.kubectl("ash", "-n", "sample", "get", "events")).includes("failed calling webhook"),
    );
    assert.equal(await readyReplicas("ash", "helloworld-v2"), 1);
    const started = await mesh.isthmus("cluster", "start", "fra");
    assert.equal(started.code, 0, started.stderr);
    await eventually(async () => (await readyReplicas("ash", "helloworld-v2")) === 2);
    await eventually(allSynced);
    const after = await restartCounts("ash");
    for (const line of before) assert.ok(after.includes(line), `${line} was restarted`);
    for (const cluster of clusters) await eventually(() => bothAnswer(cluster));
    await scale("ash", "sample", "helloworld-v2", 1);
  });

  test("rolling restarts of workloads and of gateways lose no request", async () => {
    await whileAsked(async () => {
      await restart("fra", "sample", "helloworld-v1");
      await restart("ash", "sample", "helloworld-v2");
      // An Envoy that exits cuts the connections that it passes through: a request on one of them at that moment fails.
      const gateways = dataplane.length === 0 ? clusters : [];
      for (const cluster of gateways) await restart(cluster, "istio-system", "istio-eastwestgateway");
    });
  });

  test("malformed objects that got in unseen stop nobody: what they say is left out, new pods get their configuration", async () => {
    const validators = ["istio-validator-istio-system", "istiod-default-validator"];
    const kind = "validatingwebhookconfigurations";
    const { items } = JSON.parse(await mesh.kubectl("fra", "get", kind, ...validators, "-o", "json"));
    await mesh.kubectl("fra", "delete", kind, ...validators);
    try {
      await eventually(async () => {
        const applied = await mesh.tryKubectl("fra", ["apply", "-f", "-"], malformed);
        assert.equal(applied.code, 0, applied.stderr);
        return true;
      });
      await restart("fra", "sample", "helloworld-v1");
      await eventually(() => bothAnswer("fra"));
    } finally {
      const deleted = await mesh.tryKubectl("fra", ["delete", "--ignore-not-found", "-f", "-"], malformed);
      assert.equal(deleted.code, 0, deleted.stderr);
      for (const { metadata, ...rest } of items) {
        const { name, labels } = metadata;
        const text = JSON.stringify({ ...rest, metadata: { name, labels } });
        const made = await mesh.tryKubectl("fra", ["create", "-f", "-"], text);
        assert.equal(made.code, 0, made.stderr);
      }
    }
  });

  test("clusters and actions that are not known: said with what there is", async () => {
    const cases = [
      { args: ["stop", "asj"], says: /no cluster "asj"[\s\S]*Did you mean ash\? There are: fra, ash\./ },
      { args: ["stpo", "ash"], says: /no action "stpo"[\s\S]*isthmus cluster/ },
      { args: ["start"], says: /wants the name of one cluster/ },
    ];
    for (const { args, says } of cases) {
      const { code, stderr } = await mesh.isthmus("cluster", ...args);
      assert.equal(code, 3);
      assert.match(stderr, says);
    }
    const already = await mesh.isthmus("cluster", "start", "ash");
    assert.deepEqual([already.code, already.stderr.trim()], [0, "ash ran already"]);
  });
});

/** What istiod would accept if it were asked. */
const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: unseen, namespace: sample }
spec: { host: helloworld }
`;

/** Accepted by the API server, but of no use to a control plane. */
const malformed = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: leads-nowhere, namespace: sample }
spec: { hosts: [nowhere.sample], http: [{}] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: empty, namespace: sample }
spec: {}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: no-host, namespace: sample }
spec: { host: "", subsets: [{ name: x }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: empty, namespace: sample }
spec: {}
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: wrong-fields, namespace: sample }
spec:
  configPatches:
    - { applyTo: CLUSTER, patch: { operation: MERGE, value: { connect_timeout: soon, unknown: 1 } } }
---
apiVersion: v1
kind: Secret
metadata: { name: no-kubeconfig, namespace: istio-system, labels: { istio/multiCluster: "true" } }
stringData: { nowhere: "not a kubeconfig: [" }
`;
