import assert from "node:assert/strict";
import { onTestFinished, suite, test } from "vitest";
import { createSignal, type Logger, silentLogger, waitFor } from "../../../base/index.ts";
import type { ConfigMap, KubeObject, Namespace, WebhookConfiguration } from "../../../kube/index.ts";
import type { UpkeepOptions } from "./contracts.ts";
import { startUpkeep } from "./start-upkeep.ts";
import { createFakeCluster, type FakeCluster, status } from "./test-support/fake-cluster.ts";

function namespace(
  name: string,
  more: Partial<Namespace> = {},
  annotations?: Record<string, string>,
): Namespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, ...(annotations === undefined ? {} : { annotations }) },
    ...more,
  };
}

function webhook(
  name: string,
  labels: Record<string, string>,
  bundles: readonly (string | undefined)[],
): KubeObject {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name, labels },
    webhooks: bundles.map((caBundle, i) => ({
      name: `${i}.example.com`,
      clientConfig: { url: "https://a/inject", ...(caBundle === undefined ? {} : { caBundle }) },
    })),
  };
}

const injector = { app: "sidecar-injector", "istio.io/rev": "default" };
const webhooksPath = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const rootPath = (name: string) => `/api/v1/namespaces/${name}/configmaps/istio-ca-root-cert`;

interface Running {
  readonly cluster: FakeCluster;
  setRoot(pem: string): void;
  until(isSo: () => boolean): Promise<unknown>;
  root(name: string): string | undefined;
  bundles(name: string): readonly (string | undefined)[];
}

function start(prepare: (cluster: FakeCluster) => void, options: Partial<UpkeepOptions> = {}): Running {
  const cluster = createFakeCluster();
  prepare(cluster);
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const { signal } = controller;
  const rootChanges = createSignal();
  let pem = "root 1";
  startUpkeep({
    clusterId: "fra",
    client: cluster.client,
    revision: "",
    systemNamespace: "istio-system",
    rootPem: () => pem,
    rootChanges,
    signal,
    log: silentLogger,
    ...options,
  });
  return {
    cluster,
    setRoot(next) {
      pem = next;
      rootChanges.notify();
    },
    until: (isSo) =>
      waitFor(() => (isSo() ? true : undefined), {
        signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
      }),
    root: (name) => (cluster.get(rootPath(name)) as ConfigMap | undefined)?.data?.["root-cert.pem"],
    bundles(name) {
      const found = cluster.get(`${webhooksPath}/${name}`) as WebhookConfiguration;
      return (found.webhooks ?? []).map(({ clientConfig: { caBundle } }) =>
        caBundle === undefined ? undefined : Buffer.from(caBundle, "base64").toString(),
      );
    },
  };
}

