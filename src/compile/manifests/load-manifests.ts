import path from "node:path/posix";
import type { Diagnostic } from "../../base/index.ts";
import {
  type FieldPath,
  isUrl,
  type ManifestEntry,
  type Mesh,
  plainValue,
  readYaml,
  stepsOf,
} from "../../mesh/index.ts";
import { checkPlacement } from "./check-placement.ts";
import { kustomizationNames, kustomize, readKustomization } from "./kustomization.ts";
import type { ManifestContent, ManifestObject, ManifestReader } from "./manifest-content.ts";
import { type ParsedManifest, parseManifest } from "./parse-manifest.ts";
import { placeObjects } from "./place-objects.ts";
import { selectObjects } from "./select-objects.ts";

/** Everything that the manifests of a mesh say, and what is wrong with them. With errors the content is incomplete. */
export interface LoadedManifests {
  readonly content: ManifestContent;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads every manifest that the mesh names, once, and says all that is wrong. Selectors and namespaces have the
 * meaning of kubectl's -l and -n. Charts are not looked into, only their values files.
 */
export async function loadManifests(mesh: Mesh, reader: ManifestReader): Promise<LoadedManifests> {
  const entries = new Map<FieldPath, ManifestEntry>();
  for (const { manifests } of mesh.clusters.values())
    for (const entry of manifests) entries.set(entry.from, entry);
  const read = readOnce(reader);
  const objects = new Map<FieldPath, readonly ManifestObject[]>();
  const values = new Map<FieldPath, Readonly<Record<string, unknown>>>();
  const diagnostics: Diagnostic[] = [];
  for (const entry of entries.values()) {
    const said = (one: Diagnostic) => withPlace(one, entry, mesh);
    if (entry.kind === "chart") {
      if (entry.values === undefined) continue;
      const loaded = await readValues(entry.values, reader);
      values.set(entry.from, loaded.values);
      diagnostics.push(...loaded.diagnostics.map(said));
      continue;
    }
    const parsed = await read(entry.file);
    const selected = parsed.diagnostics.length > 0 ? parsed : selectObjects(entry, parsed.objects);
    const placed = placeObjects(entry, selected.objects);
    objects.set(entry.from, placed.objects);
    diagnostics.push(...[...selected.diagnostics, ...placed.diagnostics].map(said));
  }
  const dashboards = new Map<string, string>();
  for (const { addons } of mesh.clusters.values())
    for (const addon of addons)
      for (const file of addon.dashboards) {
        const loaded = await readDashboard(file, reader);
        if (typeof loaded === "string") dashboards.set(file, loaded);
        else diagnostics.push(withPlace(loaded, addon, mesh));
      }
  const content = { objects, values, dashboards };
  return { content, diagnostics: [...diagnostics, ...checkPlacement(mesh, content)] };
}

/** A diagnostic without a place of its own is about the entry: it gets the entry's field and place. */
function withPlace(diagnostic: Diagnostic, entry: { readonly from: FieldPath }, mesh: Mesh): Diagnostic {
  if (diagnostic.range !== undefined) return { ...diagnostic, path: stepsOf(entry.from) };
  const at = [...stepsOf(entry.from), ...diagnostic.path];
  const range = mesh.places.at(at);
  return { ...diagnostic, path: at, ...(range === undefined ? {} : { range }) };
}

type Read = (file: string) => Promise<ParsedManifest>;

/** Reads files, folders and URLs; each only once, also when several entries select from it. */
function readOnce(reader: ManifestReader): Read {
  const known = new Map<string, Promise<ParsedManifest>>();
  const read = (file: string, parents: readonly string[]): Promise<ParsedManifest> => {
    const place = isUrl(file) ? file : path.normalize(file);
    const present = known.get(place);
    if (present !== undefined && !parents.includes(place)) return present;
    const reading = parents.includes(place)
      ? Promise.resolve(
          failed(
            "manifest/kustomization-cycle",
            `"${place}" contains itself`,
            "take it out of the resources",
          ),
        )
      : readPath(place, reader, (inner) => read(inner, [...parents, place]));
    if (!parents.includes(place)) known.set(place, reading);
    return reading;
  };
  return (file) => read(file, []);
}

async function readPath(place: string, reader: ManifestReader, read: Read): Promise<ParsedManifest> {
  try {
    const names = isUrl(place) ? undefined : await reader.listFolder(place);
    if (names === undefined) return parseManifest(place, await reader.readText(place));
    const kustomization = kustomizationNames.find((name) => names.includes(name));
    if (kustomization !== undefined) return await readKustomized(place, kustomization, reader, read);
    const files = names.filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
    return together(await Promise.all(files.map((name) => read(path.join(place, name)))));
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    return failed(
      "manifest/unreadable",
      `"${place}" can't be read: ${why}`,
      "check the path and that it may be read",
    );
  }
}

async function readKustomized(
  folder: string,
  name: string,
  reader: ManifestReader,
  read: Read,
): Promise<ParsedManifest> {
  const file = path.join(folder, name);
  const { kustomization, diagnostics } = readKustomization(file, await reader.readText(file));
  if (kustomization === undefined) return { objects: [], diagnostics };
  const parts = kustomization.resources.map((one) => read(isUrl(one) ? one : path.join(folder, one)));
  const all = together(await Promise.all(parts));
  return { ...all, objects: all.objects.map((one) => kustomize(one, kustomization)) };
}

function together(parts: readonly ParsedManifest[]): ParsedManifest {
  return {
    objects: parts.flatMap(({ objects }) => objects),
    diagnostics: parts.flatMap(({ diagnostics }) => diagnostics),
  };
}

function failed(code: Diagnostic["code"], message: string, hint: string): ParsedManifest {
  return { objects: [], diagnostics: [{ severity: "error", code, path: [], message, hint }] };
}

/** Largest dashboard, in characters: it becomes part of a ConfigMap. */
const maxDashboard = 500_000;

/** A dashboard's JSON, or why it can't be had. */
async function readDashboard(file: string, reader: ManifestReader): Promise<string | Diagnostic> {
  try {
    const text = await reader.readText(file);
    if (text.length > maxDashboard) throw new Error(`it has more than ${maxDashboard} characters`);
    return JSON.stringify(JSON.parse(text));
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    return {
      severity: "error",
      code: "manifest/unreadable",
      path: [],
      message: `the dashboard "${file}" can't be read: ${why}`,
      hint: "a dashboard is a JSON file, as Grafana exports it",
    };
  }
}

async function readValues(file: string, reader: ManifestReader) {
  try {
    const text = await reader.readText(file);
    const { documents, problems } = readYaml(file, text, {
      group: "manifest",
      dialect: "kubernetes",
      maxLength: 2_000_000,
    });
    const [root] = documents;
    return {
      values: (root?.kind === "map" ? plainValue(root) : {}) as Readonly<Record<string, unknown>>,
      diagnostics: problems,
    };
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    return {
      values: {},
      diagnostics: failed("manifest/unreadable", `"${file}" can't be read: ${why}`, "check the path")
        .diagnostics,
    };
  }
}
