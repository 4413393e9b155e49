import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, suite, test } from "vitest";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { type Console, startConsole } from "../../src/console/index.ts";
import { type MadeUp, madeUpSource } from "../../src/console/test-support/made-up-source.ts";
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

suite.skipIf(findChromium() === undefined)("console: meshes of any size [needs chromium]", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  const look = async (
    mesh: MadeUp,
    theme: "light" | "dark",
    check: (page: Page, view: (address: string) => Promise<void>) => Promise<void>,
  ) => {
    const pages: Console = await startConsole({
      source: madeUpSource(mesh),
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
      await check(page, async (address) => {
        await page.goto(`http://127.0.0.1:${pages.port}${address}`);
      });
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
