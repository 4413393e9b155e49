import assert from "node:assert/strict";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { hello, startAks, startOke } from "./support/examples.ts";
import { endpointRows, versions } from "./support/hello.ts";
import { eventually, type MeshUnderTest } from "./support/running-mesh.ts";

const system = ["-n", "istio-system"] as const;
const sample = ["-n", "sample"] as const;
const networkLabel = "topology.istio.io/network";
const hasKubectl = findKubectls().length > 0;

interface Finding {
  readonly code: string;
  readonly istioCode?: string;
  readonly severity: string;
  readonly effect: string;
  readonly cause: string;
  readonly evidence: readonly string[];
  readonly fix: string;
}

/** Breaking things in a mesh, and what is found then. */
function breaker(mesh: MeshUnderTest) {
  const findings = async () => {
    const { stdout, stderr, code } = await mesh.isthmus("analyze", "-o", "json");
    assert.notEqual(stdout, "", stderr);
    const found: readonly Finding[] = JSON.parse(stdout);
    assert.equal(code, found.some(({ severity }) => severity === "error") ? 1 : 0);
    return found.filter(({ severity }) => severity !== "info");
  };
  return {
    findings,
    /** Waits until exactly these codes are found; gives the findings with the first of them. */
    async finds(...codes: readonly string[]): Promise<Finding> {
      const found = await eventually(async () => {
        const now = await findings();
        assert.deepEqual([...new Set(now.map(({ code }) => code))].sort(), [...codes].sort(), said(now));
        return now;
      }, 12_000);
      const first = found.find(({ code }) => code === codes[0]);
      assert.ok(first);
      for (const { evidence, fix } of found) assert.ok(evidence.length > 0 && fix !== "");
      return first;
    },
    /** Waits until nothing is found any more. */
    isHealthy: () => eventually(async () => assert.deepEqual(await findings(), []) ?? true, 20_000),
    async answers(cluster: string, times = 8, ...args: string[]) {
      return mesh.curl(cluster, hello, times, ...args);
    },
    /** Waits until the answers are as wanted. */
    async answer(cluster: string, isWanted: (found: { v1: number; v2: number }) => boolean) {
      await eventually(async () => isWanted(versions(await mesh.curl(cluster, hello, 8))), 10_000);
    },
    async apply(cluster: string, object: object) {
      const { code, stderr } = await mesh.tryKubectl(cluster, ["apply", "-f", "-"], JSON.stringify(object));
      assert.equal(code, 0, stderr);
    },
    /** The object as it can be created again. */
    async copyOf(cluster: string, ...args: string[]) {
      const {
        metadata,
        spec,
        status: _status,
        ...rest
      } = JSON.parse(await mesh.kubectl(cluster, ...args, "-o", "json"));
      const { uid: _uid, resourceVersion: _v, creationTimestamp: _t, managedFields: _m, ...meta } = metadata;
      const { clusterIP: _ip, clusterIPs: _ips, ...wanted } = spec ?? {};
      return { ...rest, metadata: meta, ...(spec === undefined ? {} : { spec: wanted }) };
    },
  };
}

function said(findings: readonly Finding[]): string {
  return findings.map(({ code, effect, cause }) => `${code}: ${effect}; ${cause}`).join("\n");
}

