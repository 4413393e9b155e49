import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { IsthmusError } from "../../base/index.ts";
import type { ChartReference } from "../../compile/index.ts";
import { formatYaml, type KubeObject, parseYamlObjects } from "../../kube/index.ts";
import { findHelm } from "./find-helm.ts";
import { applyLabel } from "./helm-release.ts";
import type { HelmReleaseName } from "./release-entry.ts";

/** The cluster that helm is to work on. */
export interface HelmTarget {
  /** As KUBECONFIG lists them. */
  readonly kubeconfig: string;
  readonly context: string;
}

/** The user's helm, for clusters known by a kubeconfig. All reject with tool/failed and what helm said. */
export interface Helm {
  /** `helm upgrade --install`: returns when the API server has all objects, not when they run. */
  install(chart: ChartReference, target: HelmTarget): Promise<void>;
  /** What an installation would consist of now, asked of helm and the API server; nothing is changed. */
  preview(chart: ChartReference, target: HelmTarget): Promise<readonly KubeObject[]>;
  /** `helm uninstall`; nothing happens when there is no such release. */
  uninstall(release: HelmReleaseName, target: HelmTarget): Promise<void>;
}

export interface HelmOptions {
  /** Folder of the mesh file, to which a chart's path is relative. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const mostOutput = 64 * 1024 * 1024;

/** Finds helm (HELM_PATH, else PATH) when it is first needed; tool/missing when there is none. */
export function createHelm({ folder, signal, env = process.env }: HelmOptions): Helm {
  // Tells the revisions that this program begins from those of everybody else, should they be cut off.
  const apply = randomUUID().slice(0, 8);
  const run = async (
    args: readonly string[],
    target: HelmTarget,
    what: string,
    input = "",
  ): Promise<string> => {
    const helm = findHelm(env);
    if (helm === undefined)
      throw new IsthmusError(
        "tool/missing",
        `helm is needed to ${what}, and ${env["HELM_PATH"] ? `HELM_PATH names no program: ${env["HELM_PATH"]}` : "no helm is on PATH"}`,
        {
          nextStep:
            "Install helm 3 (https://helm.sh/docs/intro/install), or name its program with HELM_PATH; then run this again.",
        },
      );
    return execute(helm, [...args, "--kube-context", target.context], {
      cwd: folder,
      env: { ...env, KUBECONFIG: target.kubeconfig },
      signal,
      what,
      input,
    });
  };
  // Values may hold passwords: never on the command line, nor in a file that a killed program leaves behind.
  const upgrade = (chart: ChartReference, target: HelmTarget, ...more: readonly string[]) =>
    run(
      [
        ...["upgrade", "--install", chart.name, chart.chart, "--namespace", chart.namespace],
        ...["--values", "-"],
        ...(chart.repo === undefined ? [] : ["--repo", chart.repo]),
        ...(chart.version === undefined ? [] : ["--version", chart.version]),
        ...more,
      ],
      target,
      `install chart ${chart.chart} (${chart.from})`,
      formatYaml(chart.values),
    );
  return {
    async install(chart, target) {
      await upgrade(chart, target, "--labels", `${applyLabel}=${apply}`);
    },
    async preview(chart, target) {
      const said = await upgrade(chart, target, "--dry-run=server", "--output", "json");
      const { manifest = "" } = parsed(said);
      return parseYamlObjects(manifest).objects.map(({ object }) => object);
    },
    async uninstall({ name, namespace }, target) {
      await run(
        ["uninstall", name, "--namespace", namespace, "--ignore-not-found"],
        target,
        `uninstall the release ${namespace}/${name}`,
      );
    },
  };
}

interface ExecuteOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly what: string;
  /** What it reads from its standard input. */
  readonly input: string;
}

function execute(helm: string, args: readonly string[], options: ExecuteOptions): Promise<string> {
  const { cwd, env, signal, what, input } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      helm,
      [...args],
      { cwd, env, signal, maxBuffer: mostOutput },
      (failure, stdout, stderr) => {
        if (failure === null) return resolve(stdout);
        if (signal.aborted) return reject(signal.reason);
        const said = stderr.trim().replace(/^Error: /, "");
        const byHand = args
          .join(" ")
          .replace(/--values -/, "--values FILE")
          .replace(/ --labels \S+/, "");
        reject(
          new IsthmusError("tool/failed", `helm can't ${what}: ${said || failure.message}`, {
            cause: failure,
            nextStep: `Try it by hand: helm ${byHand}. When it is mended, run this again: it resumes.`,
          }),
        );
      },
    );
    // It may end without reading them.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

function parsed(said: string): { readonly manifest?: string } {
  try {
    return JSON.parse(said.slice(said.indexOf("{"))) as { readonly manifest?: string };
  } catch {
    return {};
  }
}
