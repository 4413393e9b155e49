import assert from "node:assert/strict";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { parse, stringify } from "yaml";
import { findKubectls } from "../support/tools.ts";
import { edit } from "./support/examples.ts";
import { assertShare } from "./support/hello.ts";
import { eventually, type MeshUnderTest, startExample } from "./support/running-mesh.ts";
import { underLoad } from "./support/under-load.ts";

const hasKubectl = findKubectls().length > 0;
const remote = "http://messenger.default.global:3000/";
const message = "All good from Google Cloude";

suite.skipIf(!hasKubectl)("exported services, with rules by hand [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  beforeAll(async () => {
    mesh = await startExample({
      example: "global",
      client: "deploy/greeter",
      container: "greeter",
      namespace: "default",
      prepare(folder) {
        const file = path.join(folder, "mesh.yaml");
        edit(file, "trust: { cacerts: certs/ }", "trust: { exchangeRoots: true }");
        const trust = (name: string) => `$&$1trust: { domain: ${name}.example, cacerts: certs-${name}/ }\n`;
        edit(file, /( +)region: eu-central-1\n/, trust("one"));
        edit(file, /( +)region: europe-west3\n/, trust("two"));
      },
    });
    await eventually(async () => (await mesh.curl("mesh-1", remote))[0] === message, 15_000);
  });
  afterAll(() => mesh?.stop());

  const apply = async (cluster: string, object: object) => {
    const { code, stderr } = await mesh.tryKubectl(cluster, ["apply", "-f", "-"], JSON.stringify(object));
    assert.equal(code, 0, stderr);
  };
  const virtualService = (name: string, host: string, http: readonly object[]) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: "default" },
    spec: { hosts: [host], http },
  });
  /** Status, seconds and body of one request from mesh-1. */
  const ask = async (cluster: string, url: string, ...headers: readonly string[]) => {
    const pod = cluster === "mesh-1" ? "greeter" : "messenger";
    const { stdout } = await mesh.tryKubectl(cluster, [
      ...["exec", `deploy/${pod}`, "-c", pod, "--", "curl", "-sS", "--max-time", "10"],
      ...["-w", "\n%{http_code} %{time_total}", ...headers.flatMap((header) => ["-H", header]), url],
    ]);
    const lines = stdout.split("\n");
    const [status = "", seconds = ""] = (lines.pop() ?? "").split(" ");
    return { status: Number(status), seconds: Number(seconds), body: lines.join("\n") };
  };

  test("clusters with trust domains of their own accept each other, and no longer without the alias", async () => {
    const principals = async () => {
      const ip = await mesh.kubectl(
        ...(["mesh-2", "get", "pods", "-l", "app=messenger"] as const),
        ...["-o", "jsonpath={.items[0].status.podIP}"],
      );
      const metrics = await (await fetch(`http://${ip}:15090/stats/prometheus`)).text();
      const received = metrics
        .split("\n")
        .filter((line) => /^istio_requests_total.*reporter="destination"/.test(line));
      return received.map((line) => /source_principal="([^"]*)"/.exec(line)?.[1]);
    };
    await eventually(async () => {
      assert.deepEqual([...new Set(await principals())], ["spiffe://one.example/ns/default/sa/default"]);
      return true;
    });
    const rule = JSON.parse(
      await mesh.kubectl(
        ...(["mesh-1", "-n", "istio-system", "get", "destinationrule"] as const),
        ...["messenger-default-global", "-o", "json"],
      ),
    );
    const [setting] = rule.spec.trafficPolicy.portLevelSettings;
    assert.deepEqual(setting.tls.subjectAltNames, ["spiffe://two.example/ns/default/sa/default"]);

    const config = JSON.parse(
      await mesh.kubectl("mesh-2", "-n", "istio-system", "get", "cm", "istio", "-o", "json"),
    );
    const { trustDomainAliases, ...strict } = parse(config.data.mesh);
    assert.deepEqual(trustDomainAliases, ["one.example"]);
    const write = (meshConfig: object) =>
      mesh.kubectl(
        ...(["mesh-2", "-n", "istio-system", "patch", "cm", "istio", "--type=merge"] as const),
        ...["-p", JSON.stringify({ data: { mesh: stringify(meshConfig) } })],
      );
    await write(strict);
    try {
      await eventually(async () => (await ask("mesh-1", remote, "connection: close")).status === 503, 15_000);
    } finally {
      await write({ ...strict, trustDomainAliases });
    }
    await eventually(async () => (await ask("mesh-1", remote)).body === message, 15_000);
  });

  const trust = async () => JSON.parse((await mesh.isthmus("trust", "-o", "json")).stdout) as TrustPage;

  test("GLOO-45 clusters with a root each believe each other's where roots are exchanged", async () => {
    const { clusters } = await trust();
    const [one, two] = clusters;
    assert.ok(one !== undefined && two !== undefined);
    assert.notEqual(one.root.fingerprint, two.root.fingerprint);
    for (const { root, believed, cluster } of clusters) {
      assert.equal(believed[0]?.fingerprint, root.fingerprint);
      assert.deepEqual(
        believed.map(({ fingerprint }) => fingerprint).sort(),
        [one.root.fingerprint, two.root.fingerprint].sort(),
      );
      const secret = JSON.parse(
        await mesh.kubectl(cluster, "-n", "istio-system", "get", "secret", "cacerts", "-o", "json"),
      );
      const bundle = Buffer.from(secret.data["root-cert.pem"], "base64").toString();
      assert.equal(bundle.split("BEGIN CERTIFICATE").length - 1, 2);
    }
    await eventually(async () => (await ask("mesh-1", remote)).body === message);
  });

  test("roots and intermediates are replaced without a lost request, also when a control plane is away meanwhile", async () => {
    const before = await trust();
    const istiod = (replicas: number) =>
      mesh.kubectl("mesh-2", "-n", "istio-system", "scale", "deploy/istiod", `--replicas=${replicas}`);
    const rotate = async () => {
      await istiod(0);
      const interrupted = await mesh.isthmus("trust", "rotate", "--timeout", "2s");
      assert.equal(interrupted.code, 1);
      assert.match(interrupted.stderr, /mesh-2: ConfigMap default\/istio-ca-root-cert lacks a root/);
      assert.match((await mesh.isthmus("status")).stdout, /A rotation of the root, .* is at step 1 of 3/);
      const { clusters: overlap } = await trust();
      for (const { believed } of overlap) assert.equal(believed.length, 4);

      await istiod(1);
      const { code, stdout, stderr } = await mesh.isthmus("trust", "rotate", "-o", "json");
      assert.equal(code, 0, stderr);
      const rotated = JSON.parse(stdout) as TrustPage & RotationPage;
      assert.deepEqual(
        rotated.steps.map(({ step }) => step),
        ["distribute", "sign", "retire"],
      );
      assert.ok(rotated.sent > 0, `${rotated.sent} requests`);
      assert.equal(rotated.lost, 0);
      const intermediates = await mesh.isthmus("trust", "rotate", "--intermediates", "-o", "json");
      const after = JSON.parse(intermediates.stdout) as TrustPage & RotationPage;
      assert.deepEqual([intermediates.code, after.lost], [0, 0]);
      return [rotated, after] as const;
    };
    const [report, after] = await underLoad(mesh, {
      senders: [{ url: remote, from: ["deploy/greeter.default", "mesh-1"], fresh: true, rate: 50 }],
      action: rotate,
    });
    const old = new Set(before.clusters.map(({ root }) => root.fingerprint));
    for (const { believed } of report.clusters) {
      assert.equal(believed.length, 2);
      for (const { fingerprint } of believed) assert.ok(!old.has(fingerprint));
    }

    after.clusters.forEach(({ root, intermediate }, i) => {
      assert.equal(root.fingerprint, report.clusters[i]?.root.fingerprint);
      assert.notEqual(intermediate.fingerprint, report.clusters[i]?.intermediate.fingerprint);
    });
  });

  test("weights split requests between a local Service and an exported one", async () => {
    await apply(
      "mesh-1",
      virtualService("split", "greeter", [
        {
          route: [
            { destination: { host: "greeter", port: { number: 3000 } }, weight: 75 },
            { destination: { host: "messenger.default.global", port: { number: 3000 } }, weight: 25 },
          ],
        },
      ]),
    );
    await eventually(async () => {
      const text = (await mesh.curl("mesh-1", "http://greeter:3000/", 200)).join("");
      const local = text.split("ready").length - 1;
      assert.equal(local + text.split(message).length - 1, 200, text);
      assertShare(local, 200, [66, 84], "local");
      return true;
    }, 20_000);
    await mesh.kubectl("mesh-1", "delete", "virtualservice", "split");
  });

  test("faults hold for the requests that they name, and in the cluster that has the rule only", async () => {
    const to = [{ destination: { host: "messenger.default.global", port: { number: 3000 } } }];
    const matches = (value: string) => [{ headers: { "x-fault": { exact: value } } }];
    await apply(
      "mesh-1",
      virtualService("faults", "messenger.default.global", [
        {
          match: matches("abort"),
          fault: { abort: { httpStatus: 418, percentage: { value: 100 } } },
          route: to,
        },
        {
          match: matches("delay"),
          fault: { delay: { fixedDelay: "2s", percentage: { value: 100 } } },
          route: to,
        },
        { route: to },
      ]),
    );
    await eventually(async () => (await ask("mesh-1", remote, "x-fault: abort")).status === 418);
    const delayed = await ask("mesh-1", remote, "x-fault: delay");
    assert.deepEqual([delayed.status, delayed.body], [200, message]);
    assert.ok(delayed.seconds > 1.9, `${delayed.seconds} s`);
    assert.equal((await ask("mesh-1", remote)).body, message);
    const elsewhere = await ask("mesh-2", "http://messenger:3000/", "x-fault: abort");
    assert.deepEqual([elsewhere.status, elsewhere.body], [200, message]);
  });
});

interface TrustPage {
  readonly clusters: readonly {
    readonly cluster: string;
    readonly root: { readonly fingerprint: string };
    readonly intermediate: { readonly fingerprint: string };
    readonly believed: readonly { readonly fingerprint: string }[];
  }[];
}

interface RotationPage {
  readonly steps: readonly { readonly step: string }[];
  readonly sent: number;
  readonly lost: number;
}
