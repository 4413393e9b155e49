import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { formatDiagnostics, IsthmusError } from "../../base/index.ts";
import { type Compiled, renderFiles } from "../../compile/index.ts";
import { checkSupported } from "../../mesh/index.ts";
import { type Command, textOption } from "../command.ts";
import { meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";

export const compileCommand: Command = {
  summary: "Write the objects per cluster that the mesh file stands for. Reads no cluster, holds no key.",
  usage: "compile [FILE] [-o DIR|yaml|json] [--include-secrets]",
  options: { ...meshOptions, "include-secrets": { type: "boolean" } },
  optionTexts: {
    ...meshOptionTexts,
    output: "folder to write DIR/CLUSTER/*.yaml to; or yaml or json, to stdout (default: yaml)",
    "include-secrets": "also the data of your own Secret manifests",
  },
  async run(input) {
    const { terminal } = input;
    const output = textOption(input, "output") ?? "yaml";
    const { compiled, warnings } = await readMesh(input, {
      check: (mesh) => checkSupported(mesh, "compile"),
      unless: "Nothing was written.",
    });
    if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
    const includeSecrets = input.values["include-secrets"] === true;
    if (output === "json") terminal.print(JSON.stringify(asJson(compiled, includeSecrets), undefined, 2));
    else if (output === "yaml")
      for (const [name, text] of renderFiles(compiled, { includeSecrets }))
        terminal.print(`# ${name}\n${text}---`);
    else {
      const files = renderFiles(compiled, { includeSecrets });
      writeFiles(path.resolve(output), files, [...compiled.clusters.keys()]);
      terminal.note(`wrote ${files.size} files for ${compiled.clusters.size} clusters to ${output}`);
    }
    return 0;
  },
};

/** Cluster folders are written anew as a whole, so that nothing of an earlier run stays; other content of the folder is left alone. */
function writeFiles(folder: string, files: ReadonlyMap<string, string>, clusters: readonly string[]): void {
  for (const cluster of clusters) {
    const place = path.join(folder, cluster);
    const foreign = existing(place).filter((name) => !/^(\d+-[\w.-]+\.yaml|charts)$/.test(name));
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
    writeFileSync(file, text);
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
