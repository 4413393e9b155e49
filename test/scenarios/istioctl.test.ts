import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { parse } from "yaml";
import { findIstioctl, findKubectls } from "../support/tools.ts";
import { okeClusters as clusters, helloCluster, startOke } from "./support/examples.ts";
import { endpointRows } from "./support/hello.ts";
import { background, eventually, type MeshUnderTest, type Result, run } from "./support/running-mesh.ts";

const istioctlPath = findIstioctl() ?? "";
const kubectlPath = findKubectls().at(-1)?.path ?? "";
const hasKubectl = kubectlPath !== "";
const traffic = path.join(import.meta.dirname, "../../examples/aks/traffic");

/** The commands of docs/istioctl.md, as pairs: istioctl's and ours. */
const verbs = readFileSync(path.join(import.meta.dirname, "../../docs/istioctl.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, theirs, ours] = /^\| `istioctl ([^`]+)` \| `isthmus ([^`]+)` \|$/.exec(line) ?? [];
    return theirs === undefined || ours === undefined
      ? []
      : [{ theirs: theirs.split(" "), ours: ours.split(" ") }];
  });
/** These begin and end the mesh; they are shown by starting it and by the last test. */
const changesTheMesh = ({ ours: [verb] }: { ours: readonly string[] }) => verb === "up" || verb === "down";

/** Lines of a table without the widths of its columns and without order. */
const cells = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim().replaceAll(/ +/g, " "))
    .sort();

