import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, suite, test } from "vitest";
import {
  type DeclaredWorkspace,
  knowsName,
  mayCall,
  type Place,
  randomWorkspaces,
} from "../../src/management/workspaces/test-support/isolation-matrix.ts";
import { findChromium, findKubectls } from "../support/tools.ts";
import { openConsole, startBrowser } from "./support/browser.ts";
import { assertCompiledApplies } from "./support/compiled-output.ts";
import { assertImports } from "./support/import.ts";
import {
  dataplane,
  eventually,
  isBuiltIn,
  isthmus,
  type MeshUnderTest,
  patientUp,
  run,
  startExample,
} from "./support/running-mesh.ts";

const hasKubectl = findKubectls().length > 0;
const workloadClusters = ["cluster-1", "cluster-2"];
const globalReviews = "http://reviews.bookinfo.global:9080/reviews/0";

suite.skipIf(!hasKubectl)("GLOO: workspaces over two meshes, and their management [needs kubectl]", () => {
  let mesh: MeshUnderTest;
  let ingress: string;

  beforeAll(async () => {
    mesh = await startExample({
      example: "gloo",
      client: "deploy/ratings-v1",
      container: "ratings",
      namespace: "bookinfo",
      prepare(folder) {
        // Which reviews answer is each test's own matter.
        rmSync(path.join(folder, "bookinfo/cluster-1/reviews-split.yaml"));
      },
    });
    ingress = await mesh.kubectl(
      ...(["cluster-1", "-n", "istio-system", "get", "svc", "istio-ingressgateway"] as const),
      ...["-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"],
    );
    for (const cluster of workloadClusters) {
      await mesh.kubectl(cluster, "create", "namespace", "other");
      await mesh.kubectl(cluster, "label", "namespace", "other", "istio-injection=enabled");
      await client(cluster, "other", "caller");
      await client(cluster, "default", "plain");
    }
    await enforced();
  });
  afterAll(() => mesh?.stop());

  /** A pod to send requests from. */
  const client = async (cluster: string, namespace: string, name: string) => {
    const args = ["-n", namespace, "run", name, "--image=curlimages/curl", "--", "sleep", "infinity"];
    await mesh.kubectl(cluster, ...args);
    await mesh.kubectl(
      ...([cluster, "-n", namespace, "wait", "--for=condition=Ready", `pod/${name}`] as const),
      "--timeout=60s",
    );
  };
  const json = async (cluster: string, ...args: string[]) =>
    JSON.parse(await mesh.kubectl(cluster, ...args, "-o", "json"));
  const apply = async (cluster: string, object: object, ...more: string[]) => {
    const args = ["apply", "-f", "-", ...more];
    const { code, stderr } = await mesh.tryKubectl(cluster, args, JSON.stringify(object));
    assert.equal(code, 0, stderr);
  };
  const workspace = (name: string) => json("mgmt", "-n", "gloo-mesh", "get", "workspace", name);
  const change = async (name: string, spec: object) => {
    const args = ["-n", "gloo-mesh", "patch", "workspace", name, "--type=merge", "-p"];
    await mesh.kubectl("mgmt", ...args, JSON.stringify({ spec }));
    await enforced();
  };
  /** Waits until every control plane has what the workspaces say now. */
  const enforced = () =>
    eventually(async () => {
      const { items } = await json("mgmt", "-n", "gloo-mesh", "get", "workspaces");
      return items.every(
        ({ metadata, status }: WorkspaceObject) =>
          status?.observedGeneration === metadata.generation &&
          status.conditions.some(({ type, status }) => type === "Enforced" && status === "True"),
      );
    }, 15_000);
  /** What a pod's curl gets: status, then body. */
  const get = async (cluster: string, from: string, url: string, ...args: string[]) => {
    const [namespace = "", target = "", container = ""] = from.split(" ");
    const place = ["-n", namespace, target, ...(container === "" ? [] : ["-c", container])];
    const curl = ["curl", "-sS", "--max-time", "10", "-w", "\n%{http_code}", ...args, url];
    const { stdout } = await mesh.tryKubectl(cluster, ["exec", ...place, "--", ...curl]);
    const lines = stdout.trimEnd().split("\n");
    return { status: Number(lines.at(-1)), body: lines.slice(0, -1).join("\n") };
  };
  /** Waits until a pod's request gets this status. */
  const answers = (cluster: string, from: string, url: string, status: number, ...args: string[]) =>
    eventually(async () => {
      assert.equal((await get(cluster, from, url, ...args)).status, status, `${from} in ${cluster}: ${url}`);
      return true;
    });
  const inBookinfo = "bookinfo deploy/ratings-v1 ratings";
  const page = async () => {
    const response = await fetch(`http://${ingress}/productpage`, { headers: { connection: "close" } });
    return { status: response.status, body: await response.text() };
  };
  const pageAnswers = (status: number) => eventually(async () => (await page()).status === status);
  /** Versions of reviews that answered, and how often. */
  const reviewers = async (url: string, times: number) => {
    const count = { v1: 0, v2: 0, v3: 0 };
    for (const line of await mesh.curl("cluster-1", url, times, "-w", "\n")) {
      const version = /"podname": ?"reviews-(v[123])-/.exec(line)?.[1] as keyof typeof count | undefined;
      if (version !== undefined) count[version]++;
    }
    return count;
  };

  if (isBuiltIn)
    test("GLOO: kubectl applies what compile writes for each cluster, checked strictly by its API server", () =>
      assertCompiledApplies(mesh));

  test("GLOO-01 the three API servers and the whole mesh are up, and how long that took is printed", async () => {
    for (const cluster of ["mgmt", ...workloadClusters])
      assert.match(await mesh.kubectl(cluster, "get", "ns"), /default +Active/);
    const [, seconds] = /ready in ([\d.]+) s/.exec(mesh.said) ?? [];
    // How many it may be, the benchmarks tell: here others use the machine too.
    assert.ok(Number(seconds) > 0, mesh.said);
  });

  if (isBuiltIn)
    test("import makes of the running clusters a file that changes nothing there but who made a namespace by hand", async () => {
      const labelled = workloadClusters.map(() => "change Namespace other");
      const { file } = await assertImports(mesh, ["mgmt", "cluster-1", "cluster-2"], labelled);
      assert.match(file, /^ +- other$/m);
      assert.match(file, /mgmt:\n +role: management\n/);
      assert.match(file, /workspaces:\n +bookinfo:\n[\s\S]*isolation: true\n/);
    });

  test("GLOO-02 namespaces, objects and kinds of a cluster are its own", async () => {
    await mesh.tryKubectl("cluster-2", ["create", "namespace", "only-here"]);
    const label = ["label", "crd", "sidecars.networking.istio.io", "release=other", "--overwrite"];
    await mesh.kubectl("cluster-2", ...label);
    for (const cluster of ["mgmt", "cluster-1"]) {
      const { code } = await mesh.tryKubectl(cluster, ["get", "namespace", "only-here"]);
      assert.equal(code, 1);
    }
    const crd = await json("cluster-1", "get", "crd", "sidecars.networking.istio.io");
    assert.equal(crd.metadata.labels.release, undefined);
    assert.doesNotMatch(await mesh.kubectl("mgmt", "api-resources"), /istio\.io/);
    assert.match(await mesh.kubectl("mgmt", "api-resources"), /^meshes .*management\.isthmus\.dev/m);
    await mesh.kubectl("cluster-2", "delete", "namespace", "only-here");
  });

  test("GLOO-03 the contexts are in a file of the mesh's own", async () => {
    const { stdout } = await mesh.tryKubectl("mgmt", ["config", "get-contexts", "-o", "name"]);
    assert.deepEqual(stdout.trim().split("\n").sort(), ["cluster-1", "cluster-2", "mgmt"]);
    assert.ok(mesh.kubeconfig.startsWith(mesh.folder));
  });

  const states = async () => {
    const { items } = await json("mgmt", "-n", "gloo-mesh", "get", "kubernetesclusters");
    return items.map(({ metadata, status }: RegisteredObject) => `${metadata.name} ${status?.state}`);
  };

  /** Takes a cluster out of the fleet and gives what registers it again. */
  const deregister = async (cluster: string) => {
    const { apiVersion, kind, metadata, spec } = await json(
      ...(["mgmt", "-n", "gloo-mesh", "get", "kubernetescluster", cluster] as const),
    );
    await mesh.kubectl("mgmt", "-n", "gloo-mesh", "delete", "kubernetescluster", cluster);
    await eventually(
      async () => (await json("cluster-1", "get", "serviceentries", "-A")).items.length === 0,
      15_000,
    );
    const { name, namespace, labels, annotations } = metadata;
    return { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec };
  };
  const register = async (registration: object & { readonly metadata: { readonly name: string } }) => {
    await apply("mgmt", registration);
    const wanted = `${registration.metadata.name} Connected`;
    await eventually(async () => (await states()).includes(wanted), 15_000);
  };

  test("GLOO-04 GLOO-24 the registered clusters are listed with their state and last heartbeat, in the guide's words too", async () => {
    for (const kind of ["kubernetescluster", "kubernetesclusters"])
      await eventually(async () => {
        assert.match(
          await mesh.kubectl("mgmt", "get", kind, "-n", "gloo-mesh"),
          /^NAME +STATE +KUBERNETES +HEARTBEAT +AGE\ncluster-1 +Connected +v1\.\d+\.\d+ +\d+m?\d*s .*\ncluster-2 +Connected/,
        );
        return true;
      });
    // The way to a workload cluster is its agent's: no credential for it is kept on mgmt.
    const { items } = await json("mgmt", "get", "secrets", "-A");
    for (const { data } of items) assert.equal(data?.kubeconfig, undefined);
  });

  test("GLOO-05 GLOO-24 the meshes that were found are listed with version, trust domain, network and gateway", async () => {
    const address = (cluster: string) =>
      mesh.kubectl(
        ...([cluster, "-n", "istio-system", "get", "svc", "istio-eastwestgateway"] as const),
        ...["-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"],
      );
    for (const [cluster, version] of [
      ["cluster-1", "1.29.2"],
      ["cluster-2", "1.30.0"],
    ] as const) {
      const line = `^istiod-istio-system-${cluster} +${cluster} +${version} +${cluster} +${cluster} +${await address(cluster)} `;
      await eventually(async () => {
        const listed = await mesh.kubectl("mgmt", "get", "mesh", "-n", "gloo-mesh");
        assert.match(listed, new RegExp(line.replaceAll(".", "\\."), "m"));
        return true;
      });
    }
    const { status } = await json(
      ...(["mgmt", "-n", "gloo-mesh", "get", "mesh", "istiod-istio-system-cluster-1"] as const),
    );
    assert.ok(Date.parse(status.certificate.rootNotAfter) > Date.now());
    const year = 365 * 24 * 3600 * 1000;
    const left = Date.parse(status.certificate.intermediateNotAfter) - Date.now();
    assert.ok(left > 1.9 * year && left < 2 * year, status.certificate.intermediateNotAfter);
    assert.match(
      await mesh.kubectl("mgmt", "get", "meshes", "-A"),
      /gloo-mesh +istiod-istio-system-cluster-2/,
    );
    await eventually(async () => {
      const found = await json("mgmt", "-n", "gloo-mesh", "get", "destination", "reviews-bookinfo-cluster-1");
      assert.equal(found.status.globalHost, "reviews.bookinfo.global");
      assert.deepEqual(found.status.workloads, ["reviews-v1", "reviews-v2"]);
      return true;
    });
    await eventually(async () => {
      const name = "reviews-v3-bookinfo-cluster-2-deployment";
      const found = await json("mgmt", "-n", "gloo-mesh", "get", "workload", name);
      assert.deepEqual(found.status.identities, ["spiffe://cluster-2/ns/bookinfo/sa/bookinfo-reviews"]);
      assert.equal(found.status.workspace, "bookinfo");
      return true;
    });
  });

  if (isBuiltIn)
    test("GLOO-04 agents may do what they are for and nothing else, and theirs is no account with rights on mgmt", async () => {
      const can = async (cluster: string, as: string, ...what: string[]) => {
        const account = `system:serviceaccount:gloo-mesh:${as}`;
        const { stdout } = await mesh.tryKubectl(cluster, ["auth", "can-i", ...what, "--as", account]);
        return stdout.trim();
      };
      for (const what of [
        ["get", "secrets", "-n", "istio-system"],
        ["create", "pods", "-n", "bookinfo"],
        ["delete", "services", "-n", "bookinfo"],
        ["get", "configmaps", "-n", "bookinfo"],
      ])
        assert.equal(await can("cluster-1", "gloo-mesh-agent", ...what), "no", what.join(" "));
      assert.equal(await can("cluster-1", "gloo-mesh-agent", "create", "sidecars", "-n", "bookinfo"), "yes");
      assert.equal(await can("mgmt", "agent-cluster-1", "get", "workspaces", "-n", "gloo-mesh"), "no");
      assert.equal(await can("mgmt", "gloo-mesh-mgmt-server", "list", "secrets", "-n", "gloo-mesh"), "no");
    });

  test("GLOO-25 the start says of each cluster what runs in it", () => {
    for (const cluster of workloadClusters)
      assert.match(
        mesh.said,
        new RegExp(`${cluster} .*istiod +ingress +east-west +(\\d+) of \\1 pods ready`),
      );
    assert.match(mesh.said, /mgmt .*management +1 of 1 pods ready/);
  });

  test("GLOO-06 each cluster reports its own version of Istio", async () => {
    for (const [cluster, version] of [
      ["cluster-1", "1.29.2"],
      ["cluster-2", "1.30.0"],
    ] as const) {
      const { items } = await json(cluster, "get", "pods", "-A");
      const [istiod] = items.filter(({ metadata }: PodObject) => metadata.labels.app === "istiod");
      const answer = await fetch(`http://${istiod.status.podIP}:15014/version`);
      assert.match(await answer.text(), new RegExp(`^${version.replaceAll(".", "\\.")}-`));
      const lines = (await (
        await fetch(`http://${istiod.status.podIP}:15014/debug/syncz`)
      ).json()) as readonly { istio_version: string }[];
      assert.ok(lines.length > 5);
      assert.deepEqual([...new Set(lines.map((line) => line.istio_version))], [version]);
    }
  });

  test("GLOO-08 the gateways have the ports and settings of the guide, and :15443 passes mTLS on", async () => {
    for (const cluster of workloadClusters) {
      const ports = async (name: string) => {
        const { spec } = await json(cluster, "-n", "istio-system", "get", "svc", name);
        return spec.ports.map(({ name, port, targetPort }: ServicePort) => `${name} ${port} ${targetPort}`);
      };
      assert.deepEqual(await ports("istio-ingressgateway"), [
        "status-port 15021 15021",
        "http2 80 8080",
        "https 443 8443",
        "tls 15443 15443",
      ]);
      assert.deepEqual(await ports("istio-eastwestgateway"), ["status-port 15021 15021", "tls 15443 15443"]);
      const { spec } = await json(
        ...([cluster, "-n", "istio-system", "get", "deploy", "istio-eastwestgateway"] as const),
      );
      const { env } = spec.template.spec.containers[0];
      assert.deepEqual(env[0], { name: "ISTIO_META_ROUTER_MODE", value: "sni-dnat" });
      const gateway = await json(
        ...([cluster, "-n", "istio-system", "get", "gateway.networking.istio.io"] as const),
        "cross-network-gateway",
      );
      assert.equal(gateway.spec.servers[0].tls.mode, "AUTO_PASSTHROUGH");
    }
  });

  test("GLOO-09 names of exports resolve to an address of their own, others go upstream, apps wait for their proxy", async () => {
    const resolve = async (name: string) => {
      const args = [
        "-n",
        "bookinfo",
        "exec",
        "deploy/ratings-v1",
        "-c",
        "ratings",
        "--",
        "getent",
        "hosts",
        name,
      ];
      return (await mesh.tryKubectl("cluster-1", args)).stdout.split(/\s+/)[0];
    };
    const address = await eventually(async () => {
      const found = (await resolve("reviews.bookinfo.global")) ?? "";
      return /^240\.241\./.test(found) && found;
    });
    assert.equal(await resolve("reviews.bookinfo.global"), address);
    assert.match((await resolve("reviews.bookinfo.svc.cluster.local")) ?? "", /^127\./);
    assert.equal(await resolve("unheard-of.invalid"), "");
    const { items } = await json("cluster-1", "-n", "bookinfo", "get", "pods", "-l", "app=ratings");
    const [first] = items[0].spec.containers;
    assert.equal(first.name, "istio-proxy");
    assert.ok(first.lifecycle.postStart !== undefined);
  });

  test("GLOO-10 workspaces are listed with their namespaces, imports, exports and isolation", async () => {
    await eventually(async () => {
      const wide = await mesh.kubectl("mgmt", "get", "workspaces", "-A", "-o", "wide");
      assert.match(
        wide,
        /^gloo-mesh +bookinfo +true +\["\*"\] +\["istio-system"\] +True +True +\["cluster-1\/bookinfo","cluster-2\/bookinfo"\]/m,
      );
      assert.match(wide, /^gloo-mesh +istio-system +false +\["bookinfo"\] +True +True /m);
      return true;
    });
  });

  test("GLOO-11 reviews.bookinfo.global leads to the other cluster, and every service has such a name in both", async () => {
    await eventually(async () => {
      assert.deepEqual(await reviewers(globalReviews, 6), { v1: 0, v2: 0, v3: 6 });
      return true;
    });
    const { status } = await workspace("bookinfo");
    const hosts = ["details", "productpage", "ratings", "reviews"].map((name) => `${name}.bookinfo.global`);
    assert.deepEqual(status.hosts, hosts);
    for (const cluster of workloadClusters) {
      const { items } = await json(cluster, "get", "serviceentries", "-A");
      assert.deepEqual(items.flatMap(({ spec }: { spec: { hosts: string[] } }) => spec.hosts).sort(), hosts);
      for (const host of hosts) await answers(cluster, inBookinfo, `http://${host}:9080/health`, 200);
    }
  });

  test("GLOO-07 identities are of the cluster's trust domain, and the other one's is accepted as long as it is an alias", async () => {
    const { items } = await json("cluster-1", "-n", "bookinfo", "get", "pods", "-l", "app=reviews");
    const certificates = await (await fetch(`http://${items[0].status.podIP}:15000/certs`)).text();
    assert.match(certificates, /spiffe:\/\/cluster-1\/ns\/bookinfo\/sa\/bookinfo-reviews/);
    await answers("cluster-1", inBookinfo, globalReviews, 200);
    const config = await json("cluster-2", "-n", "istio-system", "get", "configmap", "istio");
    const write = (text: string) =>
      mesh.kubectl(
        ...([
          "cluster-2",
          "-n",
          "istio-system",
          "patch",
          "configmap",
          "istio",
          "--type=merge",
          "-p",
        ] as const),
        JSON.stringify({ data: { mesh: text } }),
      );
    const unconnected = "bookinfo deploy/details-v1 details";
    await write(config.data.mesh.replace(/^trustDomainAliases:\n( *- .*\n)+/m, ""));
    try {
      // Trust is checked when a connection begins, so the caller is one that has none yet.
      const [reviews] = (await json("cluster-2", "-n", "bookinfo", "get", "pods", "-l", "app=reviews")).items;
      await eventually(async () => {
        const dump = await (await fetch(`http://${reviews.status.podIP}:15000/config_dump`)).text();
        return !dump.includes('"spiffe://cluster-1/"');
      });
      await answers("cluster-1", unconnected, globalReviews, 503);
      await answers("cluster-2", inBookinfo, "http://reviews:9080/reviews/0", 200);
    } finally {
      await write(config.data.mesh);
    }
    await answers("cluster-1", unconnected, globalReviews, 200);
  });

  test("GLOO-12 an isolated workspace answers its own and who imports it, and nobody else", async () => {
    const url = "http://reviews.bookinfo:9080/reviews/0";
    for (const cluster of workloadClusters) {
      await eventually(async () => {
        const stranger = await get(cluster, "other caller", url);
        assert.deepEqual([stranger.status, stranger.body], [403, "RBAC: access denied"]);
        return true;
      });
      const plain = await get(cluster, "default plain", url);
      assert.notEqual(plain.status, 200);
      assert.doesNotMatch(plain.body, /"reviews"/);
      await answers(cluster, inBookinfo, url, 200);
      assert.doesNotMatch((await get(cluster, "other caller", globalReviews)).body, /"reviews"/);
    }
    await pageAnswers(200);
    const { spec } = await json("cluster-1", "-n", "bookinfo", "get", "sidecar", "workspace-bookinfo");
    assert.ok(spec.egress[0].hosts.includes("istio-system/*"));
  });

  test("GLOO-13 import and export are both needed, and the state names the missing half", async () => {
    await pageAnswers(200);
    for (const [name, taken, given, told] of [
      ["istio-system", { importFrom: [] }, { importFrom: ["bookinfo"] }, /not imported/],
      ["bookinfo", { exportTo: [] }, { exportTo: ["istio-system"] }, /does not export to istio-system/],
    ] as const) {
      try {
        await change(name, taken);
        await eventually(async () => {
          const { status, body } = await page();
          return [403, 404, 503].includes(status) && !/Comedy/.test(body);
        });
        await eventually(async () =>
          told.test(await mesh.kubectl("mgmt", "get", "workspaces", "-A", "-o", "wide")),
        );
      } finally {
        await change(name, given);
      }
      await pageAnswers(200);
    }
  });

  test("GLOO-14 the book's page has red stars at times, which only the other cluster gives", async () => {
    await apply("cluster-1", reviewsSplit(50));
    const seen = new Set<string>();
    await eventually(async () => {
      const { status, body } = await page();
      assert.equal(status, 200);
      seen.add(/stars, (red|black)/.exec(body)?.[1] ?? "none");
      return seen.has("red") && seen.size > 1;
    }, 15_000);
  });

  test("GLOO-15 a plain VirtualService splits between local reviews and those of the other cluster", async () => {
    await apply("cluster-1", reviewsSplit(25));
    await eventually(async () => {
      const { v1, v2, v3 } = await reviewers("http://reviews:9080/reviews/0", 400);
      assert.equal(v1 + v2 + v3, 400);
      assert.ok(v3 >= 72 && v3 <= 128, `${v3} of 400 from the other cluster`);
      return true;
    });
  });

  test("GLOO-16 faults by a plain VirtualService: refused for a header, late for a share, in its cluster only", async () => {
    await apply("cluster-1", ratingsFaults);
    const ratings = "http://ratings:9080/ratings/0";
    const from = "bookinfo deploy/details-v1 details";
    await answers("cluster-1", from, ratings, 418, "-H", "end-user: jason");
    const { stdout } = await mesh.tryKubectl("cluster-1", [
      ...[
        "exec",
        "-n",
        "bookinfo",
        "deploy/details-v1",
        "-c",
        "details",
        "--",
        "curl",
        "-sS",
        "-o",
        "/dev/null",
      ],
      ...["-w", "%{http_code} %{time_total}", "-H", "end-user: late", ratings],
    ]);
    const [status, seconds] = stdout.split(" ").map(Number);
    assert.equal(status, 200);
    assert.ok((seconds ?? 0) > 1.9, `${seconds} s`);
    await answers("cluster-1", from, ratings, 200);
    await answers("cluster-2", from, ratings, 200, "-H", "end-user: jason");
    await mesh.kubectl("cluster-1", "-n", "bookinfo", "delete", "virtualservice", "ratings");
  });

  test("GLOO-19 every proxy writes its requests to stdout, and what both clusters measure is told by cluster", async () => {
    for (const cluster of workloadClusters) {
      await answers(cluster, inBookinfo, "http://details:9080/details/0", 200);
      for (const [app, container] of [
        ["ratings", "outbound|9080||details"],
        ["details", "inbound|9080||"],
      ] as const)
        await eventually(async () => {
          const log = await mesh.kubectl(
            ...([cluster, "-n", "bookinfo", "logs", `deploy/${app}-v1`, "-c", "istio-proxy"] as const),
            "--tail=50",
          );
          return log.split("\n").some((line) => line.includes("GET /details/0") && line.includes(container));
        }, 20_000);
    }
    await eventually(async () => {
      const rows = JSON.parse((await mesh.isthmus("top", "--range", "5m", "-o", "json")).stdout) as TopRow[];
      return workloadClusters.every((cluster) =>
        rows.some(
          (row) =>
            row.cluster === cluster && row.workload === "details-v1" && row.incoming.requestsPerSecond > 0,
        ),
      );
    }, 30_000);
  });

  suite.skipIf(findChromium() === undefined)("the console of the management cluster [needs chromium]", () => {
    test("GLOO-20 the console shows clusters, meshes, workspaces with namespaces and rules, services and what crosses clusters, with gateway addresses and certificate expiry", async () => {
      const browser = await startBrowser();
      try {
        const { page: shown, view, complaints } = await openConsole(browser, mesh);
        const rowOf = (table: string, name: string) =>
          shown.getByRole("region", { name: table, exact: true }).getByRole("row", { name });
        const text = async (table: string, name: string) => (await rowOf(table, name).textContent()) ?? "";
        /** Waits until a part of the page has all of these words. */
        const shows = (part: () => Promise<string | null>, words: readonly string[]) =>
          eventually(async () => {
            const now = (await part()) ?? "";
            for (const word of words) assert.ok(now.includes(word), `${word} in ${now}`);
            return true;
          });
        const gateway = (cluster: string, name: string) =>
          mesh.kubectl(
            ...([cluster, "-n", "istio-system", "get", "svc", `istio-${name}gateway`] as const),
            ...["-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"],
          );

        await shown.getByRole("link", { name: "Clusters" }).click();
        await rowOf("Clusters", "mgmt").getByText("management only").waitFor();
        for (const [cluster, version] of [
          ["cluster-1", "1.29.2"],
          ["cluster-2", "1.30.0"],
        ] as const) {
          await rowOf("Clusters", cluster).waitFor();
          const addresses = [await gateway(cluster, "ingress"), await gateway(cluster, "eastwest")];
          await shows(() => text("Clusters", cluster), [`istiod ${version}`, ...addresses, "intermediate"]);
        }

        await shown.getByRole("link", { name: "Workspaces" }).click();
        const books = shown.getByRole("article", { name: "workspace bookinfo" });
        await books.getByText("isolated").waitFor();
        const { spec, status } = await workspace("bookinfo");
        await shows(
          () => books.textContent(),
          [
            ...["accepted", "enforced", "its own namespaces and workspaces that import it"],
            ...status.namespaces.map((place: string) => place.replace("/", "")),
            ...[...spec.exports, ...spec.exportTo, ...status.hosts],
          ],
        );
        const importing = shown.getByRole("article", { name: "workspace istio-system" });
        await shows(() => importing.textContent(), ["Imports frombookinfo"]);
        for (const cluster of workloadClusters) {
          const found = await json(
            ...(["mgmt", "-n", "gloo-mesh", "get", "mesh", `istiod-istio-system-${cluster}`] as const),
          );
          const parts = [
            ...[found.status.version, found.status.trustDomain, found.status.network],
            await gateway(cluster, "eastwest"),
            found.status.certificate.intermediateNotAfter.slice(0, 10),
          ];
          await shows(() => text("Meshes", cluster), parts);
          await shows(() => text("Registered clusters", cluster), ["Connected"]);
        }

        await shown.getByRole("region", { name: "Meshes" }).getByRole("link", { name: "cluster-1" }).click();
        await rowOf("Nodes", "cluster-1-1").getByText("ready", { exact: true }).waitFor();
        await shown
          .getByRole("region", { name: "Namespaces" })
          .getByRole("link", { name: "bookinfo" })
          .click();
        await shown.getByRole("link", { name: "reviews-v1" }).waitFor();
        assert.equal(await shown.getByRole("link", { name: "reviews-v3" }).count(), 0);
        await view("/services?ns=bookinfo");
        await shown.getByRole("row", { name: "reviews in bookinfo" }).getByTitle("in cluster-2").waitFor();

        await mesh.curl("cluster-1", globalReviews, 20);
        await view("/mesh?range=5m");
        await shown
          .locator("tr", { hasText: await gateway("cluster-2", "eastwest") })
          .filter({ hasText: "cluster-1" })
          .first()
          .waitFor();
        await view("/traffic?ns=bookinfo&range=5m");
        await shown.getByRole("button", { name: /^app ratings, .* in bookinfo of cluster-1/ }).waitFor();
        await shown.getByRole("button", { name: /^app reviews, v3, in bookinfo of cluster-2/ }).waitFor();
        assert.deepEqual(complaints, []);
      } finally {
        await browser.close();
      }
    });
  });

  test("GLOO-23 status says what the mesh takes of the machine, and the pods of each cluster", async () => {
    const { host } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout) as HostPage;
    assert.deepEqual(host.clusters.map(({ name }) => name).sort(), ["cluster-1", "cluster-2", "mgmt"]);
    for (const { name, pods, memory } of host.clusters)
      assert.ok(pods > 0 && memory > 0, `${name}: ${pods} pods, ${memory} bytes`);
    assert.ok(host.memory > 0 && host.memory < 1.5 * 1024 ** 3, `${host.memory} bytes`);
    assert.ok(host.cpuSeconds > 0);
    assert.match(
      (await mesh.isthmus("status", "-o", "wide")).stdout,
      /CLUSTER +PODS +CPU +MEMORY\nmgmt +\d+ +\d+m +[\d.]+ MB.*process \d+: [\d.]+ MB, [\d.]+ s of processor time/s,
    );
  });

  if (isBuiltIn)
    test("GLOO-49 a field that one cluster's definitions lack is refused there, and taken in the other one", async () => {
      const definition = await json("cluster-1", "get", "crd", "virtualservices.networking.istio.io");
      const older = structuredClone(definition);
      for (const version of older.spec.versions)
        delete version.schema.openAPIV3Schema.properties.spec.properties.http.items.properties.retries;
      const replace = async (object: object) => {
        const { code, stderr } = await mesh.tryKubectl(
          "cluster-1",
          ["replace", "-f", "-"],
          JSON.stringify(object),
        );
        assert.equal(code, 0, stderr);
      };
      const strip = ({ metadata, ...rest }: typeof definition) => {
        const { resourceVersion: _, ...kept } = metadata;
        return { ...rest, metadata: kept };
      };
      const newer = {
        ...reviewsSplit(0),
        metadata: { name: "newer", namespace: "bookinfo" },
        spec: {
          hosts: ["newer.example"],
          http: [{ retries: { attempts: 2 }, route: [{ destination: { host: "reviews" } }] }],
        },
      };
      const create = (cluster: string) =>
        mesh.tryKubectl(cluster, ["create", "--dry-run=server", "-f", "-"], JSON.stringify(newer));
      await replace(strip(older));
      try {
        await eventually(async () => {
          const { code, stderr } = await create("cluster-1");
          return code !== 0 && /unknown field "spec\.http\[0\]\.retries"/.test(stderr);
        }, 20_000);
        const { code, stderr } = await create("cluster-2");
        assert.equal(code, 0, stderr);
      } finally {
        await replace(strip(definition));
      }
      await eventually(async () => (await create("cluster-1")).code === 0, 20_000);
    });

  test("GLOO-17 with no local reviews left, the name for all clusters still answers", async () => {
    const inNamespace = ["cluster-1", "-n", "bookinfo"] as const;
    const deployments = ["deploy/reviews-v1", "deploy/reviews-v2"] as const;
    await mesh.kubectl(...inNamespace, "delete", "virtualservice", "reviews", "--ignore-not-found");
    try {
      await mesh.kubectl(...inNamespace, "scale", "--replicas=0", ...deployments);
      await answers("cluster-1", inBookinfo, "http://reviews:9080/reviews/0", 503);
      assert.deepEqual(await reviewers(globalReviews, 10), { v1: 0, v2: 0, v3: 10 });
    } finally {
      await mesh.kubectl(...inNamespace, "scale", "--replicas=1", ...deployments);
      await mesh.kubectl(...inNamespace, "rollout", "status", ...deployments);
    }
    await answers("cluster-1", inBookinfo, "http://reviews:9080/reviews/0", 200);
  });

  test("GLOO-43 a second claim to a namespace is refused with both names, and changes nothing", async () => {
    await apply(
      "mgmt",
      workspaceObject("thief", { clusters: [{ name: "cluster-1", namespaces: ["bookinfo"] }] }),
    );
    await eventually(async () => {
      const { status } = await workspace("thief");
      const [accepted] = status?.conditions ?? [];
      return accepted?.status === "False" && /workspaces bookinfo and thief/.test(accepted.message);
    });
    await answers("cluster-1", inBookinfo, globalReviews, 200);
    await mesh.kubectl("mgmt", "-n", "gloo-mesh", "delete", "workspace", "thief");
    await eventually(async () => (await workspace("bookinfo")).status.problems.length === 0);
  });

  test("GLOO-46 a namespace without the injection label is told in the workspace's state", async () => {
    await mesh.kubectl("cluster-2", "label", "namespace", "bookinfo", "istio-injection-");
    try {
      await eventually(async () =>
        /namespace bookinfo not injected in cluster-2/.test(
          JSON.stringify((await workspace("bookinfo")).status),
        ),
      );
    } finally {
      await mesh.kubectl("cluster-2", "label", "namespace", "bookinfo", "istio-injection=enabled");
    }
    await eventually(async () => (await workspace("bookinfo")).status.problems.length === 0);
  });

  test("GLOO-47 exporters with different ports under one name are an error of the workspace", async () => {
    const service = await json("cluster-2", "-n", "bookinfo", "get", "svc", "details");
    const ports = (port: number) =>
      mesh.kubectl(
        ...(["cluster-2", "-n", "bookinfo", "patch", "svc", "details", "--type=json", "-p"] as const),
        JSON.stringify([{ op: "replace", path: "/spec/ports/0/port", value: port }]),
      );
    try {
      await ports(9081);
      await eventually(async () => {
        const [accepted] = (await workspace("bookinfo")).status.conditions;
        return (
          accepted.status === "False" && /details\.bookinfo\.global has the ports 9080/.test(accepted.message)
        );
      });
    } finally {
      await ports(service.spec.ports[0].port);
    }
    await eventually(async () => (await workspace("bookinfo")).status.conditions[0].status === "True");
  });

  test("GLOO-18 isolation taken out of the mesh file and put back changes who may call, and no pod restarts", async () => {
    const pods = async () =>
      (await json("cluster-1", "-n", "bookinfo", "get", "pods")).items
        .map(
          ({ metadata, status }: PodObject) =>
            `${metadata.name} ${status.containerStatuses.map(({ restartCount }) => restartCount)}`,
        )
        .sort();
    const before = await pods();
    const call = async () =>
      (await get("cluster-1", "other caller", "http://reviews.bookinfo:9080/reviews/0")).status;
    await eventually(async () => (await call()) === 403);
    const file = path.join(mesh.folder, "mesh.yaml");
    const written = readFileSync(file, "utf8");
    for (const [isolation, status] of [
      ["false", 200],
      ["true", 403],
    ] as const) {
      assert.match(written, /isolation: (true|false)/);
      writeFileSync(file, written.replace(/isolation: (true|false)/, `isolation: ${isolation}`));
      await mesh.isthmus("compile", "-o", "compiled");
      await mesh.kubectl("mgmt", "apply", "-f", path.join(mesh.folder, "compiled/mgmt/55-management.yaml"));
      await eventually(async () => (await call()) === status);
    }
    assert.deepEqual(await pods(), before);
  });

  test("GLOO-26 workspaces in the guide's own words apply, hold, name what has no meaning, and go with what they were", async () => {
    const gloo = (kind: string, namespace: string, spec: object) => ({
      apiVersion: "admin.gloo.solo.io/v2",
      kind,
      metadata: { name: "tenant", namespace },
      spec,
    });
    const members = [{ name: "cluster-1", namespaces: [{ name: "other" }] }];
    await apply("mgmt", gloo("Workspace", "gloo-mesh", { workloadClusters: members }));
    const options = { serviceIsolation: { enabled: true }, eastWestGateways: [{}] };
    await apply("cluster-1", gloo("WorkspaceSettings", "other", { options }));
    await eventually(async () => (await workspace("tenant")).spec.isolation === true);
    await eventually(async () => {
      const policies = await mesh.kubectl("cluster-1", "-n", "other", "get", "authorizationpolicies");
      return /workspace-tenant/.test(policies);
    });
    await eventually(async () =>
      /True +spec\.options\.eastWestGateways has no meaning here/.test(
        await mesh.kubectl("cluster-1", "-n", "other", "get", "glooworkspacesettings"),
      ),
    );
    await mesh.kubectl("mgmt", "-n", "gloo-mesh", "delete", "glooworkspaces", "tenant");
    await mesh.kubectl("cluster-1", "-n", "other", "delete", "glooworkspacesettings", "tenant");
    await eventually(async () => {
      const { items } = await json("cluster-1", "-n", "other", "get", "authorizationpolicies");
      return items.length === 0;
    });
  });

  test("GLOO-22 a cluster that is no longer registered is forgotten by the others, and its own traffic goes on", async () => {
    const registration = await deregister("cluster-2");
    try {
      await eventually(async () => {
        const { items } = await json("mgmt", "-n", "gloo-mesh", "get", "meshes,workloads,destinations");
        return items.every(({ spec }: { spec: { cluster: string } }) => spec.cluster === "cluster-1");
      });
      await answers("cluster-2", inBookinfo, "http://reviews:9080/reviews/0", 200);
    } finally {
      await register(registration);
    }
    await answers("cluster-1", inBookinfo, globalReviews, 200);
  });

  test("whatever workspaces declare, who gets an answer is who may, before and after a cluster joins", async () => {
    const spaces = ["m1", "m2", "m3"];
    for (const cluster of workloadClusters) {
      await apply(cluster, matrixObjects(spaces));
      const ready = ["wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=60s"];
      await Promise.all(spaces.map((namespace) => mesh.kubectl(cluster, "-n", namespace, ...ready)));
    }
    const declarations = fc.sample(
      randomWorkspaces(workloadClusters, spaces, ["*", "*.m1", "web.m2", "web.m3"])
        // Made in this order: then the names decide who has a namespace.
        .map((workspaces) => workspaces.map((one) => ({ ...one, createdAt: "" })))
        .filter((workspaces) => isTelling(workspaces, spaces)),
      // Another one each day; a failure names it.
      { seed: Math.floor(Date.now() / 86_400_000), numRuns: 2 },
    );
    const cluster2 = await deregister("cluster-2");
    try {
      for (const [declared, joins] of [
        [declarations[0], false],
        [declarations[0], true],
        [declarations[1], true],
      ] as const) {
        const workspaces = declared ?? [];
        await apply("mgmt", { apiVersion: "v1", kind: "List", items: workspaces.map(declaring) });
        if (joins && !(await states()).some((state: string) => state.startsWith("cluster-2 ")))
          await register(cluster2);
        await enforced();
        const members = joins ? workloadClusters : ["cluster-1"];
        let differences: readonly string[] = [];
        await eventually(async () => {
          const rows = members.flatMap((cluster) =>
            spaces.map((namespace) => matrixRow(workspaces, members, { cluster, namespace }, spaces)),
          );
          differences = (await Promise.all(rows)).flat();
          return differences.length === 0;
        }, 20_000).catch(() =>
          assert.fail(`${differences.join("\n")}\nof ${JSON.stringify(workspaces, undefined, 1)}`),
        );
      }
    } finally {
      await register(cluster2);
    }
    await mesh.kubectl("mgmt", "-n", "gloo-mesh", "delete", "workspaces", "w1", "w2", "w3");
    for (const cluster of workloadClusters)
      await mesh.kubectl(cluster, "delete", "namespace", ...spaces, "--wait=false");
  });

  /** Where requests of a namespace's pod end otherwise than they should. */
  const matrixRow = async (
    workspaces: readonly DeclaredWorkspace[],
    members: readonly string[],
    from: Place,
    spaces: readonly string[],
  ) => {
    const cells = spaces.flatMap((namespace) => {
      const own = { cluster: from.cluster, namespace };
      const elsewhere = workloadClusters
        .filter((cluster) => cluster !== from.cluster)
        .map((cluster) => ({ cluster, namespace }));
      const isKnown = (to: Place) =>
        members.includes(to.cluster) &&
        knowsName(workspaces, from, to, "web") &&
        mayCall(workspaces, from, to, "web");
      return [
        { url: `http://web.${namespace}:5000/hello`, wanted: mayCall(workspaces, from, own, "web") },
        { url: `http://web.${namespace}.global:5000/hello`, wanted: elsewhere.some(isKnown) },
      ];
    });
    const requests = cells.flatMap(({ url }) => ["-o", "/dev/null", url]);
    const curl = [
      "curl",
      "-s",
      "-Z",
      "--max-time",
      "3",
      "-w",
      "%{url_effective} %{http_code}\n",
      ...requests,
    ];
    const { stdout } = await mesh.tryKubectl(from.cluster, [
      ...["exec", "-n", from.namespace, "web", "-c", "web", "--"],
      ...curl,
    ]);
    const answers = new Map(
      stdout.split("\n").map((line) => {
        const [url = "", status = "none"] = line.split(" ");
        return [url, status] as const;
      }),
    );
    return cells.flatMap(({ url, wanted }) => {
      const status = answers.get(url) ?? "nothing";
      if ((status === "200") === wanted) return [];
      const may = wanted ? "may" : "may not";
      return [`${from.namespace} in ${from.cluster} gets ${status} of ${url}, which it ${may} call`];
    });
  };

  test("GLOO-21 while mgmt is stopped traffic and policies stay; started again it goes on where it was, with no certificate changed", async () => {
    const [pod] = (await json("cluster-1", "-n", "bookinfo", "get", "pods", "-l", "app=ratings")).items;
    const serial = async () => {
      const certificates = await (await fetch(`http://${pod.status.podIP}:15000/certs`)).text();
      return /"serial_number": ?"([^"]+)"/.exec(certificates)?.[1];
    };
    const before = await serial();
    assert.ok(before !== undefined);
    assert.equal((await mesh.isthmus("cluster", "stop", "mgmt")).code, 0);
    assert.equal((await get("cluster-1", inBookinfo, globalReviews)).status, 200);
    assert.equal(
      (await get("cluster-1", "other caller", "http://reviews.bookinfo:9080/reviews/0")).status,
      403,
    );
    assert.equal((await page()).status, 200);
    assert.equal((await mesh.isthmus("cluster", "start", "mgmt")).code, 0);
    await eventually(
      async () => (await states()).join() === "cluster-1 Connected,cluster-2 Connected",
      20_000,
    );
    await change("istio-system", { importFrom: [] });
    await eventually(async () => (await page()).status === 403);
    await change("istio-system", { importFrom: ["bookinfo"] });
    await eventually(async () => (await page()).status === 200);
    assert.equal(await serial(), before);
  });

  test("GLOO-27 after down nothing runs; up again brings the same certificates and objects", async () => {
    const roots = async () => {
      const uids: string[] = [];
      for (const cluster of workloadClusters) {
        const { metadata, data } = await json(cluster, "-n", "istio-system", "get", "secret", "cacerts");
        uids.push(metadata.uid, data["ca-cert.pem"], data["root-cert.pem"]);
      }
      const { items } = await json("mgmt", "-n", "gloo-mesh", "get", "workspaces,kubernetesclusters,meshes");
      return [...uids, ...items.map(({ metadata }: { metadata: { uid: string } }) => metadata.uid)];
    };
    const before = await roots();
    assert.equal((await mesh.isthmus("down")).code, 0);
    await eventually(
      async () => (await mesh.tryKubectl("mgmt", ["get", "ns", "--request-timeout=2s"])).code !== 0,
    );
    const again = await mesh.isthmus("up", "--detach", ...patientUp, ...dataplane);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await roots(), before);
    await eventually(async () => (await get("cluster-1", inBookinfo, globalReviews)).status === 200);
  });

  if (isBuiltIn)
    test("GLOO-40 a cluster called as a vcluster's context is refused, with a name that can be", async () => {
      const { code, stderr } = await run(
        process.execPath,
        [isthmus, "compile", "-f", "mesh.yaml", "--set", "clusters.vcluster_cluster1_cluster1.network=n"],
        { cwd: mesh.folder },
      );
      assert.equal(code, 3);
      assert.match(stderr, /vcluster_cluster1_cluster1.*small letters, digits and hyphens.*"cluster-1"/s);
    });

  for (const suffix of ["local", "cluster.local", "svc"])
    test(`GLOO-48 "${suffix}" is no host suffix: Kubernetes' own names end so`, async () => {
      const { code, stderr } = await run(
        process.execPath,
        [isthmus, "compile", "-f", "mesh.yaml", "--set", `hostSuffix=${suffix}`],
        { cwd: mesh.folder },
      );
      assert.equal(code, 3);
      assert.match(stderr, /the end of Kubernetes' own names/);
    });
});

