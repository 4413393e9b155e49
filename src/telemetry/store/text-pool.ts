import type { Labels } from "./labels.ts";

/** Keeps one copy of every text that labels share. */
export interface TextPool {
  /** The same labels, of shared texts, in the order of their names. */
  labels(labels: Labels): Labels;
  /** Gives up texts when there are many; those in use live on with their labels. */
  tidy(): void;
}

const maxTexts = 50_000;

export function createTextPool(): TextPool {
  const texts = new Map<string, string>();
  const shared = (text: string): string => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    // A part of a page would keep the whole page in memory.
    const copy = Buffer.from(text, "utf8").toString("utf8");
    texts.set(copy, copy);
    return copy;
  };
  return {
    labels(labels) {
      const copy: Record<string, string> = {};
      for (const name of Object.keys(labels).sort()) copy[shared(name)] = shared(labels[name] ?? "");
      return copy;
    },
    tidy() {
      if (texts.size > maxTexts) texts.clear();
    },
  };
}
