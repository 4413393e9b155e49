import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findChromium, findKubectls } from "../support/tools.ts";
import { type OpenConsole, openConsole, startBrowser } from "./support/browser.ts";
import { addresses, testActions } from "./support/console-actions.ts";
import { startAks, startOke } from "./support/examples.ts";
import { type LiqoMesh, startLiqo } from "./support/liqo.ts";
import { takePicture } from "./support/picture.ts";
import { background, eventually, isthmus, type MeshUnderTest, startExample } from "./support/running-mesh.ts";

const hasTools = findKubectls().length > 0 && findChromium() !== undefined;
const rate = 30;
/** The page without its layout worker, in bytes as they are sent. */
const firstLoad = 300 * 1024;
const secretKey = "c2VjcmV0LXRoYXQtbm9ib2R5LXNlZXM=";

/** Steady requests from a workload until they are ended. */
function sendRequests(mesh: MeshUnderTest, from: string, cluster: string, url: string) {
  const args = [
    "load",
    url,
    "--from",
    from,
    "--cluster",
    cluster,
    "--rate",
    String(rate),
    "--duration",
    "1h",
  ];
  return background(process.execPath, [isthmus, ...args], mesh.folder);
}

suite.skipIf(!hasTools)("console: the mesh on one page [needs kubectl] [needs chromium]", () => {
  let mesh: MeshUnderTest;
  let browser: Browser;
  let console: OpenConsole;
  let load: ReturnType<typeof background>;

  beforeAll(async () => {
    [mesh, browser] = await Promise.all([startAks(), startBrowser()]);
    load = sendRequests(mesh, "deploy/sleep.sample", "main0", "http://helloworld.sample:5000/hello");
    console = await openConsole(browser, mesh);
  });
  afterAll(async () => {
    load?.end();
    await load?.result;
    await browser?.close();
    await mesh?.stop();
  });

  /** Text of the labels on edges whose ends' ids match, by those ends. */
  const labels = async (ends: RegExp) => {
    const found = await console.page
      .locator("[data-label]")
      .evaluateAll((all) =>
        all.map((one) => [
          one.getAttribute("data-label") ?? "",
          [...one.querySelectorAll("text")].map((line) => line.textContent).join(" · "),
        ]),
      );
    return found.filter(([id = ""]) => ends.test(id)) as [ends: string, text: string][];
  };
  const shares = async (range: string) => {
    await console.view(`/traffic?ns=sample&range=${range}`);
    return async () => {
      const found = await labels(/service:.*helloworld → app:.*helloworld/);
      const share = (version: string) =>
        Number(/(\d+) %/.exec(found.find(([ends]) => ends.endsWith(`/${version}`))?.[1] ?? "")?.[1]);
      return { v1: share("v1"), v2: share("v2") };
    };
  };

  test("its pages open by the printed address alone, keep no token in it, and load quickly", async () => {
    const { page, origin, token } = console;
    await page.getByRole("heading", { name: "Mesh" }).waitFor();
    assert.equal(page.url().includes(token), false);
    const stranger = await fetch(`${origin}/api/mesh`);
    assert.equal(stranger.status, 401);
    // What runs in the page is text: this side knows no browser.
    const sizes = await page.evaluate<{ name: string; size: number }[]>(
      `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .map(({ name, encodedBodySize }) => ({ name, size: encodedBodySize }))`,
    );
    const files = sizes.filter(({ name }) => !name.includes("/api/"));
    const total = files.reduce((sum, { size }) => sum + size, 0);
    assert.ok(total > 50_000 && total < firstLoad, `${total} bytes: ${JSON.stringify(files)}`);
  });

  test("the mesh's page has both clusters, networks and gateways, and the measured rate of what crosses", async () => {
    const { page } = console;
    await console.view("/mesh?range=15s");
    for (const name of ["main0", "remote0"])
      await page.getByRole("article", { name: `cluster ${name}, ready` }).waitFor();
    for (const network of ["network1", "network2"])
      await page.getByText(network, { exact: true }).first().waitFor();
    const status = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout) as {
      gateways: { kind: string; address: string; port: number }[];
    };
    for (const { address, port } of status.gateways.filter(({ kind }) => kind === "eastwest"))
      await page.locator(".port-address", { hasText: `${address}:${port}` }).waitFor();
    // Half of what the client sends goes to the version in the other cluster; a busy machine sends less.
    const crossing = await eventually(async () => {
      const text = await page
        .getByRole("button", { name: /^main0 to remote0/ })
        .textContent({ timeout: 5000 });
      const rps = Number(/([\d.]+) rps/.exec(text ?? "")?.[1]);
      return rps > 0 && rps < rate * 0.75 ? rps : undefined;
    });
    const row = page.locator("tr", { hasText: "main0" }).filter({ hasText: "remote0" }).first();
    assert.match((await row.textContent()) ?? "", /all/, `${crossing} rps over mutual TLS`);
  });

  test("AKS-19 the versioned app graph shows caller, service and both versions in their clusters, half of the requests each", async () => {
    const { page } = console;
    await console.view("/kiali");
    await page.getByRole("heading", { name: "Traffic", exact: true }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/traffic");
    await page.getByLabel("Namespace").selectOption("sample");
    assert.equal(new URL(page.url()).searchParams.get("ns"), "sample");
    await page.getByRole("button", { name: /^app sleep, latest, in sample of main0/ }).waitFor();
    await page.getByRole("button", { name: /^service helloworld, in sample of main0/ }).waitFor();
    await page.getByRole("button", { name: /^app helloworld, v1, in sample of main0, healthy/ }).waitFor();
    await page.getByRole("button", { name: /^app helloworld, v2, in sample of remote0, healthy/ }).waitFor();
    await eventually(async () => {
      const boxes = await page.locator(".cluster-title").allTextContents();
      return boxes.join() === "main0network1,remote0network2";
    });
    const read = await shares("30s");
    await eventually(async () => {
      const { v1, v2 } = await read();
      assert.ok(v1 >= 40 && v1 <= 60 && Math.abs(v1 + v2 - 100) <= 1, `${v1} + ${v2}`);
      // Padlocks on every edge, and what crosses the networks goes through a gateway.
      assert.equal(await page.locator(".graph-label .unlocked").count(), 0);
      assert.ok((await page.locator(".graph-label .locked").count()) >= 3);
      assert.equal((await labels(/^main0 → remote0$/)).length, 1);
      return true;
    });
  });

  test("AKS-19 a slider shifts the traffic: the YAML is shown first, the measured shares follow", async () => {
    const { page } = console;
    await mesh.kubectl("main0", "-n", "sample", "delete", "virtualservices", "--all");
    await console.view("/clusters/main0/namespaces/sample/workloads/helloworld-v1");
    await page.getByRole("button", { name: "Shift traffic" }).click();
    const slider = page.getByLabel("Wanted share of v1, percent");
    await slider.fill("90");
    await page.locator(".code .added", { hasText: "weight: 90" }).waitFor();
    const before = await mesh.tryKubectl("main0", ["-n", "sample", "get", "virtualservice", "-o", "name"]);
    assert.equal(before.stdout, "", "nothing is written before Apply");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByText("Written.").waitFor();
    const weights = await mesh.kubectl(
      "main0",
      ...["-n", "sample", "get", "virtualservice", "helloworld"],
      ...["-o", "jsonpath={.spec.http[0].route[*].weight}"],
    );
    assert.equal(weights, "90 10");
    const read = await shares("15s");
    await eventually(async () => {
      const { v1, v2 } = await read();
      return v1 >= 85 && v1 <= 95 && v2 >= 5 && v2 <= 15;
    }, 40_000);
  });

  test("AKS-20 every option of the display changes what is drawn, and is part of the address", async () => {
    const { page } = console;
    await console.view("/traffic?ns=sample");
    await page.locator("[data-node]").first().waitFor();
    await page.getByRole("button", { name: "Display" }).click();
    const text = () => page.locator("[data-label] text").allTextContents();
    const seen = (wanted: () => Promise<boolean>) =>
      eventually(async () => (await wanted()) || undefined, 10_000);
    const has = (pattern: RegExp) => seen(async () => (await text()).some((line) => pattern.test(line)));
    const lacks = (pattern: RegExp) => seen(async () => !(await text()).some((line) => pattern.test(line)));
    const count = (selector: string, wanted: (number: number) => boolean) =>
      seen(async () => wanted(await page.locator(selector).count()));
    const toggle = (name: string) => page.getByLabel(name, { exact: true }).click();

    await has(/ rps$/);
    await toggle("Traffic distribution, %");
    await lacks(/^\d+ %$/);
    await toggle("Response time");
    await has(/^p95 [\d.]+ ms$/);
    await toggle("Throughput");
    await has(/ [KM]?B\/s$/);
    await toggle("Security");
    await count(".graph-label .locked", (number) => number === 0);
    await toggle("Service nodes");
    await count("[data-node^='service:']", (number) => number === 0);
    await toggle("Namespace boxes");
    await count(".graph-box.namespace", (number) => number === 0);
    await toggle("Cluster boxes");
    await count(".cluster-rect", (number) => number === 0);
    await toggle("Traffic animation");
    await count(".flowing", (number) => number > 0);
    assert.match(page.url(), /show=rate%2Ctime%2Cbytes%2Canimation/);

    const routed = JSON.stringify({
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "helloworld", namespace: "sample" },
      spec: { hosts: ["helloworld"], http: [{ route: [{ destination: { host: "helloworld" } }] }] },
    });
    const applied = await mesh.tryKubectl("main0", ["apply", "-f", "-"], routed);
    assert.equal(applied.code, 0, applied.stderr);
    await console.view("/traffic?ns=sample&show=rate,services,virtual-services");
    await count(".graph-node .badge", (number) => number > 0);
    await console.view("/traffic?ns=sample&show=rate,services");
    await page.locator("[data-node]").first().waitFor();
    assert.equal(await page.locator(".graph-node .badge").count(), 0);
  });

  test("AKS-20 a namespace without traffic says so, and how to get some", async () => {
    await console.view("/traffic?ns=default");
    await console.page.getByText(/^No traffic in 1 m in default$/).waitFor();
    await console.page.getByText(/^isthmus load /).waitFor();
  });

  test("a workload's page says of every endpoint why it is there", async () => {
    const { page } = console;
    await console.view("/clusters/main0/namespaces/sample/workloads/sleep?tab=destinations");
    const endpoints = page.getByRole("region", { name: "Endpoints of helloworld.sample.svc.cluster.local" });
    await endpoints.getByText("a pod of this cluster that the Service selects").waitFor();
    await endpoints.getByText(/remote0 is on network2, .* its gateway stands for 1 pod/).waitFor();
    await page.getByText("spiffe://cluster.local/ns/sample/sa/sleep").waitFor();
  });

  test("what breaks is among the checks within seconds, by its effect, and goes again when it is mended", async () => {
    const { page } = console;
    await console.view("/checks");
    const broken = JSON.stringify({
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "broken", namespace: "sample" },
      spec: {
        hosts: ["broken.example"],
        http: [{ route: [{ destination: { host: "nobody.sample.svc.cluster.local" } }] }],
      },
    });
    const applied = await mesh.tryKubectl("main0", ["apply", "-f", "-"], broken);
    assert.equal(applied.code, 0, applied.stderr);
    const finding = page.locator(".finding", { hasText: "VirtualService sample/broken" });
    await finding.waitFor();
    await finding
      .getByText(/nobody\.sample/)
      .first()
      .waitFor();
    await mesh.kubectl("main0", "-n", "sample", "delete", "virtualservice", "broken");
    await finding.waitFor({ state: "detached" });
  });

  test("keys lead everywhere: search, pages, help", async () => {
    const { page } = console;
    await console.view("/mesh");
    await page.getByRole("article").first().waitFor();
    await eventually(async () => {
      // The second key counts for a moment only.
      await page.keyboard.press("g");
      await page.keyboard.press("w");
      return page.getByRole("heading", { name: "Workloads" }).isVisible();
    });
    await page.keyboard.press("/");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("helloworld remote0");
    await page
      .getByRole("dialog")
      .getByRole("option", { name: /helloworld-v2/ })
      .waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/clusters/remote0/namespaces/sample/workloads/helloworld-v2");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  test("no page shows what a Secret holds", async () => {
    const secret = JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "hidden", namespace: "sample" },
      data: { password: secretKey },
    });
    await mesh.tryKubectl("main0", ["apply", "-f", "-"], secret);
    const { origin, token } = console;
    for (const target of [
      "/api/mesh",
      "/api/checks",
      "/api/index",
      "/api/workloads",
      "/api/services",
      "/api/config",
      "/api/trust",
      "/api/services",
      "/api/config",
      "/api/trust",
      "/api/traffic",
      "/api/clusters/main0/namespaces/sample/workloads/sleep",
    ]) {
      const answer = await fetch(`${origin}${target}`, { headers: { authorization: `Bearer ${token}` } });
      const body = await answer.text();
      assert.equal(answer.status, 200, `${target}: ${body}`);
      assert.equal(body.includes(secretKey), false, target);
      assert.doesNotMatch(body, /PRIVATE KEY/, target);
      assert.equal(body.includes(token), false, target);
    }
  });

  testActions(() => ({ mesh, console }));

  test("no view scrolls sideways at 1280 pixels, in light and in dark, and no script complains", async () => {
    const dark = await openConsole(browser, mesh, "dark");
    for (const one of [console, dark])
      for (const address of addresses) {
        await one.view(address);
        await one.page.locator(".page > *").first().waitFor();
        const [inner = 0, outer = 0] = await one.page.evaluate<number[]>(
          `(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.querySelector(".page"))`,
        );
        assert.ok(inner <= outer, `${address}: ${inner} in ${outer}`);
      }
    for (const [theme, one] of [
      ["light", console],
      ["dark", dark],
    ] as const)
      for (const name of ["mesh", "traffic", "workloads"]) {
        await one.view(`/${name}`);
        await one.page.locator("main table, main [data-node]").first().waitFor();
        await takePicture(one.page, `${name}-${theme}`);
      }
    assert.deepEqual([...console.complaints, ...dark.complaints], []);
  });
});

