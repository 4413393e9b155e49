import { IsthmusError, silentLogger, systemClock } from "../../base/index.ts";
import { connectEngine, openStateFolder } from "../../engine/index.ts";
import type { Pod } from "../../kube/index.ts";
import {
  type AccessFilter,
  destinationOf,
  followPodLogs,
  isWantedAccess,
  type LogLine,
  type PodLogsOptions,
  parseAccessLine,
  readPodLogs,
  readRequests,
  sideOf,
} from "../../telemetry/index.ts";
import { type Command, type CommandInput, textOption, textOptions } from "../command.ts";
import { accessText } from "../logs/access-text.ts";
import { kubeconfigClusters, type NamedCluster } from "../logs/kubeconfig-clusters.ts";
import { podSelector } from "../logs/pod-selection.ts";
import { trailLines } from "../logs/trail-lines.ts";
import { readDuration } from "../read-duration.ts";
import { readNumber } from "../read-number.ts";
import { stateFolderOf } from "../state-option.ts";
import type { Terminal } from "../terminal.ts";

const proxyContainer = "istio-proxy";
/** Lines of each container from before, where many are read and nothing else is said. */
const defaultTail = 10;

export const logs: Command = {
  summary:
    "Logs of pods over all clusters; with --access what the proxies' access logs say of requests. Goes on with --follow.",
  usage:
    "logs [deploy/NAME.NAMESPACE|POD.NAMESPACE] [-n NAMESPACE] [--cluster CLUSTER] [--follow] [--since 10m] [--tail N] [--access [--service NAME] [--code 5xx] … [--trail]] [-o json]",
  options: {
    namespace: { type: "string", short: "n" },
    cluster: { type: "string", short: "c", multiple: true },
    container: { type: "string" },
    follow: { type: "boolean", short: "f" },
    since: { type: "string" },
    tail: { type: "string" },
    access: { type: "boolean" },
    service: { type: "string" },
    code: { type: "string", multiple: true },
    flag: { type: "string", multiple: true },
    method: { type: "string" },
    path: { type: "string" },
    side: { type: "string" },
    trail: { type: "boolean" },
    kubeconfig: { type: "string" },
  },
  optionTexts: {
    namespace: "only pods of this namespace (default: all but istio-system and kube-system)",
    cluster: "only this cluster (repeatable)",
    container: "only this container (default: all but the proxy)",
    follow: "go on with what is written from now on",
    since: "only what is newer: 30s, 10m, 2h",
    tail: `lines of each container (default: all of a named workload, ${defaultTail} otherwise; -1: all); with --access, requests`,
    access: "the requests in the access logs of the proxies, in one form whatever theirs is",
    service: "only requests to this service: reviews, reviews.default",
    code: "only requests with this status: 503, 5xx (repeatable)",
    flag: "only requests with this response flag: UF, NR (repeatable)",
    method: "only requests with this method",
    path: "only requests whose path begins so",
    side: "only what proxies of callers (client), of the called (server) or in between (passthrough) wrote",
    trail: "with --access: each request once, with what every proxy on its way decided about it",
    kubeconfig: "the clusters of this kubeconfig instead of the running mesh's",
    output: "json: an object a line",
  },
  async run(input) {
    const { signal, terminal } = input;
    const clusters = await kubeconfigClusters(kubeconfigOf(input), textOptions(input, "cluster"), signal);
    const away = new Set<string>();
    const options: PodLogsOptions = {
      clusters,
      containersOf: containerSelector(input),
      ...range(input),
      clock: systemClock,
      log: silentLogger,
      signal,
      away(cluster, reason) {
        if (!away.has(cluster)) terminal.note(`${cluster}: ${messageOf(reason)}`);
        away.add(cluster);
      },
    };
    if (input.values["trail"] === true) {
      checkTrail(input);
      await printTrails(input, options).finally(() => closeAll(clusters));
      return away.size === 0 ? 0 : 1;
    }
    const textOf = showing(input);
    const print = (line: LogLine) => {
      const text = textOf(line);
      if (text !== undefined) terminal.print(text);
    };
    try {
      if (input.values["follow"] === true) for await (const line of followPodLogs(options)) print(line);
      else {
        const lines = await readPodLogs(options);
        const wanted = lines.map(textOf).filter((text) => text !== undefined);
        const tail = input.values["access"] === true ? (tailOption(input) ?? -1) : -1;
        for (const text of tail < 0 ? wanted : wanted.slice(Math.max(0, wanted.length - tail)))
          terminal.print(text);
        if (wanted.length === 0) sayNothing(input, lines.length, terminal);
      }
    } finally {
      closeAll(clusters);
    }
    return away.size === 0 ? 0 : 1;
  },
};

function closeAll(clusters: readonly NamedCluster[]): void {
  for (const cluster of clusters) cluster.close();
}

function checkTrail(input: CommandInput): void {
  if (input.values["access"] === true && input.values["follow"] !== true) return;
  throw new IsthmusError("arguments/wrong", "--trail goes with --access, and looks back", {
    nextStep: "isthmus logs --access --trail [--since 5m] [--service NAME] [--code 5xx]",
  });
}