suite("startUpkeep(): root certificates", () => {
  test("every namespace gets them, also new ones, but not those of Kubernetes", async () => {
    const { cluster, until, root } = start((cluster) => {
      for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"])
        cluster.put(namespace(name));
    });
    await until(() => root("default") === "root 1");
    assert.deepEqual(cluster.get(rootPath("default"))?.metadata.labels, { "istio.io/config": "true" });
    cluster.put(namespace("later"));
    await until(() => root("later") === "root 1");
    assert.deepEqual(
      cluster.writes,
      ["default", "later"].map((name) => `POST /api/v1/namespaces/${name}/configmaps`),
    );
  });

  test("a changed one is repaired, what else is in it stays", async () => {
    const { cluster, until, root } = start((cluster) => cluster.put(namespace("a")));
    await until(() => root("a") === "root 1");
    cluster.put({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "istio-ca-root-cert", namespace: "a", labels: { own: "x" } },
      data: { "root-cert.pem": "wrong", other: "y" },
    });
    await until(() => root("a") === "root 1");
    const { metadata, data } = cluster.get(rootPath("a")) as ConfigMap;
    assert.deepEqual(metadata.labels, { own: "x", "istio.io/config": "true" });
    assert.deepEqual(data, { "root-cert.pem": "root 1", other: "y" });
  });

  test("a deleted one is made again, unless its namespace goes", async () => {
    const { cluster, until, root } = start((cluster) => {
      cluster.put(namespace("a"));
      cluster.put(namespace("b"));
    });
    await until(() => root("a") !== undefined && root("b") !== undefined);
    const remove = (name: string) => {
      const found = cluster.get(rootPath(name));
      assert.ok(found !== undefined);
      cluster.remove(found);
    };
    cluster.put(namespace("b", { status: { phase: "Terminating" } }));
    remove("b");
    remove("a");
    await until(() => root("a") !== undefined);
    assert.equal(root("b"), undefined);
    cluster.remove(namespace("b"));
    cluster.put(namespace("b"));
    await until(() => root("b") !== undefined);
  });

  test("a namespace whose end only the server knows is left alone", async () => {
    const warnings: string[] = [];
    const log: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) };
    const { cluster, until, root } = start(
      (cluster) => {
        cluster.put(namespace("going"));
        cluster.put(namespace("staying"));
        cluster.refuse = ({ method, path }) =>
          method === "POST" && path.includes("/going/")
            ? status(403, "Forbidden", { causes: [{ reason: "NamespaceTerminating" }] })
            : undefined;
      },
      { log },
    );
    await until(() => root("staying") === "root 1" && cluster.writes.length === 2);
    assert.deepEqual(warnings, []);
  });

  test("a new root is written everywhere", async () => {
    const { cluster, until, root, setRoot } = start((cluster) => {
      cluster.put(namespace("a"));
      cluster.put(namespace("b"));
    });
    await until(() => root("a") === "root 1" && root("b") === "root 1");
    setRoot("root 2");
    await until(() => root("a") === "root 2" && root("b") === "root 2");
    assert.equal(cluster.writes.length, 4);
  });

  test("nothing is written before there is a root", async () => {
    let pem = "";
    const { cluster, until, root, setRoot } = start((cluster) => cluster.put(namespace("a")), {
      rootPem: () => pem,
    });
    await until(() => cluster.watching === 4);
    assert.deepEqual(cluster.writes, []);
    pem = "late";
    setRoot("late");
    await until(() => root("a") === "late");
  });

  test("what was changed while the connection was broken is repaired after it", async () => {
    const { cluster, until, root } = start((cluster) => cluster.put(namespace("a")));
    await until(() => root("a") === "root 1" && cluster.watching === 4);
    let refused = 0;
    cluster.refuse = () => {
      refused++;
      return status(503, "ServiceUnavailable");
    };
    cluster.breakWatches();
    await until(() => refused >= 3);
    const found = cluster.get(rootPath("a"));
    assert.ok(found !== undefined);
    cluster.remove(found);
    cluster.refuse = () => undefined;
    await until(() => root("a") === "root 1");
  });
});

