import assert from "node:assert/strict";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { parse, stringify } from "yaml";
import { findKubectls } from "../support/tools.ts";
import { edit } from "./support/examples.ts";
import { assertShare } from "./support/hello.ts";
import { eventually, type MeshUnderTest, startExample } from "./support/running-mesh.ts";

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
        edit(file, /( +)region: eu-central-1\n/, "$&$1trust: { domain: one.example }\n");
        edit(file, /( +)region: europe-west3\n/, "$&$1trust: { domain: two.example }\n");
      },
    });
    await eventually(async () => (await mesh.curl("mesh-1", remote))[0] === message, 15_000);
  }, 120_000);
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
    assert.deepEqual([...new Set(await principals())], ["spiffe://one.example/ns/default/sa/default"]);

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
    await eventually(async () => (await ask("mesh-1", remote, "connection: close")).status === 503, 15_000);
    await write({ ...strict, trustDomainAliases });
    await eventually(async () => (await ask("mesh-1", remote)).body === message, 15_000);
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
    assert.ok(delayed.seconds >= 2 && delayed.seconds < 3, `${delayed.seconds} s`);
    assert.equal((await ask("mesh-1", remote)).body, message);
    const elsewhere = await ask("mesh-2", "http://messenger:3000/", "x-fault: abort");
    assert.deepEqual([elsewhere.status, elsewhere.body], [200, message]);
  });
});
