import type { TrafficEdge } from "../../../../src/console/api.ts";
import { byteRate, figure, milliseconds, percentage } from "../../format.ts";
import type { Display } from "./display.ts";
import { sumEdges } from "./graph-model.ts";

/** The words on an edge, with units, a line each. None when nothing is to be said. */
export function edgeText(edge: TrafficEdge, { shows, quantile }: Display): readonly string[] {
  const { protocol, requestsPerSecond: rate, failedPerSecond, share, latencyMs, bytesPerSecond } = edge;
  const isTcp = protocol === "tcp";
  const parts = [
    shows.has("rate") && !isTcp ? `${figure(rate)} rps` : "",
    shows.has("share") && share > 0 ? `${Math.round(share * 100)} %` : "",
    shows.has("time") && latencyMs !== undefined
      ? `${quantile === "average" ? "avg" : quantile} ${milliseconds(latencyMs[quantile])} ms`
      : "",
    shows.has("bytes") || isTcp ? byteRate(bytesPerSecond.sent + bytesPerSecond.received) : "",
    failedPerSecond > 0 && rate > 0 ? `${percentage(failedPerSecond / rate)} % failed` : "",
  ];
  return parts.filter((part) => part !== "");
}

/** The words on a bundle of edges between two clusters. */
export function bundleText(edges: readonly TrafficEdge[], { shows }: Display): readonly string[] {
  const { requestsPerSecond: rate, failedPerSecond, bytesPerSecond } = sumEdges(edges);
  const parts = [
    rate > 0 ? `${figure(rate)} rps` : byteRate(bytesPerSecond),
    shows.has("bytes") && rate > 0 ? byteRate(bytesPerSecond) : "",
    failedPerSecond > 0 && rate > 0 ? `${percentage(failedPerSecond / rate)} % failed` : "",
  ];
  return parts.filter((part) => part !== "");
}

/** How an edge looks: by what is most wrong with it. */
export function edgeLook(
  edge: Pick<TrafficEdge, "requestsPerSecond" | "failedPerSecond"> & {
    readonly mutualTls?: number | undefined;
    readonly bytes: number;
  },
  { shows }: Display,
): "failing" | "plain" | "idle" | "fine" {
  const { requestsPerSecond: rate, failedPerSecond, mutualTls = 1, bytes } = edge;
  if (failedPerSecond > 0.001 * rate && failedPerSecond > 0) return "failing";
  if (rate === 0 && bytes === 0) return "idle";
  return shows.has("security") && mutualTls < 1 ? "plain" : "fine";
}

const character = 6;
const line = 13;

/** The size of a label, in pixels of the drawing. */
export function labelSize(
  lines: readonly string[],
  hasLock: boolean,
): { readonly width: number; readonly height: number } {
  const longest = Math.max(...lines.map(({ length }) => length), 0);
  return { width: longest * character + 12 + (hasLock ? 15 : 0), height: lines.length * line + 7 };
}
