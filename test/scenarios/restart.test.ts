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
import { versions } from "./support/hello.ts";
import { eventually, type MeshUnderTest, type Result, startExample } from "./support/running-mesh.ts";

const hello = "helloworld.sample:5000/hello";
const hasKubectl = findKubectls().length > 0;
const clusters = ["fra", "ash"] as const;

suite.skipIf(!hasKubectl)("a mesh that starts again [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  beforeAll(async () => {
    mesh = await startExample({
      example: "oke",
      client: "deploy/curl",
      container: "curl",
      namespace: "sample",
      // One of the two Deployments leaves the number of its pods open.
      prepare: (folder) =>
        edit(
          path.join(folder, "hello-world.yaml"),
          /(name: helloworld-v2\n[\s\S]*?spec:\n) {2}replicas: 1\n/,
          "$1",
        ),
    });
  }, 120_000);
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
    const result = await mesh.isthmus("up", "--detach", "--exit-with", String(process.pid));
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  const items = async (cluster: string, kinds: string) =>
    JSON.parse(await mesh.kubectl(cluster, "get", kinds, "-A", "-o", "json")).items as Item[];
  /** One line for each object of `kinds`, with what `tell` says of it. */
  const facts = async (kinds: string, tell: (item: Item) => string) => {
    const lines = await Promise.all(
      clusters.map(async (cluster) =>
        (await items(cluster, kinds)).map(
          (item) => `${cluster} ${item.kind} ${item.metadata.namespace}/${item.metadata.name} ${tell(item)}`,
        ),
      ),
    );
    return lines.flat().sort();
  };
  const replicas = async (cluster: string, deployment: string) =>
    mesh.kubectl(cluster, "-n", "sample", "get", "deployment", deployment, "-o", "jsonpath={.spec.replicas}");
  const bothAnswer = async () => {
    for (const cluster of clusters) {
      const { v1, v2 } = versions(await mesh.curl(cluster, hello, 20));
      assert.ok(v1 > 0 && v2 > 0, `from ${cluster}: v1 ${v1}, v2 ${v2}`);
    }
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
    const again = await up();
    assert.deepEqual(blocks(), before.blocks);
    assert.deepEqual(await services(), before.services);
    assert.deepEqual(await pods(), before.pods);
    const after = await serials();
    for (const [i, line] of after.entries()) assert.notEqual(line, before.serials[i]);
    for (const cluster of clusters)
      for (const { metadata, status } of await items(cluster, "pods"))
        if (metadata.namespace !== "demo")
          for (const { name, ready, restartCount } of status?.containerStatuses ?? [])
            assert.deepEqual(
              { ready, restartCount },
              { ready: true, restartCount: 1 },
              `${metadata.name} ${name}`,
            );
    const [first, second] = [mesh.said, again.stderr].map(readyAfter);
    assert.ok((second ?? 0) < 2 * (first ?? 0) + 1, `first ready in ${first} s, then in ${second} s`);
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

/** What the tests read of an object. */
interface Item {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
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

/** Replaces the one place in a file. */
function edit(file: string, what: RegExp | string, by: string): void {
  const text = readFileSync(file, "utf8");
  const edited = text.replace(what, by);
  assert.notEqual(edited, text, `${file} is not as this test expects it`);
  writeFileSync(file, edited);
}

/** The seconds in "ready in 1.76 s". */
function readyAfter(said: string): number {
  return Number(
    /ready in ([\d.]+) s/.exec(said)?.[1] ?? assert.fail(`it does not say when it was ready:\n${said}`),
  );
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
