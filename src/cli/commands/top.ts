import { IsthmusError } from "../../base/index.ts";
import { connectEngine, openStateFolder } from "../../engine/index.ts";
import type { WorkloadSummary } from "../../telemetry/index.ts";
import { type Command, textOption, textOptions } from "../command.ts";
import { byteRateText, bytesText, errorShare, latencyText, rateText } from "../rates.ts";
import { readDuration } from "../read-duration.ts";
import { stateFolderOf } from "../state-option.ts";
import { type Paint, table } from "../terminal.ts";

export const top: Command = {
  summary: "The busiest workloads of all clusters: requests, errors, latency, processor and memory.",
  usage: "top [--range 60s] [--namespace NAME]... [--cluster NAME]... [-o json]",
  options: {
    range: { type: "string" },
    namespace: { type: "string", short: "n", multiple: true },
    cluster: { type: "string", short: "c", multiple: true },
  },
  optionTexts: {
    range: "rates are averages over so long: 30s, 5m (default 60s)",
    namespace: "only workloads of this namespace; may be repeated",
    cluster: "only workloads of this cluster; may be repeated",
  },
  async run(input) {
    const { terminal, signal } = input;
    if (input.positionals.length > 0)
      throw new IsthmusError("arguments/wrong", "top takes options only", {
        nextStep: `isthmus ${top.usage}`,
      });
    const range = textOption(input, "range");
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const workloads = await connectEngine(state).call<readonly WorkloadSummary[]>(
      "top",
      {
        rangeSeconds: range === undefined ? undefined : readDuration(range, "--range") / 1000,
        namespaces: textOptions(input, "namespace"),
        clusters: textOptions(input, "cluster"),
      },
      signal,
    );
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(workloads, undefined, 2));
    else for (const line of topLines(workloads, terminal.paint)) terminal.print(line);
    return 0;
  },
};

/** The workloads as a table. */
export function topLines(workloads: readonly WorkloadSummary[], paint: Paint): string[] {
  const header = [
    ...["CLUSTER", "NAMESPACE", "WORKLOAD", "IN rps", "ERRORS", "P50 / P95 / P99 ms"],
    ...["OUT rps", "ERRORS", "TCP", "CPU", "MEMORY"],
  ];
  const requests = (perSecond: number) => (perSecond === 0 ? "–" : rateText(perSecond));
  const rows = workloads.map(({ cluster, namespace, workload, incoming, outgoing, ...more }) => [
    cluster,
    namespace,
    workload,
    requests(incoming.requestsPerSecond),
    errorShare(incoming, paint),
    latencyText(incoming.latencyMs),
    requests(outgoing.requestsPerSecond),
    errorShare(outgoing, paint),
    more.tcpBytesPerSecond === 0 ? "–" : byteRateText(more.tcpBytesPerSecond),
    more.cpu === undefined ? "–" : `${Math.round(more.cpu * 1000)}m`,
    more.memory === undefined ? "–" : bytesText(more.memory),
  ]);
  return table([header, ...rows]);
}