suite.skipIf(!hasKubectl)(
  "looking into a running mesh: istioctl's verbs, our own, and a proxy's pages [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;
    let pod = "";

    beforeAll(async () => {
      mesh = await startOke();
      // So that clusters, routes and x describe have rules to tell of.
      await mesh.kubectl("fra", "-n", "sample", "apply", "-f", traffic);
      pod = await mesh.kubectl(
        "fra",
        "-n",
        "sample",
        "get",
        "pods",
        "-l",
        "app=helloworld",
        "-o",
        "jsonpath={.items[0].metadata.name}",
      );
      await eventually(async () =>
        (await ok(mesh.isthmus("proxy-config", "clusters", `${pod}.sample`, "-c", "fra"))).includes(" v1 "),
      );
    });
    afterAll(() => mesh?.stop());

    const istioctl = (...args: string[]) =>
      run(istioctlPath, ["--kubeconfig", mesh.kubeconfig, ...args], { cwd: mesh.folder });
    const ok = async (running: Promise<Result>): Promise<string> => {
      const { code, stdout, stderr } = await running;
      assert.equal(code, 0, `${stdout}${stderr}`);
      return stdout;
    };

    test("GUIDE-08 every verb that docs/istioctl.md gives in place of istioctl's works on the running mesh", async () => {
      const own = verbs.filter((pair) => !changesTheMesh(pair)).map(({ ours }) => ours);
      assert.ok(own.length >= 10, "the table of the document was read");
      for (const args of new Set(own.map((words) => words.join(" "))))
        assert.notEqual((await ok(mesh.isthmus(...args.split(" ")))).trim(), "", args);
    });

    test("GUIDE-08 status tells of proxies and registries what proxy-status and remote-clusters do", async () => {
      await eventually(async () => {
        const status = JSON.parse(await ok(mesh.isthmus("status", "-o", "json")));
        assert.deepEqual(
          status.clusters.map(({ name, registry }: { name: string; registry: string }) => [name, registry]),
          clusters.map((name) => [name, "synced"]),
        );
        for (const { state, pod: name } of status.proxies) assert.equal(state, "SYNCED", name);
        return true;
      });
    });

    test("GUIDE-08 endpoints lists the rows of a cluster in istioctl's form", async () => {
      const rows = await eventually(async () => {
        const words = ["endpoints", `${pod}.sample`, "--cluster", "fra", "--filter", helloCluster];
        const found = endpointRows(await ok(mesh.isthmus(...words)));
        return found.length === 2 && found;
      });
      for (const { status, outlier } of rows) assert.deepEqual([status, outlier], ["HEALTHY", "OK"]);
    });

    test("GUIDE-08 proxy-config gives its resources as JSON and YAML, and says what it does not know", async () => {
      const words = ["proxy-config", "routes", `${pod}.sample`, "--cluster", "fra", "--filter", "5000"];
      const routes = JSON.parse(await ok(mesh.isthmus(...words, "-o", "json")));
      assert.equal(routes[0].name, "5000");
      assert.deepEqual(parse(await ok(mesh.isthmus(...words, "-o", "yaml"))), routes);
      const wrong = await mesh.isthmus("proxy-config", "rules", `${pod}.sample`, "--cluster", "fra");
      assert.equal(wrong.code, 3);
      assert.match(
        wrong.stderr,
        /no "rules"[\s\S]*bootstrap, clusters, endpoints, listeners, routes, secrets/,
      );
      const istiod = await mesh.isthmus(
        "proxy-config",
        "routes",
        "deploy/istiod.istio-system",
        "--cluster",
        "fra",
      );
      assert.match(istiod.stderr, /deploy\/istiod.istio-system in fra has no proxy/);
    });

    test("GUIDE-08 the printed credential reads its cluster, is taken by istiod, and stands in no log", async () => {
      const text = await ok(mesh.isthmus("remote-secret", "ash", "--name", "ash"));
      const secret = parse(text.replace(/---\n$/, ""));
      assert.deepEqual(secret.metadata, {
        name: "istio-remote-secret-ash",
        namespace: "istio-system",
        labels: { "istio/multiCluster": "true" },
        annotations: { "networking.istio.io/cluster": "ash" },
      });
      const { token } = parse(secret.stringData.ash).users[0].user;
      const kubeconfig = path.join(mesh.folder, "ash.kubeconfig");
      writeFileSync(kubeconfig, secret.stringData.ash);
      const read = (...args: string[]) => mesh.tryKubectl("ash", ["--kubeconfig", kubeconfig, ...args]);
      assert.equal((await read("get", "pods,services,endpointslices", "-A")).code, 0);
      assert.match((await read("-n", "sample", "delete", "pod", "--all")).stderr, /Forbidden/);
      const log = readFileSync(path.join(mesh.folder, ".isthmus/engine.log"), "utf8");
      assert.ok(token.length > 100 && !log.includes(token));
      const applied = await mesh.tryKubectl("fra", ["apply", "-f", "-"], text);
      assert.equal(applied.code, 0, applied.stderr);
      await eventually(async () => {
        const status = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout);
        return status.clusters.every(({ registry }: { registry: string }) => registry === "synced");
      });
      assert.match((await mesh.isthmus("remote-secret", "nowhere")).stderr, /no cluster "nowhere"/);
    });

    test("GUIDE-08 dashboard names the page of a proxy and of istiod; an add-on that is not here is said so", async () => {
      const page = async (workload: string) =>
        (await fetch((await ok(mesh.isthmus("dashboard", workload, "--cluster", "fra"))).trim())).text();
      assert.match(await page("deploy/curl.sample"), /config_dump/);
      assert.match(await page("deploy/istiod.istio-system"), /syncz/);
      assert.match(
        (await mesh.isthmus("dashboard", "nothing")).stderr,
        /no add-on nothing runs in this mesh/,
      );
    });

    test("kubectl exec … pilot-agent and a port-forward to 15000 answer as the proxy's admin interface does", async () => {
      const ask = (page: string) =>
        mesh.kubectl(
          "fra",
          ...["-n", "sample", "exec", "deploy/curl", "-c", "istio-proxy", "--"],
          ...["pilot-agent", "request", "GET", page],
        );
      assert.equal(JSON.parse(await ask("config_dump")).configs[0].bootstrap.node.metadata.CLUSTER_ID, "fra");
      await eventually(async () =>
        /^outbound\|5000\|\|helloworld\.sample\.\S+::127\.\S+::health_flags::healthy$/m.test(
          await ask("clusters"),
        ),
      );
      assert.match(await ask("stats"), /^cluster_manager\.active_clusters: \d+$|^server\.live: 1$/m);
      const forward = background(
        kubectlPath,
        [
          ...["--kubeconfig", mesh.kubeconfig, "--context", "fra", "-n", "sample"],
          ...["port-forward", "deploy/curl", ":15000"],
        ],
        mesh.folder,
      );
      try {
        const local = await eventually(
          async () => /127\.0\.0\.1:(\d+) -> 15000/.exec(forward.said())?.[1],
          10_000,
        );
        assert.equal(await (await fetch(`http://127.0.0.1:${local}/ready`)).text(), "LIVE\n");
      } finally {
        forward.end();
        await forward.result;
      }
    });

    test("a proxy serves readiness on 15021, its metrics on 15090, and both on 15020", async () => {
      const ip = await mesh.kubectl(
        "fra",
        ...["-n", "sample", "get", "pods", "-l", "app=curl", "-o", "jsonpath={.items[0].status.podIP}"],
      );
      for (const place of ["15021/healthz/ready", "15020/healthz/ready"])
        assert.equal((await fetch(`http://${ip}:${place}`)).status, 200, place);
      for (const place of ["15090/stats/prometheus", "15020/stats/prometheus"])
        assert.match(await (await fetch(`http://${ip}:${place}`)).text(), /^# TYPE envoy_/m, place);
    });

    suite.skipIf(istioctlPath === "")("[needs istioctl]", () => {
      test("GUIDE-06 every istioctl command of docs/istioctl.md works on the running mesh", async () => {
        const endless = ({ theirs }: { theirs: readonly string[] }) => theirs.includes("dashboard");
        for (const { theirs } of verbs.filter((pair) => !changesTheMesh(pair) && !endless(pair))) {
          const { code, stdout, stderr } = await istioctl(...theirs);
          // analyze finds what the example leaves out on this machine.
          assert.ok(code === 0 || theirs.includes("analyze"), `${theirs.join(" ")}\n${stdout}${stderr}`);
          assert.doesNotMatch(stderr, /panic/);
        }
      });

      test("GUIDE-06 GUIDE-08 our tables of a proxy's configuration are istioctl's, of sidecars and gateways in both clusters", async () => {
        for (const [cluster, workload] of [
          ["fra", "deploy/curl.sample"],
          ["fra", "deploy/istio-ingressgateway.istio-system"],
          ["ash", "deploy/istio-eastwestgateway.istio-system"],
        ] as const) {
          for (const kind of ["clusters", "endpoints", "listeners", "routes", "secrets"]) {
            const [theirs, ours] = await Promise.all([
              istioctl("--context", cluster, "proxy-config", kind, workload),
              ok(mesh.isthmus("proxy-config", kind, workload, "--cluster", cluster)),
            ]);
            // A proxy without routes is an error to istioctl.
            if (theirs.code !== 0 && kind === "routes") assert.equal(cells(ours).length, 1);
            else assert.deepEqual(cells(ours), cells(theirs.stdout), `${kind} of ${workload} in ${cluster}`);
          }
        }
      });

      test("GUIDE-06 version and proxy-status name istiod and every proxy of both clusters", async () => {
        const version = await ok(istioctl("--context", "fra", "version"));
        assert.match(version, /control plane version: 1\.\d+\.\d+\n/);
        const { proxies } = JSON.parse(await ok(mesh.isthmus("status", "-o", "json")));
        assert.match(
          version,
          new RegExp(`data plane version: 1\\.\\d+\\.\\d+ \\(${proxies.length} proxies\\)`),
        );
        const rows = (await ok(istioctl("--context", "fra", "proxy-status", "-v", "1"))).trim().split("\n");
        assert.equal(rows.length, proxies.length + 1);
        assert.match(rows[0] ?? "", /^NAME +CLUSTER +CDS .*LDS .*ISTIOD +VERSION/);
        for (const row of rows.slice(1))
          assert.match(row, /~.* (fra|ash) +SYNCED .* istiod-\S+ +1\.\d+\.\d+ *$/);
        assert.match(await ok(istioctl("--context", "fra", "x", "version")), /control plane version: 1\./);
      });

      test("GUIDE-06 proxy-status of one proxy compares it with istiod; differences are those of its machine", async () => {
        const text = await ok(istioctl("--context", "fra", "proxy-status", `${pod}.sample`));
        assert.match(text, /^Routes Match/m);
        if (process.env["DATAPLANE"] === "envoy") return;
        assert.match(text, /^Clusters Match$/m);
        assert.match(text, /^Listeners Match$/m);
      });

      test("GUIDE-06 remote-clusters lists both registries as synced", async () => {
        const [, ...rows] = (await ok(istioctl("--context", "fra", "remote-clusters"))).trim().split("\n");
        assert.deepEqual(
          rows.map((row) => row.replace(/ .* (\w+) +istiod-\S+ +default$/, " $1")),
          clusters.map((name) => `${name} synced`),
        );
      });

      test("GUIDE-06 a secret of create-remote-secret is taken by istiod", async () => {
        const text = await ok(istioctl("--context", "ash", "create-remote-secret", "--name", "ash"));
        const applied = await mesh.tryKubectl("fra", ["apply", "-f", "-"], text);
        assert.equal(applied.code, 0, applied.stderr);
        await eventually(async () =>
          /^ash +istio-system\/istio-remote-secret-ash +synced/m.test(
            (await istioctl("--context", "fra", "remote-clusters")).stdout,
          ),
        );
      });

      test("GUIDE-06 x describe tells of the pod's Service, rules and mTLS mode", async () => {
        const text = await ok(istioctl("--context", "fra", "x", "describe", "pod", `${pod}.sample`));
        assert.match(text, /^Service: helloworld/m);
        assert.match(text, /^DestinationRule: helloworld-destination/m);
        assert.match(text, /Route to host "helloworld.sample.svc.cluster.local" subset "v1" with weight 50%/);
        assert.match(text, /Workload mTLS mode: PERMISSIVE/);
      });

      test("GUIDE-06 analyze reads both clusters and finds the proxies' images and the injection as they should be", async () => {
        const found = JSON.parse((await istioctl("--context", "fra", "analyze", "-A", "-o", "json")).stdout);
        const codes = new Set(found.map(({ code }: { code: string }) => code));
        // What the example misses on this machine, Services that differ by design, and namespaces without a mesh.
        assert.deepEqual(
          [...codes].filter((code) => !["IST0101", "IST0102", "IST0170"].includes(String(code))),
          [],
        );
        assert.ok(found.some(({ cluster }: { cluster: string }) => cluster === "ash"));
      });

      test("GUIDE-06 dashboard envoy leads to the proxy's admin interface", async () => {
        const serving = background(
          istioctlPath,
          [
            ...["--kubeconfig", mesh.kubeconfig, "--context", "fra"],
            ...["dashboard", "envoy", `${pod}.sample`, "--port", "0", "--browser=false"],
          ],
          mesh.folder,
        );
        try {
          const url = await eventually(
            async () => /http:\/\/localhost:\d+/.exec(serving.said())?.[0],
            10_000,
          );
          assert.match(await (await fetch(`${url}/ready`)).text(), /LIVE/);
        } finally {
          serving.end();
          await serving.result;
        }
      });
    });

    test("GUIDE-08 down ends the mesh, and with --purge nothing of it is left", async () => {
      await ok(mesh.isthmus("down", "--purge"));
      assert.equal(existsSync(path.join(mesh.folder, ".isthmus")), false);
    });
  },
);
