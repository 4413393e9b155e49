import { type Browser, chromium, type Page } from "playwright-core";
import { findChromium } from "../../support/tools.ts";
import type { MeshUnderTest } from "./running-mesh.ts";

/** Milliseconds that a page may take to show what is waited for. */
export const pagePatience = 60_000;

/** Chromium without a window. */
export function startBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("there is no Chromium");
  return chromium.launch({ executablePath, args: ["--no-sandbox"], timeout: 2 * pagePatience });
}

/** The console of a mesh, and what its pages complained about. */
export interface OpenConsole {
  readonly page: Page;
  /** "http://127.0.0.1:20001" */
  readonly origin: string;
  readonly token: string;
  /** Errors of the page's scripts and of its policy. */
  readonly complaints: readonly string[];
  /** Goes to another view, as its address says. */
  view(address: string): Promise<void>;
}

/** Opens the address that `isthmus console` prints, in a window of 1280 by 860. */
export async function openConsole(
  browser: Browser,
  mesh: MeshUnderTest,
  theme: "light" | "dark" = "light",
): Promise<OpenConsole> {
  const { stdout } = await mesh.isthmus("console", "-o", "json");
  const { url } = JSON.parse(stdout) as { readonly url: string };
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: theme });
  context.setDefaultTimeout(pagePatience);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (reason) => complaints.push(reason.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(url);
  const { origin, searchParams } = new URL(url);
  return {
    page,
    origin,
    token: searchParams.get("token") ?? "",
    complaints,
    view: async (address) => {
      await page.goto(`${origin}${address}`);
    },
  };
}
