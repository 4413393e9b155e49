import { existsSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";

const docs = path.resolve(import.meta.dirname, "../../../docs/images");

/**
 * Takes a picture of a page for the folder that SCREENSHOTS names, and with UPDATE_DOCS=1 for the documentation, if it
 * has one of that name. Does nothing without either.
 */
export async function takePicture(page: Page, name: string): Promise<void> {
  const { SCREENSHOTS: folder, UPDATE_DOCS: update } = process.env;
  const documented = path.join(docs, `${name}.png`);
  const files = [
    ...(folder === undefined ? [] : [path.join(folder, `${name}.png`)]),
    ...(update === "1" && existsSync(documented) ? [documented] : []),
  ];
  for (const file of files) await page.screenshot({ path: file });
}
