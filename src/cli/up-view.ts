import path from "node:path";
import type { formatDiagnostics } from "../base/index.ts";
import type { ClusterProgress, Progress } from "../engine/index.ts";
import { duration, type Terminal, table } from "./terminal.ts";

/** What `up` shows: one line per cluster that is rewritten on a terminal, plain lines elsewhere. */
export interface UpView {
  show(event: Progress): void;
  ready(result: ReadyMesh): void;
  ended(mesh: string): void;
}

/** A mesh that runs, and how to reach it. */
export interface ReadyMesh {
  readonly milliseconds: number;
  readonly kubeconfig: string;
  readonly clusters: readonly string[];
  readonly console: { readonly url: string; readonly isWantedPort: boolean };
}

export interface UpViewOptions {
  /** Another process runs the mesh, and Ctrl-C does not reach it. */
  readonly detached?: boolean;
  /** Nothing of the mesh is in the clusters: an apply is to be rehearsed. */
  readonly bare?: boolean;
}

export function createUpView(
  terminal: Terminal,
  { detached = false, bare = false }: UpViewOptions = {},
): UpView {
  const { paint } = terminal;
  const clusters = new Map<string, ClusterProgress>();
  const shownReady = new Set<string>();
  const lines = () =>
    table([...clusters.values()].map((cluster) => clusterRow(cluster, paint, bare))).map(
      (line) => `  ${line}`,
    );
  // What is told before the clusters are known comes below their headline.
  let early: Progress[] | undefined = [];
  const settled = () => [...clusters.values()].every(({ readyAfter }) => readyAfter !== undefined);
  return {
    show(event) {
      if (early !== undefined && event.kind !== "clusters") {
        early.push(event);
        return;
      }
      switch (event.kind) {
        case "clusters": {
          for (const cluster of event.lines) clusters.set(cluster.name, cluster);
          const dataplane = event.dataplane === "envoy" ? "Envoy" : "builtin data plane";
          const what = bare
            ? `${event.lines.length} bare cluster${event.lines.length === 1 ? ", with nothing of the mesh in it" : "s, with nothing of the mesh in them"}`
            : `${headline(event.lines)} · ${dataplane}`;
          terminal.note(`${event.mesh} · ${what}\n`);
          const held = early ?? [];
          early = undefined;
          for (const one of held) this.show(one);
          terminal.live(lines());
          break;
        }
        case "cluster": {
          clusters.set(event.cluster.name, event.cluster);
          if (terminal.isInteractive) {
            if (settled()) {
              terminal.live([]);
              for (const line of lines()) terminal.note(line);
            } else terminal.live(lines());
          } else if (event.cluster.readyAfter !== undefined && !shownReady.has(event.cluster.name)) {
            shownReady.add(event.cluster.name);
            const line = lines()[[...clusters.keys()].indexOf(event.cluster.name)];
            if (line !== undefined) terminal.note(line);
          }
          break;
        }
        case "warning":
          terminal.note(`  ${paint.warn("!")} ${warningLine(event.diagnostic)}`);
          break;
        case "note":
          terminal.note(`  ${paint.dim("·")} ${event.text}`);
          break;
      }
    },
    ready({ milliseconds, kubeconfig, clusters: names, console: pages }) {
      const shown = path.relative(process.cwd(), kubeconfig);
      const place = shown.startsWith("..") ? kubeconfig : `$PWD/${shown}`;
      terminal.note(`\n${paint.good("ready")} in ${duration(milliseconds)}\n`);
      terminal.note(`  kubectl      export KUBECONFIG=${place}      contexts: ${names.join(", ")}`);
      const state = path.dirname(kubeconfig);
      const where =
        path.dirname(state) === process.cwd() ? "" : ` --state ${path.relative(process.cwd(), state)}`;
      const moved = pages.isWantedPort ? "" : "      its own port is taken";
      terminal.note(`  look at it   ${pages.url}${moved}`);
      if (bare) {
        terminal.note(`  rehearse     ${programName()} plan --kubeconfig ${shown}`);
        terminal.note(`               ${programName()} apply --kubeconfig ${shown}`);
      } else terminal.note(`  prove it     ${programName()} verify${where}`);
      terminal.note(`  stop         ${detached ? "" : "Ctrl-C, or "}${programName()} down${where}\n`);
    },
    ended: (mesh) => terminal.note(`${mesh} ended`),
  };
}

function headline(clusters: readonly ClusterProgress[]): string {
  const networks = new Set(clusters.map(({ network }) => network).filter((network) => network !== undefined))
    .size;
  if (clusters.length === 1) return "1 cluster";
  return `${clusters.length} clusters · ${topology(clusters)} ${networks === 0 ? "on one flat network" : networks === 1 ? "on one network" : `over ${networks} networks`}`;
}

function topology(clusters: readonly ClusterProgress[]): string {
  const count = (start: string) =>
    clusters.filter(({ controlPlane }) => controlPlane.startsWith(start)).length;
  const providers = count("pods of ");
  const planes =
    count("←") > 0 ? "primary-remote" : count("istiod") === 1 ? "one control plane" : "a control plane each";
  if (providers === 0) return planes;
  return `${planes}, pods on ${providers} provider${providers === 1 ? "" : "s"},`;
}

function clusterRow(cluster: ClusterProgress, paint: Terminal["paint"], bare: boolean): string[] {
  const { pods, readyAfter, waitingFor } = cluster;
  const state =
    readyAfter !== undefined
      ? paint.good(duration(readyAfter))
      : paint.dim(waitingFor === undefined ? "starting" : `waiting for ${waitingFor}`);
  return [
    cluster.name,
    cluster.network ?? (cluster.controlPlane === "management" ? "" : "flat"),
    cluster.region ?? "",
    `api ${cluster.api}`,
    ...(bare
      ? []
      : [cluster.controlPlane, cluster.gateways.join("  "), `${pods.ready} of ${pods.total} pods ready`]),
    state,
  ];
}

/** One line: a warning of a start is no mistake that needs its place in the file. */
function warningLine(diagnostic: Parameters<typeof formatDiagnostics>[0][number]): string {
  return diagnostic.hint === undefined ? diagnostic.message : `${diagnostic.message}; ${diagnostic.hint}`;
}

/** How the user can call this program: by its name when it was found on PATH, else by its path from here. */
function programName(): string {
  const program = process.argv[1] ?? "isthmus";
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  if (folders.includes(path.dirname(program))) return "isthmus";
  const relative = path.relative(process.cwd(), program);
  return relative.startsWith("..") ? relative : `./${relative}`;
}
