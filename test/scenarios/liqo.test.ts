import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls, findProgram } from "../support/tools.ts";
import { assertCompiledApplies } from "./support/compiled-output.ts";
import { edit } from "./support/examples.ts";
import { assertImports } from "./support/import.ts";
import {
  answeredBy,
  appNamespace,
  type LiqoCluster,
  type LiqoMesh,
  liqoClusters,
  serviceCluster,
  startLiqo,
} from "./support/liqo.ts";
import { eventually, isBuiltIn, run } from "./support/running-mesh.ts";
import { underLoad } from "./support/under-load.ts";

/** An app that fails as long as a file is there, in place of the example's image. */
const failingApp = `
import { existsSync } from "node:fs";
import http from "node:http";
const [host, port, file] = process.argv.slice(2);
http
  .createServer((_request, response) => {
    response.writeHead(existsSync(file) ? 500 : 200);
    response.end("You've hit " + process.env.HOSTNAME + "\\n");
  })
  .listen(Number(port), host);
`;

const hasKubectl = findKubectls().length > 0;
const wrk = findProgram("wrk");

suite.skipIf(!hasKubectl)(
  "LIQO: one control plane, pods on a second cluster by offloading, traffic kept in its zone [needs kubectl]",
  () => {
    let mesh: LiqoMesh;
    let broken: string;

    beforeAll(async () => {
      mesh = await startLiqo({
        prepare(folder) {
          // Autoscalers have a file of their own: here every pod is counted.
          for (const cluster of liqoClusters) rmSync(path.join(folder, `sample-app/s0-hpa-${cluster}.yaml`));
          broken = path.join(folder, "broken");
          writeFileSync(path.join(folder, "failing.mjs"), failingApp);
          const command = JSON.stringify([process.execPath, "failing.mjs", "{host}", "{port}", broken]);
          edit(
            path.join(folder, "mesh.yaml"),
            /^namespaces:/m,
            `images: { failing: { command: ${command} } }\nnamespaces:`,
          );
        },
      });
    });
    afterAll(() => mesh?.stop());

    const onlyFrom = (cluster: LiqoCluster, deployment: string, times = 20) =>
      eventually(async () => {
        const found = answeredBy(await mesh.fromOutside(cluster, times));
        assert.deepEqual(found, [deployment]);
        return true;
      });
    const both = ["s0-consumer", "s0-provider1"];

    if (isBuiltIn)
      test("LIQO: kubectl applies what compile writes for each cluster, checked strictly by its API server", () =>
        assertCompiledApplies(mesh));

    if (isBuiltIn)
      test("import makes of the running clusters a file that changes nothing there", async () => {
        const { file } = await assertImports(mesh, ["consumer", "provider1"]);
        assert.match(file, /peerings:\n +- consumer: consumer\n +provider: provider1\n/);
      });

    test("LIQO-01 both clusters answer, and every node has its cluster's name as zone", async () => {
      for (const cluster of liqoClusters) {
        const zones = await mesh.kubectl(
          cluster,
          ...["get", "nodes", "-l", "liqo.io/type!=virtual-node", "-o"],
          String.raw`jsonpath={.items[*].metadata.labels.topology\.kubernetes\.io/zone}`,
        );
        assert.deepEqual([...new Set(zones.split(" "))], [cluster]);
      }
    });

    test("LIQO-02 istiod runs in the consumer only; the provider has nothing of Istio's control plane", async () => {
      await mesh.kubectl(
        "consumer",
        ...["-n", "istio-system", "wait", "--for=condition=Available", "deployment/istiod", "--timeout=60s"],
      );
      const deployments = await mesh.kubectl("provider1", "get", "deployments", "-A", "-o", "name");
      assert.equal(deployments.trim(), "");
      const webhooks = await mesh.kubectl("provider1", "get", "mutatingwebhookconfigurations", "-o", "name");
      assert.equal(webhooks.trim(), "");
      const credentials = await mesh.kubectl(
        "consumer",
        ...["-n", "istio-system", "get", "secrets", "-l", "istio/multiCluster=true", "-o", "name"],
      );
      assert.equal(credentials.trim(), "");
    });

    test("LIQO-03 the consumer has a virtual node for provider1 in its zone, with what the peering says", async () => {
      const node = JSON.parse(
        await mesh.kubectl("consumer", "get", "nodes", "-l", "liqo.io/type=virtual-node", "-o", "json"),
      ).items;
      assert.deepEqual(
        node.map(({ metadata, status }: { metadata: Named; status: { allocatable: Resources } }) => [
          metadata.name,
          metadata.labels["topology.kubernetes.io/zone"],
          status.allocatable.cpu,
          status.allocatable.memory,
        ]),
        [["provider1", "provider1", "20", "20Gi"]],
      );
    });

    test("LIQO-04 status has the peering as established, with the round trip in both directions", async () => {
      await eventually(async () => {
        const [peering, ...more] = (await mesh.status()).peerings;
        assert.deepEqual(more, []);
        assert.deepEqual(
          [peering?.consumer, peering?.provider, peering?.state, peering?.problem],
          ["consumer", "provider1", "Established", undefined],
        );
        assert.ok(Number(peering?.roundTrip.toProvider) > 0 && Number(peering?.roundTrip.toConsumer) > 0);
        assert.ok(Date.now() - Date.parse(peering?.lastSeen ?? "") < 60_000);
        const { stdout } = await mesh.isthmus("status");
        assert.match(
          stdout,
          /^consumer → provider1 +Established +cpu 20, memory 20Gi +→ [\d.]+ ms {2}← [\d.]+ ms +now$/m,
        );
        return true;
      });
    });

    test("nothing is found wrong with the example, every proxy is synced, and verify proves it", async () => {
      await eventually(async () => {
        const { findings, proxies } = await mesh.status();
        assert.deepEqual(findings, []);
        assert.deepEqual([...new Set(proxies.map(({ state }) => state))], ["SYNCED"]);
        for (const cluster of liqoClusters)
          assert.equal(proxies.filter((proxy) => proxy.cluster === cluster).length, 3, cluster);
        return true;
      });
      const { code, stdout, stderr } = await mesh.isthmus("verify", "-o", "json");
      assert.equal(code, 0, stdout + stderr);
      const [verified, ...others] = JSON.parse(stdout).services;
      assert.deepEqual(others, []);
      assert.deepEqual(
        verified.cells.map(({ from, shares }: { from: { cluster: string }; shares: Share[] }) => [
          from.cluster,
          shares.filter(({ received }) => received > 0).map(({ cluster }) => cluster),
        ]),
        [
          ["consumer", ["consumer"]],
          ["provider1", ["provider1"]],
        ],
      );
    });

    test("LIQO-14 the Service has the pods of both Deployments as endpoints, each in its cluster's zone, for sidecars and gateways", async () => {
      const proxies = [
        `deploy/s0-consumer.${appNamespace}`,
        `deploy/s0-provider1.${appNamespace}`,
        "deploy/istio-ingressgateway.istio-ingress-consumer",
        "deploy/istio-ingressgateway.istio-ingress-provider1",
      ];
      for (const proxy of proxies)
        await eventually(async () => {
          const addresses = await mesh.app(
            ...["get", "pods", "-l", "app=s0", "--sort-by=.spec.nodeName", "-o"],
            "jsonpath={.items[*].status.podIP}",
          );
          const { stdout, stderr } = await mesh.isthmus(
            ...["endpoints", proxy, "--cluster", "consumer", "--filter", serviceCluster, "-o", "json"],
          );
          const rows: readonly { endpoint: string; locality: string }[] = JSON.parse(stdout || `"${stderr}"`);
          const byZone = rows.map(({ endpoint, locality }) => `${locality} ${endpoint}`).sort();
          const [here, there] = addresses.split(" ");
          assert.deepEqual(byZone, [`consumer ${here}:8080`, `provider1 ${there}:8080`], proxy);
          return true;
        });
    });

    test("LIQO-15 without pods in its zone a gateway is answered from the other, and back when they return", async () => {
      const url = await mesh.ingress("provider1");
      await mesh.scale("s0-provider1", 1);
      await underLoad(mesh, {
        senders: [{ url: `${url}/s0` }],
        // Those under way.
        mayFail: 2,
        async action() {
          await onlyFrom("provider1", "s0-provider1");
          await mesh.scale("s0-provider1", 0);
          await onlyFrom("provider1", "s0-consumer");
          await mesh.scale("s0-provider1", 1);
          await onlyFrom("provider1", "s0-provider1");
        },
      });
    });

    test("LIQO-16 a pod that answers seven times with 500 is taken out for its time, tried again, and kept when it is well", async () => {
      const outlierDetection = { consecutive5xxErrors: 7, interval: "500ms", baseEjectionTime: "5s" };
      const patchRule = (fields: object) =>
        mesh.app(
          ...["patch", "destinationrule", "s0", "--type", "merge", "-p"],
          JSON.stringify({ spec: { trafficPolicy: { outlierDetection: fields } } }),
        );
      await patchRule(outlierDetection);
      const container = { name: "s0", image: "example/failing:1", ports: [{ containerPort: 8080 }] };
      const template = { spec: { containers: [container] } };
      await mesh.app("patch", "deployment", "s0-provider1", "-p", JSON.stringify({ spec: { template } }));
      await mesh.app("rollout", "status", "deployment/s0-provider1", "--timeout=60s");
      await eventually(async () => {
        const pods = await mesh.app("get", "pods", "-l", "app-t=s0-provider1", "-o", "yaml");
        assert.equal(pods.match(/^ {2}kind: Pod/gm)?.length, 1, pods);
        return true;
      }, 20_000);
      await onlyFrom("provider1", "s0-provider1");

      const outliers = async () => {
        const { stdout } = await mesh.isthmus(
          ...["endpoints", "deploy/istio-ingressgateway.istio-ingress-provider1", "--cluster", "consumer"],
          ...["--filter", serviceCluster, "-o", "json"],
        );
        const rows: readonly { locality: string; outlierCheck: string }[] = JSON.parse(stdout);
        return rows.filter(({ outlierCheck }) => outlierCheck === "FAILED").map(({ locality }) => locality);
      };
      const url = await mesh.ingress("provider1");
      const statuses = async (times: number) => {
        const target = `${url}/s0?n=[1-${times}]`;
        const { stdout } = await run("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}\n", target]);
        return stdout.trim().split("\n");
      };
      writeFileSync(broken, "");
      try {
        assert.deepEqual(await statuses(7), Array(7).fill("500"));
        // Taken out for five seconds, which a busy machine may need to look; but again and again, as long as it fails.
        await eventually(async () => {
          await statuses(7);
          return (await outliers()).join() === "provider1";
        });
        await eventually(async () => {
          await statuses(7);
          return answeredBy(await mesh.fromOutside("provider1", 20)).join() === "s0-consumer";
        });
        // It is tried again when its time is over, and still fails.
        await eventually(async () => (await statuses(1))[0] === "500", 20_000);
      } finally {
        rmSync(broken);
      }
      await eventually(async () => {
        assert.deepEqual(await outliers(), []);
        return answeredBy(await mesh.fromOutside("provider1", 10)).join() === "s0-provider1";
      }, 30_000);
      await mesh.app("rollout", "undo", "deployment/s0-provider1");
      await mesh.app("rollout", "status", "deployment/s0-provider1", "--timeout=60s");
      await patchRule({ consecutive5xxErrors: 7, interval: "30s", baseEjectionTime: "30s" });
      await onlyFrom("provider1", "s0-provider1");
    });

    test("LIQO-17 without outlier detection no zone is preferred, which status explains; with it again, the own one", async () => {
      await mesh.app("delete", "destinationrule", "s0", "--ignore-not-found");
      await eventually(async () => {
        assert.deepEqual(answeredBy(await mesh.fromOutside("consumer", 40)), both);
        return true;
      });
      const finding = await eventually(async () =>
        (await mesh.status()).findings.find(({ code }) => code === "locality/no-outlier-detection"),
      );
      assert.match(finding.cause, /no outlier detection: locality failover off/);
      await mesh.app("apply", "-f", path.join(mesh.folder, "sample-app/s0-dest-rule.yaml"));
      await onlyFrom("consumer", "s0-consumer", 40);
      await eventually(async () => {
        assert.deepEqual((await mesh.status()).findings, []);
        return true;
      });
    });

    test("LIQO-28 load takes host, port, path, rate and duration, from outside and from a pod, and reports what came back", async () => {
      const { hostname, port } = new URL(await mesh.ingress("provider1"));
      const target = ["--host", hostname, "--port", port, "--path", "/s0"];
      const cases = [
        [...target, "--connections", "100"],
        ["http://s0.fluidosmesh/", "--from", `deploy/curl-consumer.${appNamespace}`, "--cluster", "consumer"],
      ];
      for (const args of cases) {
        const { code, stdout, stderr } = await mesh.isthmus(
          ...["load", ...args, "--rate", "100", "--duration", "2s", "-o", "json"],
        );
        assert.equal(code, 0, stdout + stderr);
        const report = JSON.parse(stdout);
        // A busy machine leaves some out, and says so; one that is away for a while does not ask for them.
        const asked = report.sent + report.skipped;
        assert.ok(report.sent > 0 && asked <= 201, stdout);
        assert.deepEqual([report.ok, report.failed], [report.sent, 0]);
        assert.ok(Math.abs(report.rate - (report.sent * 1000) / report.milliseconds) < 1, stdout);
        const { p50, p90, p99 } = report.latency;
        assert.ok(0 < p50 && p50 <= p90 && p90 <= p99, stdout);
      }
      const { stdout } = await mesh.isthmus("load", ...target, "--rate", "20", "--duration", "500ms");
      assert.match(stdout, /ok +failed +p50 +p90 +p99 +max/);
    });

    test.skipIf(wrk === undefined)(
      "LIQO-28 a hundred kept connections of another load generator are answered without a failure [needs wrk]",
      async () => {
        const url = `${await mesh.ingress("provider1")}/s0`;
        const { code, stdout } = await run(wrk ?? "", [
          "-t2",
          "-c100",
          "-d3s",
          "--timeout",
          "20s",
          "--latency",
          url,
        ]);
        assert.equal(code, 0, stdout);
        assert.doesNotMatch(stdout, /Non-2xx|Socket errors/);
        assert.ok(Number(/(\d+) requests in/.exec(stdout)?.[1]) > 0, stdout);
      },
    );

    test("LIQO-48 a gateway whose Service has no address yet waits for it, and has no URL meanwhile", async () => {
      const patch = (spec: object) =>
        mesh.kubectl(
          "consumer",
          ...["-n", "istio-ingress-consumer", "patch", "service", "istio-ingressgateway"],
          ...["--type", "merge", "-p", JSON.stringify({ spec })],
        );
      await patch({ type: "LoadBalancer", loadBalancerClass: "example.com/none" });
      try {
        await eventually(async () => {
          const { stdout } = await mesh.isthmus("status");
          return /^ingress +consumer +waiting for address$/m.test(stdout);
        });
        const { gateways } = await mesh.status();
        assert.equal(gateways.find(({ cluster }) => cluster === "consumer")?.url, undefined);
      } finally {
        await patch({ type: "NodePort", loadBalancerClass: null });
      }
      await onlyFrom("consumer", "s0-consumer");
    });

    if (isBuiltIn)
      test("LIQO-49 a Deployment for a zone that no cluster has stays Pending, and its event says so", async () => {
        const lost = (await mesh.app("get", "deployment", "s0-provider1", "-o", "json"))
          .replaceAll('"s0-provider1"', '"s0-provider9"')
          .replaceAll('"provider1"', '"provider9"');
        const { metadata, status: _, ...rest } = JSON.parse(lost);
        const { name, namespace, labels } = metadata;
        const object = JSON.stringify({ ...rest, metadata: { name, namespace, labels } });
        const applied = await mesh.tryKubectl("consumer", ["apply", "-f", "-"], object);
        assert.equal(applied.code, 0, applied.stderr);
        try {
          await eventually(async () => {
            const events = await mesh.app(
              ...["get", "events", "--field-selector", "reason=FailedScheduling", "-o"],
              'jsonpath={range .items[*]}{.involvedObject.name}: {.message}{"\\n"}{end}',
            );
            return /^s0-provider9-\S+: 0\/2 nodes are available: .*node affinity\/selector/m.test(events);
          });
          const phase = await mesh.app(
            "get",
            "pods",
            "-l",
            "app-t=s0-provider9",
            "-o",
            "jsonpath={.items[*].status.phase}",
          );
          assert.deepEqual([...new Set(phase.split(" "))], ["Pending"]);
        } finally {
          await mesh.app("delete", "deployment", "s0-provider9");
        }
      });

    test("LIQO-50 a Gateway that selects no gateway's pods is found, and what it would serve is not there", async () => {
      const manifest = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: lost, namespace: ${appNamespace} }
spec:
  selector: { istio: ingress }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [lost.example.com] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: lost, namespace: ${appNamespace} }
spec:
  hosts: [lost.example.com]
  gateways: [lost]
  http: [{ route: [{ destination: { host: s0 } }] }]
`;
      const applied = await mesh.tryKubectl("consumer", ["apply", "-f", "-"], manifest);
      assert.equal(applied.code, 0, applied.stderr);
      try {
        await eventually(async () => {
          const { stdout } = await mesh.isthmus("analyze", "-o", "json");
          const found = JSON.parse(stdout) as readonly {
            istioCode?: string;
            objects: readonly { name: string }[];
          }[];
          assert.ok(
            found.some(
              ({ istioCode, objects }) =>
                /^IST01(01|27)$/.test(istioCode ?? "") && objects.some(({ name }) => name === "lost"),
            ),
            stdout,
          );
          return true;
        });
        const url = `${await mesh.ingress("consumer")}/lost`;
        const answer = await run("curl", [
          "-s",
          "-o",
          "/dev/null",
          "-w",
          "%{http_code}",
          "-H",
          "Host: lost.example.com",
          url,
        ]);
        assert.equal(answer.stdout, "404");
      } finally {
        await mesh.tryKubectl("consumer", ["delete", "-f", "-"], manifest);
      }
    });

    if (isBuiltIn)
      test("LIQO-51 applying everything of the guide a second time changes nothing", async () => {
        const pods = async () =>
          (JSON.parse(await mesh.app("get", "pods", "-o", "json")).items as readonly { metadata: Named }[])
            .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
            .map(({ metadata }) => metadata.name)
            .sort();
        const before = await pods();
        const apply = () => mesh.app("apply", "-f", path.join(mesh.folder, "sample-app"));
        await apply();
        for (const line of (await apply()).trim().split("\n")) assert.match(line, / unchanged$/);
        assert.deepEqual(await pods(), before);
      });
  },
);

interface Named {
  readonly name: string;
  readonly deletionTimestamp?: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Resources {
  readonly cpu: string;
  readonly memory: string;
}

interface Share {
  readonly cluster: string;
  readonly received: number;
}
