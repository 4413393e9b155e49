import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { IsthmusError } from "../../base/index.ts";
import type { ChartReference } from "../../compile/index.ts";
import { formatYaml, type KubeObject, parseYamlObjects } from "../../kube/index.ts";

const mostOutput = 64 * 1024 * 1024;
const hookAnnotation = "helm.sh/hook";

/**
 * The objects of a chart as `helm template` gives them, definitions first. Hooks of an installation stand where they
 * would run, in order of their weight; tests and hooks of other occasions are left out. Rejects with tool/failed and what
 * helm said.
 */
export async function renderWithHelm(
  { name, namespace, chart, repo, version, values, from }: ChartReference,
  options: {
    readonly helm: string;
    /** The mesh file's, to which a chart's path is relative. */
    readonly folder: string;
    /** Of the cluster, which charts may ask for: "1.33.1". */
    readonly kubernetesVersion: string;
    readonly signal: AbortSignal;
  },
): Promise<readonly KubeObject[]> {
  const scratch = mkdtempSync(path.join(tmpdir(), "isthmus-chart-"));
  try {
    const valuesFile = path.join(scratch, "values.yaml");
    // Values may hold passwords: not on the command line, and for the owner only.
    writeFileSync(valuesFile, formatYaml(values), { mode: 0o600 });
    const args = [
      ...["template", name, chart, "--namespace", namespace, "--values", valuesFile],
      ...["--include-crds", "--skip-tests", "--kube-version", options.kubernetesVersion],
      ...(repo === undefined ? [] : ["--repo", repo]),
      ...(version === undefined ? [] : ["--version", version]),
    ];
    const { objects, diagnostics } = parseYamlObjects(await run(options, args, chart, from), chart);
    const [problem] = diagnostics;
    if (problem !== undefined)
      throw new IsthmusError("tool/failed", `chart ${chart} (${from}): ${problem.message}`);
    return inOrder(objects.map(({ object }) => inNamespace(object, namespace)));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function run(
  { helm, folder, signal }: { readonly helm: string; readonly folder: string; readonly signal: AbortSignal },
  args: readonly string[],
  chart: string,
  from: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(helm, [...args], { cwd: folder, signal, maxBuffer: mostOutput }, (failure, stdout, stderr) => {
      if (failure === null) return resolve(stdout);
      if (signal.aborted) return reject(signal.reason);
      const said = stderr.trim().replace(/^Error: /, "");
      reject(
        new IsthmusError(
          "tool/failed",
          `helm can't render chart ${chart} (${from}): ${said || failure.message}`,
          {
            cause: failure,
            nextStep: `Try it by hand: helm template ${args
              .slice(1)
              .join(" ")
              .replace(/--values \S+/, "--values FILE")}`,
          },
        ),
      );
    });
  });
}

/** As helm installs it: templates mostly leave the release's namespace out. It means nothing to kinds without one. */
function inNamespace(object: KubeObject, namespace: string): KubeObject {
  return { ...object, metadata: { namespace, ...object.metadata } };
}

/** Definitions, hooks before the installation, the chart's own objects in helm's order, hooks after it. */
function inOrder(objects: readonly KubeObject[]): readonly KubeObject[] {
  const turns = objects.map((object, i) => ({ object, i, turn: turnOf(object), weight: weightOf(object) }));
  return turns
    .filter(({ turn }) => turn !== undefined)
    .sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0) || a.weight - b.weight || a.i - b.i)
    .map(({ object }) => object);
}

function turnOf({ kind, metadata }: KubeObject): number | undefined {
  const hooks = metadata.annotations?.[hookAnnotation]?.split(",").map((one) => one.trim());
  if (kind === "CustomResourceDefinition") return 0;
  if (hooks === undefined) return 2;
  if (hooks.includes("pre-install") || hooks.includes("crd-install")) return 1;
  return hooks.includes("post-install") ? 3 : undefined;
}

function weightOf({ metadata }: KubeObject): number {
  const isHook = metadata.annotations?.[hookAnnotation] !== undefined;
  return isHook ? Number(metadata.annotations?.["helm.sh/hook-weight"] ?? 0) || 0 : 0;
}
