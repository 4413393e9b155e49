import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import {
  createHttpTransport,
  createKubeClient,
  type KubeClient,
  kinds,
  parseKubeconfig,
} from "../../src/kube/index.ts";
import { findKubectls } from "../support/tools.ts";
import { okeClusters as clusters, edit, hello, startOke } from "./support/examples.ts";
import { versions } from "./support/hello.ts";
import { dataplane, eventually, type MeshUnderTest, patientUp, type Result } from "./support/running-mesh.ts";

const hasKubectl = findKubectls().length > 0;

suite.skipIf(!hasKubectl)("a mesh that starts again [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  beforeAll(async () => {
    mesh = await startOke({
      // One of the two Deployments leaves the number of its pods open.
      prepare: (folder) =>
        edit(
          path.join(folder, "hello-world.yaml"),
          /(name: helloworld-v2\n[\s\S]*?spec:\n) {2}replicas: 1\n/,
          "$1",
        ),
    });
  });
  afterAll(() => mesh?.stop());

  const state = (name: string) => path.join(mesh.folder, ".isthmus", name);
  const blocks = () => JSON.parse(readFileSync(state("blocks.json"), "utf8")) as Record<string, number>;
  const isFree = () => eventually(async () => !existsSync(state("lock")), 10_000);
  const down = async () => {
    const { code, stderr } = await mesh.isthmus("down");
    assert.equal(code, 0, stderr);
    await isFree();
  };
  const up = async (): Promise<Result> => {
    const result = await mesh.isthmus("up", "--detach", ...patientUp, ...dataplane);
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  const items = async (cluster: string, kinds: string) =>
    JSON.parse(await mesh.kubectl(cluster, "get", kinds, "-A", "-o", "json")).items as Item[];
  /**
   * One line for each object of `kinds`, with what `tell` says of it; but none for those that are on their way out:
   * a pod serves on for a while after its deletion.
   */
  const facts = async (
    kinds: string | ((cluster: string) => Promise<string>),
    tell: (item: Item) => string,
  ) => {
    const lines = await Promise.all(
      clusters.map(async (cluster) =>
        (await items(cluster, typeof kinds === "string" ? kinds : await kinds(cluster)))
          .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
          .map(
            (item) =>
              `${cluster} ${item.kind} ${item.metadata.namespace}/${item.metadata.name} ${tell(item)}`,
          ),
      ),
    );
    return lines.flat().sort();
  };
  /** Every kind but those that tell what happens: an unchanged start must not touch them. */
  const settledKinds = async (cluster: string) =>
    (await mesh.kubectl(cluster, "api-resources", "--verbs=list", "-o", "name"))
      .trim()
      .split("\n")
      .filter((name) => !living.has(name))
      .join(",");
  /**
   * Versions of what nothing but an apply changes. Helm's records are left out: they hold addresses, which move when some
   * other program takes them between two starts.
   */
  const applied = async () =>
    (await facts(settledKinds, ({ metadata }) => metadata.resourceVersion)).filter(
      (line) => !line.includes("/sh.helm.release.v1."),
    );
  const replicas = async (cluster: string, deployment: string) =>
    mesh.kubectl(cluster, "-n", "sample", "get", "deployment", deployment, "-o", "jsonpath={.spec.replicas}");
  const bothAnswer = async () => {
    for (const cluster of clusters)
      await eventually(async () => {
        const { v1, v2 } = versions(await mesh.curl(cluster, hello, 20));
        assert.ok(v1 > 0 && v2 > 0, `from ${cluster}: v1 ${v1}, v2 ${v2}`);
        return true;
      });
  };

  test("with the same addresses: objects keep names, uids and addresses, pods run again in their place with new certificates", async () => {
    const services = () => facts("services", ({ metadata, spec }) => `${metadata.uid} ${spec?.clusterIP}`);
    const pods = () => facts("pods", ({ metadata, status }) => `${metadata.uid} ${status?.podIP}`);
    const serials = async () => {
      await bothAnswer(); // A proxy shows the certificates that it uses.
      const found = await Promise.all(
        (await items("fra", "pods"))
          .filter(({ metadata }) => metadata.namespace === "sample")
          .map(async ({ metadata, status }) => {
            const { certificates } = (await (await fetch(`http://${status?.podIP}:15000/certs`)).json()) as {
              certificates: { cert_chain?: { serial_number: string }[] }[];
            };
            return `${metadata.name} ${certificates.flatMap(({ cert_chain }) => cert_chain ?? [])[0]?.serial_number}`;
          }),
      );
      for (const line of found) assert.match(line, / [0-9a-f]{8,}$/);
      return found.sort();
    };
    const before = {
      services: await services(),
      pods: await pods(),
      serials: await serials(),
      blocks: blocks(),
    };
    assert.ok(before.pods.length >= 8 && before.serials.length === 2);
    await down();
    assert.match((await up()).stderr, /ready in [\d.]+ s/);
    assert.deepEqual(blocks(), before.blocks);
    assert.deepEqual(await services(), before.services);
    assert.deepEqual(await pods(), before.pods);
    const after = await serials();
    for (const [i, line] of after.entries()) assert.notEqual(line, before.serials[i]);
    for (const cluster of clusters)
      for (const { metadata, status } of await items(cluster, "pods"))
        for (const { name, ready, restartCount } of status?.containerStatuses ?? [])
          assert.deepEqual(
            { ready, restartCount },
            { ready: true, restartCount: 1 },
            `${metadata.name} ${name}`,
          );
  });

  test("a scale by hand stays where the manifest leaves replicas open, and is undone where it sets them", async () => {
    for (const [cluster, deployment] of [
      ["fra", "helloworld-v1"],
      ["ash", "helloworld-v2"],
    ] as const) {
      await mesh.kubectl(cluster, "-n", "sample", "scale", `deployment/${deployment}`, "--replicas=2");
      assert.equal(await replicas(cluster, deployment), "2");
    }
    await down();
    await up();
    assert.equal(await replicas("fra", "helloworld-v1"), "1");
    assert.equal(await replicas("ash", "helloworld-v2"), "2");
    const ready = await mesh.kubectl(
      "ash",
      "-n",
      "sample",
      "get",
      "deployment",
      "helloworld-v2",
      "-o",
      "jsonpath={.status.readyReplicas}",
    );
    assert.equal(ready, "2", "up returned before both pods were ready");
    await mesh.kubectl("ash", "-n", "sample", "scale", "deployment/helloworld-v2", "--replicas=1");
  });

  test("MESH-06 up again with the same file changes nothing: every object keeps its version, workloads change in status alone", async () => {
    const workloads = () =>
      facts(
        "deployments,statefulsets,replicasets,pods",
        ({ metadata }) => `${metadata.uid} ${metadata.generation}`,
      );
    const before = { applied: await applied(), workloads: await workloads() };
    assert.ok(before.applied.length > 100, "the kinds of this test are not all there");
    await down();
    const { stderr } = await up();
    assert.deepEqual(await applied(), before.applied);
    assert.deepEqual(await workloads(), before.workloads);
    assert.doesNotMatch(stderr, /no longer in the mesh file/);
  });

  test("MESH-04 a changed field changes the objects concerned; the pods of all others stay, and only their containers start anew", async () => {
    const manifests = path.join(mesh.folder, "hello-world.yaml");
    const generations = () => facts("deployments", ({ metadata }) => `${metadata.generation}`);
    const pods = () => facts("pods", ({ metadata }) => metadata.uid);
    const before = { generations: await generations(), pods: await pods(), applied: await applied() };
    edit(
      manifests,
      /(helloworld-v1:1\.0\n)( +env: .*\n)?/,
      `$1          env: [{ name: GREETING, value: "${Date.now()}" }]\n`,
    );
    await down();
    await up();
    const changed = (now: readonly string[], then: readonly string[]) =>
      now.filter((line) => !then.includes(line)).map((line) => line.split(" ")[2]);
    assert.deepEqual(changed(await generations(), before.generations), ["sample/helloworld-v1"]);
    assert.deepEqual(await applied(), before.applied);
    const [replaced, ...others] = changed(await pods(), before.pods);
    assert.match(replaced ?? "", /^sample\/helloworld-v1-/);
    assert.deepEqual(others, []);
    await bothAnswer();
  });

  test("what leaves the mesh file is deleted at the next up, and what somebody made beside it stays", async () => {
    await mesh.tryKubectl("fra", ["-n", "demo", "create", "configmap", "theirs", "--from-literal=a=1"]);
    const file = path.join(mesh.folder, "mesh.yaml");
    const [whole, extra] = [readFileSync(file, "utf8"), path.join(mesh.folder, "extra.yaml")];
    writeFileSync(extra, extraManifest);
    edit(
      file,
      "  - { file: curl.yaml, namespace: sample }\n",
      "$&  - { file: extra.yaml, namespace: extra }\n",
    );
    edit(file, "namespaces: [sample, demo]", "namespaces: [sample, demo, extra]");
    await down();
    await up();
    for (const cluster of clusters)
      assert.match(
        await mesh.kubectl(cluster, "-n", "extra", "get", "pods", "--no-headers"),
        /2\/2 +Running/,
      );
    await mesh.kubectl("ash", "-n", "extra", "create", "configmap", "theirs", "--from-literal=a=1");
    await down();
    writeFileSync(file, whole);
    const { stderr } = await up();
    for (const cluster of clusters)
      assert.match(
        stderr,
        new RegExp(`${cluster}: deleted, no longer in the mesh file: .*Deployment extra/extra`),
      );
    assert.match(stderr, /ash: Namespace extra .* stays: ConfigMap theirs is in it/);
    await eventually(async () => {
      const { stderr: said } = await mesh.tryKubectl("fra", ["get", "namespace", "extra"]);
      return said.includes("NotFound");
    }, 10_000);
    await eventually(async () => {
      const { stdout } = await mesh.tryKubectl("ash", [
        "-n",
        "extra",
        "get",
        "deploy,pods,svc",
        "-o",
        "name",
      ]);
      return stdout === "";
    }, 10_000);
    await mesh.kubectl("ash", "-n", "extra", "get", "configmap", "theirs");
    await mesh.kubectl("fra", "-n", "demo", "get", "configmap", "theirs");
    await bothAnswer();
  });

  test("MESH-06 a start that fails half-way resumes: the next one finishes it and makes nothing twice", async () => {
    const manifests = path.join(mesh.folder, "hello-world.yaml");
    const whole = readFileSync(manifests, "utf8");
    const uids = () => facts("deployments,services,pods", ({ metadata }) => metadata.uid);
    const before = await uids();
    // The label that both selectors name is gone from the template of v2: ash refuses it, fra has all of its own.
    writeFileSync(
      manifests,
      whole.replace(/(template:\n {4}metadata:\n {6}labels:\n {8}app: helloworld\n) {8}version: v2\n/, "$1"),
    );
    await down();
    const failed = await mesh.isthmus("up", "--detach", ...dataplane);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /ash refuses Deployment helloworld-v2/);
    await isFree();
    writeFileSync(manifests, whole);
    await up();
    assert.deepEqual(await uids(), before);
    await bothAnswer();
  });

  test("an engine killed while clients write loses nothing that it had acknowledged, and the next one takes over", async () => {
    const acknowledged = new Set<string>();
    const pid = JSON.parse(readFileSync(state("engine.json"), "utf8")).pid as number;
    const writers = clusters.flatMap((cluster) => {
      const client = clientOf(mesh.kubeconfig, cluster);
      return [0, 1, 2].map(async (writer) => {
        for (let i = 0; ; i++) {
          const name = `kept-${writer}-${i}`;
          try {
            await client.create(kinds.configMaps, {
              apiVersion: "v1",
              kind: "ConfigMap",
              metadata: { name, namespace: "sample" },
              data: { name },
            });
          } catch {
            return; // The engine is gone.
          }
          acknowledged.add(`${cluster} ${name}`);
          if (acknowledged.size === 200) process.kill(pid, "SIGKILL");
        }
      });
    });
    await Promise.all(writers);
    assert.ok(acknowledged.size >= 200);
    assert.ok(existsSync(state("lock")), "a killed engine takes nothing down");
    await up();
    for (const cluster of clusters) {
      const present = new Map(
        (await items(cluster, "configmaps")).map(({ metadata, data }) => [metadata.name, data?.["name"]]),
      );
      for (const line of acknowledged) {
        const [of, name = ""] = line.split(" ");
        if (of === cluster) assert.equal(present.get(name), name, line);
      }
    }
    await bothAnswer();
  });

  test("addresses taken by somebody else: it says that it moved, moves all objects along and becomes ready", async () => {
    const before = blocks();
    const kept = () => facts("services,pods", ({ metadata }) => metadata.uid);
    const [objects, old] = [
      await kept(),
      Object.values(before).map((block) => new RegExp(`\\b127\\.${block}\\.`)),
    ];
    for (const cluster of clusters)
      await mesh.kubectl(
        cluster,
        "-n",
        "sample",
        "create",
        "configmap",
        "endpoint",
        `--from-literal=url=http://127.${before["ash"]}.255.2:15443/`,
      );
    await down();
    const occupants = await Promise.all(
      Object.values(before).map((block) => occupy(`127.${block}.0.1`, 6443)),
    );
    try {
      const { stderr } = await up();
      const after = blocks();
      for (const cluster of clusters) {
        assert.notEqual(after[cluster], before[cluster]);
        assert.match(stderr, new RegExp(`${cluster} moved to 127\\.${after[cluster]}\\.0\\.0/16`));
        assert.equal(
          await mesh.kubectl(
            cluster,
            "config",
            "view",
            "--minify",
            "-o",
            "jsonpath={.clusters[0].cluster.server}",
          ),
          `https://127.${after[cluster]}.0.1:6443`,
        );
        const all = await mesh.kubectl(
          cluster,
          "get",
          everyKind,
          "-A",
          "-o",
          "json",
          "--show-managed-fields",
        );
        for (const address of old) assert.doesNotMatch(all, address, cluster);
        assert.equal(
          await mesh.kubectl(
            cluster,
            "-n",
            "sample",
            "get",
            "configmap",
            "endpoint",
            "-o",
            "jsonpath={.data.url}",
          ),
          `http://127.${after["ash"]}.255.2:15443/`,
        );
      }
      assert.deepEqual(await kept(), objects);
      await bothAnswer();
      const verified = await mesh.isthmus("verify", "-o", "json");
      assert.equal(verified.code, 0, verified.stdout);
    } finally {
      for (const server of occupants) server.close();
    }
  });
});

