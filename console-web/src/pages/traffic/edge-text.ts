import type { TrafficEdge } from "../../../../src/console/api.ts";
import { byteRate, figure, milliseconds, percentage } from "../../format.ts";
import type { Display } from "./display.ts";
import { type GraphModel, sumEdges } from "./graph-model.ts";

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

/**
 * Whether its security can be told: a gateway passes TLS on without opening it, and what it says of those connections
 * is neither mutual TLS nor plaintext.
 */
export function isOpaque({ from, protocol, mutualTls }: TrafficEdge, model: GraphModel): boolean {
  if (protocol !== "tcp" || mutualTls === 1) return false;
  const kindOf = (id: string) => model.byId.get(id)?.node.kind;
  if (kindOf(from) !== "service") return kindOf(from) === "gateway";
  const callers = model.edges.filter(({ to, protocol: own }) => to === from && own === "tcp");
  return callers.length > 0 && callers.every((edge) => kindOf(edge.from) === "gateway");
}

/** How an edge looks: by what is most wrong with it. */
export function edgeLook(
  edge: Pick<TrafficEdge, "requestsPerSecond" | "failedPerSecond" | "mutualTls"> & { readonly bytes: number },
  { shows }: Display,
): "failing" | "plain" | "idle" | "fine" {
  const { requestsPerSecond: rate, failedPerSecond, mutualTls, bytes } = edge;
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
