import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, suite, test } from "vitest";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { type Finding, mendedBy } from "../../src/checks/index.ts";
import { type Console, startConsole } from "../../src/console/index.ts";
import {
  type MadeUp,
  type MadeUpSource,
  madeUpSource,
} from "../../src/console/test-support/made-up-source.ts";
import type { KubeObject } from "../../src/kube/index.ts";
import { findChromium } from "../support/tools.ts";
import { pagePatience, startBrowser } from "./support/browser.ts";
import { takePicture } from "./support/picture.ts";

const web: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: { selector: { app: "web" }, clusterIP: "127.16.128.4", ports: [{ name: "http", port: 80 }] },
};

/** Roles of what people operate. */
const operable = new Set([
  ...["button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "slider", "spinbutton"],
  ...["switch", "tab", "option"],
]);

/** Of every cluster. */
const objects: Readonly<Record<string, readonly KubeObject[]>> = {
  namespaces: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } }],
  deployments: [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "shop" },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "web" } },
        template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } },
      },
    },
  ],
  services: [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "reviews", namespace: "shop" },
      spec: { selector: { app: "reviews" }, ports: [{ name: "http", port: 9080 }] },
    },
  ],
  pods: [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "web-x-1",
        namespace: "shop",
        labels: { app: "web", "pod-template-hash": "x" },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-x", uid: "1", controller: true },
        ],
      },
      spec: { containers: [{ name: "web" }] },
      status: { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] },
    },
  ],
  peerauthentications: [
    {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "strict", namespace: "shop" },
      spec: { mtls: { mode: "STRICT" } },
    },
  ],
};
const findings: readonly Finding[] = [
  {
    code: "injection/label-missing",
    severity: "error",
    cluster: "west",
    objects: [{ cluster: "west", kind: "Namespace", name: "shop" }],
    effect: "new pods get no sidecar",
    cause: "the namespace has no label",
    evidence: ["kubectl --context west get ns shop --show-labels"],
    ...mendedBy([
      {
        kind: "label",
        cluster: "west",
        objects: { kind: "Namespace", names: ["shop"] },
        label: "istio-injection",
        value: "enabled",
      },
    ]),
  },
];

