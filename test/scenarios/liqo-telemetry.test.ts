import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { background, eventually, isthmus, type MeshUnderTest, startExample } from "./support/running-mesh.ts";

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

/** Requests a second, and how long rates look back: load goes on for longer. */
const rate = 20;
const delta = "15s";

suite.skipIf(findKubectls().length === 0)(
  "LIQO: metrics and dashboards of the example [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;
    let urls: Readonly<Record<string, string>> = {};
    let ingress = "";
    let load: ReturnType<typeof background> | undefined;

    const dashboard = () =>
      JSON.parse(readFileSync(path.join(mesh.folder, "telemetry/fluidosmesh-dashboard.json"), "utf8")) as {
        readonly panels: readonly Panel[];
      };
    const query = async (expression: string) => {
      const body = new URLSearchParams({ query: expression });
      const response = await fetch(new URL("/api/v1/query", urls["prometheus"]), { method: "POST", body });
      const answer = (await response.json()) as {
        status: string;
        error?: string;
        data: { result: readonly { metric: Record<string, string>; value: [number, string] }[] };
      };
      assert.equal(answer.status, "success", `${expression}: ${answer.error}`);
      return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    };
    /** What the first target of a panel gives, with the variables as the guide sets them. */
    const panel = async (title: RegExp) => {
      const found = dashboard().panels.find((one) => title.test(one.title));
      assert.ok(found !== undefined, String(title));
      const expression = (found.targets[0]?.expr ?? "")
        .replaceAll("$istio_ingress_namespace", "istio-ingress-provider1")
        .replaceAll("$app_namespace", "fluidosmesh")
        .replaceAll("$delta", delta);
      return query(expression);
    };

    beforeAll(async () => {
      mesh = await startExample({
        example: "liqo",
        client: "deploy/curl-consumer",
        container: "curl",
        namespace: "fluidosmesh",
      });
      const { gateways, addons } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout) as {
        gateways: { cluster: string; url: string }[];
        addons: { name: string; url: string }[];
      };
      urls = Object.fromEntries(addons.map(({ name, url }) => [name, url]));
      ingress = gateways.find(({ cluster }) => cluster === "provider1")?.url ?? "";
      await eventually(async () => (await fetch(`${ingress}/s0`)).ok, 20_000);
      load = background(
        process.execPath,
        [isthmus, "load", `${ingress}/s0`, "--rate", String(rate), "--duration", "1h"],
        mesh.folder,
      );
    });
    afterAll(async () => {
      load?.end();
      await load?.result;
      await mesh?.stop();
    });

    test("LIQO-22 every add-on answers at the port that the mesh file gives it", async () => {
      const ports = Object.entries(urls).map(([name, url]) => [name, new URL(url).port]);
      assert.deepEqual(Object.fromEntries(ports), {
        prometheus: "30000",
        grafana: "30001",
        jaeger: "30002",
        kiali: "30003",
      });
      await eventually(async () => (await query("istio_requests_total")).length > 0, 15_000);
      const list = await (await fetch(urls["grafana"] ?? "")).text();
      assert.match(list, /<a href="d\/istio-liqo">istio-liqo<\/a>/);
      assert.equal((await fetch(new URL("/d/istio-liqo", urls["grafana"]))).status, 200);
    });

    test("LIQO-23 the dashboard's rates follow the load on provider1, and its delays are numbers", async () => {
      await eventually(async () => {
        const [provider] = await panel(/rate.*provider1/i);
        const found = provider?.value ?? 0;
        assert.ok(Math.abs(found - rate) <= rate * 0.15, `${found} requests a second of ${rate}`);
        return true;
      });
      const [consumer] = await panel(/rate.*consumer/i);
      assert.ok((consumer?.value ?? 0) === 0, JSON.stringify(consumer));
      for (const title of [/service delay/i, /p90 delay/i])
        await eventually(async () => {
          const [delay] = await panel(title);
          assert.ok((delay?.value ?? 0) > 0, `${title}: ${JSON.stringify(delay)}`);
          return true;
        });
      for (const { targets } of dashboard().panels)
        for (const { expr } of targets) {
          const parameters = expr.replaceAll(/\$\w*namespace/g, "fluidosmesh").replaceAll("$delta", delta);
          await query(parameters);
        }
    });

    test("LIQO-24 the variables have their values, offer every ingress of the mesh, and change what is drawn", async () => {
      const draw = async (search: string) =>
        (await fetch(new URL(`/d/istio-liqo?var-delta=${delta}${search}`, urls["grafana"]))).text();
      const page = await draw("");
      for (const [name, value] of [
        ["istio_ingress_namespace", "istio-ingress-provider1"],
        ["app_namespace", "fluidosmesh"],
      ])
        assert.match(page, new RegExp(`<select name="var-${name}">.*<option value="${value}" selected>`));
      const delays = (text: string) =>
        text.split("<h2>").find((part) => part.startsWith("Service delay")) ?? "";
      await eventually(async () => /<path class="line/.test(delays(await draw(""))));
      assert.match(delays(await draw("&var-istio_ingress_namespace=nowhere")), /no data/);
    });

    test("LIQO-25 replicas follow the Deployments, and containers of both clusters say what they use", async () => {
      const wanted = ["s0-consumer", "s0-provider1"];
      const found = await eventually(async () => {
        const replicas = await panel(/replicas/i);
        const ours = replicas.filter(({ metric }) => wanted.includes(metric["deployment"] ?? ""));
        assert.deepEqual(ours.map(({ metric }) => metric["deployment"]).sort(), wanted);
        return ours;
      });
      for (const { value } of found) assert.ok(value >= 1);
      const memory = await eventually(async () => {
        const used = await query(
          'sum by (cluster) (container_memory_working_set_bytes{namespace="fluidosmesh"})',
        );
        return used.length === 2 && used;
      }, 20_000);
      assert.deepEqual(memory.map(({ metric }) => metric["cluster"]).sort(), ["consumer", "provider1"]);
      for (const { value } of memory) assert.ok(value > 0);
    });
  },
);