suite.skipIf(!hasTools)("console: the guides' graphs [needs kubectl] [needs chromium]", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  /** Runs an example, with requests to `url` from outside or from a workload, and looks at its console. */
  const look = async (
    start: () => Promise<MeshUnderTest>,
    load: (mesh: MeshUnderTest) => Promise<readonly string[]>,
    check: (mesh: MeshUnderTest, console: OpenConsole) => Promise<void>,
  ) => {
    const mesh = await start();
    try {
      const args = [...(await load(mesh)), "--rate", String(rate), "--duration", "10m"];
      const requests = background(process.execPath, [isthmus, "load", ...args], mesh.folder);
      try {
        await check(mesh, await openConsole(browser, mesh));
      } finally {
        requests.end();
        await requests.result;
      }
    } finally {
      await mesh.stop();
    }
  };
  const node = ({ page }: OpenConsole, name: RegExp) => page.getByRole("button", { name });
  const ingressOf = async (mesh: MeshUnderTest, cluster: string) => {
    const { gateways } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout) as {
      readonly gateways: readonly {
        readonly cluster: string;
        readonly kind: string;
        readonly url?: string;
      }[];
    };
    return gateways.find((one) => one.cluster === cluster && one.kind === "ingress")?.url ?? "";
  };

  test(
    "OKE-12 the console shows clusters, networks, gateway addresses and what goes from fra to ash through them",
    () =>
      look(
        startOke,
        async () => [
          "http://helloworld.sample:5000/hello",
          "--from",
          "deploy/curl.sample",
          "--cluster",
          "fra",
        ],
        async (mesh, { page, view }) => {
          await view("/mesh?range=15s");
          for (const name of ["fra", "ash"])
            await page.getByRole("article", { name: `cluster ${name}, ready` }).waitFor();
          for (const network of ["network1", "network2"])
            await page.getByText(network, { exact: true }).first().waitFor();
          const address = await mesh.kubectl(
            "ash",
            ...["-n", "istio-system", "get", "svc", "istio-eastwestgateway"],
            ...["-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"],
          );
          await page.locator(".port-address", { hasText: address }).waitFor();
          await eventually(async () => {
            const text = await page
              .getByRole("button", { name: /^fra to ash/ })
              .textContent({ timeout: 5000 });
            return Number(/([\d.]+) rps/.exec(text ?? "")?.[1]) > 0;
          });
          await page
            .locator("tr", { hasText: "fra" })
            .filter({ hasText: "ash" })
            .filter({ hasText: address })
            .first()
            .waitFor();
        },
      ),
    300_000,
  );

  test(
    "GLOBAL-16 the graph leads from greeter through the service entry to the messenger of mesh-2, and is red while that is away",
    () =>
      look(
        () =>
          startExample({
            example: "global",
            client: "deploy/greeter",
            container: "greeter",
            namespace: "default",
          }),
        async (mesh) => [`${await ingressOf(mesh, "mesh-1")}/greeter`],
        async (mesh, console) => {
          await console.view("/traffic?range=15s&show=rate,clusters,services");
          await node(console, /^app greeter, .* in default of mesh-1, healthy/).waitFor();
          const entry = node(console, /^service entry messenger\.default\.global, in \S+ of mesh-1, healthy/);
          await entry.waitFor();
          await node(console, /^app messenger, .* in default of mesh-2, healthy/).waitFor();
          assert.equal(await console.page.locator(".graph-node .badge.entry").count(), 1);
          await mesh.kubectl("mesh-2", "scale", "deployment/messenger", "--replicas=0");
          await node(console, /^service entry messenger\.default\.global, .* failing/).waitFor();
          await eventually(async () => (await console.page.locator(".graph-edge.failing").count()) > 0);
        },
      ),
    300_000,
  );

  test(
    "LIQO-27 the graph leads from the provider's gateway to s0, in boxes per cluster, without a failure",
    () =>
      look(
        () => startLiqo(),
        async (mesh) => [`${await (mesh as LiqoMesh).ingress("provider1")}/s0`],
        async (_, console) => {
          await console.view("/traffic?range=15s&ns=fluidosmesh");
          await node(
            console,
            /^gateway istio-ingressgateway, .* in istio-ingress-provider1 of provider1, healthy/,
          ).waitFor();
          await node(console, /^service s0, in fluidosmesh of \w+, healthy/)
            .first()
            .waitFor();
          await node(console, /^app s0, \S+, in fluidosmesh of provider1, healthy/).waitFor();
          await eventually(async () => {
            const titles = await console.page.locator(".cluster-title").allTextContents();
            return titles.some((title) => title.startsWith("provider1"));
          });
          await console.page.locator(".graph-panel", { hasText: "100 % success" }).waitFor();
          // The peering that lets s0 run there is on the mesh's page.
          await console.view("/mesh");
          await console.page.getByRole("region", { name: "Peerings" }).getByText("Established").waitFor();
          await console.view("/traffic?range=15s&ns=fluidosmesh");
          await node(console, /istio-ingressgateway/)
            .first()
            .waitFor();
          assert.equal(await console.page.locator(".graph-edge.failing").count(), 0);
        },
      ),
    300_000,
  );
});
