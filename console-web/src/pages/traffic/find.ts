import type { TrafficEdge, TrafficNode } from "../../../../src/console/api.ts";

/**
 * What a find or hide expression means. Words apart by spaces all have to hold: `reviews` (part of a name),
 * `ns:shop`, `cluster:fra`, `version:v2`, `kind:service`; of edges `failing`, `idle`, `plain`, `crossing`, `rps>10`,
 * `rps<1`, `p95>100`, `failed>1` (percent). A word after `!` must not hold.
 */
export interface Expression {
  readonly isAboutNodes: boolean;
  matchesNode(node: TrafficNode): boolean;
  matchesEdge(edge: TrafficEdge): boolean;
}

const edgeWords: Readonly<Record<string, (edge: TrafficEdge) => boolean>> = {
  failing: ({ failedPerSecond }) => failedPerSecond > 0,
  idle: ({ requestsPerSecond, bytesPerSecond }) =>
    requestsPerSecond === 0 && bytesPerSecond.sent + bytesPerSecond.received === 0,
  plain: ({ mutualTls = 1 }) => mutualTls < 1,
  crossing: ({ crossesNetwork }) => crossesNetwork,
};

const measures: Readonly<Record<string, (edge: TrafficEdge) => number>> = {
  rps: ({ requestsPerSecond }) => requestsPerSecond,
  p50: ({ latencyMs }) => latencyMs?.p50 ?? 0,
  p95: ({ latencyMs }) => latencyMs?.p95 ?? 0,
  p99: ({ latencyMs }) => latencyMs?.p99 ?? 0,
  failed: ({ failedPerSecond, requestsPerSecond }) =>
    requestsPerSecond === 0 ? 0 : (100 * failedPerSecond) / requestsPerSecond,
};

/** Undefined for a text without words. */
export function parseExpression(text: string | undefined): Expression | undefined {
  const words = (text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return undefined;
  const aboutEdges: ((edge: TrafficEdge) => boolean)[] = [];
  const aboutNodes: ((node: TrafficNode) => boolean)[] = [];
  for (const word of words) {
    const isNot = word.startsWith("!");
    const plain = isNot ? word.slice(1) : word;
    const edge = edgeTest(plain);
    if (edge === undefined) aboutNodes.push((node) => nodeTest(plain, node) !== isNot);
    else aboutEdges.push((one) => edge(one) !== isNot);
  }
  return {
    isAboutNodes: aboutNodes.length > 0,
    matchesNode: (node) => aboutNodes.length > 0 && aboutNodes.every((test) => test(node)),
    matchesEdge: (edge) => aboutEdges.length > 0 && aboutEdges.every((test) => test(edge)),
  };
}

function edgeTest(word: string): ((edge: TrafficEdge) => boolean) | undefined {
  if (Object.hasOwn(edgeWords, word)) return edgeWords[word];
  const found = /^([a-z0-9]+)([<>])(\d+(?:\.\d+)?)$/.exec(word);
  const [, name = "", sign, number] = found ?? [];
  const measure = Object.hasOwn(measures, name) ? measures[name] : undefined;
  if (measure === undefined) return undefined;
  return (edge) => (sign === ">" ? measure(edge) > Number(number) : measure(edge) < Number(number));
}

function nodeTest(
  word: string,
  { name, namespace, cluster, version = "", app = "", kind }: TrafficNode,
): boolean {
  const [field = "", value] = word.split(":", 2);
  if (value === undefined) return name.toLowerCase().includes(word) || app.toLowerCase().includes(word);
  const fields: Readonly<Record<string, string>> = { ns: namespace, namespace, cluster, version, kind };
  return fields[field]?.toLowerCase() === value;
}