async function printTrails(input: CommandInput, options: PodLogsOptions): Promise<void> {
  const { terminal } = input;
  const requests = await readRequests(options, accessFilter(input));
  const tail = tailOption(input) ?? -1;
  for (const request of tail < 0 ? requests : requests.slice(Math.max(0, requests.length - tail))) {
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(request));
    else for (const line of trailLines(request, terminal.paint)) terminal.print(line);
  }
  if (requests.length === 0) sayNothing(input, 1, terminal);
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function kubeconfigOf(input: CommandInput): string {
  const given = textOption(input, "kubeconfig");
  if (given !== undefined) return given;
  const state = openStateFolder(stateFolderOf(input), { create: false });
  connectEngine(state); // Says so where none runs.
  return state.kubeconfig;
}

/** Which lines from before are read. */
function range(input: CommandInput): Pick<PodLogsOptions, "since" | "tailLines"> {
  const since = textOption(input, "since");
  const isAccess = input.values["access"] === true;
  // Of access logs what is shown counts, not what is read; whoever follows them wants what comes.
  const usual = isAccess
    ? input.values["follow"] === true && since === undefined
      ? 0
      : undefined
    : input.positionals.length > 0 || since !== undefined
      ? undefined
      : defaultTail;
  const tailLines = isAccess ? usual : (tailOption(input) ?? usual);
  return {
    ...(since === undefined ? {} : { since: systemClock.now() - readDuration(since, "--since") }),
    ...(tailLines === undefined || tailLines < 0 ? {} : { tailLines }),
  };
}

/** --tail; -1 is all, as with kubectl. */
function tailOption(input: CommandInput): number | undefined {
  const tail = textOption(input, "tail");
  if (tail === undefined) return undefined;
  return tail === "-1" ? -1 : Math.floor(readNumber(tail, "--tail"));
}

function containerSelector(input: CommandInput): PodLogsOptions["containersOf"] {
  const [reference, ...more] = input.positionals;
  if (more.length > 0)
    throw new IsthmusError("arguments/wrong", `"${more[0]}" is one argument too many`, {
      nextStep: `isthmus ${logs.usage}`,
    });
  const namespace = textOption(input, "namespace");
  const container = textOption(input, "container");
  const isAccess = input.values["access"] === true;
  const isWanted = podSelector({
    ...(reference === undefined ? {} : { reference }),
    ...(namespace === undefined ? {} : { namespace }),
  });
  return (pod) => {
    // Gateways are in the system's namespaces, and their requests belong to the picture.
    const isMeant = isWanted(pod) || (isAccess && reference === undefined && namespace === undefined);
    if (!isMeant) return [];
    const names = containersOf(pod);
    if (isAccess) return names.filter((name) => name === proxyContainer);
    return names.filter((name) => (container === undefined ? name !== proxyContainer : name === container));
  };
}

/** Also a sidecar that runs as an init container. */
function containersOf({ spec }: Pod): string[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...sidecars, ...spec.containers].map(({ name }) => name);
}

/** How a line is shown; undefined when it is not wanted. */
function showing(input: CommandInput): (line: LogLine) => string | undefined {
  const isJson = textOption(input, "output") === "json";
  const { paint } = input.terminal;
  if (input.values["access"] !== true) {
    return (line) => {
      const { cluster, namespace, pod, text } = line;
      return isJson
        ? JSON.stringify({ ...line, at: new Date(line.at).toISOString() })
        : `${paint.dim(`${cluster} ${pod}.${namespace}`)}  ${text}`;
    };
  }
  const filter = accessFilter(input);
  return (line) => {
    const record = parseAccessLine(line.text);
    if (record === undefined || !isWantedAccess(record, line.namespace, filter)) return undefined;
    const { cluster, namespace, pod } = line;
    const from = { cluster, namespace, pod, side: sideOf(record), destination: destinationOf(record) };
    return isJson
      ? JSON.stringify({ ...from, ...record, start: new Date(record.start).toISOString() })
      : accessText(line, record, paint);
  };
}

function accessFilter(input: CommandInput): AccessFilter {
  const [service, method, path, side] = ["service", "method", "path", "side"].map((name) =>
    textOption(input, name),
  );
  const [codes, flags] = [textOptions(input, "code"), textOptions(input, "flag")];
  if (side !== undefined && side !== "client" && side !== "server" && side !== "passthrough")
    throw new IsthmusError("arguments/wrong", `--side is client, server or passthrough, not "${side}"`);
  const wrong = codes.find((code) => !/^(?:[1-5]xx|\d{1,3})$/i.test(code));
  if (wrong !== undefined)
    throw new IsthmusError("arguments/wrong", `--code wants a status such as 503 or 5xx, not "${wrong}"`);
  return {
    ...(service === undefined ? {} : { service }),
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(side === undefined ? {} : { side }),
    ...(codes.length === 0 ? {} : { codes }),
    ...(flags.length === 0 ? {} : { flags }),
  };
}

function sayNothing(input: CommandInput, read: number, terminal: Terminal): void {
  const isAccess = input.values["access"] === true;
  terminal.note(
    !isAccess || read === 0
      ? "nothing was written"
      : "no such request is in the access logs. Where none is at all, they are off, as Istio has it: istio.meshConfig.accessLogFile: /dev/stdout in the mesh file turns them on",
  );
}
