import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findHelm, findIstioctl, findKubectls } from "../support/tools.ts";
import { assertCompiledApplies, compileTo } from "./support/compiled-output.ts";
import { okeClusters as clusters, hello, helloCluster, startOke } from "./support/examples.ts";
import { endpointRows, versions } from "./support/hello.ts";
import { eventually, isBuiltIn, type MeshUnderTest, run } from "./support/running-mesh.ts";

const hasKubectl = findKubectls().length > 0;

suite.skipIf(!hasKubectl)("OKE: primary-remote over two networks [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  beforeAll(async () => {
    mesh = await startOke();
  });
  afterAll(() => mesh?.stop());

  const json = async (cluster: string, ...args: string[]) =>
    JSON.parse(await mesh.kubectl(cluster, ...args, "-o", "json"));
  const gatewayAddress = (cluster: string) =>
    mesh.kubectl(
      cluster,
      "-n",
      "istio-system",
      "get",
      "svc",
      "istio-eastwestgateway",
      "-o",
      "jsonpath={.status.loadBalancer.ingress[0].ip}",
    );
  const endpointsOf = async (cluster: string) => {
    const { code, stdout, stderr } = await mesh.isthmus(
      "endpoints",
      "deploy/curl.sample",
      "--cluster",
      cluster,
      "--filter",
      helloCluster,
    );
    assert.equal(code, 0, stderr);
    return endpointRows(stdout);
  };
  const adminOf = async (cluster: string, selector: string, page: string, namespace = "sample") => {
    const ip = await mesh.kubectl(
      cluster,
      "-n",
      namespace,
      "get",
      "pods",
      "-l",
      selector,
      "-o",
      "jsonpath={.items[0].status.podIP}",
    );
    return (await fetch(`http://${ip}:15000${page}`)).text();
  };

  if (isBuiltIn)
    test("OKE-22 kubectl applies what compile writes for each cluster, checked strictly by its API server", async () => {
      await assertCompiledApplies(mesh);
      const written = readFileSync(path.join(mesh.folder, "compiled/fra/50-exposure.yaml"), "utf8");
      for (const name of ["cross-network-gateway", "istiod-gateway", "istiod-vs"])
        assert.match(written, new RegExp(`^ {2}name: ${name}$`, "m"));
    });

  test.skipIf(findIstioctl() === undefined)(
    "OKE-22 istioctl takes what compile writes for it: istiod as the mesh file has it [needs istioctl]",
    async () => {
      const folder = await compileTo(mesh, "for-istioctl");
      const rendered = async (cluster: string) => {
        const file = path.join(folder, cluster, "charts/30-istiod.istioctl.yaml");
        const args = ["manifest", "generate", "-f", file];
        const { code, stdout, stderr } = await run(findIstioctl() ?? "", args);
        assert.equal(code, 0, stderr);
        return stdout;
      };
      const primary = await rendered("fra");
      assert.match(primary, /image: "?[^"\n]*\/pilot:1\.31\.1"?$/m);
      assert.match(primary, /name: CLUSTER_ID\n +value: "?fra"?$/m);
      assert.match(primary, /name: EXTERNAL_ISTIOD\n +value: "?true"?$/m);
      const remote = await rendered("ash");
      assert.doesNotMatch(remote, /\/pilot:/);
      assert.match(remote, /\/inject\/cluster\/ash\/net\/network2/);
    },
  );

  test.skipIf(findHelm() === undefined)(
    "OKE-22 helm takes the values that compile writes [needs helm]",
    async () => {
      const folder = await compileTo(mesh, "for-helm");
      const charts = path.join(import.meta.dirname, "testdata/charts");
      for (const cluster of clusters)
        for (const [chart, file] of [
          ["base", "30-istio-base"],
          ["istiod", "30-istiod"],
        ] as const) {
          const { code, stdout, stderr } = await run(findHelm() ?? "", [
            ...["template", "x", path.join(charts, chart), "--kube-version", "1.31.0", "-n", "istio-system"],
            ...["-f", path.join(folder, cluster, `charts/${file}.values.yaml`)],
            // What nobody knows before the gateway of the primary has an address.
            ...["--set", "global.remotePilotAddress=203.0.113.9"],
          ]);
          assert.equal(code, 0, stderr);
          if (chart === "istiod")
            assert.match(
              stdout,
              cluster === "fra" ? /name: CLUSTER_ID, value: fra }$/m : /cluster\/ash\/net/,
            );
        }
    },
  );

  if (isBuiltIn)
    test("compile --gitops writes what Argo CD and Flux read; what is no longer in the mesh file goes", async () => {
      const repo = ["--repo", "https://git.example/mesh.git", "--path", "mesh"];
      for (const tool of ["argocd", "flux"]) {
        const gitops = (...args: string[]) =>
          mesh.isthmus("compile", "-o", tool, "--gitops", tool, ...repo, ...args);
        const first = await gitops();
        assert.equal(first.code, 0, first.stderr);
        assert.match(
          first.stderr,
          /ash: the chart istiod needs the address of fra\/istio-system\/istio-eastwestgateway/,
        );
        const place = path.join(mesh.folder, tool);
        const listed = () =>
          readdirSync(place, { recursive: true })
            .map(String)
            .filter((name) => name.endsWith(".yaml"));
        const stale = tool === "argocd" ? "argocd/clusters/gone.yaml" : "flux/gone/mesh.yaml";
        mkdirSync(path.dirname(path.join(place, stale)), { recursive: true });
        writeFileSync(path.join(place, stale), "");
        const address = "fra/istio-system/istio-eastwestgateway=203.0.113.9";
        const second = await gitops("--address", address);
        assert.doesNotMatch(second.stderr, /needs the address/);
        assert.ok(!listed().includes(stale));
        assert.ok(listed().includes("fra/50-exposure/objects.yaml"), listed().join("\n"));
        const written = listed().map((name) => readFileSync(path.join(place, name), "utf8"));
        assert.ok(written.some((text) => text.includes("remotePilotAddress: 203.0.113.9")));
        assert.ok(!written.some((text) => /^kind: Secret$/m.test(text)));
      }
      const sealing = (...args: string[]) =>
        mesh.isthmus("compile", "-o", "sealed", "--gitops", "flux", ...repo, "--secrets", "sealed", ...args);
      const missing = "fra/20-trust/istio-system.cacerts.sealed.yaml";
      assert.match((await sealing()).stderr, new RegExp(`! ${missing} is not there yet`));
      mkdirSync(path.join(mesh.folder, "sealed/fra/20-trust"), { recursive: true });
      writeFileSync(path.join(mesh.folder, "sealed", missing), "kind: SealedSecret\n");
      assert.doesNotMatch((await sealing()).stderr, new RegExp(missing));
      assert.equal(readFileSync(path.join(mesh.folder, "sealed", missing), "utf8"), "kind: SealedSecret\n");
      for (const [args, says] of [
        [["--gitops", "argo"], /argocd or flux/],
        [["--gitops", "flux"], /wants --repo/],
        [["--gitops", "flux", "--repo", "x", "--secrets", "plain"], /external or sealed/],
        [["--repo", "x"], /--repo is for --gitops/],
        [["--gitops", "flux", "--repo", "x", "--include-secrets"], /no Secret's data goes to Git/],
        [["--gitops", "flux", "--repo", "x", "--address", "fra=1"], /no address of a Service/],
      ] as const) {
        const { code, stderr } = await mesh.isthmus("compile", ...args);
        assert.equal(code, 3);
        assert.match(stderr, says);
      }
    });

  test("OKE-01 fra runs istiod and ash does not; networks and the annotation are as the file says", async () => {
    await mesh.kubectl("fra", "-n", "istio-system", "get", "deployment", "istiod");
    assert.match(
      (await mesh.tryKubectl("ash", ["-n", "istio-system", "get", "deployment", "istiod"])).stderr,
      /NotFound/,
    );
    const [fra, ash] = await Promise.all(
      clusters.map(async (cluster) => (await json(cluster, "get", "ns", "istio-system")).metadata),
    );
    assert.equal(fra.labels["topology.istio.io/network"], "network1");
    assert.equal(ash.labels["topology.istio.io/network"], "network2");
    assert.equal(ash.annotations["topology.istio.io/controlPlaneClusters"], "fra");
  });

  test("OKE-02 both east-west gateways have an address, exactly the four ports, and their network's view", async () => {
    for (const [cluster, network] of [
      ["fra", "network1"],
      ["ash", "network2"],
    ] as const) {
      assert.match(await gatewayAddress(cluster), /^127\./);
      const { spec } = await json(cluster, "-n", "istio-system", "get", "svc", "istio-eastwestgateway");
      const ports = spec.ports
        .map(({ name, port }: { name: string; port: number }) => `${name} ${port}`)
        .sort();
      assert.deepEqual(ports, ["status-port 15021", "tls 15443", "tls-istiod 15012", "tls-webhook 15017"]);
      const [pod] = (await json(cluster, "-n", "istio-system", "get", "pods", "-l", "istio=eastwestgateway"))
        .items;
      const env = pod.spec.containers[0].env.find(
        ({ name }: { name: string }) => name === "ISTIO_META_REQUESTED_NETWORK_VIEW",
      );
      assert.equal(env.value, network);
    }
  });

  test("OKE-03 fra's gateway leads port 15012 to istiod, and ash's proxies are synced through it", async () => {
    for (const [kind, name] of [
      ["gateways.networking.istio.io", "istiod-gateway"],
      ["virtualservice", "istiod-vs"],
    ] as const)
      await mesh.kubectl("fra", "-n", "istio-system", "get", kind, name);
    const names = await serverNames(await gatewayAddress("fra"), 15012, "istiod.istio-system.svc");
    assert.match(names, /DNS:istiod\.istio-system\.svc/);
    await eventually(async () => {
      const { proxies } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout);
      const ash = proxies.filter(({ cluster }: { cluster: string }) => cluster === "ash");
      for (const { state, pod } of ash) assert.equal(state, "SYNCED", pod);
      return ash.length >= 3;
    });
  });

  test("OKE-04 a pod made in ash is injected by fra's istiod for cluster ash and network2", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "probe", namespace: "sample", labels: { app: "probe" } },
      spec: {
        containers: [
          { name: "probe", image: "docker.io/curlimages/curl:8.16.0", command: ["sleep", "infinity"] },
        ],
      },
    };
    const created = await mesh.tryKubectl("ash", ["apply", "-f", "-"], JSON.stringify(pod));
    assert.equal(created.code, 0, created.stderr);
    await mesh.kubectl("ash", "-n", "sample", "wait", "--for=condition=Ready", "pod/probe", "--timeout=60s");
    assert.match(
      await mesh.kubectl("ash", "-n", "sample", "get", "pod", "probe", "--no-headers"),
      /2\/2 +Running/,
    );
    const bootstrap = JSON.parse(await adminOf("ash", "app=probe", "/config_dump"));
    const { node } = bootstrap.configs.find(
      (config: { bootstrap?: unknown }) => config.bootstrap !== undefined,
    ).bootstrap;
    assert.equal(node.metadata.CLUSTER_ID, "ash");
    assert.equal(node.metadata.NETWORK, "network2");
    await mesh.kubectl("ash", "-n", "sample", "delete", "pod", "probe", "--wait=false");
  });

  test("OKE-05 fra's istiod keeps ash's webhook certificate and the root in every namespace, new ones included", async () => {
    const root = Buffer.from(
      (await json("fra", "-n", "istio-system", "get", "secret", "cacerts")).data["root-cert.pem"],
      "base64",
    ).toString();
    const { webhooks } = await json("ash", "get", "mutatingwebhookconfiguration", "istio-sidecar-injector");
    for (const { clientConfig } of webhooks)
      assert.equal(Buffer.from(clientConfig.caBundle, "base64").toString().trim(), root.trim());
    await mesh.tryKubectl("ash", ["create", "namespace", "later"]);
    const names = (await mesh.kubectl("ash", "get", "ns", "-o", "jsonpath={.items[*].metadata.name}")).split(
      " ",
    );
    assert.ok(names.includes("later"));
    for (const namespace of names.filter((name) => !name.startsWith("kube-"))) {
      const config = await eventually(() =>
        json("ash", "-n", namespace, "get", "configmap", "istio-ca-root-cert"),
      );
      assert.equal(config.data["root-cert.pem"].trim(), root.trim(), namespace);
    }
    await mesh.kubectl("ash", "delete", "namespace", "later");
  });

  test("OKE-06 40 requests from either cluster are answered by both versions", async () => {
    for (const cluster of clusters)
      await eventually(async () => {
        const { v1, v2 } = versions(await mesh.curl(cluster, hello, 40));
        assert.ok(v1 > 0 && v2 > 0, `from ${cluster}: v1 ${v1}, v2 ${v2}`);
        return true;
      });
  });

  test("OKE-07 a proxy knows its own cluster's pod and the other cluster's gateway", async () => {
    for (const [cluster, other] of [
      ["fra", "ash"],
      ["ash", "fra"],
    ] as const) {
      const podIp = await mesh.kubectl(
        cluster,
        "-n",
        "sample",
        "get",
        "pods",
        "-l",
        "app=helloworld",
        "-o",
        "jsonpath={.items[0].status.podIP}",
      );
      const wanted = [`${podIp}:5000`, `${await gatewayAddress(other)}:15443`].sort();
      await eventually(async () => {
        const rows = await endpointsOf(cluster);
        assert.deepEqual(rows.map(({ endpoint }) => endpoint).sort(), wanted);
        return true;
      });
    }
  });

  test("OKE-08 the exposure written in fra alone makes ash's gateway listen with *.local chains", async () => {
    assert.match(
      (
        await mesh.tryKubectl("ash", [
          "-n",
          "istio-system",
          "get",
          "gateways.networking.istio.io",
          "cross-network-gateway",
        ])
      ).stderr,
      /NotFound|not found/,
    );
    await eventually(async () =>
      /outbound_\.5000_\._\.helloworld\.sample\.svc\.cluster\.local/.test(
        await adminOf("ash", "istio=eastwestgateway", "/config_dump", "istio-system"),
      ),
    );
  });

  test("OKE-09 without cross-network-gateway v2 is out of reach from fra, v1 keeps answering, status explains; re-adding restores", async () => {
    const kind = "gateways.networking.istio.io";
    const gateway = await json("fra", "-n", "istio-system", "get", kind, "cross-network-gateway");
    await mesh.kubectl("fra", "-n", "istio-system", "delete", kind, "cross-network-gateway");
    try {
      const lines = await eventually(async () => {
        const answers = await mesh.curl("fra", hello, 20);
        return !answers.some((line) => line.includes("v2")) && answers;
      });
      assert.ok(
        lines.some((line) => line.includes("version: v1")),
        lines.join("\n"),
      );
      // A refused connection is tried again elsewhere, so that v1 may answer for all.
      assert.equal((await endpointsOf("fra")).length, 2, "the rows come from the labelled Service and stay");
      await eventually(async () => {
        const { findings } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout);
        const codes = findings.map(({ code }: { code: string }) => code);
        assert.deepEqual(new Set(codes), new Set(["network/not-exposed"]));
        return true;
      });
    } finally {
      const {
        resourceVersion: _version,
        uid: _uid,
        creationTimestamp: _time,
        managedFields: _fields,
        ...metadata
      } = gateway.metadata;
      const restored = await mesh.tryKubectl(
        "fra",
        ["apply", "-f", "-"],
        JSON.stringify({ ...gateway, metadata }),
      );
      assert.equal(restored.code, 0, restored.stderr);
    }
    await eventually(async () => {
      const { v1, v2 } = versions(await mesh.curl("fra", hello, 20));
      return v1 > 0 && v2 > 0;
    });
    await eventually(async () => {
      assert.deepEqual(JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout).findings, []);
      return true;
    });
  });

  if (isBuiltIn)
    test("OKE-10 load balancer annotations are on the generated LoadBalancer Services of their cluster and nowhere else", async () => {
      const annotation = "oci.oraclecloud.com/oci-network-security-groups";
      for (const [cluster, value] of [
        ["fra", "ocid1.fra"],
        ["ash", "ocid1.ash"],
      ] as const) {
        const { items } = await json(cluster, "get", "svc", "-A");
        for (const { metadata, spec } of items) {
          const wanted = spec.type === "LoadBalancer" ? value : undefined;
          assert.equal(
            metadata.annotations?.[annotation],
            wanted,
            `${cluster} ${metadata.namespace}/${metadata.name}`,
          );
        }
      }
    });

  test("OKE-11 regions are preferred only with outlier detection; without local endpoints requests go over", async () => {
    const rule = {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "prefer-local", namespace: "sample" },
      spec: {
        host: "helloworld.sample.svc.cluster.local",
        trafficPolicy: { outlierDetection: { consecutive5xxErrors: 5, interval: "30s" } },
      },
    };
    assert.equal((await mesh.tryKubectl("fra", ["apply", "-f", "-"], JSON.stringify(rule))).code, 0);
    for (const [cluster, wanted] of [
      ["fra", { v1: 20, v2: 0 }],
      ["ash", { v1: 0, v2: 20 }],
    ] as const) {
      await eventually(async () => {
        const seen = versions(await mesh.curl(cluster, hello, 20));
        return seen.v1 === wanted.v1 && seen.v2 === wanted.v2;
      });
    }
    await mesh.kubectl("fra", "-n", "sample", "scale", "deployment/helloworld-v1", "--replicas=0");
    await eventually(async () => versions(await mesh.curl("fra", hello, 10)).v2 === 10);
    await mesh.kubectl("fra", "-n", "sample", "scale", "deployment/helloworld-v1", "--replicas=1");
    await mesh.kubectl(
      "fra",
      "-n",
      "sample",
      "rollout",
      "status",
      "deployment/helloworld-v1",
      "--timeout=60s",
    );
    await mesh.kubectl("fra", "-n", "sample", "delete", "destinationrule", "prefer-local");
    for (const cluster of clusters) {
      await eventually(async () => {
        const { v1, v2 } = versions(await mesh.curl(cluster, hello, 20));
        return v1 > 0 && v2 > 0;
      });
    }
  });

  if (isBuiltIn)
    test("GUIDE-01 kubectl's habits work on a running mesh: contexts, wide and sorted lists, logs, rollouts, environment", async () => {
      const contexts = await mesh.kubectl("fra", "config", "get-contexts", "-o", "name");
      assert.deepEqual(contexts.trim().split("\n"), ["fra", "ash"].sort());
      assert.equal((await mesh.kubectl("ash", "config", "current-context")).trim(), "fra");
      assert.match(
        await mesh.kubectl("ash", "get", "pods,svc,deploy,ns,cm", "-A", "-o", "wide"),
        /pod\/helloworld-v2-\S+ +2\/2 +Running/,
      );
      for (const short of ["se", "vs", "dr", "gw"])
        assert.equal((await mesh.tryKubectl("fra", ["get", short, "-A"])).code, 0, short);
      assert.match(await mesh.kubectl("fra", "get", "crds"), /virtualservices\.networking\.istio\.io/);
      const grpc = await mesh.kubectl(
        "fra",
        "-n",
        "istio-system",
        "get",
        "svc",
        "istiod",
        "-o",
        'jsonpath={.spec.ports[?(@.name=="https-dns")].port}',
      );
      assert.equal(grpc, "15012");
      const daemonSet = {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "agent", namespace: "default" },
        spec: {
          selector: { matchLabels: { app: "agent" } },
          template: {
            metadata: { labels: { app: "agent" } },
            spec: {
              containers: [
                {
                  name: "agent",
                  image: "curlimages/curl",
                  command: ["sh", "-c", "echo started with $MODE; sleep 1000"],
                },
              ],
            },
          },
        },
      };
      assert.equal((await mesh.tryKubectl("ash", ["apply", "-f", "-"], JSON.stringify(daemonSet))).code, 0);
      await mesh.kubectl("ash", "set", "env", "daemonset/agent", "MODE=quiet");
      await mesh.kubectl("ash", "rollout", "status", "daemonset/agent", "--timeout=60s");
      await eventually(async () =>
        (await mesh.kubectl("ash", "logs", "-l", "app=agent")).includes("started with quiet"),
      );
      await mesh.kubectl(
        "ash",
        "create",
        "clusterrolebinding",
        "mt-admin",
        "--user",
        "me@example.com",
        "--clusterrole",
        "cluster-admin",
      );
      await mesh.kubectl("ash", "delete", "clusterrolebinding/mt-admin", "--wait=true");
      await mesh.kubectl("ash", "delete", "daemonset", "agent", "--wait=true");
    });

  test("exit codes and both output streams of exec pass through, and names are the pod's", async () => {
    const exec = (...command: string[]) =>
      mesh.tryKubectl("fra", ["-n", "sample", "exec", "deploy/curl", "-c", "curl", "--", ...command]);
    const failed = await exec("sh", "-c", "echo out; echo err >&2; exit 7");
    assert.deepEqual([failed.code, failed.stdout.trim()], [7, "out"]);
    assert.match(failed.stderr, /err/);
    assert.match((await exec("no-such-program")).stderr, /executable file not found/);
    assert.match((await exec("getent", "hosts", "helloworld.sample")).stdout, /^127\.\d+\.1[2-9]\d\.\d+/);
  });

  test("verify proves both directions and that strangers are refused", async () => {
    const { code, stdout } = await mesh.isthmus("verify", "-o", "json");
    const report = JSON.parse(stdout);
    assert.equal(code, 0, stdout);
    const cells = report.services.find(
      ({ service }: { service: string }) => service === "helloworld.sample:5000",
    ).cells;
    assert.equal(cells.length, 2);
    for (const cell of cells) {
      assert.equal(cell.failed, 0);
      assert.ok(cell.mtls);
      for (const { received, group } of cell.shares) assert.ok(received > 0, group);
    }
    assert.ok(report.checks.length >= 5);
    for (const check of report.checks) assert.ok(check.ok, `${check.name}: ${check.evidence}`);
  });
});

