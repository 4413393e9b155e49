/** Pages of a made-up mesh in a Chromium without a window, beside an empty page and beside plain ELK in this run. */
import { parseArgs } from "node:util";
import elkjs from "elkjs";
import { type Browser, chromium, type Page } from "playwright-core";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { startConsole } from "../../src/console/index.ts";
import { madeUpSource } from "../../src/console/test-support/made-up-source.ts";
import type { TrafficGraph } from "../../src/telemetry/index.ts";
import { findChromium } from "../../test/support/tools.ts";
import { formatTable, median, short } from "../figures.ts";
import { madeUpGraph } from "./made-up-graph.ts";

const { values: options } = parseArgs({
  options: {
    pages: { type: "string", default: "dist/console" },
    seconds: { type: "string", default: "3" },
    workloads: { type: "string", default: "200,1000" },
  },
});
const seconds = Number(options.seconds);
const clusters = 5;
const rounds = 5;

const executablePath = findChromium();
if (executablePath === undefined) {
  console.log("\nconsole: there is no Chromium: set CHROMIUM_PATH");
} else {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    console.log(`\nconsole: the graph of ${clusters} clusters, 1280 by 860 pixels`);
    for (const workloads of options.workloads.split(",").map(Number)) await benchGraph(browser, workloads);
  } finally {
    await browser.close();
  }
}

async function benchGraph(browser: Browser, workloads: number): Promise<void> {
  const source = madeUpSource({ clusters });
  const { telemetry } = source;
  if (telemetry === undefined) throw new Error("the made-up mesh is not measured");
  const names = (await source.state()).clusters.map(({ name }) => name);
  const whole = madeUpGraph(workloads, names, { level: "workload" });
  const pages = await startConsole({
    source: {
      ...source,
      telemetry: { ...telemetry, graph: (wanted) => madeUpGraph(workloads, names, wanted) },
    },
    token: "token",
    port: 0,
    folder: options.pages,
    clock: systemClock,
    log: silentLogger,
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  try {
    const page = await context.newPage();
    const empty = await framesPerSecond(page, () => page.waitForTimeout(seconds * 1000));
    await page.goto(pages.url);
    const view = async (more: string) => {
      await page.goto(`http://127.0.0.1:${pages.port}/traffic?level=workload${more}`);
      await page.locator("[data-node]").first().waitFor();
    };
    const [layouts, firsts]: [number[], number[]] = [[], []];
    for (let i = 0; i < rounds; i++) {
      const began = performance.now();
      await view("");
      firsts.push(performance.now() - began);
      layouts.push(await lastLayout(page));
    }
    const drawn = await page.locator("[data-node]").count();
    const fitted = await framesPerSecond(page, () => pan(page));
    for (let i = 0; i < 4; i++) await page.getByRole("button", { name: "Larger" }).click();
    const near = await framesPerSecond(page, () => pan(page));
    await view("&show=rate,clusters,namespaces,animation");
    const animated = await framesPerSecond(page, () => page.waitForTimeout(seconds * 1000));
    const plain = median(await plainLayouts(whole));
    const frames = (what: string, rate: number) => [what, short(rate), `${short((100 * rate) / empty)} %`];
    for (const line of formatTable([
      [`${workloads} workloads, ${whole.edges.length} edges: ${drawn} nodes drawn`, "", "beside"],
      ["layout, ms, median (beside: the whole graph by plain ELK, ms)", short(median(layouts)), short(plain)],
      ["page opened until the graph is drawn, ms, median", short(median(firsts)), ""],
      ["frames a second of an empty page", short(empty), ""],
      frames("  … moved about, all in view", fitted),
      frames("  … moved about, near by", near),
      frames("  … animated", animated),
    ]))
      console.log(line);
  } finally {
    await context.close();
    await pages.stop();
  }
}

/** How long the page took to lay out what it shows, in milliseconds. */
function lastLayout(page: Page): Promise<number> {
  return page.evaluate<number>(
    `performance.getEntriesByName("layout of the graph").reduce((_, { duration }) => duration, NaN)`,
  );
}

/** Frames that the page drew in a second while something went on. */
async function framesPerSecond(page: Page, during: () => Promise<void>): Promise<number> {
  await page.evaluate(`(() => {
    window.frames = { count: 0, began: performance.now() };
    const next = () => { window.frames.count++; window.frames.timer = requestAnimationFrame(next); };
    next();
  })()`);
  await during();
  return page.evaluate<number>(
    `cancelAnimationFrame(window.frames.timer), window.frames.count * 1000 / (performance.now() - window.frames.began)`,
  );
}

/** Drags the drawing round in circles. */
async function pan(page: Page): Promise<void> {
  const box = await page.locator(".graph-place").boundingBox();
  if (box === null) throw new Error("there is no graph to move");
  const [x, y] = [box.x + 12, box.y + 12];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const end = performance.now() + seconds * 1000;
  for (let i = 0; performance.now() < end; i++)
    await page.mouse.move(x + 120 * Math.sin(i / 20), y + 80 * Math.sin(i / 13));
  await page.mouse.up();
}

/** Times of ELK for the same nodes and edges as one graph without boxes, in this process, in milliseconds. */
async function plainLayouts({ nodes, edges }: TrafficGraph): Promise<number[]> {
  const elk = new elkjs.default();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    await elk.layout({
      id: "root",
      children: nodes.map(({ id }) => ({ id, width: 120, height: 34 })),
      edges: edges.map(({ from, to }, n) => ({ id: String(n), sources: [from], targets: [to] })),
      layoutOptions: { "elk.algorithm": "layered", "elk.edgeRouting": "ORTHOGONAL" },
    });
    times.push(performance.now() - began);
  }
  return times;
}