const everyKind =
  "services,endpoints,endpointslices,pods,nodes,configmaps,deployments,replicasets,mutatingwebhookconfigurations,gateways.networking.istio.io,virtualservices,serviceentries";

/** Kinds whose status follows the pods, and what nodes and controllers write. */
const living = new Set([
  "pods",
  "replicasets.apps",
  "deployments.apps",
  "statefulsets.apps",
  "endpoints",
  "endpointslices.discovery.k8s.io",
  "nodes",
  "leases.coordination.k8s.io",
  "events",
  "pods.metrics.k8s.io",
  "nodes.metrics.k8s.io",
  "events.events.k8s.io",
  "componentstatuses",
]);

const extraManifest = `apiVersion: v1
kind: Service
metadata: { name: extra }
spec:
  selector: { app: extra }
  ports: [{ name: http, port: 80 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: extra }
spec:
  selector: { matchLabels: { app: extra } }
  template:
    metadata: { labels: { app: extra } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: extra, image: "docker.io/curlimages/curl:8.16.0", command: [sleep, infinity] }]
`;

/** What the tests read of an object. */
interface Item {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly clusterIP?: string };
  readonly status?: {
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly ready: boolean;
      readonly restartCount: number;
    }[];
  };
}

function clientOf(kubeconfig: string, context: string): KubeClient {
  return createKubeClient(createHttpTransport(parseKubeconfig(readFileSync(kubeconfig, "utf8"), context)));
}

function occupy(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}
