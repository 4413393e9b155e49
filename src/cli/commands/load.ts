import { IsthmusError } from "../../base/index.ts";
import { connectEngine, openStateFolder, type PodAddress } from "../../engine/index.ts";
import { type LoadReport, startLoad } from "../../load/index.ts";
import { type Command, textOption } from "../command.ts";
import { readDuration } from "../read-duration.ts";
import { readNumber } from "../read-number.ts";
import { stateFolderOf } from "../state-option.ts";
import { type Terminal, table } from "../terminal.ts";

export const load: Command = {
  summary:
    "Send requests at a steady rate, from a pod through its sidecar or from outside, and report what came back.",
  usage:
    "load URL | load --host HOST [--port N] [--path PATH]  [--from deploy/NAME.NAMESPACE --cluster CLUSTER] [--rate N] [--duration 10s] [--connections N] [--fresh] [-o json]",
  options: {
    host: { type: "string" },
    port: { type: "string" },
    path: { type: "string" },
    from: { type: "string" },
    cluster: { type: "string", short: "c" },
    rate: { type: "string" },
    duration: { type: "string" },
    connections: { type: "string" },
    fresh: { type: "boolean" },
    show: { type: "string" },
  },
  optionTexts: {
    host: "host to send to, instead of a URL",
    port: "port of that host (default 80)",
    path: "path to ask for (default /)",
    from: "workload to send from, through its sidecar (default: from outside, directly to URL)",
    cluster: "cluster of that workload",
    rate: "requests a second over all connections (default 10); 0 = as fast as they come back",
    duration: "for how long: 500ms, 10s, 2m (default 10s)",
    connections: "connections, and so requests under way, at most (default 10)",
    fresh: "a new connection for every request",
    show: "print the first N answers instead of the report",
  },
  async run(input) {
    const { terminal, signal } = input;
    const url = targetOf(input);
    const reference = textOption(input, "from");
    const from = reference === undefined ? undefined : await sender(input, reference);
    const shown = readNumber(textOption(input, "show") ?? "0", "--show");
    let left = shown;
    const report = await startLoad({
      url,
      proxy:
        from === undefined
          ? undefined
          : { host: from.address, port: from.httpProxyPort, authorization: from.httpProxyAuthorization },
      rate: readNumber(textOption(input, "rate") ?? "10", "--rate"),
      milliseconds: readDuration(textOption(input, "duration") ?? "10s", "--duration"),
      connections: Math.max(1, readNumber(textOption(input, "connections") ?? "10", "--connections")),
      fresh: input.values["fresh"] === true,
      signal,
      answered(text) {
        if (left > 0) terminal.print(`    ${text.trimEnd().slice(0, 200)}`);
        left--;
      },
    }).done;
    if (shown > 0) return report.failed === 0 ? 0 : 1;
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(report, undefined, 2));
    else printReport(report, url.href, terminal);
    return report.failed === 0 ? 0 : 1;
  },
};

async function sender(input: Parameters<Command["run"]>[0], reference: string): Promise<PodAddress> {
  const state = openStateFolder(stateFolderOf(input), { create: false });
  const [pod] = await connectEngine(state).call<readonly PodAddress[]>(
    "pods",
    { reference, cluster: textOption(input, "cluster") },
    input.signal,
  );
  if (pod === undefined) throw new IsthmusError("workload/not-found", `${reference} has no ready pod`);
  return pod;
}

function printReport(report: LoadReport, url: string, terminal: Terminal): void {
  const { paint } = terminal;
  const { latency } = report;
  terminal.print(
    `${url}   ${report.sent} sent in ${(report.milliseconds / 1000).toFixed(1)} s, ${report.rate.toFixed(1)} a second\n`,
  );
  const failed = report.failed === 0 ? "0" : paint.bad(String(report.failed));
  const rows = [
    ["ok", "failed", "p50", "p90", "p99", "max"],
    [
      String(report.ok),
      failed,
      ...[latency.p50, latency.p90, latency.p99, latency.max].map((value) => `${value.toFixed(1)} ms`),
    ],
  ];
  for (const line of table(rows)) terminal.print(line);
  for (const [answer, count] of Object.entries(report.answers))
    terminal.print(`  ${String(count).padStart(6)} × ${answer}`);
  if (report.skipped > 0)
    terminal.print(
      paint.warn(
        `  ${report.skipped} not sent: all ${report.connections} connections were busy (more with --connections)`,
      ),
    );
}

/** What to send requests to: the URL, or what its parts say. */
function targetOf(input: Parameters<Command["run"]>[0]): URL {
  const [target, ...more] = input.positionals;
  const [host, port, path] = (["host", "port", "path"] as const).map((name) => textOption(input, name));
  const wrong = (message: string) =>
    new IsthmusError("arguments/wrong", message, { nextStep: `isthmus ${load.usage}` });
  if (target === undefined && host === undefined) throw wrong("load wants a URL, or --host");
  if (more.length > 0) throw wrong(`"${more[0]}" is one argument too many`);
  if (target !== undefined && [host, port, path].some((part) => part !== undefined))
    throw wrong("load wants a URL or --host, --port and --path, not both");
  const text = target ?? `${host}${port === undefined ? "" : `:${port}`}/${(path ?? "").replace(/^\//, "")}`;
  const url = parseUrl(text);
  if (url === undefined) throw wrong(`"${text}" is no http URL`);
  return url;
}

function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(/^[a-z]+:\/\//.test(text) ? text : `http://${text}`);
    return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
  } catch {
    return undefined;
  }
}