interface PodObject {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly status: {
    readonly podIP: string;
    readonly containerStatuses: readonly { readonly restartCount: number }[];
  };
}

interface RegisteredObject {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly state: string };
}

interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly targetPort: number;
}

interface TopRow {
  readonly cluster: string;
  readonly workload: string;
  readonly incoming: { readonly requestsPerSecond: number };
}

interface HostPage {
  readonly host: {
    readonly memory: number;
    readonly cpuSeconds: number;
    readonly clusters: readonly { readonly name: string; readonly pods: number; readonly memory: number }[];
  };
}

interface WorkspaceObject {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration: number;
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

function workspaceObject(name: string, spec: object) {
  return {
    apiVersion: "management.isthmus.dev/v1alpha1",
    kind: "Workspace",
    metadata: { name, namespace: "gloo-mesh" },
    spec,
  };
}

/** A pod in each namespace that answers and asks. */
function matrixObjects(namespaces: readonly string[]) {
  const items = namespaces.flatMap((namespace) => [
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace, labels: { "istio-injection": "enabled" } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace },
      spec: { selector: { app: "web" }, ports: [{ name: "http", port: 5000 }] },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace, labels: { app: "web" } },
      spec: { containers: [{ name: "web", image: "istio/examples-helloworld-v1" }] },
    },
  ]);
  return { apiVersion: "v1", kind: "List", items };
}