suite.skipIf(findChromium() === undefined)("console: meshes of any size [needs chromium]", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  const look = async (
    mesh: MadeUp,
    theme: "light" | "dark",
    check: (page: Page, view: (address: string) => Promise<void>, source: MadeUpSource) => Promise<void>,
  ) => {
    const source = madeUpSource(mesh);
    const pages: Console = await startConsole({
      source,
      token: "token",
      port: 0,
      clock: systemClock,
      log: silentLogger,
    });
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: theme });
    context.setDefaultTimeout(pagePatience);
    try {
      const page = await context.newPage();
      await page.goto(pages.url);
      const view = async (address: string) => {
        await page.goto(`http://127.0.0.1:${pages.port}${address}`);
      };
      await check(page, view, source);
    } finally {
      await context.close();
      await pages.stop();
    }
  };
  const fitsInto = (selector: string) => async (page: Page) => {
    const [inner = 0, outer = 0] = await page.evaluate<number[]>(
      `(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.querySelector("${selector}"))`,
    );
    assert.ok(inner <= outer, `${inner} in ${outer} of ${selector}`);
  };
  const fits = fitsInto(".page");
  // Cards clip what is too wide for them.
  const fitsCard = fitsInto(".table-card");

  for (const theme of ["light", "dark"] as const)
    for (const clusters of [2, 20])
      test(`${clusters} clusters fit on the mesh's page, in tables and in the graph, ${theme}`, () =>
        look({ clusters, objects: () => ({ services: [web] }) }, theme, async (page, view) => {
          await view("/mesh");
          const shown = clusters === 2 ? page.getByRole("article") : page.locator(".tile");
          await shown.nth(clusters - 1).waitFor();
          assert.equal(await shown.count(), clusters);
          await fits(page);
          await takePicture(page, `mesh-${clusters}-${theme}`);
          await view("/traffic");
          await page
            .locator(".cluster-title")
            .nth(clusters - 1)
            .waitFor();
          assert.equal(await page.locator("[data-node]").count(), 4 * clusters);
          await fits(page);
          await takePicture(page, `traffic-${clusters}-${theme}`);
          for (const table of ["services", "clusters", "trust"]) {
            await view(`/${table}`);
            await page.locator("tbody tr").first().waitFor();
            await fitsCard(page);
            await takePicture(page, `${table}-${clusters}-${theme}`);
          }
        }));

  test("no two boxes of twenty clusters cover each other in the graph", () =>
    look({ clusters: 20 }, "light", async (page, view) => {
      await view("/traffic");
      await page.locator(".cluster-rect").nth(19).waitFor();
      const boxes = await page.locator(".cluster-rect").evaluateAll((all) =>
        all.map((one) => {
          const { left, right, top, bottom } = one.getBoundingClientRect();
          return { left, right, top, bottom };
        }),
      );
      const covering = boxes.flatMap((a, i) =>
        boxes
          .slice(i + 1)
          .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom),
      );
      assert.deepEqual(covering, []);
    }));

  test("more nodes than can be read are summed up by cluster, with a word on how to see them", () =>
    look({ clusters: 60 }, "light", async (page, view) => {
      await view("/traffic");
      await page.getByText(/240 nodes are too many to read, so they are summed up by cluster/).waitFor();
      await page.getByRole("region", { name: "Who calls whom" }).waitFor();
      await fits(page);
    }));

  test("without measurements every page says so, and none is empty", () =>
    look({ clusters: 2, isMeasured: false }, "light", async (page, view) => {
      await view("/mesh");
      await page.getByText("not measured yet").first().waitFor();
      await view("/traffic");
      await page.getByText("Traffic is not measured yet").waitFor();
    }));

  test("a cluster that is away stays on the page, and the others are as they were", () =>
    look({ clusters: 3, away: ["west"] }, "dark", async (page, view) => {
      await view("/mesh");
      await page.getByRole("article", { name: "cluster west, stopped" }).waitFor();
      await page.getByRole("article", { name: "cluster east, ready" }).waitFor();
      await view("/workloads");
      await page.getByText(/west does not answer/).waitFor();
      await view("/clusters");
      const rowWith = (button: string) =>
        page.getByRole("row").filter({ has: page.getByRole("button", { name: button }) });
      await rowWith("Start west").getByText("stopped").waitFor();
      await rowWith("Stop east").getByText("ok", { exact: true }).waitFor();
      await fitsCard(page);
      await takePicture(page, "clusters-away-dark");
      await view("/clusters/west");
      await page.getByText(/west does not answer/).waitFor();
      await page.getByText("No nodes are known").waitFor();
      await page.getByRole("region", { name: "Certificates" }).getByText("Root, signs itself").waitFor();
    }));

  test("the graph is saved as a picture, as a drawing and as numbers, and no policy of the page is broken", () =>
    look({ clusters: 2 }, "light", async (page, view) => {
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await view("/traffic");
      await page.locator("[data-node]").first().waitFor();
      const save = async (form: "png" | "svg" | "json") => {
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          page.getByLabel("Save the graph").selectOption(form),
        ]);
        assert.equal(download.suggestedFilename(), `traffic.${form}`);
        return readFileSync(await download.path());
      };

      const png = await save("png");
      // What runs in the page is text: this side knows no browser.
      const colours = await page.evaluate<number>(`(async () => {
        const bytes = Uint8Array.from(atob("${png.toString("base64")}"), (one) => one.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
        const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        return new Set(new Uint32Array(data.buffer)).size;
      })()`);
      assert.ok(colours > 20, `a picture of ${colours} colours`);

      const drawing = (await save("svg")).toString("utf8");
      const { texts, styled, isBroken } = await page.evaluate<{
        texts: string[];
        styled: number;
        isBroken: boolean;
      }>(`(() => {
        const read = new DOMParser().parseFromString(${JSON.stringify(drawing)}, "image/svg+xml");
        return {
          texts: [...read.querySelectorAll("text")].map((one) => one.textContent),
          styled: read.querySelectorAll("[fill^=rgb]").length,
          isBroken: read.querySelector("parsererror") !== null,
        };
      })()`);
      assert.equal(isBroken, false);
      for (const name of ["east", "west", "reviews", "ratings"])
        assert.ok(
          texts.some((text) => text.includes(name)),
          `${name} in ${texts.join(", ")}`,
        );
      assert.ok(styled > 20, "its colours do not come from the page's style sheet");

      const { nodes, edges } = JSON.parse((await save("json")).toString("utf8")) as {
        readonly nodes: readonly { readonly id: string }[];
        readonly edges: readonly { readonly from: string; readonly to: string }[];
      };
      assert.equal(nodes.length, 8);
      const ids = new Set(nodes.map(({ id }) => id));
      assert.ok(edges.length > 0 && edges.every(({ from, to }) => ids.has(from) && ids.has(to)));
      assert.deepEqual(complaints, []);
    }));

  test("keys alone find an object of any kind, open a window, walk through it, and get the focus back on Escape", () =>
    look({ clusters: 2, objects: () => objects }, "light", async (page, view) => {
      const dialog = page.getByRole("dialog");
      for (const [words, address] of [
        ["web deployment west", /\/clusters\/west\/namespaces\/shop\/workloads\/web$/],
        ["reviews service east", /\/services\?ns=shop&q=reviews$/],
        ["west cluster", /\/clusters\/west$/],
        ["strict west", /\/config\?object=west%2FPeerAuthentication%2Fshop%2Fstrict$/],
        ["trust page", /\/trust$/],
      ] as const) {
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.keyboard.press("/");
        await page.keyboard.type(words);
        await dialog.getByRole("option").first().waitFor();
        await page.keyboard.press("Enter");
        await page.waitForURL(address);
        await dialog.waitFor({ state: "detached" });
      }

      await view("/clusters/east/namespaces/shop/workloads/web");
      await page.getByRole("button", { name: "Scale", exact: true }).focus();
      await page.keyboard.press("Enter");
      await dialog.getByRole("button", { name: "Apply" }).and(page.locator(":disabled")).waitFor();
      const focused = () => page.evaluate<string>("document.activeElement.textContent.trim()");
      const walked: string[] = [];
      for (let i = 0; i < 4; i++) {
        walked.push(await focused());
        await page.keyboard.press("Tab");
      }
      // In the order that they are read; nothing is to be applied yet.
      assert.deepEqual(walked, ["Close", "One less", "One more", "Cancel"]);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      assert.equal(await focused(), "Scale");
    }));

  test("everything that can be operated says what it is", () =>
    look({ clusters: 2, objects: () => objects, findings }, "light", async (page, view) => {
      const session = await page.context().newCDPSession(page);
      for (const address of [
        "/mesh",
        "/traffic",
        "/traffic?view=table",
        "/checks",
        "/services?q=reviews",
        "/config",
        "/trust",
        "/live",
        "/traces",
        "/workloads",
        "/clusters",
        "/clusters/east",
        "/workspaces",
        "/clusters/east/namespaces/shop/workloads/web",
      ]) {
        await view(address);
        await page.locator(".page > :not(.skeleton)").first().waitFor();
        const { nodes } = await session.send("Accessibility.getFullAXTree");
        const known = nodes.filter(({ ignored, role }) => !ignored && operable.has(String(role?.value)));
        assert.ok(known.length > 10, address);
        assert.deepEqual(
          known.filter(({ name }) => String(name?.value ?? "").trim() === "").map(({ role }) => role?.value),
          [],
          address,
        );
      }
    }));

  test("a fix is shown before it is applied, and then does what it says", () =>
    look({ clusters: 2, objects: () => objects, findings }, "light", async (page, view, { writes }) => {
      await view("/checks");
      await page.getByRole("button", { name: /^Apply the fix of: new pods get no sidecar/ }).click();
      const dialog = page.getByRole("dialog");
      await dialog.locator(".code .added", { hasText: "istio-injection: enabled" }).waitFor();
      await dialog
        .getByText("kubectl --context west label ns shop istio-injection=enabled --overwrite")
        .waitFor();
      assert.deepEqual(writes, []);
      await dialog.getByRole("button", { name: "Apply", exact: true }).click();
      await dialog.waitFor({ state: "detached" });
      assert.deepEqual(
        writes.map(({ cluster, method, path, body }) => [cluster, method, path, body]),
        [
          [
            "west",
            "PATCH",
            "/api/v1/namespaces/shop",
            { metadata: { labels: { "istio-injection": "enabled" } } },
          ],
        ],
      );
    }));

  test("requests are sent from a workload, described before, followed while they go on, and ended", () =>
    look({ clusters: 2, objects: () => objects }, "light", async (page, view, { asked }) => {
      await view("/clusters/east/namespaces/shop/workloads/web");
      await page.getByRole("button", { name: "Send requests", exact: true }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("URL, as the workload would write it").fill("http://reviews:9080/?a=1");
      await dialog.getByLabel("Requests a second").fill("20");
      await dialog.getByLabel("Seconds").fill("600");
      await dialog
        .getByText(
          "isthmus load 'http://reviews:9080/?a=1' --from deployment/web.shop --cluster east --rate 20 --duration 600s --connections 10",
        )
        .waitFor();
      assert.deepEqual(asked, []);
      await dialog.getByRole("button", { name: "Send", exact: true }).click();
      await dialog.getByText("10 × HTTP 200").waitFor();
      assert.deepEqual(asked, ["load east/shop/web http://reviews:9080/?a=1 20"]);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });

      // They go on wherever one looks meanwhile.
      await view("/trust");
      const sent = page.getByRole("list", { name: "Requests sent" });
      await sent.getByRole("button", { name: /web → reviews/ }).click();
      await dialog.getByRole("button", { name: "End", exact: true }).click();
      await dialog.getByText(/^over after \d+ s$/).waitFor();
      await page.keyboard.press("Escape");
      await sent.waitFor({ state: "detached" });
    }));

  test("an action that was changed a moment before it is applied is applied as it was changed", () =>
    look({ clusters: 2, objects: () => objects }, "light", async (page, view, { writes }) => {
      await view("/clusters/east/namespaces/shop/workloads/web");
      await page.getByRole("button", { name: "Scale", exact: true }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("--replicas=1", { exact: false }).waitFor();
      await dialog.getByRole("button", { name: "One more" }).click();
      await dialog.getByRole("button", { name: "Apply", exact: true }).click();
      await dialog.waitFor({ state: "detached" });
      assert.deepEqual(
        writes.map(({ body }) => body),
        [{ spec: { replicas: 2 } }],
      );
    }));

  test("a service's page offers workloads with pods to send requests to it from", () =>
    look({ clusters: 2, objects: () => objects }, "light", async (page, view, { asked }) => {
      await view("/services?q=reviews");
      await page.getByRole("button", { name: "reviews in shop", exact: true }).click();
      await page.getByRole("button", { name: "Send requests", exact: true }).click();
      const dialog = page.getByRole("dialog");
      assert.equal(
        await dialog.getByLabel("URL, as the workload would write it").inputValue(),
        "http://reviews.shop:9080/",
      );
      await dialog.getByLabel("From").selectOption("web in shop of west");
      await dialog.getByText(/--from deployment\/web\.shop --cluster west/).waitFor();
      await dialog.getByRole("button", { name: "Send", exact: true }).click();
      await dialog.getByText("10 × HTTP 200").waitFor();
      assert.deepEqual(asked, ["load west/shop/web http://reviews.shop:9080/ 10"]);
    }));

  test("pages of workspaces are offered only where there is a management cluster", () =>
    look({ clusters: 2 }, "light", async (page, view) => {
      await page.getByRole("link", { name: "Clusters" }).waitFor();
      assert.equal(await page.getByRole("link", { name: "Workspaces" }).count(), 0);
      await view("/workspaces");
      await page.getByText("This mesh has no management cluster").waitFor();
    }));

  test("when the engine goes away the page stays, grey, and says since when", () =>
    look({ clusters: 2 }, "light", async (page) => {
      await page.getByRole("article", { name: "cluster east, ready" }).waitFor();
      await page.route("**/api/**", (route) => route.abort());
      await page.evaluate(`document.querySelector("nav a[href='/workloads']").click()`);
      await page.getByText(/^The engine does not answer: everything below was so/).waitFor();
      await page.getByText("Lost", { exact: false }).first().waitFor();
    }));
});
