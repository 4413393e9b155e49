import { IsthmusError } from "../../base/index.ts";
import { connectEngine, graphLevels, openStateFolder } from "../../engine/index.ts";
import type { TrafficEdge, TrafficGraph, TrafficNode } from "../../telemetry/index.ts";
import { type Command, textOption, textOptions } from "../command.ts";
import { byteRateText, errorShare, latencyText, rateText } from "../rates.ts";
import { readDuration } from "../read-duration.ts";
import { stateFolderOf } from "../state-option.ts";
import { type Paint, table } from "../terminal.ts";

export const graph: Command = {
  summary: "Who called whom over all clusters, how often, how fast, and whether encrypted.",
  usage: "graph [--level LEVEL] [--range 60s] [--namespace NAME]... [--cluster NAME]... [-o json]",
  options: {
    level: { type: "string", short: "l" },
    range: { type: "string" },
    namespace: { type: "string", short: "n", multiple: true },
    cluster: { type: "string", short: "c", multiple: true },
    services: { type: "boolean" },
    idle: { type: "boolean" },
  },
  optionTexts: {
    level: `what is one line's end: ${graphLevels.join(", ")} (default workload)`,
    range: "rates are averages over so long: 30s, 5m (default 60s)",
    namespace: "only traffic from or to this namespace; may be repeated",
    cluster: "only traffic from or to this cluster; may be repeated",
    services: "show the services between callers and workloads",
    idle: "also what had traffic earlier, but not in the range",
  },
  async run(input) {
    const { terminal, signal, values } = input;
    if (input.positionals.length > 0)
      throw new IsthmusError("arguments/wrong", "graph takes options only", {
        nextStep: `isthmus ${graph.usage}`,
      });
    const range = textOption(input, "range");
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const drawn = await connectEngine(state).call<TrafficGraph>(
      "graph",
      {
        level: textOption(input, "level"),
        rangeSeconds: range === undefined ? undefined : readDuration(range, "--range") / 1000,
        namespaces: textOptions(input, "namespace"),
        clusters: textOptions(input, "cluster"),
        withServices: values["services"] === true,
        withIdle: values["idle"] === true,
      },
      signal,
    );
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(drawn, undefined, 2));
    else for (const line of graphLines(drawn, terminal.paint)) terminal.print(line);
    return 0;
  },
};

/** The graph as a table, a line for each edge. */
export function graphLines({ nodes, edges, rangeSeconds }: TrafficGraph, paint: Paint): string[] {
  if (edges.length === 0) {
    return [
      `No traffic in the last ${rangeSeconds} s.`,
      paint.dim("isthmus load sends some; --idle shows what was there earlier."),
    ];
  }
  const known = new Map(nodes.map((node) => [node.id, node]));
  const place = (id: string) => placeOf(known.get(id));
  const header = ["FROM", "", "TO", "PROTOCOL", "RPS", "SHARE", "ERRORS", "P50 / P95 / P99 ms", "mTLS", ""];
  const rows = edges.map((edge) => [
    place(edge.from),
    edge.crossesNetwork ? "⇒" : "→",
    place(edge.to),
    edge.protocol,
    edge.protocol === "tcp" ? "–" : rateText(edge.requestsPerSecond),
    `${Math.round(edge.share * 100)} %`,
    edge.protocol === "tcp" ? "–" : errorShare(edge, paint),
    latencyText(edge.latencyMs),
    mutualTls(edge, paint),
    remarks(edge),
  ]);
  const crosses = edges.some(({ crossesNetwork }) => crossesNetwork);
  return [
    ...table([header, ...rows]),
    ...(crosses ? ["", paint.dim("⇒ goes from one network to another, through gateways")] : []),
  ];
}

function placeOf(node: TrafficNode | undefined): string {
  if (node === undefined) return "?";
  const { kind, cluster, namespace, name, version } = node;
  if (kind === "cluster") return name;
  if (kind === "outside") return name === "unknown" ? "(outside)" : `(outside: ${name})`;
  const shown = kind === "app" && version !== undefined ? `${name} ${version}` : name;
  const what = kind === "service" || kind === "serviceEntry" || kind === "gateway" ? ` (${kind})` : "";
  return `${cluster}  ${namespace}/${shown}${what}`;
}

function mutualTls({ mutualTls: part }: TrafficEdge, paint: Paint): string {
  if (part === undefined) return "–";
  if (part >= 0.999) return paint.good("✓");
  return part === 0 ? paint.warn("no") : paint.warn(`${Math.round(part * 100)} %`);
}

/** What stands out: flags of failures, and what TCP carries. */
function remarks({ protocol, flags, bytesPerSecond }: TrafficEdge): string {
  const names = Object.keys(flags).join(" ");
  if (protocol !== "tcp") return names;
  const bytes = `${byteRateText(bytesPerSecond.sent)} sent, ${byteRateText(bytesPerSecond.received)} received`;
  return names === "" ? bytes : `${names}  ${bytes}`;
}