suite("startUpkeep(): caBundles", () => {
  test("all webhooks of the revision's injectors get the root, and no others", async () => {
    const { cluster, until, bundles } = start((cluster) => {
      cluster.put(webhook("ours", injector, [undefined, "b2xk", Buffer.from("root 1").toString("base64")]));
      cluster.put(webhook("tag", injector, [undefined]));
      cluster.put(webhook("canary", { ...injector, "istio.io/rev": "canary" }, [undefined]));
      cluster.put(webhook("other", { "istio.io/rev": "default" }, [undefined]));
    });
    await until(() => bundles("tag")[0] === "root 1" && bundles("ours")[0] === "root 1");
    assert.deepEqual(bundles("ours"), ["root 1", "root 1", "root 1"]);
    assert.deepEqual([...bundles("canary"), ...bundles("other")], [undefined, undefined]);
    assert.equal(cluster.writes.length, 2);
    const { clientConfig } =
      (cluster.get(`${webhooksPath}/ours`) as WebhookConfiguration).webhooks?.[0] ?? {};
    assert.equal(clientConfig?.url, "https://a/inject");
  });

  test("a named revision has its own", async () => {
    const { until, bundles } = start(
      (cluster) => {
        cluster.put(webhook("default", injector, [undefined]));
        cluster.put(webhook("canary", { ...injector, "istio.io/rev": "canary" }, [undefined]));
      },
      { revision: "canary" },
    );
    await until(() => bundles("canary")[0] === "root 1");
    assert.deepEqual(bundles("default"), [undefined]);
  });

  test("what an installer overwrites, and a new root, are put right at once", async () => {
    const { cluster, until, bundles, setRoot } = start((cluster) =>
      cluster.put(webhook("w", injector, [undefined])),
    );
    await until(() => bundles("w")[0] === "root 1");
    cluster.put(webhook("w", injector, [undefined, undefined]));
    await until(() => bundles("w").every((bundle) => bundle === "root 1"));
    setRoot("root 2");
    await until(() => bundles("w").every((bundle) => bundle === "root 2"));
  });

  test("a conflict is tried again without a word", async () => {
    const warnings: string[] = [];
    let conflicts = 0;
    const { until, bundles } = start(
      (cluster) => {
        cluster.put(webhook("w", injector, [undefined]));
        cluster.refuse = ({ method }) =>
          method === "PATCH" && ++conflicts < 3 ? status(409, "Conflict") : undefined;
      },
      { log: { ...silentLogger, warn: (_, message) => warnings.push(message) } },
    );
    await until(() => bundles("w")[0] === "root 1");
    assert.deepEqual([conflicts, warnings], [3, []]);
  });

  test("what is forbidden is told once and tried again", async () => {
    const warnings: string[] = [];
    const log: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) };
    let refused = 0;
    const { cluster, until, bundles } = start(
      (cluster) => {
        cluster.put(webhook("w", injector, [undefined]));
        cluster.put(webhook("v", injector, [undefined]));
        cluster.refuse = ({ method }) => {
          if (method !== "PATCH") return undefined;
          refused++;
          return status(403, "Forbidden");
        };
      },
      { log },
    );
    await until(() => refused >= 5);
    assert.equal(warnings.length, 1);
    cluster.refuse = () => undefined;
    await until(() => bundles("w")[0] === "root 1" && bundles("v")[0] === "root 1");
  });

  test("lists that are forbidden are told once and tried again", async () => {
    const warnings: string[] = [];
    const log: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) };
    let refused = 0;
    const { cluster, until, root } = start(
      (cluster) => {
        cluster.put(namespace("a"));
        cluster.refuse = ({ path }) => {
          if (!path.endsWith("/configmaps")) return undefined;
          refused++;
          return status(403, "Forbidden");
        };
      },
      { log },
    );
    await until(() => refused >= 3);
    cluster.refuse = () => undefined;
    await until(() => root("a") === "root 1");
    assert.equal(warnings.length, 1);
  });
});

suite("startUpkeep(): clusters of other control planes", () => {
  const cases = [
    { named: undefined, isKept: false },
    { named: "ash", isKept: false },
    { named: "ash, fra", isKept: true },
    { named: "*", isKept: true },
  ];
  for (const { named, isKept } of cases) {
    test(`a remote whose system namespace names ${named ?? "nobody"} is ${isKept ? "kept" : "left alone"}`, async () => {
      const system = (more: Record<string, string> = {}) =>
        namespace(
          "istio-system",
          {},
          { ...(named === undefined ? {} : { "topology.istio.io/controlPlaneClusters": named }), ...more },
        );
      const { cluster, until, root, bundles } = start(
        (cluster) => {
          cluster.put(system());
          cluster.put(namespace("a"));
          cluster.put(webhook("w", injector, [undefined]));
        },
        { clusterId: "remote", controlPlaneCluster: "fra" },
      );
      if (!isKept) {
        await until(() => cluster.watching === 3);
        assert.deepEqual(cluster.writes, []);
        cluster.put(system({ "topology.istio.io/controlPlaneClusters": "fra" }));
      }
      await until(() => root("a") === "root 1" && bundles("w")[0] === "root 1");
    });
  }
});
