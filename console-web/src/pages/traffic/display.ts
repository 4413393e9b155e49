import { useCallback, useMemo } from "react";
import { useQuery } from "../../location.ts";

/** What of the graph is drawn. Every choice is part of the address. */
export const choices = [
  { id: "rate", text: "Traffic rate", group: "Labels on edges" },
  { id: "share", text: "Traffic distribution, %", group: "Labels on edges" },
  { id: "time", text: "Response time", group: "Labels on edges" },
  { id: "bytes", text: "Throughput", group: "Labels on edges" },
  { id: "clusters", text: "Cluster boxes", group: "Show" },
  { id: "namespaces", text: "Namespace boxes", group: "Show" },
  { id: "services", text: "Service nodes", group: "Show" },
  { id: "idle", text: "Idle edges and nodes", group: "Show" },
  { id: "animation", text: "Traffic animation", group: "Show" },
  { id: "security", text: "Security", group: "Badges" },
  { id: "sidecars", text: "Missing sidecars", group: "Badges" },
  { id: "virtual-services", text: "Virtual services", group: "Badges" },
] as const;

export type Choice = (typeof choices)[number]["id"];

const usual: readonly Choice[] = [
  "rate",
  "share",
  "clusters",
  "namespaces",
  "services",
  "security",
  "sidecars",
  "virtual-services",
];

/** Which of a node's response times a label shows. */
export const quantiles = ["average", "p50", "p95", "p99"] as const;
export type Quantile = (typeof quantiles)[number];

export interface Display {
  readonly shows: ReadonlySet<Choice>;
  readonly quantile: Quantile;
}

/** The choices of an address; without the field the usual ones. */
export function parseDisplay(text: string | undefined): ReadonlySet<Choice> {
  if (text === undefined) return new Set(usual);
  const wanted = new Set(text.split(","));
  return new Set(choices.map(({ id }) => id).filter((id) => wanted.has(id)));
}

/** The field of the address for these choices; undefined for the usual ones. */
export function formatDisplay(shows: ReadonlySet<Choice>): string | undefined {
  const isUsual = shows.size === usual.length && usual.every((id) => shows.has(id));
  const shown = choices.map(({ id }) => id).filter((id) => shows.has(id));
  return isUsual ? undefined : shown.length === 0 ? "none" : shown.join(",");
}

export function useDisplay(): readonly [Display, (choice: Choice) => void, (quantile: Quantile) => void] {
  const [text, setText] = useQuery("show");
  const [wanted, setQuantile] = useQuery("time");
  const display = useMemo(
    (): Display => ({
      shows: parseDisplay(text),
      quantile: quantiles.find((one) => one === wanted) ?? "p95",
    }),
    [text, wanted],
  );
  const toggle = useCallback(
    (choice: Choice) => {
      const next = new Set(display.shows);
      if (!next.delete(choice)) next.add(choice);
      setText(formatDisplay(next));
    },
    [display, setText],
  );
  return [display, toggle, (quantile) => setQuantile(quantile === "p95" ? undefined : quantile)];
}
