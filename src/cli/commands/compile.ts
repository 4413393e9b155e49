import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { formatDiagnostics, IsthmusError } from "../../base/index.ts";
import { type Compiled, fillAddresses, renderFiles, renderGitops } from "../../compile/index.ts";
import { checkSupported } from "../../mesh/index.ts";
import { type Command, textOption } from "../command.ts";
import {
  addressOptions,
  addressOptionTexts,
  gitopsOptions,
  gitopsOptionTexts,
  readAddresses,
  readGitopsOptions,
} from "../compile/gitops-options.ts";
import { meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";

export const compileCommand: Command = {
  summary: "Write the objects per cluster that the mesh file stands for. Reads no cluster, holds no key.",
  usage:
    "compile [FILE] [-o DIR|yaml|json] [--address SERVICE=ADDRESS] [--include-secrets] [--gitops argocd|flux --repo URL]",
  options: { ...meshOptions, "include-secrets": { type: "boolean" }, ...addressOptions, ...gitopsOptions },
  optionTexts: {
    ...meshOptionTexts,
    output: "folder to write DIR/CLUSTER/*.yaml to; or yaml or json, to stdout (default: yaml)",
    "include-secrets": "also the data of your own Secret manifests",
    ...addressOptionTexts,
    ...gitopsOptionTexts,
  },
  async run(input) {
    const { terminal } = input;
    const output = textOption(input, "output") ?? "yaml";
    const [gitops, addresses] = [readGitopsOptions(input), readAddresses(input)];
    const {
      mesh,
      compiled: bare,
      warnings,
    } = await readMesh(input, {
      check: (mesh) => checkSupported(mesh, "compile"),
      unless: "Nothing was written.",
    });
    if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
    const { compiled } = fillAddresses(bare, addresses);
    const includeSecrets = input.values["include-secrets"] === true;
    if (output === "json") {
      if (gitops !== undefined) throw new IsthmusError("arguments/wrong", "--gitops writes files, not JSON");
      terminal.print(JSON.stringify(asJson(compiled, includeSecrets), undefined, 2));
      return 0;
    }
    const { files, sealed, leftOut } =
      gitops === undefined
        ? { files: renderFiles(compiled, { includeSecrets }), sealed: [], leftOut: [] }
        : renderGitops(compiled, { ...gitops, addresses, mesh: mesh.name });
    if (output === "yaml") for (const [name, text] of files) terminal.print(`# ${name}\n${text}---`);
    else {
      const folder = path.resolve(output);
      const kept = alreadySealed(folder, sealed);
      writeFiles(folder, new Map([...files, ...kept]), [...compiled.clusters.keys()]);
      for (const file of sealed)
        if (!kept.has(file))
          terminal.note(
            `${terminal.paint.warn("!")} ${file} is not there yet: seal.sh makes it of the Secret`,
          );
      if (gitops !== undefined) removeStale(path.join(folder, gitops.tool), files, folder);
      terminal.note(`wrote ${files.size} files for ${compiled.clusters.size} clusters to ${output}`);
    }
    for (const one of leftOut) terminal.note(`${terminal.paint.warn("!")} ${one}`);
    return 0;
  },
};

/** Cluster folders are written anew as a whole, so that nothing of an earlier run stays; other content of the folder is left alone. */
function writeFiles(folder: string, files: ReadonlyMap<string, string>, clusters: readonly string[]): void {
  for (const cluster of clusters) {
    const place = path.join(folder, cluster);
    const foreign = existing(place).filter((name) => !/^(\d+-[\w-]+(\.yaml)?|charts)$/.test(name));
    if (foreign.length > 0) {
      throw new IsthmusError(
        "arguments/wrong",
        `${place} holds files that isthmus did not write: ${foreign.slice(0, 3).join(", ")}`,
        {
          nextStep: "Name another folder with -o.",
        },
      );
    }
    rmSync(place, { recursive: true, force: true });
  }
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: name.endsWith(".sh") ? 0o755 : 0o644 });
  }
}

/** What people have sealed, which is written as it was: only they can make it. */
function alreadySealed(folder: string, sealed: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    sealed.flatMap((name) => {
      const file = path.join(folder, name);
      return existsSync(file) ? [[name, readFileSync(file, "utf8")] as const] : [];
    }),
  );
}

/** Takes away what the tool would still apply of clusters that are no longer in the mesh file. */
function removeStale(place: string, files: ReadonlyMap<string, string>, folder: string): void {
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const isOurs = /(argocd\/clusters\/[^/]+|flux\/[^/]+\/mesh)\.yaml$/.test(file);
    if (entry.isFile() && isOurs && !files.has(path.relative(folder, file))) rmSync(file);
  }
}

function existing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function asJson(compiled: Compiled, includeSecrets: boolean): unknown {
  return Object.fromEntries(
    [...compiled.clusters].map(([name, items]) => [
      name,
      items.map((item) => {
        if (item.kind !== "object" || item.object.kind !== "Secret" || includeSecrets) return item;
        const { data: _data, stringData: _stringData, ...named } = item.object;
        return { ...item, object: named };
      }),
    ]),
  );
}