/** Something is allowed and something refused, at home as well as across clusters. */
function isTelling(workspaces: readonly DeclaredWorkspace[], namespaces: readonly string[]): boolean {
  const places = workloadClusters.flatMap((cluster) =>
    namespaces.map((namespace) => ({ cluster, namespace })),
  );
  const pairs = places.flatMap((from) => places.map((to) => ({ from, to })));
  const answers = (isHome: boolean) =>
    pairs
      .filter(({ from, to }) => (from.cluster === to.cluster) === isHome)
      .map(
        ({ from, to }) =>
          mayCall(workspaces, from, to, "web") && (isHome || knowsName(workspaces, from, to, "web")),
      );
  return [true, false].every((isHome) => new Set(answers(isHome)).size === 2);
}

function declaring({ name, namespaces, exports, exportTo, importFrom, isolation }: DeclaredWorkspace) {
  const clusters = namespaces.map(({ cluster, names }) => ({ name: cluster, namespaces: names }));
  // A Workspace names at least one; of this one there is none.
  if (clusters.length === 0) clusters.push({ name: "*", namespaces: ["nowhere"] });
  return workspaceObject(name, { clusters, exports, exportTo, importFrom, isolation });
}

/** A share of the requests for reviews goes to the other cluster. */
function reviewsSplit(percent: number) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "reviews", namespace: "bookinfo" },
    spec: {
      hosts: ["reviews"],
      http: [
        {
          route: [
            { destination: { host: "reviews" }, weight: 100 - percent },
            { destination: { host: "reviews.bookinfo.global" }, weight: percent },
          ],
        },
      ],
    },
  };
}

const ratingsFaults = {
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata: { name: "ratings", namespace: "bookinfo" },
  spec: {
    hosts: ["ratings"],
    http: [
      {
        match: [{ headers: { "end-user": { exact: "jason" } } }],
        fault: { abort: { httpStatus: 418, percentage: { value: 100 } } },
        route: [{ destination: { host: "ratings" } }],
      },
      {
        match: [{ headers: { "end-user": { exact: "late" } } }],
        fault: { delay: { fixedDelay: "2s", percentage: { value: 100 } } },
        route: [{ destination: { host: "ratings" } }],
      },
      { route: [{ destination: { host: "ratings" } }] },
    ],
  },
};