suite.skipIf(!hasKubectl)("findings: AKS, a shared control plane [needs kubectl]", () => {
  let mesh: MeshUnderTest;
  let on: ReturnType<typeof breaker>;

  beforeAll(async () => {
    mesh = await startAks();
    on = breaker(mesh);
  });
  afterAll(() => mesh?.stop());

  const example = (file: string) => path.join(mesh.folder, file);
  const virtualService = (...destinations: readonly (readonly [subset: string, weight: number])[]) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "helloworld", namespace: "sample" },
    spec: {
      hosts: ["helloworld.sample.svc.cluster.local"],
      http: [
        {
          route: destinations.map(([subset, weight]) => ({
            destination: { host: "helloworld.sample.svc.cluster.local", subset, port: { number: 5000 } },
            weight,
          })),
        },
      ],
    },
  });
  const traffic = async () =>
    mesh.kubectl("main0", ...sample, "apply", "-f", example("traffic/destination-rule.yaml"));
  const noTraffic = async () =>
    mesh.kubectl("main0", ...sample, "delete", "virtualservices,destinationrules", "--all");

  test("MESH: a healthy mesh gives no finding, in text, as JSON and in status", async () => {
    await on.isHealthy();
    assert.match((await mesh.isthmus("analyze")).stdout, /^No findings\.$/m);
    assert.match((await mesh.isthmus("status")).stdout, /^No findings\.$/m);
  });

  test("AKS-42 remote0 labelled with main0's network: requests to v2 time out, the label is named with the command that mends it", async () => {
    const label = (network: string) => [
      mesh.kubectl("remote0", "label", "ns", "istio-system", `${networkLabel}=${network}`, "--overwrite"),
      mesh.kubectl(
        "remote0",
        ...sample,
        "label",
        "pods",
        "--all",
        `${networkLabel}=${network}`,
        "--overwrite",
      ),
    ];
    await Promise.all(label("network1"));
    const found = await on.finds("network/label-differs");
    assert.match(found.effect, /^requests from main0 to .* time out/);
    assert.match(found.fix, /kubectl --context remote0 label ns istio-system .*=network2 --overwrite/);
    await eventually(async () => {
      const lines = await on.answers("main0", 4, "--max-time", "0.5");
      return lines.some((line) => /timed out/.test(line));
    });
    const { stdout, code } = await mesh.isthmus("status");
    assert.equal(code, 1);
    assert.match(stdout, /^✗ .*network\/label-differs\n {2}cause .*\n {2}evidence .*\n {2}fix /m);
    await Promise.all(label("network2"));
    await on.isHealthy();
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 > 0);
  });

  test("AKS-44 a gateway without an address: v1 answers every request, and it is said what is waited for", async () => {
    const gateway = await on.copyOf("remote0", ...system, "get", "service", "istio-ingressgateway");
    await mesh.kubectl("remote0", ...system, "delete", "service", "istio-ingressgateway");
    await on.apply("remote0", { ...gateway, spec: { ...gateway.spec, loadBalancerClass: "none" } });
    const found = await on.finds("network/gateway-without-address");
    assert.match(found.cause, /istio-ingressgateway of remote0 has no address \(waiting\)/);
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 === 0);
    const lines = await on.answers("main0", 12);
    assert.deepEqual(
      lines.filter((line) => !line.includes("version: v1")),
      [],
    );
    await mesh.kubectl("remote0", ...system, "delete", "service", "istio-ingressgateway");
    await on.apply("remote0", gateway);
    await on.isHealthy();
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 > 0);
  });

  test("AKS-46 the remote secret missing, then with a token that is refused: v1 only, and each is named", async () => {
    const name = "istio-remote-secret-remote0";
    const secret = await on.copyOf("main0", ...system, "get", "secret", name);
    await mesh.kubectl("main0", ...system, "delete", "secret", name);
    const missing = await on.finds("credential/missing");
    assert.match(missing.cause, /^remote0: no credential/);
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 === 0);
    const kubeconfig = Buffer.from(secret.data.remote0, "base64").toString("utf8");
    const denied = kubeconfig.replace(/token: .*/, "token: expired");
    await on.apply("main0", { ...secret, data: { remote0: Buffer.from(denied).toString("base64") } });
    const refused = await on.finds("credential/refused");
    assert.match(refused.cause, /^unauthorized/);
    await on.apply("main0", secret);
    await on.isHealthy();
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 > 0);
  });

  test("AKS-47 two remote secrets with one cluster name are both named", async () => {
    const secret = await on.copyOf("main0", ...system, "get", "secret", "istio-remote-secret-remote0");
    await on.apply("main0", { ...secret, metadata: { ...secret.metadata, name: "another" } });
    const found = await on.finds("credential/duplicate");
    assert.match(found.cause, /another and istio-remote-secret-remote0/);
    assert.match(found.fix, /delete secret another$/);
    await mesh.kubectl("main0", ...system, "delete", "secret", "another");
    await on.isHealthy();
  });

  test("AKS-48 weights that do not sum to 100 count in proportion and are warned of; one that is no whole number, or negative, is refused with its field", async () => {
    await traffic();
    await on.apply("main0", virtualService(["v1", 60], ["v2", 20]));
    const found = await on.finds("traffic/weights-not-100");
    assert.equal(found.severity, "warning");
    assert.match(found.effect, /75 % : 25 %/);
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 > 0);
    const refused = await mesh.tryKubectl(
      "main0",
      ["apply", "-f", "-"],
      JSON.stringify(virtualService(["v1", 92.5], ["v2", 7.5])),
    );
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /spec\.http\[0\]\.route\[1\]\.weight/);
    const negative = await mesh.tryKubectl(
      "main0",
      ["apply", "-f", "-"],
      JSON.stringify(virtualService(["v1", 120], ["v2", -20])),
    );
    assert.notEqual(negative.code, 0);
    assert.match(
      negative.stderr,
      /admission webhook "validation\.istio\.io" denied the request: configuration is invalid: spec\.http\[0\]\.route\[1\]\.weight: weight -20 < 0/,
    );
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 > 0);
    await noTraffic();
    await on.isHealthy();
  });

  test("AKS-49 a subset that no DestinationRule has: 503 for its part, IST0101 in the text", async () => {
    await traffic();
    await on.apply("main0", virtualService(["v1", 50], ["v3", 50]));
    const found = await on.finds("traffic/unknown-subset");
    assert.match(found.cause, /subset v3/);
    assert.equal(found.istioCode, "IST0101");
    await eventually(async () => {
      const lines = await on.answers("main0", 12, "-w", "%{http_code}\\n");
      return lines.some((line) => line.endsWith("503")) && lines.some((line) => line.includes("version: v1"));
    });
    await noTraffic();
    await on.isHealthy();
  });

  test("what istiod's webhook refuses, warns of and does not run is said by kubectl: in every version, and in a dry run", async () => {
    const apply = (object: object, ...args: string[]) =>
      mesh.tryKubectl("main0", ["apply", ...args, "-f", "-"], JSON.stringify(object));
    const denied = 'admission webhook "validation.istio.io" denied the request: configuration is invalid: ';
    const wrong = {
      ...virtualService(["v1", 100]),
      spec: { hosts: ["*"], http: [{ retries: { attempts: -1 } }] },
    };
    for (const version of ["v1alpha3", "v1beta1", "v1"])
      for (const dryRun of [[], ["--dry-run=server"]]) {
        const { code, stderr } = await apply(
          { ...wrong, apiVersion: `networking.istio.io/${version}` },
          ...dryRun,
        );
        assert.equal(code, 1);
        assert.ok(stderr.startsWith("Error from server: "), stderr);
        assert.ok(stderr.includes(`${denied}3 errors occurred:`), stderr);
        for (const line of [
          "spec.hosts[0]: wildcard host * is not allowed",
          "spec.http[0]: HTTP route, redirect or direct_response is required",
          "spec.http[0].retries.attempts: attempts cannot be negative",
        ])
          assert.ok(stderr.includes(`\t* ${line}`), stderr);
      }
    const { spec, ...right } = virtualService(["v1", 60], ["v2", 20]);
    const tried = await apply(
      { ...right, spec: { ...spec, http: [...spec.http, ...spec.http] } },
      "--dry-run=server",
    );
    assert.equal(tried.code, 0);
    assert.match(
      tried.stderr,
      /^Warning: spec\.http\[1\]: virtualService rule #1 not used \(only the last rule can have no matches\)/m,
    );
    assert.match(tried.stdout, /created \(server dry run\)/);
    const filter = await apply({
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "own", namespace: "sample" },
      spec: {
        configPatches: [
          { applyTo: "CLUSTER", patch: { operation: "MERGE", value: { connect_timeout: "1s" } } },
        ],
      },
    });
    assert.equal(filter.code, 1);
    assert.ok(filter.stderr.includes(`${denied}spec: EnvoyFilter is not run here; say it by VirtualService`));
    const policies = (
      JSON.parse(await mesh.kubectl("main0", "get", "validatingwebhookconfigurations", "-o", "json")) as {
        items: { webhooks: { name: string; failurePolicy: string }[] }[];
      }
    ).items
      .flatMap(({ webhooks }) => webhooks.map(({ name, failurePolicy }) => `${name} ${failurePolicy}`))
      .sort();
    assert.deepEqual(policies, ["rev.validation.istio.io Fail", "validation.istio.io Fail"]);
  });

  test("AKS-50 a DestinationRule in remote0 is not read: Istio reads configuration from main0", async () => {
    await mesh.kubectl("remote0", ...sample, "apply", "-f", example("traffic/destination-rule.yaml"));
    const found = await on.finds("traffic/ignored-on-remote");
    assert.equal(found.cause, "remote0 is remote: Istio reads configuration from main0");
    await mesh.kubectl("remote0", ...sample, "delete", "destinationrules", "--all");
    await on.isHealthy();
  });

  test("AKS-51 no injection label in remote0: its pod is 1/1, main0 skips its endpoint, and status says so", async () => {
    await mesh.kubectl("remote0", "label", "ns", "sample", "istio-injection-");
    await mesh.kubectl("remote0", ...sample, "delete", "pod", "-l", "app=helloworld");
    await eventually(async () =>
      (await mesh.kubectl("remote0", ...sample, "get", "pods", "-l", "app=helloworld")).includes("1/1"),
    );
    const found = await on.finds("injection/label-missing");
    assert.match(found.effect, /plaintext, and main0 skips its endpoint/);
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 === 0);
    await mesh.kubectl("remote0", "label", "ns", "sample", "istio-injection=enabled");
    await on.finds("injection/pod-without-sidecar");
    await mesh.kubectl("remote0", ...sample, "delete", "pod", "-l", "app=helloworld");
    await on.isHealthy();
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 > 0);
  });

  test("AKS-52 no Service in remote0, though its pods run there: not found from main0, no name in remote0", async () => {
    const service = await on.copyOf("remote0", ...sample, "get", "service", "helloworld");
    await mesh.kubectl("remote0", ...sample, "delete", "service", "helloworld");
    const found = await on.finds("service/missing-in-cluster");
    assert.equal(found.cause, "Service helloworld exists in main0 only");
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 === 0);
    await eventually(async () =>
      (await on.answers("remote0", 1)).some((line) => /resolve|502|503/.test(line)),
    );
    await on.apply("remote0", service);
    await on.isHealthy();
    await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 > 0);
  });

  test("AKS-53 both versions in both clusters are nothing wrong: the listing shows two local rows", async () => {
    const manifest = ["-f", example("helloworld.yaml"), "-l", "app=helloworld"] as const;
    await mesh.kubectl("main0", ...sample, "apply", ...manifest);
    await mesh.kubectl("main0", ...sample, "rollout", "status", "deployment/helloworld-v2", "--timeout=60s");
    await eventually(async () => {
      const { stdout } = await mesh.isthmus(
        ...["endpoints", "deploy/sleep.sample", "--cluster", "main0"],
        ...["--filter", "outbound|5000||helloworld.sample.svc.cluster.local"],
      );
      const local = endpointRows(stdout).filter(({ endpoint }) => endpoint.endsWith(":5000"));
      assert.equal(local.length, 2, stdout);
      return true;
    });
    await on.isHealthy();
    await mesh.kubectl("main0", ...sample, "delete", "deployment", "helloworld-v2");
    await on.isHealthy();
  });

  test("AKS-55 remote0 away: it is said, failures end, and all is well when it is back", async () => {
    await mesh.isthmus("cluster", "stop", "remote0");
    try {
      const found = await on.finds("cluster/not-answering");
      assert.match(found.fix, /isthmus cluster start remote0/);
      await on.answer("main0", ({ v1, v2 }) => v1 > 0 && v2 === 0);
    } finally {
      const started = await mesh.isthmus("cluster", "start", "remote0");
      assert.equal(started.code, 0, started.stderr);
    }
    await on.isHealthy();
  });
});

