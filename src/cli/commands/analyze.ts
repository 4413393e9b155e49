import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { IsthmusError, systemClock } from "../../base/index.ts";
import { checkObjects, checks, type Finding, type WrittenObject } from "../../checks/index.ts";
import { compiledObjects, connectEngine, type MeshStatus, openStateFolder } from "../../engine/index.ts";
import { formatYaml } from "../../kube/index.ts";
import { findInClusters } from "../analyze/find-in-clusters.ts";
import { readObjects } from "../analyze/read-objects.ts";
import { isAtLeast, parseSeverity, selectFindings } from "../analyze/select-findings.ts";
import { type Command, type CommandInput, textOption, textOptions } from "../command.ts";
import { findingLines, findingTable } from "../finding-lines.ts";
import { meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";
import { stateFolderOf } from "../state-option.ts";
import { table } from "../terminal.ts";

/** Name of the only cluster where files are looked at without a mesh. */
const noCluster = "files";

export const analyze: Command = {
  summary:
    "What is wrong, over all clusters, with the codes of Istio's analyzers: in the running mesh, in what a mesh file stands for, or in files. Exit code 1 when there is an error.",
  usage:
    "analyze [FILE|FOLDER ...] [-f MESH [--kubeconfig FILE]] [--use-kube=false] [-n NAMESPACE] [-o json|yaml|table]",
  options: {
    ...meshOptions,
    namespace: { type: "string", short: "n", multiple: true },
    "all-namespaces": { type: "boolean", short: "A" },
    cluster: { type: "string", multiple: true },
    "use-kube": { type: "string" },
    kubeconfig: { type: "string" },
    recursive: { type: "boolean", short: "R" },
    "failure-threshold": { type: "string" },
    "output-threshold": { type: "string" },
    suppress: { type: "string", short: "S", multiple: true },
    "list-analyzers": { type: "boolean", short: "L" },
  },
  optionTexts: {
    ...meshOptionTexts,
    file: "mesh file: look at what it stands for instead of at the running mesh",
    namespace: "only findings about objects of this namespace (repeatable)",
    "all-namespaces": "findings of all namespaces (the default)",
    cluster: "only findings of this cluster, and files count as applied there (repeatable)",
    "use-kube": "false: look at the files alone, at no cluster",
    kubeconfig: "with a mesh file: look at its clusters as they are, by the contexts of this kubeconfig",
    recursive: "also folders in folders",
    "failure-threshold":
      "the least severity that makes the exit code 1: info, warning or error (default: error)",
    "output-threshold": "the least severity that is shown (default: info)",
    suppress:
      'a code to leave out, perhaps for one object: "IST0103", "IST0103=Pod curl.sample" (repeatable, * matches)',
    "list-analyzers": "list the checks",
    output: "json or yaml for programs, or table",
  },
  async run(input) {
    const { terminal } = input;
    if (input.values["list-analyzers"] === true) {
      for (const line of table(checks.map(({ name, about }) => [name, about]))) terminal.print(line);
      return 0;
    }
    const output = textOption(input, "output") ?? "text";
    if (!["text", "json", "yaml", "table"].includes(output))
      throw new IsthmusError("arguments/wrong", `-o is json, yaml or table, not "${output}"`);
    const failure = parseSeverity("failure-threshold", textOption(input, "failure-threshold"), "error");
    const findings = selectFindings(await find(input), {
      namespaces: input.values["all-namespaces"] === true ? [] : textOptions(input, "namespace"),
      clusters: textOptions(input, "cluster"),
      threshold: parseSeverity("output-threshold", textOption(input, "output-threshold"), "info"),
      suppressed: textOptions(input, "suppress"),
    });
    if (output === "json") terminal.print(JSON.stringify(findings, undefined, 2));
    else if (output === "yaml") terminal.print(formatYaml(findings));
    else
      for (const line of (output === "table" ? findingTable : findingLines)(findings, terminal.paint))
        terminal.print(line);
    return findings.some(({ severity }) => isAtLeast(severity, failure)) ? 1 : 0;
  },
};

/** All findings of what the arguments mean: files alone, a mesh file with files, or the running mesh with files. */
async function find(input: CommandInput): Promise<readonly Finding[]> {
  const { meshInput, files } = sortArguments(input);
  const written = await readObjects(files, { recursive: input.values["recursive"] === true });
  const named = textOptions(input, "cluster");
  if (meshInput !== undefined) return findInMeshFile(meshInput, written, named);
  if (textOption(input, "kubeconfig") !== undefined)
    throw new IsthmusError(
      "arguments/wrong",
      "--kubeconfig needs a mesh file, which says what the clusters are to each other",
      {
        nextStep: "Name it with -f.",
      },
    );
  if (!usesKube(input)) {
    if (files.length === 0)
      throw new IsthmusError("arguments/wrong", "with --use-kube=false there must be files to look at", {
        nextStep: "Name files or folders, or a mesh file with -f.",
      });
    const names = named.length === 0 ? [noCluster] : named;
    return checkObjects(
      names.map((name) => ({ name, primary: name, network: undefined, reads: [], objects: written })),
      systemClock.now(),
    );
  }
  return findInRunningMesh(input, written, named);
}

async function findInMeshFile(
  input: CommandInput,
  written: readonly WrittenObject[],
  named: readonly string[],
): Promise<readonly Finding[]> {
  const { mesh, compiled } = await readMesh(input, {
    check: () => [],
    unless: "Nothing was looked at.",
  });
  const clusters = compiledObjects(mesh, compiled);
  const targets = targetsOf(clusters, named);
  const kubeconfig = textOption(input, "kubeconfig");
  if (kubeconfig !== undefined)
    return findInClusters(mesh, kubeconfig, new Map(targets.map((name) => [name, written])));
  return checkObjects(
    clusters.map((cluster) => ({
      ...cluster,
      objects: targets.includes(cluster.name) ? [...cluster.objects, ...written] : cluster.objects,
    })),
    systemClock.now(),
  );
}

async function findInRunningMesh(
  input: CommandInput,
  written: readonly WrittenObject[],
  named: readonly string[],
): Promise<readonly Finding[]> {
  const { signal } = input;
  const engine = connectEngine(openStateFolder(stateFolderOf(input), { create: false }));
  if (written.length === 0 && named.length === 0) return engine.call("analyze", {}, signal);
  const { clusters } = await engine.call<MeshStatus>("status", {}, signal);
  const workload = clusters.filter(({ role }) => role === "workload");
  const applied = Object.fromEntries(targetsOf(workload, named).map((name) => [name, written]));
  return engine.call("analyze", { applied }, signal);
}

/** Where files count as applied: in the named clusters, else in all that run a control plane. cluster/unknown for another name. */
function targetsOf(
  clusters: readonly { readonly name: string; readonly primary: string }[],
  named: readonly string[],
): readonly string[] {
  const unknown = named.find((name) => !clusters.some((one) => one.name === name));
  if (unknown !== undefined)
    throw new IsthmusError("cluster/unknown", `the mesh has no cluster "${unknown}"`, {
      nextStep: `Clusters: ${clusters.map(({ name }) => name).join(", ")}.`,
    });
  return named.length > 0
    ? named
    : clusters.filter(({ name, primary }) => name === primary).map(({ name }) => name);
}

function usesKube(input: CommandInput): boolean {
  const text = textOption(input, "use-kube") ?? "true";
  if (text !== "true" && text !== "false")
    throw new IsthmusError("arguments/wrong", `--use-kube is true or false, not "${text}"`);
  return text === "true";
}

/** A top-level field that only mesh files have. */
const meshField = /^(kind:\s*["']?Mesh["']?\s*(#.*)?|clusters:.*)$/m;

/**
 * Parts the arguments: -f names mesh files, and so does an argument that is one, or a folder with a mesh.yaml; all others
 * are manifests.
 */
function sortArguments(input: CommandInput): {
  readonly meshInput: CommandInput | undefined;
  readonly files: readonly string[];
} {
  if (textOptions(input, "file").length > 0)
    return { meshInput: { ...input, positionals: [] }, files: input.positionals };
  const [meshFile, ...more] = input.positionals.filter(isMeshFile);
  if (more.length > 0)
    throw new IsthmusError("arguments/wrong", `${more[0]} is a mesh file too`, {
      nextStep: "Name several mesh files with -f, in order: later ones are laid over earlier ones.",
    });
  const files = input.positionals.filter((one) => one !== meshFile);
  return { meshInput: meshFile === undefined ? undefined : { ...input, positionals: [meshFile] }, files };
}

function isMeshFile(place: string): boolean {
  if (!existsSync(place)) return false;
  if (statSync(place).isDirectory()) return existsSync(path.join(place, "mesh.yaml"));
  return /\.ya?ml$/.test(place) && meshField.test(readFileSync(place, "utf8"));
}
