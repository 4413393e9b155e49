import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { edit } from "./support/examples.ts";
import { endpointRows } from "./support/hello.ts";
import { answeredBy, type LiqoMesh, liqoClusters, serviceCluster, startLiqo } from "./support/liqo.ts";
import { background, eventually, run } from "./support/running-mesh.ts";
import { underLoad } from "./support/under-load.ts";

const hasKubectl = findKubectls().length > 0;

interface Listed {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

suite.skipIf(!hasKubectl)("LIQO: pods of the consumer on its provider [needs kubectl]", () => {
  let mesh: LiqoMesh;

  beforeAll(async () => {
    mesh = await startLiqo({
      prepare(folder) {
        // What is applied later, and the autoscalers: here every pod is counted.
        mkdirSync(path.join(folder, "later"));
        for (const file of ["s0-dep-provider1", "s0-hpa-provider1", "s0-hpa-consumer"])
          renameSync(path.join(folder, `sample-app/${file}.yaml`), path.join(folder, `later/${file}.yaml`));
        edit(
          path.join(folder, "mesh.yaml"),
          /^namespaces:/m,
          'istio: { meshConfig: { accessLogFile: /dev/stdout, accessLogFormat: "seen %REQ(:PATH)% %RESPONSE_CODE%\\n" } }\nnamespaces:',
        );
      },
    });
  });
  afterAll(() => mesh?.stop());

  const podsIn = async (cluster: string, namespace: string, ...args: string[]): Promise<readonly Listed[]> =>
    JSON.parse(await mesh.kubectl(cluster, "-n", namespace, "get", "pods", ...args, "-o", "json")).items;
  const apps = (cluster: string) => podsIn(cluster, "fluidosmesh", "-l", "app=s0");
  const isReady = ({ status }: Listed) =>
    status.phase === "Running" && (status.containerStatuses ?? []).every(({ ready }) => ready);
  const apply = async (cluster: string, ...objects: object[]) => {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    const { code, stderr } = await mesh.tryKubectl(cluster, ["apply", "-f", "-"], JSON.stringify(list));
    assert.equal(code, 0, stderr);
  };
  const eventsOf = async (namespace: string) =>
    JSON.parse(await mesh.kubectl("consumer", "-n", namespace, "get", "events", "-o", "json")).items.map(
      ({ reason, message }: { reason: string; message: string }) => `${reason}: ${message}`,
    ) as readonly string[];
  const answers = (cluster: (typeof liqoClusters)[number], deployment: string, times: number) =>
    eventually(async () => {
      assert.deepEqual(answeredBy(await mesh.fromOutside(cluster, times)), [deployment]);
      return true;
    });
  /** A Deployment of kubia for the nodes of a zone. */
  const kubia = (name: string, namespace: string, zone: string, content: object = {}) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          nodeSelector: { "topology.kubernetes.io/zone": zone },
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "app", image: "luksa/kubia" }],
          ...content,
        },
      },
    },
  });
  const namespaceOf = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const offloading = (namespace: string) => ({
    apiVersion: "offloading.liqo.io/v1beta1",
    kind: "NamespaceOffloading",
    metadata: { name: "offloading", namespace },
    spec: { podOffloadingStrategy: "LocalAndRemote", namespaceMappingStrategy: "EnforceSameName" },
  });

  test("LIQO-05 each cluster has its ingress gateway, provider1's runs there only and is reached there", async () => {
    for (const [cluster, node] of [
      ["consumer", "consumer-1"],
      ["provider1", "provider1"],
    ] as const) {
      const namespace = `istio-ingress-${cluster}`;
      await mesh.kubectl("consumer", "-n", namespace, "get", "service", "istio-ingressgateway");
      await eventually(async () => {
        const pods = await podsIn("consumer", namespace);
        assert.deepEqual(
          pods.map(({ spec }) => spec.nodeName),
          [node],
        );
        return true;
      });
    }
    await eventually(async () => {
      const [there] = await podsIn("provider1", "istio-ingress-provider1");
      return there?.spec.nodeName === "provider1-1";
    });
    const { spec } = JSON.parse(
      await mesh.kubectl(
        ...(["provider1", "-n", "istio-ingress-provider1", "get", "svc", "istio-ingressgateway"] as const),
        ...["-o", "json"],
      ),
    );
    assert.equal(spec.type, "NodePort");
    const http = spec.ports.find(({ port }: { port: number }) => port === 80);
    assert.equal(new URL(await mesh.ingress("provider1")).port, String(http.nodePort));
    await answers("provider1", "s0-consumer", 1);
  });

  test("LIQO-06 with s0-consumer alone there is one pod of s0, on a node of the consumer", async () => {
    const [pod, ...others] = await apps("consumer");
    assert.deepEqual(others, []);
    assert.equal(pod?.spec.nodeName, "consumer-1");
    assert.deepEqual(
      pod.status.containerStatuses?.map(({ ready }) => ready),
      [true, true],
    );
    assert.deepEqual(await apps("provider1"), []);
  });

  test("LIQO-07 both ingress gateways are answered by the only pod", async () => {
    await eventually(async () => {
      const lines = await Promise.all(liqoClusters.map((cluster) => mesh.fromOutside(cluster, 20)));
      assert.equal(lines.flat().length, 40);
      assert.equal(new Set(lines.flat()).size, 1, lines.flat().join("\n"));
      assert.deepEqual(answeredBy(lines.flat()), ["s0-consumer"]);
      return true;
    });
  });

  test("LIQO-08 a Deployment for provider1, applied to the consumer, runs there and is seen in both", async () => {
    await mesh.app("apply", "-f", path.join(mesh.folder, "later/s0-dep-provider1.yaml"));
    const pod = await eventually(async () =>
      (await apps("consumer")).find((one) => one.spec.nodeName === "provider1" && isReady(one)),
    );
    await eventually(async () => {
      const [there, ...others] = await apps("provider1");
      assert.deepEqual(others, []);
      assert.deepEqual(
        [there?.metadata.name, there?.metadata.namespace, there?.status.podIP],
        [pod.metadata.name, pod.metadata.namespace, pod.status.podIP],
      );
      return true;
    });
    const wide = await mesh.app("get", "pods", "-l", "app-t=s0-provider1", "-o", "wide", "--no-headers");
    assert.match(wide, /^s0-provider1-[a-z0-9]+-[a-z0-9]{5} +2\/2 +Running +0 +\S+ +127\.[\d.]+ +provider1 /);
  });

  test("LIQO-09 each ingress gateway is answered in its own cluster", async () => {
    for (const cluster of liqoClusters) await answers(cluster, `s0-${cluster}`, 50);
  });

  test("LIQO-10 and so is each client pod", async () => {
    for (const cluster of liqoClusters)
      await eventually(async () => {
        assert.deepEqual(answeredBy(await mesh.fromPod(cluster, 50)), [`s0-${cluster}`]);
        return true;
      });
  });

  test("LIQO-11 the app sees / for /s0, and no other path leads to it", async () => {
    for (const cluster of liqoClusters) {
      const url = await mesh.ingress(cluster);
      await eventually(async () => (await fetch(`${url}/s0?mark=${cluster}`)).status === 200);
      const missing = await fetch(`${url}/`);
      assert.deepEqual([missing.status, await missing.text()], [404, ""]);
      await eventually(async () => {
        const log = await mesh.app("logs", `deploy/s0-${cluster}`, "-c", "istio-proxy", "--tail=50");
        return log.includes(`seen /?mark=${cluster} 200`);
      });
    }
  });

  test("LIQO-12 provider1 has istiod's Service and no istiod, and its proxies are synced with the consumer's", async () => {
    await mesh.kubectl("provider1", "-n", "istio-system", "get", "service", "istiod");
    assert.deepEqual(await podsIn("provider1", "istio-system"), []);
    const [istiod] = await podsIn("consumer", "istio-system", "-l", "app=istiod");
    await eventually(async () => {
      const { items } = JSON.parse(
        await mesh.kubectl(
          ...(["provider1", "-n", "istio-system", "get", "endpointslices"] as const),
          ...["-l", "kubernetes.io/service-name=istiod", "-o", "json"],
        ),
      );
      const addresses = items.flatMap(({ endpoints }: { endpoints: { addresses: string[] }[] | null }) =>
        (endpoints ?? []).flatMap((endpoint) => endpoint.addresses),
      );
      assert.deepEqual(addresses, [istiod?.status.podIP]);
      const synced = (await mesh.status()).proxies.filter(({ cluster }) => cluster === "provider1");
      assert.deepEqual(
        synced.map(({ state }) => state),
        ["SYNCED", "SYNCED", "SYNCED"],
      );
      return true;
    });
  });

  test("LIQO-31 every pod is one endpoint, and nobody reads provider1 a second time", async () => {
    await eventually(async () => {
      const { stdout, stderr } = await mesh.isthmus(
        ...[
          "endpoints",
          "deploy/curl-consumer.fluidosmesh",
          "--cluster",
          "consumer",
          "--filter",
          serviceCluster,
        ],
      );
      const rows = endpointRows(stdout).map(({ endpoint }) => endpoint);
      const wanted = (await apps("consumer")).map(({ status }) => `${status.podIP}:8080`);
      assert.deepEqual([...rows].sort(), wanted.sort(), stderr);
      return rows.length === 2;
    });
    const secrets = await mesh.kubectl(
      "consumer",
      "get",
      "secrets",
      "-A",
      "-l",
      "istio/multiCluster=true",
      "-o",
      "name",
    );
    assert.equal(secrets, "");
  });

  test("a pod on the provider is told of, entered and measured at the consumer", async () => {
    const [pod] = await apps("provider1");
    const name = pod?.metadata.name ?? "";
    assert.equal((await mesh.app("exec", name, "-c", "s0", "--", "hostname")).trim(), name);
    await eventually(async () => {
      const top = await mesh.app("top", "pod", name, "--no-headers");
      return /^s0-provider1-\S+ +\d+m +\d+Mi/.test(top);
    });
    await eventually(async () =>
      /Successfully assigned fluidosmesh\/s0-provider1-\S+ to provider1-1/.test(
        await mesh.app("describe", "pod", name),
      ),
    );
    const forward = background(
      "kubectl",
      [
        "--kubeconfig",
        mesh.kubeconfig,
        "--context",
        "consumer",
        "-n",
        "fluidosmesh",
        "port-forward",
        name,
        ":8080",
      ],
      mesh.folder,
    );
    try {
      const port = await eventually(async () => /127\.0\.0\.1:(\d+)/.exec(forward.said())?.[1]);
      assert.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), `You've hit ${name}\n`);
    } finally {
      forward.end();
      await forward.result;
    }
  });

  test("a pod that somebody deletes on the provider is made again under its name", async () => {
    const [pod] = await apps("provider1");
    const { name = "", uid } = pod?.metadata ?? {};
    await mesh.kubectl("provider1", "-n", "fluidosmesh", "delete", "pod", name, "--wait=false");
    await eventually(async () => {
      const [again] = await apps("provider1");
      return again?.metadata.name === name && again.metadata.uid !== uid && isReady(again);
    }, 10_000);
    await answers("provider1", "s0-provider1", 5);
  });

  test("LIQO-13 a Deployment of a namespace that is not offloaded stays Pending, and its event says what is missing", async () => {
    await apply("consumer", kubia("stray", "default", "provider1"));
    const event = await eventually(async () =>
      (await eventsOf("default")).find((one) => one.startsWith("NamespaceNotOffloaded")),
    );
    assert.match(event, /namespace default of consumer is not offloaded.* can't run in provider1/);
    const pods = await podsIn("consumer", "default", "-l", "app=stray");
    assert.deepEqual([...new Set(pods.map(({ status }) => status.phase))], ["Pending"]);
    await mesh.kubectl("consumer", "delete", "deployment", "stray");
  });

  test("LIQO-33 StatefulSets share a Service, one in each cluster, under names that last", async () => {
    const set = (cluster: string) => {
      const { spec } = kubia(`db-${cluster}`, "fluidosmesh", cluster);
      const labels = { app: "db", "app-t": `db-${cluster}` };
      const template = { ...spec.template, metadata: { labels } };
      return {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: `db-${cluster}`, namespace: "fluidosmesh" },
        spec: { serviceName: "db", selector: { matchLabels: labels }, template },
      };
    };
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "db", namespace: "fluidosmesh" },
      spec: { clusterIP: "None", selector: { app: "db" }, ports: [{ name: "http", port: 8080 }] },
    };
    await apply("consumer", service, ...liqoClusters.map(set));
    for (const cluster of liqoClusters)
      await mesh.app("rollout", "status", `statefulset/db-${cluster}`, "--timeout=60s");
    const there = await eventually(async () => {
      const [found] = await podsIn("provider1", "fluidosmesh", "-l", "app=db");
      return found?.metadata.name === "db-provider1-0" && found;
    });
    for (const client of liqoClusters)
      for (const cluster of liqoClusters) {
        const url = `http://db-${cluster}-0.db.fluidosmesh:8080`;
        await eventually(async () => {
          assert.deepEqual(await mesh.fromPod(client, 2, url), Array(2).fill(`You've hit db-${cluster}-0`));
          return true;
        });
      }
    // Not waited for: kubectl misses a deletion when the next pod of the name comes at once.
    await mesh.app("delete", "pod", "db-provider1-0", "--wait=false");
    await eventually(async () => {
      const [again] = await podsIn("provider1", "fluidosmesh", "-l", "app=db");
      return (
        again?.metadata.name === "db-provider1-0" &&
        again.metadata.uid !== there.metadata.uid &&
        isReady(again)
      );
    }, 15_000);
    await mesh.app("delete", "service/db", ...liqoClusters.map((cluster) => `statefulset/db-${cluster}`));
  });

  test("LIQO-42 pods of a namespace without injection run alone, and no rule of the mesh is about what they send", async () => {
    await apply("consumer", namespaceOf("plain"), offloading("plain"));
    const client = {
      containers: [
        { name: "app", image: "docker.io/curlimages/curl:8.16.0", command: ["sleep", "infinity"] },
      ],
    };
    await apply("consumer", kubia("plain", "plain", "provider1", client));
    await mesh.kubectl("consumer", "-n", "plain", "rollout", "status", "deployment/plain", "--timeout=60s");
    const [pod] = await podsIn("consumer", "plain");
    assert.deepEqual([pod?.spec.nodeName, pod?.status.containerStatuses?.length], ["provider1", 1]);
    const inPod = ["-n", "plain", "exec", "deploy/plain", "--", "curl", "-sS", "-H", "Connection: close"];
    await eventually(async () => {
      const text = await mesh.kubectl("consumer", ...inPod, "http://s0.fluidosmesh?n=[1-40]");
      assert.deepEqual(answeredBy(text.trim().split("\n")), ["s0-consumer", "s0-provider1"]);
      return true;
    });
    await mesh.kubectl("consumer", "delete", "namespace", "plain");
    await eventually(async () => {
      const { code } = await mesh.tryKubectl("provider1", ["get", "namespace", "plain"]);
      return code !== 0;
    }, 15_000);
  });

  test("LIQO-45 an autoscaler of pods without a cpu request says so, in its conditions and in status", async () => {
    const autoscaler = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "blind", namespace: "fluidosmesh" },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "curl-provider1" },
        maxReplicas: 3,
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } },
          },
        ],
      },
    };
    await apply("consumer", autoscaler);
    const condition = await eventually(async () => {
      const { status } = JSON.parse(await mesh.app("get", "hpa", "blind", "-o", "json"));
      return status?.conditions?.find(
        ({ reason, message }: { reason: string; message: string }) =>
          reason === "FailedGetResourceMetric" && message.includes("missing request for cpu"),
      );
    }, 20_000);
    assert.equal(condition.status, "False");
    await eventually(async () => {
      const { findings } = await mesh.status();
      assert.deepEqual(
        findings
          .filter(({ code }) => code === "autoscaler/no-metrics")
          .map(({ cause }) => /missing request for cpu/.test(cause)),
        [true],
      );
      return true;
    });
    await mesh.app("delete", "hpa", "blind");
  });

  test("LIQO-46 a namespace that provider1 has already is not taken, and nothing of it moves", async () => {
    await apply("provider1", namespaceOf("taken"));
    await apply("consumer", namespaceOf("taken"), offloading("taken"), kubia("web", "taken", "provider1"));
    const refusal = await eventually(async () => {
      const { status } = JSON.parse(
        await mesh.kubectl(
          "consumer",
          "-n",
          "taken",
          "get",
          "namespaceoffloading",
          "offloading",
          "-o",
          "json",
        ),
      );
      return status?.offloadingPhase === "AllFailed" && JSON.stringify(status.remoteNamespacesConditions);
    });
    assert.match(refusal, /namespace taken of provider1 was not made for consumer/);
    const event = await eventually(async () =>
      (await eventsOf("taken")).find((one) => one.startsWith("NamespaceExists")),
    );
    assert.match(event, /namespace taken of provider1/);
    assert.deepEqual(await podsIn("provider1", "taken"), []);
    await eventually(async () =>
      (await mesh.status()).findings.some(({ code }) => code === "peering/namespace-refused"),
    );
    await mesh.kubectl("consumer", "delete", "namespace", "taken");
    await mesh.kubectl("provider1", "get", "namespace", "taken");
    await mesh.kubectl("provider1", "delete", "namespace", "taken");
  });

  test("LIQO-41 with the same zone on both clusters nothing is preferred, which status warns of", async () => {
    const label = (zone: string) =>
      mesh.kubectl(
        ...([
          "consumer",
          "-n",
          "liqo-tenant-provider1",
          "patch",
          "virtualnode",
          "provider1",
          "--type",
          "merge",
        ] as const),
        ...["-p", JSON.stringify({ spec: { labels: { "topology.kubernetes.io/zone": zone } } })],
      );
    try {
      await label("consumer");
      await eventually(async () => {
        assert.deepEqual(answeredBy(await mesh.fromOutside("consumer", 40)), ["s0-consumer", "s0-provider1"]);
        return true;
      });
      await eventually(async () =>
        (await mesh.status()).findings.some(
          ({ code, cause }) => code === "locality/nothing-to-prefer" && /all in zone consumer/.test(cause),
        ),
      );
      const { stdout } = await mesh.isthmus("status");
      assert.match(stdout, /locality load balancing has nothing to prefer/);
    } finally {
      await label("provider1");
    }
    await answers("consumer", "s0-consumer", 20);
  });

  test("LIQO-18 while provider1 is away the consumer serves on, and its pods come back with it", async () => {
    const url = await mesh.ingress("consumer");
    await underLoad(mesh, {
      senders: [{ url: `${url}/s0` }],
      async action() {
        const stopped = await mesh.isthmus("cluster", "stop", "provider1");
        assert.equal(stopped.code, 0, stopped.stderr);
        try {
          await eventually(async () => {
            const node = await mesh.kubectl("consumer", "get", "node", "provider1", "--no-headers");
            const [peering] = (await mesh.status()).peerings;
            return /NotReady/.test(node) && peering?.state === "Unreachable";
          });
          await eventually(async () => {
            const slices = JSON.parse(
              await mesh.app("get", "endpointslices", "-l", "kubernetes.io/service-name=s0", "-o", "json"),
            );
            const ready = slices.items.flatMap(
              ({ endpoints }: { endpoints: { conditions: { ready: boolean }; zone: string }[] }) =>
                endpoints.filter(({ conditions }) => conditions.ready).map(({ zone }) => zone),
            );
            assert.deepEqual(ready, ["consumer"], "its pods take no requests meanwhile");
            return true;
          });
          const logs = ["-n", "fluidosmesh", "logs", "deploy/s0-provider1", "-c", "s0"];
          assert.match(
            (await mesh.tryKubectl("consumer", logs)).stderr,
            /provider1, which runs the pod fluidosmesh\/s0-provider1-\S+, is stopped/,
          );
        } finally {
          const started = await mesh.isthmus("cluster", "start", "provider1");
          assert.equal(started.code, 0, started.stderr);
        }
        await answers("provider1", "s0-provider1", 20);
      },
    });
    await eventually(async () => {
      const { findings, peerings } = await mesh.status();
      assert.deepEqual(findings, []);
      return peerings[0]?.state === "Established";
    });
  });

  test("while the consumer is away its pods on provider1 serve on, and nothing of them starts anew", async () => {
    const url = await mesh.ingress("provider1");
    const before = await apps("provider1");
    const stopped = await mesh.isthmus("cluster", "stop", "consumer");
    assert.equal(stopped.code, 0, stopped.stderr);
    try {
      const { stdout } = await run("curl", ["-sS", "-H", "Connection: close", `${url}/s0?n=[1-10]`]);
      assert.deepEqual(answeredBy(stdout.trim().split("\n")), ["s0-provider1"]);
    } finally {
      const started = await mesh.isthmus("cluster", "start", "consumer");
      assert.equal(started.code, 0, started.stderr);
    }
    await answers("provider1", "s0-provider1", 10);
    await answers("consumer", "s0-consumer", 10);
    const uids = (pods: readonly Listed[]) => pods.map(({ metadata }) => metadata.uid);
    assert.deepEqual(uids(await apps("provider1")), uids(before));
    const restarts = await mesh.kubectl(
      ...(["provider1", "-n", "fluidosmesh", "get", "pods", "-l", "app=s0"] as const),
      ...["-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}"],
    );
    const [first = ""] = before.map(({ status }) =>
      (status.containerStatuses ?? []).map(({ restartCount }) => restartCount).join(" "),
    );
    assert.equal(restarts, first);
  });

  test("LIQO-30 without its peering provider1 has nothing of the consumer, which serves on; without the mesh nothing listens", async () => {
    const url = await mesh.ingress("consumer");
    await underLoad(mesh, {
      senders: [{ url: `${url}/s0` }],
      async action() {
        await mesh.app("delete", "namespaceoffloading", "offloading", "--ignore-not-found");
        await eventually(async () => (await podsIn("provider1", "fluidosmesh")).length === 0);
        const node = ["delete", "virtualnode", "provider1", "--ignore-not-found"];
        await mesh.kubectl("consumer", "-n", "liqo-tenant-provider1", ...node);
        await eventually(async () => {
          const names = await mesh.kubectl("provider1", "get", "namespaces", "-o", "name");
          const pods = await mesh.kubectl("provider1", "get", "pods", "-A", "-o", "name");
          const nodes = await mesh.kubectl("consumer", "get", "nodes", "-o", "name");
          return pods === "" && !/fluidosmesh|istio-/.test(names) && nodes.trim() === "node/consumer-1";
        });
        await answers("consumer", "s0-consumer", 20);
      },
    });
    const [pod] = await apps("consumer");
    assert.equal((await mesh.isthmus("down")).code, 0);
    // Another mesh may have the addresses by now: whoever answers is not this one.
    assert.notEqual((await mesh.tryKubectl("consumer", ["get", "namespaces"])).code, 0);
    const answer = await run("curl", ["-sS", "--max-time", "5", `${url}/s0`]);
    assert.ok(!answer.stdout.includes(pod?.metadata.name ?? "no pod was found"), answer.stdout);
    const log = readFileSync(path.join(mesh.folder, ".isthmus/engine.log"), "utf8");
    assert.doesNotMatch(log, /"level":50/, "no part failed");
  });
});
