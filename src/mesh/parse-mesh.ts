import { type Diagnostic, hasErrors } from "../base/index.ts";
import { buildMesh } from "./build/build-mesh.ts";
import { checkClusters } from "./checks/check-clusters.ts";
import { checkGateways } from "./checks/check-gateways.ts";
import { checkIssuers } from "./checks/check-issuers.ts";
import { checkLists, type FileLookup } from "./checks/check-lists.ts";
import { checkNetworks } from "./checks/check-networks.ts";
import { checkPeerings } from "./checks/check-peerings.ts";
import { checkWorkspaces } from "./checks/check-workspaces.ts";
import type { Finding } from "./checks/finding.ts";
import type { Mesh } from "./mesh.ts";
import { createProblems } from "./schema/reader.ts";
import { meshSection, type WrittenMesh } from "./sections/mesh-section.ts";
import type { Located } from "./yaml/located.ts";
import { overlay, readSet, setFile } from "./yaml/overlay.ts";
import { type Places, placesOf } from "./yaml/places.ts";
import { readYaml } from "./yaml/read-yaml.ts";
import { rangeOf } from "./yaml/source.ts";

/** A mesh file or an overlay. `file` is what diagnostics call it. */
export interface MeshText {
  readonly file: string;
  readonly text: string;
}

export interface ParseOptions {
  /** Folder of the first file, absolute: paths in the files are relative to it, and its name is the mesh's default name. */
  readonly folder: string;
  readonly files: FileLookup;
}

export type ParsedMesh =
  | { readonly ok: true; readonly mesh: Mesh; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly problems: readonly Diagnostic[] };

/** A mesh of a thousand clusters stays far below this. */
const maxLength = 2_000_000;

/**
 * Turns mesh files into a Mesh, or says everything that is wrong with them at once, each with its place.
 * Later files are laid over earlier ones (maps deeply, lists whole), then `sets` ("clusters.ash.region=x").
 * Nothing after this function checks the files again. Reads no disk but through `options.files`.
 */
export function parseMesh(
  texts: readonly MeshText[],
  sets: readonly string[],
  options: ParseOptions,
): ParsedMesh {
  const { root, problems } = readTexts(texts, sets);
  if (root === undefined) return { ok: false, problems };
  const shape = createProblems();
  const written: WrittenMesh = meshSection.read(root, [], shape) ?? {};
  const places = placesOf(root);
  const found = inOrder(
    [
      ...problems,
      ...shape.found,
      ...checkWritten(written, root, misread(shape.found), options.files).map((one) => locate(one, places)),
    ],
    texts,
  );
  if (hasErrors(found)) return { ok: false, problems: found };
  return {
    ok: true,
    mesh: buildMesh(written, { folder: options.folder, name: defaultName(options.folder), places }),
    warnings: found,
  };
}

function readTexts(
  texts: readonly MeshText[],
  sets: readonly string[],
): { root: Located | undefined; problems: Diagnostic[] } {
  const problems: Diagnostic[] = [];
  const layers: Located[] = [];
  for (const { file, text } of texts) {
    const read = readYaml(file, text, { group: "mesh", dialect: "core", maxLength });
    problems.push(...read.problems);
    const [first, second] = read.documents;
    if (second !== undefined) {
      const message = "a mesh file is one YAML document";
      problems.push({
        severity: "error",
        code: "mesh/several-documents",
        path: [],
        message,
        hint: "give the second one with a further -f",
        range: rangeOf(second.place),
      });
    }
    if (first !== undefined) layers.push(first);
    else if (read.problems.length === 0) {
      const range = rangeOf({ source: read.source, start: 0, end: 0 });
      problems.push({
        severity: "error",
        code: "mesh/empty",
        path: [],
        message: "the file is empty",
        hint: "isthmus init writes one to start from",
        range,
      });
    }
  }
  for (const argument of sets) {
    const read = readSet(argument);
    if (read.ok) layers.push(read.value);
    else problems.push(...read.problems);
  }
  const [base, ...over] = layers;
  // Without every file the rest of the checks would find holes that are not there.
  const unread = problems.some(({ code, range }) => code !== "mesh/duplicate-key" && range?.file !== setFile);
  if (base === undefined || unread) return { root: undefined, problems };
  return { root: over.reduce(overlay, base), problems };
}

/** The checks over all sections. They run on what was read, also when some of it was wrong. */
function checkWritten(
  written: WrittenMesh,
  root: Located,
  misread: ReadonlySet<string>,
  files: FileLookup,
): Finding[] {
  const clusters = root.kind === "map" ? root.entries.get("clusters")?.value : undefined;
  const lists = checkLists(written, files);
  if (clusters?.kind !== "map") return lists;
  const names = new Set(clusters.entries.keys());
  return [
    ...checkClusters(written.clusters ?? new Map(), names),
    ...checkNetworks(written, misread),
    ...checkGateways(written),
    ...lists,
    ...checkPeerings(written, names),
    ...checkIssuers(written),
    ...checkWorkspaces(written, names),
  ];
}

/** Clusters of which a field's name or value was not understood. */
function misread(problems: readonly Diagnostic[]): Set<string> {
  return new Set(
    problems.flatMap(({ path }) => (path[0] === "clusters" && path.length === 3 ? [String(path[1])] : [])),
  );
}

function locate({ part, ...finding }: Finding, places: Places): Diagnostic {
  const range = places.at(finding.path, part);
  return range === undefined ? finding : { ...finding, range };
}

/** As they stand in the files, from top to bottom; --set last. */
function inOrder(diagnostics: readonly Diagnostic[], texts: readonly MeshText[]): Diagnostic[] {
  const rank = ({ range }: Diagnostic) => {
    const index = texts.findIndex(({ file }) => file === range?.file);
    return index < 0 ? texts.length : index;
  };
  return diagnostics
    .map((one, index) => ({ one, index }))
    .sort(
      (a, b) =>
        rank(a.one) - rank(b.one) ||
        (a.one.range?.line ?? 0) - (b.one.range?.line ?? 0) ||
        (a.one.range?.column ?? 0) - (b.one.range?.column ?? 0) ||
        a.index - b.index,
    )
    .map(({ one }) => one);
}

/** The folder's name, with what can't be in a mesh ID replaced. */
function defaultName(folder: string): string {
  const last =
    folder
      .split("/")
      .filter((part) => part !== "")
      .at(-1) ?? "";
  const name = last.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return name === "" ? "mesh" : name.slice(0, 63);
}
