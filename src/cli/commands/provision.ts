import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { formatDiagnostics, IsthmusError } from "../../base/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import {
  checkProvisioning,
  mostClusters,
  numberClusters,
  type Provisioning,
  type ProvisionProgress,
  planProvisioning,
  renderDeletion,
  renderScript,
  runCommand,
  runSteps,
} from "../../provision/index.ts";
import { type Command, type CommandInput, textOption } from "../command.ts";
import { unnamedProviders } from "../provision/unnamed-providers.ts";
import { meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";
import type { Terminal } from "../terminal.ts";

const script = "provision.sh";
const deletion = "delete.sh";
/** What was numbered and done, in the folder of the files. */
const recordFile = "provision.json";
const mark = "Written by isthmus provision";

interface ProvisionRecord {
  /** By which clusters' address ranges are cut. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Steps that are done, with what they gave. */
  readonly done: Readonly<Record<string, string>>;
}

export const provision: Command = {
  summary:
    "Write what creates the clusters of a mesh file at their providers (eksctl, gcloud, az, Terraform, vcluster, kind, liqoctl), and with --run run it. It goes on where it stopped.",
  usage: "provision [FILE] [-o DIR] [--run]",
  options: { ...meshOptions, run: { type: "boolean" } },
  optionTexts: {
    ...meshOptionTexts,
    run: "run the commands too; the providers' tools must be installed and logged in",
    output: "folder to write to (default: provision beside the mesh file); or json, to stdout",
  },
  async run(input) {
    const { terminal } = input;
    const { mesh, warnings } = await readMesh(input, {
      check: checkProvisioning,
      unless: "Nothing was written.",
    });
    if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
    if (
      ![...mesh.clusters.values()].some(({ provider }) => provider !== undefined) &&
      mesh.peerings.length === 0
    )
      throw new IsthmusError("arguments/wrong", "no cluster of the mesh file says who runs it", {
        nextStep: `Write for example provider: eks under clusters.${[...mesh.clusters.keys()][0]}.`,
      });
    const output = textOption(input, "output");
    const folder = path.resolve(
      output === undefined || output === "json" ? path.join(mesh.folder, "provision") : output,
    );
    const record = readRecord(folder);
    const { plan, numbers } = planned(mesh, record);
    if (output === "json") {
      const { files, ...rest } = plan;
      terminal.print(JSON.stringify({ files: Object.fromEntries(files), ...rest }, undefined, 2));
      return 0;
    }
    writeFiles(folder, plan);
    const done = new Map(Object.entries(record.done));
    writeRecord(folder, { numbers: Object.fromEntries(numbers), done: Object.fromEntries(done) });
    terminal.note(`wrote ${plan.files.size + 2} files to ${shown(folder)}`);
    if (input.values["run"] === true) await run(input, folder, plan, numbers, done);
    else
      terminal.note(
        `\n${steps(plan)}\n\nisthmus provision --run does this, or ${shown(path.join(folder, script))}.`,
      );
    for (const note of [...plan.notes, ...unnamedProviders(mesh)])
      terminal.note(`${terminal.paint.warn("!")} ${note}`);
    if (input.values["run"] === true)
      terminal.note(
        `\nexport KUBECONFIG=${plan.kubeconfigs.map((file) => path.join(folder, file)).join(":")}     contexts as in the mesh file; then isthmus plan`,
      );
    return 0;
  },
};

function planned(mesh: Mesh, record: ProvisionRecord) {
  const { numbers, tooMany } = numberClusters(mesh, new Map(Object.entries(record.numbers)));
  if (tooMany)
    throw new IsthmusError("arguments/wrong", `10.0.0.0/8 has address ranges for ${mostClusters} clusters`, {
      nextStep: `Provision the others from a mesh file of their own, or take clusters that are gone out of ${recordFile}.`,
    });
  return { numbers, plan: planProvisioning(mesh, numbers) };
}

async function run(
  { terminal, signal }: CommandInput,
  folder: string,
  { steps, files, kubeconfigs }: Provisioning,
  numbers: ReadonlyMap<string, number>,
  done: Map<string, string>,
): Promise<void> {
  const before = process.env["KUBECONFIG"] ?? path.join(homedir(), ".kube/config");
  const env = {
    ...process.env,
    KUBECONFIG: [...kubeconfigs.map((file) => path.join(folder, file)), before].join(path.delimiter),
  };
  await runSteps({
    ...{ steps, files },
    run: (command, line) => runCommand(command, line, { folder, env, signal }),
    done,
    finished(fingerprint, gave) {
      done.set(fingerprint, gave);
      writeRecord(folder, { numbers: Object.fromEntries(numbers), done: Object.fromEntries(done) });
    },
    progress: showProgress(terminal),
    signal,
  });
}

/** A line a step; while it runs, what its tool says under it. */
function showProgress(terminal: Terminal): ProvisionProgress {
  const { paint } = terminal;
  let startedAt = 0;
  return {
    started({ cluster, title }, position) {
      startedAt = performance.now();
      if (terminal.isInteractive) terminal.live([`  ${position}  ${cluster}  ${title} …`]);
    },
    says({ cluster, title }, line) {
      terminal.live([`  ${cluster}  ${title} …`, paint.dim(`    ${line}`)]);
    },
    ended({ cluster, title }, how) {
      const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
      const state = how === "failed" ? paint.bad("✗") : paint.good("✓");
      terminal.note(`${state} ${cluster}  ${title}  ${paint.dim(how === "done" ? seconds : how)}`);
    },
  };
}

function steps({ steps: all }: Provisioning): string {
  const widest = Math.max(...all.map(({ cluster }) => cluster.length));
  return all.map(({ cluster, title }) => `  ${cluster.padEnd(widest)}  ${title}`).join("\n");
}

/** Files of ours are written anew; one of somebody else's is never lost. */
function writeFiles(folder: string, plan: Provisioning): void {
  const files = [
    ...plan.files,
    [script, renderScript(plan)] as const,
    [deletion, renderDeletion(plan, recordFile)] as const,
  ];
  const foreign = files
    .map(([name]) => path.join(folder, name))
    .filter((file) => existsSync(file) && !readFileSync(file, "utf8").slice(0, 200).includes(mark));
  if (foreign.length > 0)
    throw new IsthmusError("arguments/wrong", `isthmus did not write ${foreign.map(shown).join(", ")}`, {
      nextStep: "Name another folder with -o.",
    });
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: name.endsWith(".sh") ? 0o755 : 0o644 });
  }
}

function readRecord(folder: string): ProvisionRecord {
  const file = path.join(folder, recordFile);
  if (!existsSync(file)) return { numbers: {}, done: {} };
  try {
    const { numbers = {}, done = {} } = JSON.parse(readFileSync(file, "utf8")) as Partial<ProvisionRecord>;
    return { numbers, done };
  } catch (cause) {
    throw new IsthmusError("arguments/wrong", `${shown(file)} can't be read`, {
      cause,
      nextStep:
        "It says which address ranges clusters have and what was done: mend it, or name another folder with -o.",
    });
  }
}

/** Whole or not at all, as it decides what is created a second time. */
function writeRecord(folder: string, record: ProvisionRecord): void {
  const file = path.join(folder, recordFile);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
}