if (isBuiltIn)
  suite.skipIf(!hasKubectl)("OKE: what up says when an address does not come [needs kubectl]", () => {
    test("OKE-18 up waits for the address of fra's gateway, says so, gives up after the stated time and leaves nothing", async () => {
      const started = startOke({
        args: ["--timeout", "3"],
        prepare(folder) {
          const file = path.join(folder, "mesh.yaml");
          const text = readFileSync(file, "utf8");
          assert.match(text, /loadBalancer:/);
          // A class that nobody here serves: the first loadBalancer of the file is fra's.
          writeFileSync(
            file,
            text.replace(/loadBalancer:( \{)?/, (found, brace) =>
              brace === undefined ? `${found}\n      class: none` : `${found} class: none,`,
            ),
          );
        },
      });
      await assert.rejects(started, (reason) => {
        assert.match(String(reason), /up failed with 1/);
        assert.match(String(reason), /istio-eastwestgateway in fra got no address within 3 s/);
        return true;
      });
    });
  });

/** The names in the certificate that a server presents for `servername`. */
function serverNames(host: string, port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { host, port, servername, rejectUnauthorized: false, ALPNProtocols: ["h2"] },
      () => {
        resolve(socket.getPeerX509Certificate()?.subjectAltName ?? "");
        socket.destroy();
      },
    );
    socket.on("error", reject);
    socket.setTimeout(30_000, () => socket.destroy(new Error("no answer")));
  });
}
