import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { formatDiagnostics, IsthmusError } from "../../base/index.ts";
import { type ImportedMesh, importMesh } from "../../import/index.ts";
import { checkSupported } from "../../mesh/index.ts";
import { kubeconfigFiles } from "../cluster-access.ts";
import { type Command, type CommandInput, textOption } from "../command.ts";
import { openKubeconfig, type ReachedCluster, reachContext } from "../kubeconfig-access.ts";
import { planLines } from "../plan/plan-lines.ts";
import { planMesh } from "../plan/plan-mesh.ts";
import { reachClusters } from "../reach-clusters.ts";
import { readMesh } from "../read-mesh.ts";

export const importCommand: Command = {
  summary:
    "A mesh file, with the manifests beside it, from clusters that are a mesh already; and what an apply of it would change there. Reads only, and takes no value of a Secret.",
  usage: "import --contexts A,B [--kubeconfig FILE] [-o mesh.yaml] [--force]",
  options: { contexts: { type: "string" }, kubeconfig: { type: "string" }, force: { type: "boolean" } },
  optionTexts: {
    contexts: "contexts of all clusters of the mesh, with commas between them",
    kubeconfig: "where the contexts are (default: $KUBECONFIG, then ~/.kube/config)",
    output: "the mesh file to write (default mesh.yaml); manifests go beside it",
    force: "write over files that are there",
  },
  async run(input) {
    const { terminal, signal } = input;
    const file = textOption(input, "output") ?? "mesh.yaml";
    const folder = path.dirname(path.resolve(file));
    const imported = await readClusters(input, folder);
    await write(imported, file, input.values["force"] === true);
    terminal.print(`${file} written, and ${imported.files.size} files beside it`);
    const { paint } = terminal;
    if (imported.notes.length > 0) terminal.print(`\n${paint.bold("What the file does not say")}`);
    for (const note of imported.notes) terminal.print(`  ${paint.warn("!")} ${note}`);
    const { mesh, compiled, warnings } = await readMesh(
      { ...input, positionals: [file], values: {} },
      { check: (read) => checkSupported(read, "compile"), unless: "The file is written; mend it there." },
    );
    if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
    const clusters = await reachClusters(mesh, textOption(input, "kubeconfig"), signal);
    try {
      const { planned, traffic } = await planMesh(mesh, compiled, clusters, signal);
      terminal.print(`\n${paint.bold("What an apply of it would change")}`);
      for (const line of planLines(planned, traffic, paint)) terminal.print(line);
      terminal.print(
        `\nisthmus up ${file} rehearses it on this machine; isthmus plan ${file} says this again.`,
      );
      return planned.some((one) => "failure" in one) ? 1 : 0;
    } finally {
      clusters.close();
    }
  },
};

async function readClusters(input: CommandInput, folder: string): Promise<ImportedMesh> {
  const kubeconfig = openKubeconfig(kubeconfigFiles(textOption(input, "kubeconfig")));
  const known = [...kubeconfig.config.contexts.keys()].join(", ");
  const contexts = (textOption(input, "contexts") ?? "").split(",").filter(Boolean);
  if (contexts.length === 0)
    throw new IsthmusError("arguments/wrong", "--contexts says which clusters are the mesh", {
      nextStep: `The kubeconfig has ${known === "" ? "no contexts" : known}.`,
    });
  const reached: ReachedCluster[] = [];
  try {
    const all = await Promise.all(
      contexts.map(async (context) => {
        const one = await reachContext(kubeconfig, context, input.signal);
        reached.push(one);
        return { context, client: one.client };
      }),
    );
    return await importMesh(all, folder);
  } finally {
    for (const one of reached) one.close();
  }
}

async function write({ meshFile, files }: ImportedMesh, file: string, isForced: boolean): Promise<void> {
  const folder = path.dirname(file);
  const texts = new Map([
    [file, meshFile],
    ...[...files].map(([name, text]) => [path.join(folder, name), text] as const),
  ]);
  const present = [...texts.keys()].find((name) => existsSync(name));
  if (present !== undefined && !isForced)
    throw new IsthmusError("arguments/wrong", `${present} is there already`, {
      nextStep: "Name another file with -o, or write over it with --force.",
    });
  for (const [name, text] of texts) {
    await mkdir(path.dirname(name), { recursive: true });
    await writeFile(name, text);
  }
}
