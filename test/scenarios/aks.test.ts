import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { assertCompiledApplies } from "./support/compiled-output.ts";
import { hello, helloCluster, startAks } from "./support/examples.ts";
import { handshake } from "./support/handshake.ts";
import { assertShare, endpointRows, versions } from "./support/hello.ts";
import { assertImports } from "./support/import.ts";
import { eventually, isBuiltIn, type MeshUnderTest } from "./support/running-mesh.ts";
import { underLoad } from "./support/under-load.ts";

/** Shows who calls, as Istio's own format does not. */
const logFormat =
  "request=%REQ(:METHOD)% %REQ(:PATH)% sni=%REQUESTED_SERVER_NAME% peer=%DOWNSTREAM_PEER_URI_SAN%";
const hasKubectl = findKubectls().length > 0;

suite.skipIf(!hasKubectl)(
  "AKS: a shared control plane, one gateway for ingress and between networks [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;

    beforeAll(async () => {
      mesh = await startAks({
        args: [
          ...["--set", "istio.meshConfig.accessLogFile=/dev/stdout"],
          ...["--set", `istio.meshConfig.accessLogFormat=${logFormat}`],
        ],
      });
    });
    afterAll(() => mesh?.stop());

    const endpointsOf = async (cluster: string, reference: string) => {
      const { code, stdout, stderr } = await mesh.isthmus(
        "endpoints",
        reference,
        "--cluster",
        cluster,
        "--filter",
        helloCluster,
      );
      assert.equal(code, 0, stderr);
      return endpointRows(stdout);
    };
    const gatewayAddress = (cluster: string) =>
      mesh.kubectl(
        cluster,
        "-n",
        "istio-system",
        "get",
        "svc",
        "istio-ingressgateway",
        "-o",
        "jsonpath={.status.loadBalancer.ingress[0].ip}",
      );
    const secretText = async (cluster: string, secret: string, key: string) => {
      const encoded = await mesh.kubectl(
        cluster,
        "-n",
        "istio-system",
        "get",
        "secret",
        secret,
        "-o",
        `jsonpath={.data.${key.replaceAll(".", "\\.")}}`,
      );
      return Buffer.from(encoded, "base64").toString("utf8");
    };
    const scale = async (cluster: string, deployment: string, replicas: number) => {
      await mesh.kubectl(
        cluster,
        "-n",
        "sample",
        "scale",
        `deployment/${deployment}`,
        `--replicas=${replicas}`,
      );
      await mesh.kubectl(
        cluster,
        "-n",
        "sample",
        "rollout",
        "status",
        `deployment/${deployment}`,
        "--timeout=60s",
      );
    };

    /** Waits until a cluster's client knows so many endpoints. */
    const lists = (cluster: string, count: number) =>
      eventually(async () => {
        const rows = await endpointsOf(cluster, "deploy/sleep.sample");
        assert.equal(rows.length, count, JSON.stringify(rows));
        return true;
      });
    /** Waits until requests from a cluster are answered by both versions. */
    const bothAnswer = (cluster: string) =>
      eventually(async () => {
        const { v1, v2 } = versions(await mesh.curl(cluster, hello, 40));
        assert.ok(v1 > 0 && v2 > 0, `from ${cluster}: v1 ${v1}, v2 ${v2}`);
        return true;
      });
    /** Waits until so many percent of the requests from a cluster are answered by v1. */
    const shareOfV1 = (cluster: string, percent: readonly [low: number, high: number]) =>
      eventually(async () => {
        const { v1 } = versions(await mesh.curl(cluster, hello, 200));
        assertShare(v1, 200, percent, `v1 from ${cluster}`);
        return true;
      });

    if (isBuiltIn)
      test("AKS: kubectl applies what compile writes for each cluster, checked strictly by its API server", () =>
        assertCompiledApplies(mesh));

    if (isBuiltIn)
      test("import makes of the running clusters a file that changes nothing there", async () => {
        const { file } = await assertImports(mesh, ["main0", "remote0"]);
        assert.match(file, /remote0:\n +primary: main0\n +network: network2\n/);
        assert.match(file, /eastwest:\n +name: istio-ingressgateway\n +port: 443\n/);
      });

    test("AKS-01 both clusters are ready, istiod runs in main0 only and the sidecars of remote0 are synced with it", async () => {
      await mesh.kubectl(
        "main0",
        "-n",
        "istio-system",
        "wait",
        "--for=condition=Available",
        "deployment/istiod",
        "--timeout=60s",
      );
      const remote = await mesh.tryKubectl("remote0", ["-n", "istio-system", "get", "deployment", "istiod"]);
      assert.match(remote.stderr, /NotFound/);
      await eventually(async () => {
        const { stdout } = await mesh.isthmus("status", "-o", "json");
        const status = JSON.parse(stdout);
        assert.deepEqual(
          status.clusters.map(({ name, state }: { name: string; state: string }) => [name, state]),
          [
            ["main0", "ready"],
            ["remote0", "ready"],
          ],
        );
        const remoteProxies = status.proxies.filter(
          ({ cluster }: { cluster: string }) => cluster === "remote0",
        );
        assert.ok(remoteProxies.length >= 3, stdout);
        assert.deepEqual(
          new Set(status.proxies.map(({ state }: { state: string }) => state)),
          new Set(["SYNCED"]),
        );
        return true;
      });
    });

    test("AKS-02 both clusters have the CA's four keys under one root, and workload certificates verify against it", async () => {
      for (const cluster of ["main0", "remote0"]) {
        const keys = await mesh.kubectl(
          cluster,
          "-n",
          "istio-system",
          "get",
          "secret",
          "cacerts",
          "-o",
          "jsonpath={.data}",
        );
        assert.deepEqual(Object.keys(JSON.parse(keys)).sort(), [
          "ca-cert.pem",
          "ca-key.pem",
          "cert-chain.pem",
          "root-cert.pem",
        ]);
      }
      const roots = await Promise.all(
        ["main0", "remote0"].map((cluster) => secretText(cluster, "cacerts", "root-cert.pem")),
      );
      assert.equal(
        new X509Certificate(roots[0] ?? "").fingerprint256,
        new X509Certificate(roots[1] ?? "").fingerprint256,
      );
      for (const cluster of ["main0", "remote0"]) {
        const pod = JSON.parse(
          await mesh.kubectl(cluster, "-n", "sample", "get", "pod", "-l", "app=helloworld", "-o", "json"),
        ).items[0];
        const chain = await peerChain(pod.status.podIP, 5000);
        assert.equal(
          chain.at(0)?.subjectAltName,
          `URI:spiffe://cluster.local/ns/sample/sa/${pod.spec.serviceAccountName}`,
        );
        const root = new X509Certificate(roots[0] ?? "");
        assert.ok(
          chain.some((certificate) => certificate.verify(root.publicKey)),
          "the chain leads to the root",
        );
      }
    });

    test("AKS-03 namespaces and gateway Services carry their network, the cross-network port is 443", async () => {
      for (const [cluster, network] of [
        ["main0", "network1"],
        ["remote0", "network2"],
      ] as const) {
        assert.equal(
          await mesh.kubectl(
            cluster,
            "get",
            "ns",
            "istio-system",
            "-o",
            "jsonpath={.metadata.labels.topology\\.istio\\.io/network}",
          ),
          network,
        );
        const service = JSON.parse(
          await mesh.kubectl(
            cluster,
            "-n",
            "istio-system",
            "get",
            "svc",
            "istio-ingressgateway",
            "-o",
            "json",
          ),
        );
        assert.equal(service.metadata.labels["topology.istio.io/network"], network);
        assert.ok(service.spec.ports.some(({ port }: { port: number }) => port === 443));
      }
    });

    test("AKS-04 the gateway passes only *.local on, and a workload refuses a client without a mesh certificate", async () => {
      const gateways = JSON.parse(
        await mesh.kubectl(
          "main0",
          "-n",
          "istio-system",
          "get",
          "gateways.networking.istio.io",
          "-o",
          "json",
        ),
      ).items;
      const passthrough = gateways.find((one: { spec: { servers: { tls?: { mode: string } }[] } }) =>
        one.spec.servers.some(({ tls }) => tls?.mode === "AUTO_PASSTHROUGH"),
      );
      assert.deepEqual(passthrough.spec.servers[0].hosts, ["*.local"]);
      const { stdout } = await mesh.isthmus("status", "-o", "json");
      for (const gateway of JSON.parse(stdout).gateways.filter(
        ({ kind }: { kind: string }) => kind === "eastwest",
      )) {
        const to = { host: gateway.address, port: gateway.port };
        await assert.rejects(handshake(to, {}), "without a server name");
        await assert.rejects(
          handshake(to, { servername: "example.com", ALPNProtocols: ["istio"] }),
          "a name outside *.local",
        );
        const inside = {
          servername: "outbound_.5000_._.helloworld.sample.svc.cluster.local",
          ALPNProtocols: ["istio"],
        };
        await assert.rejects(handshake(to, inside, true), "no mesh certificate");
      }
    });

    if (isBuiltIn)
      test("AKS-05 the remote secret is a kubeconfig that reads remote0 and may not delete there", async () => {
        const secret = JSON.parse(
          await mesh.kubectl(
            "main0",
            "-n",
            "istio-system",
            "get",
            "secret",
            "istio-remote-secret-remote0",
            "-o",
            "json",
          ),
        );
        assert.equal(secret.metadata.labels["istio/multiCluster"], "true");
        assert.equal(secret.metadata.annotations["networking.istio.io/cluster"], "remote0");
        const kubeconfig = path.join(mesh.folder, "remote0.kubeconfig");
        writeFileSync(kubeconfig, Buffer.from(secret.data.remote0, "base64"));
        const as = (...args: string[]) => mesh.tryKubectl("remote0", ["--kubeconfig", kubeconfig, ...args]);
        for (const resource of ["services", "endpoints", "pods"])
          assert.equal((await as("get", resource, "-A")).code, 0, resource);
        const denied = await as("-n", "sample", "delete", "service", "helloworld");
        assert.match(denied.stderr, /Forbidden.*cannot delete resource "services"/s);
      });

    test("AKS-06 status shows the registries of both clusters as synced", async () => {
      await eventually(async () => {
        const { stdout } = await mesh.isthmus("status", "-o", "json");
        assert.deepEqual(
          JSON.parse(stdout).clusters.map(({ registry }: { registry: string }) => registry),
          ["synced", "synced"],
        );
        return true;
      });
    });

    test("AKS-07 namespace sample is injected in both, v1 runs in main0 and v2 in remote0, each 2/2", async () => {
      for (const [cluster, version, other] of [
        ["main0", "v1", "v2"],
        ["remote0", "v2", "v1"],
      ] as const) {
        assert.equal(
          await mesh.kubectl(
            cluster,
            "get",
            "ns",
            "sample",
            "-o",
            "jsonpath={.metadata.labels.istio-injection}",
          ),
          "enabled",
        );
        const rows = (await mesh.kubectl(cluster, "-n", "sample", "get", "pods", "--no-headers"))
          .trimEnd()
          .split("\n");
        for (const row of rows) assert.match(row, /^\S+ +2\/2 +Running /);
        assert.ok(rows.some((row) => row.startsWith(`helloworld-${version}-`)));
        assert.ok(!rows.some((row) => row.startsWith(`helloworld-${other}-`)));
      }
    });

    if (isBuiltIn)
      test("AKS-22 console names the address of the pages, 20001 unless that is taken, which is said", async () => {
        const { code, stdout, stderr } = await mesh.isthmus("console");
        assert.equal(code, 0, stderr);
        const url = new URL(stdout.trim());
        assert.equal(url.hostname, "127.0.0.1");
        assert.equal(
          url.port === "20001",
          !stderr.includes("port 20001 is taken, so this is the next free one"),
        );
        assert.equal((await fetch(url, { redirect: "manual" })).status < 400, true);
      });

    test("AKS-08 AKS-09 40 requests from either cluster are answered by both versions", async () => {
      for (const cluster of ["main0", "remote0"]) await bothAnswer(cluster);
    });

    test("AKS-10 every form of the name works from both clusters", async () => {
      for (const cluster of ["main0", "remote0"])
        for (const host of ["helloworld", "helloworld.sample.svc", "helloworld.sample.svc.cluster.local"])
          await eventually(async () => versions(await mesh.curl(cluster, `${host}:5000/hello`, 2)));
    });

    test("AKS-11 AKS-12 a proxy knows its own cluster's pod and the other cluster's gateway, nothing else", async () => {
      for (const [cluster, version, other] of [
        ["main0", "v1", "remote0"],
        ["remote0", "v2", "main0"],
      ] as const) {
        const pod = JSON.parse(
          await mesh.kubectl(
            cluster,
            "-n",
            "sample",
            "get",
            "pods",
            "-l",
            `version=${version}`,
            "-o",
            "json",
          ),
        ).items[0];
        const wanted = [`${pod.status.podIP}:5000`, `${await gatewayAddress(other)}:443`].sort();
        const rows = await eventually(async () => {
          const now = await endpointsOf(cluster, `${pod.metadata.name}.sample`);
          assert.deepEqual(now.map(({ endpoint }) => endpoint).sort(), wanted);
          return now;
        });
        for (const row of rows)
          assert.deepEqual([row.status, row.outlier, row.cluster], ["HEALTHY", "OK", helloCluster]);
      }
    });

    test("AKS-45 a gateway whose load balancer has a host name is reached at the addresses that the name has", async () => {
      const address = await gatewayAddress("remote0");
      const network = "topology.istio.io/network";
      // A name that main0's DNS answers with the gateway's address, as a cloud's DNS does for its load balancers.
      const name = [
        {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "remote0-gateway", namespace: "sample" },
          spec: { clusterIP: "None", ports: [{ name: "tls", port: 443 }] },
        },
        {
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: {
            name: "remote0-gateway",
            namespace: "sample",
            labels: { "kubernetes.io/service-name": "remote0-gateway" },
          },
          addressType: "IPv4",
          ports: [{ name: "tls", port: 443 }],
          endpoints: [{ addresses: [address], conditions: { ready: true } }],
        },
      ];
      // Another cloud's load balancer, which nobody here gives an address.
      const balancer = {
        apiVersion: "v1",
        kind: "Service",
        metadata: {
          name: "gateway-by-name",
          namespace: "istio-system",
          labels: { [network]: "network2", "networking.istio.io/gatewayPort": "443" },
        },
        spec: {
          type: "LoadBalancer",
          loadBalancerClass: "example.com/elsewhere",
          selector: { istio: "ingressgateway" },
          ports: [{ name: "tls", port: 443, targetPort: 8443 }],
        },
      };
      const ingress = [{ hostname: "remote0-gateway.sample.svc.cluster.local" }];
      const system = ["-n", "istio-system"] as const;
      const label = (value: string) =>
        mesh.kubectl("remote0", ...system, "label", "svc", "istio-ingressgateway", "--overwrite", value);
      const rows = async () =>
        (await endpointsOf("main0", "deploy/sleep.sample")).map(({ endpoint }) => endpoint);
      const apply = (cluster: string, objects: readonly object[]) =>
        mesh.tryKubectl(
          cluster,
          ["apply", "-f", "-"],
          JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
        );
      try {
        await label(`${network}-`);
        await eventually(async () => !(await rows()).includes(`${address}:443`));
        assert.equal((await apply("main0", name)).code, 0);
        assert.equal((await apply("remote0", [balancer])).code, 0);
        await mesh.kubectl(
          "remote0",
          ...system,
          "patch",
          "svc",
          "gateway-by-name",
          "--subresource=status",
          "--type=merge",
          "-p",
          JSON.stringify({ status: { loadBalancer: { ingress } } }),
        );
        await eventually(async () => (await rows()).includes(`${address}:443`));
        await bothAnswer("main0");
      } finally {
        await label(`${network}=network2`);
        await mesh.tryKubectl("remote0", [...system, "delete", "svc", "gateway-by-name"]);
        await mesh.tryKubectl("main0", ["-n", "sample", "delete", "svc,endpointslice", "remote0-gateway"]);
      }
      for (const cluster of ["main0", "remote0"]) await lists(cluster, 2);
    });

    test("GLOO-09 in a pod with DNS capture a ServiceEntry's host has an address of its own, and other names go on to the cluster's DNS", async () => {
      const pod = "dns-client";
      const host = "reviews.bookinfo.global";
      const podIp = (
        await mesh.kubectl(
          "main0",
          "-n",
          "sample",
          "get",
          "pods",
          "-l",
          "version=v1",
          "-o",
          "jsonpath={.items[0].status.podIP}",
        )
      ).trim();
      const objects = [
        {
          apiVersion: "v1",
          kind: "Pod",
          metadata: {
            name: pod,
            namespace: "sample",
            annotations: {
              "proxy.istio.io/config": JSON.stringify({ proxyMetadata: { ISTIO_META_DNS_CAPTURE: "true" } }),
            },
          },
          spec: { containers: [{ name: "app", image: "curlimages/curl", command: ["sleep", "3600"] }] },
        },
        {
          apiVersion: "networking.istio.io/v1",
          kind: "ServiceEntry",
          metadata: { name: "reviews", namespace: "sample" },
          spec: {
            hosts: [host],
            location: "MESH_INTERNAL",
            resolution: "STATIC",
            ports: [{ number: 5000, name: "http", protocol: "HTTP" }],
            endpoints: [{ address: podIp, labels: { "security.istio.io/tlsMode": "istio" } }],
          },
        },
      ];
      const inPod = (...command: string[]) =>
        mesh.tryKubectl("main0", ["-n", "sample", "exec", pod, "-c", "app", "--", ...command]);
      const answer = async (name: string) =>
        (await inPod("getent", "hosts", name)).stdout.split(/\s+/)[0] ?? "";
      try {
        const list = { apiVersion: "v1", kind: "List", items: objects };
        const applied = await mesh.tryKubectl("main0", ["apply", "-f", "-"], JSON.stringify(list));
        assert.equal(applied.code, 0, applied.stderr);
        await mesh.kubectl(
          "main0",
          "-n",
          "sample",
          "wait",
          "--for=condition=Ready",
          `pod/${pod}`,
          "--timeout=60s",
        );
        await eventually(async () => /^240\.240\.\d+\.\d+$/.test(await answer(host)));
        const address = await answer(host);
        assert.equal(await answer(host), address);
        assert.equal((await inPod("dig", "+short", host)).stdout.trim(), address);
        await eventually(async () =>
          /^Hello version: v1/.test((await inPod("curl", "-s", `http://${host}:5000/hello`)).stdout),
        );
        const service = await mesh.kubectl(
          "main0",
          "get",
          "svc",
          "kubernetes",
          "-o",
          "jsonpath={.spec.clusterIP}",
        );
        assert.equal(await answer("kubernetes.default"), service);
        // Without capture nobody knows the name.
        const plain = await mesh.tryKubectl("main0", [
          "-n",
          "sample",
          "exec",
          "deploy/sleep",
          "-c",
          "sleep",
          "--",
          "getent",
          "hosts",
          host,
        ]);
        assert.equal(plain.code, 2, plain.stdout);
      } finally {
        await mesh.tryKubectl("main0", [
          "-n",
          "sample",
          "delete",
          "serviceentry/reviews",
          `pod/${pod}`,
          "--grace-period=1",
        ]);
      }
    });

    test("AKS-13 AKS-14 v1 scaled to 2: main0 lists 3 rows, remote0 still 2, and v1 gets two thirds from each cluster", async () => {
      await scale("main0", "helloworld-v1", 2);
      await scale("remote0", "helloworld-v2", 1);
      await lists("main0", 3);
      await lists("remote0", 2);
      for (const cluster of ["main0", "remote0"]) await shareOfV1(cluster, [59, 75]);
    });

    test("AKS-15 scaling v2 up and both down again loses no request", async () => {
      await scale("main0", "helloworld-v1", 2);
      await scale("remote0", "helloworld-v2", 1);
      await lists("main0", 3);
      await underLoad(mesh, {
        senders: [{ url: `http://${hello}`, from: ["deploy/sleep.sample", "main0"], fresh: true }],
        async action() {
          await scale("remote0", "helloworld-v2", 2);
          for (const cluster of ["main0", "remote0"]) await lists(cluster, 3);
          await scale("main0", "helloworld-v1", 1);
          await scale("remote0", "helloworld-v2", 1);
          for (const cluster of ["main0", "remote0"]) {
            await lists(cluster, 2);
            await eventually(async () => {
              const pods = ["-n", "sample", "get", "pods", "-l", "app=helloworld", "-o", "name"];
              return (await mesh.kubectl(cluster, ...pods)).trim().split("\n").length === 1;
            });
          }
        },
      });
    });

    test("AKS-16 with v2 at 0 main0 lists only its own pod and both clusters get v1 alone", async () => {
      try {
        await scale("remote0", "helloworld-v2", 0);
        // The cluster of the pods that are gone knows the other's gateway alone.
        for (const cluster of ["main0", "remote0"]) {
          await lists(cluster, 1);
          await eventually(async () => {
            assert.deepEqual(versions(await mesh.curl(cluster, hello, 20)), { v1: 20, v2: 0 });
            return true;
          });
        }
      } finally {
        await scale("remote0", "helloworld-v2", 1);
      }
      for (const cluster of ["main0", "remote0"]) await lists(cluster, 2);
    });

    test("AKS-17 AKS-18 weights written to main0 only hold from both clusters: 50/50, 90/10, 100/0, 0/100", async () => {
      const file = path.join(import.meta.dirname, "../../examples/aks/traffic");
      await mesh.kubectl("main0", "-n", "sample", "apply", "-f", file);
      const weigh = async (v1: number) => {
        const patch = [
          { op: "replace", path: "/spec/http/0/route/0/weight", value: v1 },
          { op: "replace", path: "/spec/http/0/route/1/weight", value: 100 - v1 },
        ];
        await mesh.kubectl(
          "main0",
          "-n",
          "sample",
          "patch",
          "virtualservice",
          "helloworld",
          "--type=json",
          "-p",
          JSON.stringify(patch),
        );
      };
      const cases = [
        { weight: 50, low: 42, high: 58 },
        { weight: 90, low: 85, high: 95 },
        { weight: 100, low: 100, high: 100 },
        { weight: 0, low: 0, high: 0 },
      ];
      for (const { weight, low, high } of cases) {
        await weigh(weight);
        for (const cluster of ["main0", "remote0"]) await shareOfV1(cluster, [low, high]);
      }
      await mesh.kubectl("main0", "-n", "sample", "delete", "-f", file);
      for (const cluster of ["main0", "remote0"]) await bothAnswer(cluster);
    });

    test("AKS-21 load from a pod reports what was sent, what came back and percentiles", async () => {
      const args = [
        "load",
        hello,
        "--from",
        "deploy/sleep.sample",
        "--cluster",
        "remote0",
        "--rate",
        "50",
        "--duration",
        "2s",
      ];
      const { stdout, code } = await mesh.isthmus(...args, "-o", "json");
      assert.equal(code, 0, stdout);
      const report = JSON.parse(stdout);
      assert.ok(report.sent > 0 && report.sent <= 105, `${report.sent} sent`);
      assert.equal(report.failed, 0);
      assert.ok(report.latency.p50 > 0 && report.latency.p99 >= report.latency.p50);
      assert.match((await mesh.isthmus(...args.slice(0, -1), "1s")).stdout, /p50.*p99/);
    });

    test("AKS-23 the server sees the caller's identity, and the gateway's log shows the server name and no HTTP", async () => {
      await bothAnswer("main0");
      const logs = (...args: string[]) => mesh.kubectl("remote0", "logs", "--tail=-1", ...args);
      const serverLog = await eventually(async () => {
        const log = await logs("-n", "sample", "deploy/helloworld-v2", "-c", "istio-proxy");
        return log.includes("GET /hello") && log;
      });
      assert.match(serverLog, /outbound_\.5000_\._\.helloworld\.sample\.svc\.cluster\.local/);
      assert.match(serverLog, /GET \/hello\S* sni=\S+ peer=spiffe:\/\/cluster\.local\/ns\/sample\/sa\/sleep/);
      // A connection that is passed through is logged when it ends.
      await scale("remote0", "helloworld-v2", 0);
      const gatewayLog = await eventually(async () => {
        const log = await logs("-n", "istio-system", "deploy/istio-ingressgateway");
        return log.includes("outbound_.5000_._.helloworld.sample.svc.cluster.local") && log;
      });
      assert.doesNotMatch(gatewayLog, /\/hello/);
      await scale("remote0", "helloworld-v2", 1);
    });

    test("GUIDE-03 load balancer addresses are reachable from the host, node ports on the node", async () => {
      const ip = await gatewayAddress("main0");
      assert.match(ip, /^127\./);
      const node = await mesh.kubectl(
        "main0",
        "get",
        "nodes",
        "-o",
        'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
      );
      const nodePort = await mesh.kubectl(
        "main0",
        "-n",
        "istio-system",
        "get",
        "svc",
        "istio-ingressgateway",
        "-o",
        'jsonpath={.spec.ports[?(@.name=="status-port")].nodePort}',
      );
      for (const url of [`http://${ip}:15021/healthz/ready`, `http://${node}:${nodePort}/healthz/ready`])
        assert.equal((await fetch(url)).status, 200, url);
    });
  },
);

/** The certificates that a workload presents, leaf first; it will refuse us afterwards. */
function peerChain(host: string, port: number): Promise<X509Certificate[]> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ["istio"] });
    socket.on("secureConnect", () => {
      const chain: X509Certificate[] = [];
      for (
        let certificate = socket.getPeerX509Certificate();
        certificate !== undefined && chain.length < 5;
        certificate = certificate.issuerCertificate
      )
        chain.push(certificate);
      socket.destroy();
      resolve(chain);
    });
    socket.on("error", reject);
    socket.setTimeout(30_000, () => socket.destroy(new Error("no answer")));
  });
}
