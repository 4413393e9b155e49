import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { type ProxiedRequest, startFaultProxy } from "../../src/apply/test-support/fault-proxy.ts";
import { sampleOf } from "../../src/apply/test-support/sample.ts";
import { formatKubeconfig, parseKubeconfig } from "../../src/kube/index.ts";
import type { VerifyReport } from "../../src/verify/index.ts";
import { findHelm, findKubectls } from "../support/tools.ts";
import { type BareClusters, startBareClusters, writeIstioCharts } from "./support/bare-clusters.ts";
import { edit } from "./support/examples.ts";
import { eventually, isthmus, type Result, run } from "./support/running-mesh.ts";

const clusters = ["main0", "remote0"] as const;

interface Applied {
  readonly clusters: readonly {
    readonly cluster: string;
    readonly state: string;
    readonly code?: string;
    readonly changes: number;
    readonly steps: readonly { readonly wave: string }[];
  }[];
}

interface Removed {
  readonly clusters: readonly {
    readonly cluster: string;
    readonly state: string;
    readonly before: readonly string[];
    readonly after: readonly string[];
    readonly kept: readonly string[];
  }[];
}

/** The aks example: a control plane shared by two clusters on two networks. Its Istio comes from charts beside it. */
suite.skipIf(findKubectls().length === 0)("clusters known by a kubeconfig only [needs kubectl]", () => {
  let bare: BareClusters;
  let folder: string;
  const meshFile = () => path.join(folder, "mesh.yaml");

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "isthmus-real-"));
    cpSync(path.join(import.meta.dirname, "../../examples/aks"), folder, {
      recursive: true,
      filter: (source) => ![".isthmus", "certs"].includes(path.basename(source)),
    });
    edit(meshFile(), /^trust:.*$/m, "istio: { charts: charts }");
    edit(meshFile(), /^.*(addons:|file: traffic\/).*\n/gm, "");
    writeIstioCharts(path.join(folder, "charts"));
    bare = await startBareClusters({
      clusters: { main0: { network: "network1" }, remote0: { network: "network2" } },
    });
  });
  afterAll(async () => {
    await bare?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The program with the clusters' kubeconfig, and helm with folders of its own. */
  const env = () => ({
    KUBECONFIG: bare.kubeconfig,
    HELM_PATH: findHelm() ?? "",
    HELM_CACHE_HOME: path.join(folder, ".helm"),
    HELM_CONFIG_HOME: path.join(folder, ".helm"),
    HELM_DATA_HOME: path.join(folder, ".helm"),
  });
  const program = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Result> =>
    run(process.execPath, [isthmus, ...args], { cwd: folder, env: { ...env(), ...more } });
  const apply = (...args: string[]) => program(["apply", "--timeout", "40", ...args]);
  const applied = async (...args: string[]) => {
    const { code, stdout, stderr } = await apply("-o", "json", ...args);
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as Applied).clusters;
  };
  /** Changes the mesh file for one test. */
  const withMesh = async (from: RegExp | string, to: string, look: () => Promise<void>) => {
    const before = readFileSync(meshFile(), "utf8");
    edit(meshFile(), from, to);
    try {
      await look();
    } finally {
      writeFileSync(meshFile(), before);
    }
  };
  const everything =
    "namespaces,deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings,clusterroles,crds";
  /** All objects with their versions, but for those that istiod writes again and again. */
  const versions = async () => {
    const lists = await Promise.all(
      clusters.map((cluster) =>
        bare.kubectl(
          ...([cluster, "get", everything, "-A", "-o"] as const),
          `jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}`,
        ),
      ),
    );
    return lists.map((text) => text.split("\n").filter((line) => !/leader|election/.test(line)));
  };
  const answers = async (cluster: string) => {
    const { stdout } = await bare.tryKubectl(cluster, [
      ...["-n", "sample", "exec", "deploy/sleep", "-c", "sleep", "--", "curl", "-sS", "--max-time", "20"],
      ...["-H", "Connection: close", "helloworld.sample:5000/hello?n=[1-10]"],
    ]);
    return new Set(stdout.match(/version: v\d/g));
  };

  test("have at first what Kubernetes brings, and nothing of a mesh", async () => {
    assert.deepEqual((await bare.kubectl("main0", "get", "ns", "-o", "name")).trim().split("\n"), [
      "namespace/default",
      "namespace/kube-node-lease",
      "namespace/kube-public",
      "namespace/kube-system",
    ]);
    assert.equal(await bare.kubectl("main0", "get", "crds", "-o", "name"), "");
  });

  test.each([["plan"], ["apply"], ["down", "--real", "--yes"]])(
    "GLOO-41 %s with an unknown context says which, lists those that there are, and changes nothing",
    async (...command) => {
      await withMesh(
        "clusters:\n",
        "clusters:\n  third: { context: gone, network: network3 }\n",
        async () => {
          const before = await versions();
          const { code, stderr } = await program(command);
          assert.equal(code, 3, stderr);
          assert.match(
            stderr,
            /no kubeconfig has the context of third \(context "gone"\)[\s\S]*There are: main0, remote0/,
          );
          assert.deepEqual(await versions(), before);
        },
      );
    },
  );

  test("GLOO-41 an empty context is a mistake of the file, with its place", async () => {
    await withMesh("context: aks-istiodemo-main-centralus", 'context: ""', async () => {
      const { code, stderr } = await program(["apply"]);
      assert.equal(code, 3);
      assert.match(stderr, /mesh\.yaml:\d+:\d+ +mesh\/bad-value[\s\S]*a variable that is not set/);
    });
  });

  test.each([[[]], [["--dry-run=server"]]])(
    "without helm an apply %j says so before it changes anything",
    async (options) => {
      const before = await versions();
      const { code, stderr } = await program(["apply", ...options], { HELM_PATH: path.join(folder, "none") });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /helm is needed to install chart \.\/charts\/base in main0[\s\S]*Nothing was changed/,
      );
      assert.deepEqual(await versions(), before);
    },
  );

  suite.skipIf(findHelm() === undefined)("with stock helm [needs helm]", () => {
    test("apply --dry-run=server shows what charts would bring into empty clusters, and changes nothing: exit code 2", async () => {
      const before = await versions();
      const { code, stdout, stderr } = await apply("--dry-run=server");
      assert.equal(code, 2, stderr);
      assert.match(stdout, /^main0 +\d+ to create\nremote0 +\d+ to create/);
      assert.match(
        stdout,
        /\+ Helm release +istio-system\/istiod[\s\S]*\+ Deployment +istio-system\/istiod +chart istiod/,
      );
      assert.match(
        stdout,
        /\+ CustomResourceDefinition +gateways\.networking\.istio\.io +chart istio-base\n/,
      );
      assert.match(stdout, /with 192\.0\.2\.1 for the address of main0\/istio-system\/istio-ingressgateway/);
      assert.deepEqual(await versions(), before);
    });

    test("an apply that is killed at any change that it makes, or with helm in the midst of one, is resumed by the next one, and nothing is there twice", async () => {
      const direct = new Map(
        clusters.map((name) => [name, parseKubeconfig(readFileSync(bare.kubeconfig, "utf8"), name)]),
      );
      const proxies = new Map(
        await Promise.all(
          [...direct].map(async ([name, access]) => [name, await startFaultProxy(access)] as const),
        ),
      );
      // Without the proxies' CA, and with the servers' own addresses for other clusters: what is applied is what it is without proxies.
      const kubeconfig = path.join(folder, "proxied.yaml");
      const contexts = [...proxies].map(
        ([
          name,
          {
            access: { server, token },
          },
        ]) => ({
          ...{ name, server, token, insecure: true },
        }),
      );
      writeFileSync(kubeconfig, JSON.stringify(formatKubeconfig(contexts)), { mode: 0o600 });
      const servers = [...direct].flatMap(([name, { server }]) => [
        "--set",
        `clusters.${name}.server=${server}`,
      ]);
      /** Ends program and helm together at the change for which `isLast` says so, as a machine does that dies. */
      const applyUntil = async (isLast: (request: ProxiedRequest, made: number) => boolean) => {
        const child = spawn(process.execPath, [isthmus, "apply", "--timeout", "40", ...servers], {
          ...{ cwd: folder, detached: true, stdio: "ignore" },
          env: { ...process.env, ...env(), KUBECONFIG: kubeconfig },
        });
        const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
        let [made, isDead] = [0, false];
        for (const proxy of proxies.values())
          proxy.setRule((request) => {
            if (isDead) return "silence";
            if (request.change === undefined || !isLast(request, made++)) return undefined;
            isDead = true;
            process.kill(-(child.pid ?? 0), "SIGKILL");
            return "silence";
          });
        const code = await ended;
        assert.ok(isDead || code === 0, `it ended with ${code} after ${made} changes`);
      };
      try {
        let isHelmAtWork = false;
        await applyUntil(({ method, path }) => {
          if (isHelmAtWork) return method === "POST";
          isHelmAtWork = method === "POST" && path === "/api/v1/namespaces/istio-system/secrets";
          return false;
        });
        assert.ok(isHelmAtWork);
        for (const at of sampleOf([...Array(60).keys()], 2)) await applyUntil((_, made) => made === at);
      } finally {
        for (const proxy of proxies.values()) await proxy.stop();
      }
      // It waits for what dead helms had begun, and does most of the work.
      const { code, stdout, stderr } = await run(
        process.execPath,
        [isthmus, "apply", "--timeout", "60", "-o", "json"],
        { cwd: folder, env: env(), timeout: 300_000 },
      );
      assert.equal(code, 0, stderr);
      const done = (JSON.parse(stdout) as Applied).clusters;
      assert.deepEqual(
        done.map(({ cluster, state }) => [cluster, state]),
        [
          ["main0", "applied"],
          ["remote0", "applied"],
        ],
      );
      const revisions = await Promise.all(
        clusters.map((cluster) =>
          bare.kubectl(
            ...([cluster, "-n", "istio-system", "get", "secrets", "-l", "owner=helm", "-o"] as const),
            'jsonpath={range .items[*]}{.metadata.labels.name} {.metadata.labels.status}{"\\n"}{end}',
          ),
        ),
      );
      for (const lines of revisions)
        assert.deepEqual(lines.match(/^.* deployed$/gm)?.sort(), ["istio-base deployed", "istiod deployed"]);
      assert.match(revisions.join(""), /^\S+ failed$/m, "what the dead helm had begun");
    }, 600_000);

    test("what runs after it is the mesh of the file: requests from both clusters reach both versions", async () => {
      for (const cluster of clusters)
        await eventually(async () => (await answers(cluster)).size === 2, 40_000);
    });

    test("a second apply changes no object, and plan has nothing to do", async () => {
      const before = await versions();
      const again = await applied();
      assert.deepEqual(
        again.map(({ changes }) => changes),
        [0, 0],
      );
      assert.deepEqual(await versions(), before);
      const { code, stdout } = await program(["plan"]);
      assert.equal(code, 0, stdout);
    });

    test("apply --dry-run=server has the API servers try what charts would change, tells what their admission says, and changes nothing", async () => {
      const before = await versions();
      const dryRun = async (replicas: number) => {
        let result: Result | undefined;
        const values = `istio: { charts: charts, values: { replicaCount: ${replicas} } }`;
        await withMesh("istio: { charts: charts }", values, async () => {
          result = await apply("--dry-run=server");
        });
        assert.deepEqual(await versions(), before);
        return result ?? assert.fail();
      };
      const same = await apply("--dry-run=server");
      assert.equal(same.code, 0, same.stdout);
      const changed = await dryRun(2);
      assert.equal(changed.code, 2, changed.stdout);
      assert.match(changed.stdout, /~ Deployment +istio-system\/istiod +chart istiod\n +replicas +1 → 2\n/);
      const refused = await dryRun(-1);
      assert.equal(refused.code, 1, refused.stdout);
      assert.match(
        refused.stdout,
        /~ Deployment +istio-system\/istiod +chart istiod\n +✗ refused: .*spec\.replicas.*greater than or equal to 0/,
      );
    });

    test("verify --real proves what apply made, and import finds it again with what was made by hand, and tells the differences", async () => {
      const verified = await program(["verify", "mesh.yaml", "--real", "--requests", "8", "-o", "json"]);
      assert.equal(verified.code, 0, verified.stdout + verified.stderr);
      const report = JSON.parse(verified.stdout) as VerifyReport;
      const cells = report.services.find(({ service }) => service === "helloworld.sample:5000")?.cells ?? [];
      assert.deepEqual(cells.map(({ from, failed, mtls }) => [from.cluster, failed, mtls]).sort(), [
        ["main0", 0, true],
        ["remote0", 0, true],
      ]);
      const byHand = [
        {
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name: "hand", labels: { "istio-injection": "enabled" } },
        },
        {
          ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace: "hand" } },
          data: { colour: "green" },
        },
        {
          ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "password", namespace: "hand" } },
          stringData: { key: "hunter2" },
        },
        {
          ...{ apiVersion: "networking.istio.io/v1", kind: "Gateway" },
          metadata: { name: "expose-more", namespace: "istio-system" },
          spec: {
            selector: { istio: "ingressgateway" },
            servers: [
              {
                ...{ port: { number: 443, name: "tls", protocol: "TLS" }, hosts: ["*.local"] },
                tls: { mode: "AUTO_PASSTHROUGH" },
              },
            ],
          },
        },
      ];
      const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: byHand });
      assert.equal((await bare.tryKubectl("main0", ["apply", "-f", "-"], list)).code, 0);
      try {
        const out = path.join(folder, "imported", "mesh.yaml");
        const imported = await program(["import", "--contexts", clusters.join(","), "-o", out]);
        assert.equal(imported.code, 0, imported.stdout + imported.stderr);
        assert.match(imported.stdout, /main0: Secret hand\/password is not in the file/);
        assert.match(
          imported.stdout,
          /main0: Gateway istio-system\/expose-more opens the mesh to other networks/,
        );
        assert.match(imported.stdout, /main0 +1 to change\nremote0 +as it should be/);
        assert.match(imported.stdout, /~ Namespace +hand +clusters\.main0\.namespaces/);
        const settings = readFileSync(path.join(folder, "imported/manifests/main0/hand.yaml"), "utf8");
        assert.match(settings, /colour: green/);
        assert.doesNotMatch(settings, /hunter2|aHVudGVyMg/);
      } finally {
        await bare.kubectl("main0", "delete", "namespace", "hand", "--wait=true");
        await bare.kubectl(
          "main0",
          "-n",
          "istio-system",
          "delete",
          "gateways.networking.istio.io",
          "expose-more",
        );
      }
    });

    test("a field that somebody else owns is a conflict with its owner before anything is changed, and is taken over only when told", async () => {
      const label = ["label", "ns", "sample", "istio-injection=disabled", "--overwrite"];
      await bare.kubectl("remote0", ...label);
      const before = await versions();
      const refused = await apply();
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /remote0: Namespace sample has fields of others: \.metadata\.labels\.istio-injection is kubectl-label's/,
      );
      assert.deepEqual(await versions(), before);
      await applied("--force-conflicts");
      const labels = await bare.kubectl(
        "remote0",
        "get",
        "ns",
        "sample",
        "-o",
        "jsonpath={.metadata.labels}",
      );
      assert.match(labels, /"istio-injection":"enabled"/);
    });

    test("what leaves the file is deleted only when somebody says yes", async () => {
      await withMesh(/^.*file: sleep\.yaml.*\n/m, "", async () => {
        const refused = await apply();
        assert.equal(refused.code, 1);
        assert.match(
          refused.stderr,
          /6 objects are to be deleted, and nobody is at the terminal[\s\S]*--yes/,
        );
        await applied("--yes");
      });
      assert.doesNotMatch(
        await bare.kubectl("main0", "-n", "sample", "get", "deploy", "-o", "name"),
        /sleep/,
      );
      await applied();
      assert.match(await bare.kubectl("main0", "-n", "sample", "get", "deploy", "-o", "name"), /sleep/);
    });

    test("a step that does not come to its end says why: the image that can't be pulled, where, and that the next apply resumes", async () => {
      await withMesh(
        "istio: { charts: charts }",
        "istio: { charts: charts, values: { global: { hub: registry.example.com/none, tag: x, imageName: pilat } } }",
        async () => {
          edit(
            path.join(folder, "charts/istiod/templates/primary.yaml"),
            "/pilot:",
            '/{{ .Values.global.imageName | default "pilot" }}:',
          );
          const { code, stderr, stdout } = await program(["apply", "--timeout", "4"]);
          assert.equal(code, 1, stdout);
          assert.match(stderr, /✗ main0: Deployment istio-system\/istiod is not available after 4 s .*pilat/);
        },
      );
      await applied();
    });

    test("a cluster that is away is named, the others are applied as far as they can be", async () => {
      await bare.stopCluster("remote0");
      try {
        const { code, stderr } = await apply();
        assert.equal(code, 1);
        assert.match(stderr, /✗ .*remote0.*stopped/);
        assert.match(stderr, /main0 +manifests/);
      } finally {
        await bare.startCluster("remote0");
      }
    });

    test("AKS-26 OKE-20 down --real takes everything of ours away and proves it; user's objects and namespaces stay, and it can be run again", async () => {
      for (const cluster of clusters)
        await bare.kubectl(cluster, "-n", "sample", "create", "configmap", "users");
      const refused = await program(["down", "--real"]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /objects in 2 clusters go, and nobody is at the terminal/);
      // One that is gone already, and one that never came.
      await bare.kubectl("main0", "-n", "sample", "delete", "deploy", "sleep");
      await bare.stopCluster("main0");
      const half = await program(["down", "--real", "--yes"]);
      assert.equal(half.code, 1);
      assert.match(half.stdout, /remote0 +\d\d before, 0 after[\s\S]*✗ main0: .*main0.*stopped/);
      await bare.startCluster("main0");

      const { code, stdout, stderr } = await program(["down", "--real", "--yes", "-o", "json"]);
      assert.equal(code, 0, stderr);
      const removed = (JSON.parse(stdout) as Removed).clusters;
      assert.deepEqual(
        removed.map(({ cluster, after, kept }) => ({ cluster, after, kept })),
        [
          { cluster: "main0", after: [], kept: ["Namespace sample: it is yours"] },
          { cluster: "remote0", after: [], kept: [] },
        ],
      );
      assert.ok((removed[0]?.before.length ?? 0) > 30, stdout);
      for (const cluster of clusters) {
        assert.equal(await bare.kubectl(cluster, "get", "crds", "-o", "name"), "");
        const left = await bare.kubectl(
          ...([cluster, "get", "namespaces,all,configmaps,secrets,serviceaccounts", "-A", "-o"] as const),
          'jsonpath={range .items[*]}{.kind} {.metadata.name}{"\\n"}{end}',
        );
        const unexpected = left
          .split("\n")
          .filter(
            (line) =>
              !/^(|Namespace (default|kube-.*|sample)|ServiceAccount default|Service kubernetes|ConfigMap (kube-root-ca.crt|users))$/.test(
                line,
              ),
          );
        // Pods take a moment to end.
        assert.deepEqual(
          unexpected.filter((line) => !/^Pod /.test(line)),
          [],
        );
      }
      const again = await program(["down", "--real", "--yes"]);
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stdout, /main0 +0 before, 0 after\nremote0 +0 before, 0 after/);
    });
  });
});