suite.skipIf(!hasKubectl)(
  "findings: OKE, primary and remote with gateways of their own [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;
    let on: ReturnType<typeof breaker>;

    beforeAll(async () => {
      mesh = await startOke();
      on = breaker(mesh);
    });
    afterAll(() => mesh?.stop());

    test("MESH: a healthy mesh gives no finding", () => on.isHealthy());

    test("OKE-41 ash's pods on a network of their own without a gateway: called at their own addresses, which is an error", async () => {
      const label = async (network: string) => {
        await mesh.kubectl("ash", "label", "ns", "istio-system", `${networkLabel}=${network}`, "--overwrite");
        await mesh.kubectl(
          "ash",
          ...sample,
          "label",
          "pods",
          "-l",
          "app=helloworld",
          `${networkLabel}=${network}`,
          "--overwrite",
        );
      };
      await label("network3");
      const found = await on.finds("network/without-gateway", "network/label-differs");
      assert.match(found.cause, /^network3 has no gateway/);
      await eventually(async () => {
        const lines = await on.answers("fra", 4, "--max-time", "0.5");
        return lines.some((line) => /timed out/.test(line));
      });
      await label("network2");
      await on.isHealthy();
      await on.answer("fra", ({ v1, v2 }) => v1 > 0 && v2 > 0);
    });

    test("OKE-42 ash's gateway has no pod: v1 only in the end, and back", async () => {
      const scale = (replicas: number) =>
        mesh.kubectl("ash", ...system, "scale", "deployment/istio-eastwestgateway", `--replicas=${replicas}`);
      await scale(0);
      // At once, as when it breaks: a pod that is asked to end lets requests through for some seconds.
      const pods = ["pods", "-l", "istio=eastwestgateway", "--grace-period=0", "--force"];
      await mesh.kubectl("ash", ...system, "delete", ...pods);
      const found = await on.finds("gateway/no-ready-pods");
      assert.match(found.effect, /services in network2 \(ash\)/);
      await eventually(async () => {
        const lines = await on.answers("fra");
        return lines.every((line) => line.includes("version: v1"));
      }, 10_000);
      await scale(1);
      await on.isHealthy();
      await on.answer("fra", ({ v1, v2 }) => v1 > 0 && v2 > 0);
    });

    test("OKE-43 no remote secret: new proxies of ash are refused and stay not ready, the missing credential is named", async () => {
      const name = "istio-remote-secret-ash";
      const secret = await on.copyOf("fra", ...system, "get", "secret", name);
      await mesh.kubectl("fra", ...system, "delete", "secret", name);
      await mesh.kubectl("ash", ...sample, "delete", "pod", "-l", "app=helloworld");
      const found = await on.finds("credential/missing", "proxy/not-connected");
      assert.match(found.cause, /^ash: no credential/);
      await eventually(async () => {
        const proxies = (await on.findings()).find(({ code }) => code === "proxy/not-connected");
        return /authentication failure/.test(proxies?.cause ?? "");
      });
      await on.apply("fra", secret);
      await on.isHealthy();
      await on.answer("fra", ({ v1, v2 }) => v1 > 0 && v2 > 0);
    });

    test("OKE-44 ash looks for istiod at a wrong address: its pods are refused, the address is named", async () => {
      const path = "/endpoints/0/addresses/0";
      const slice = [...system, "get", "endpointslice", "istiod"] as const;
      const right = await mesh.kubectl("ash", ...slice, "-o", "jsonpath={.endpoints[0].addresses[0]}");
      const wrong = right.replace(/\d+$/, "250");
      const patch = (value: string) =>
        mesh.kubectl(
          "ash",
          ...system,
          "patch",
          "endpointslice",
          "istiod",
          "--type=json",
          "-p",
          JSON.stringify([{ op: "replace", path, value }]),
        );
      await patch(wrong);
      await mesh.kubectl("ash", ...sample, "delete", "pod", "-l", "app=helloworld");
      const found = await on.finds("istiod/address-differs", "workload/pods-refused");
      assert.ok(found.cause.includes(`cannot reach istiod at ${wrong}:15012`), found.cause);
      await eventually(async () => {
        const refused = (await on.findings()).find(({ code }) => code === "workload/pods-refused");
        return refused?.cause.includes(`cannot reach istiod at ${wrong}:15017`);
      });
      await patch(right);
      await on.isHealthy();
      await on.answer("fra", ({ v1, v2 }) => v1 > 0 && v2 > 0);
    });

    test("OKE-47 no Service sglang in fra: its name does not resolve there, with a hint", async () => {
      const service = await on.copyOf("fra", "-n", "demo", "get", "service", "sglang");
      await mesh.kubectl("fra", "-n", "demo", "delete", "service", "sglang");
      const found = await on.finds("service/missing-in-cluster");
      assert.equal(found.cause, "Service sglang exists in ash only");
      assert.equal(found.severity, "warning");
      await on.apply("fra", service);
      await on.isHealthy();
    });

    test("OKE-49 two VirtualServices for one host and gateway are warned of", async () => {
      const page = await on.copyOf("fra", "-n", "demo", "get", "virtualservice", "demo-virtual-service");
      await on.apply("fra", { ...page, metadata: { ...page.metadata, name: "another" } });
      const found = await on.finds("traffic/several-virtual-services");
      assert.match(
        found.cause,
        /demo-virtual-service.*demo\.example\.com at gateway istio-system\/demo-gateway/,
      );
      await mesh.kubectl("fra", "-n", "demo", "delete", "virtualservice", "another");
      await on.isHealthy();
    });

    test("OKE-51 no istiod, then fra away: each is said; requests in ash go on, and all is well when fra is back", async () => {
      const scale = (replicas: number) =>
        mesh.kubectl("fra", ...system, "scale", "deployment/istiod", `--replicas=${replicas}`);
      await scale(0);
      assert.match((await on.finds("istiod/not-ready")).effect, /fra and ash/);
      await on.answer("ash", ({ v1, v2 }) => v1 > 0 && v2 > 0);
      await scale(1);
      await on.isHealthy();
      await mesh.isthmus("cluster", "stop", "fra");
      try {
        await on.finds("cluster/not-answering");
        await on.answer("ash", ({ v1, v2 }) => v1 === 0 && v2 > 0);
      } finally {
        const started = await mesh.isthmus("cluster", "start", "fra");
        assert.equal(started.code, 0, started.stderr);
      }
      await on.isHealthy();
      await on.answer("ash", ({ v1, v2 }) => v1 > 0 && v2 > 0);
    });
  },
);
