import type { WrittenCluster } from "../sections/cluster-section.ts";
import type { WrittenManifest } from "../sections/manifests-section.ts";
import type { WrittenMesh } from "../sections/mesh-section.ts";
import type { WrittenNamespace } from "../sections/namespaces-section.ts";
import { error, type Finding } from "./finding.ts";

type Path = readonly (string | number)[];

/** Where the files are; given by the caller, so that checking needs no disk. */
export interface FileLookup {
  /** What is at `path`, which is relative to the mesh file's folder or absolute; undefined when nothing is. */
  kindOf(path: string): "file" | "folder" | undefined;
}

/** Charts, namespaces, manifests and add-ons, mesh-wide and of every cluster. */
export function checkLists(mesh: WrittenMesh, files: FileLookup): Finding[] {
  const clusters: readonly (readonly [string, WrittenCluster])[] = [...(mesh.clusters ?? [])];
  return [
    ...checkCharts(mesh.istio, ["istio"], files),
    ...checkNamespaces(mesh.namespaces, ["namespaces"]),
    ...checkManifests(mesh.manifests, ["manifests"], files),
    ...checkManifests(mesh.trust?.issuer?.manifests, ["trust", "issuer", "manifests"], files),
    ...clusters.flatMap(([name, { istio, trust, namespaces, manifests, addons }]) => {
      const path = ["clusters", name];
      return [
        ...checkCharts(istio, [...path, "istio"], files),
        ...checkNamespaces(namespaces, [...path, "namespaces"]),
        ...checkManifests(manifests, [...path, "manifests"], files),
        ...checkManifests(trust?.issuer?.manifests, [...path, "trust", "issuer", "manifests"], files),
        ...checkAddons(addons, [...path, "addons"], files),
      ];
    }),
  ];
}

function checkCharts(istio: WrittenMesh["istio"], path: Path, files: FileLookup): Finding[] {
  const { charts } = istio ?? {};
  return charts === undefined || isRepository(charts) ? [] : missingFile(charts, [...path, "charts"], files);
}

function checkNamespaces(namespaces: readonly WrittenNamespace[] | undefined, path: Path): Finding[] {
  return doubles((namespaces ?? []).map(({ name }) => name)).map(([index, name]) =>
    error(
      "mesh/duplicate-name",
      [...path, index],
      `namespace "${name}" is already in this list`,
      "leave one out",
    ),
  );
}

const chartFields = ["repo", "name", "version", "values", "set"] as const;

function checkManifests(
  manifests: readonly WrittenManifest[] | undefined,
  path: Path,
  files: FileLookup,
): Finding[] {
  return (manifests ?? []).flatMap((entry, index) => {
    const at = [...path, index];
    const { file, chart } = entry;
    if (file === undefined && chart === undefined) {
      return [
        error(
          "mesh/missing-field",
          at,
          "this entry names neither a file nor a chart",
          "for example { file: app.yaml }",
        ),
      ];
    }
    if (file !== undefined && chart !== undefined) {
      return [
        error(
          "mesh/field-not-here",
          [...at, "chart"],
          "an entry is either a file or a chart",
          "make two entries of it",
          "key",
        ),
      ];
    }
    const wrong = file === undefined ? (["selector"] as const) : chartFields;
    const kind = file === undefined ? "charts" : "files";
    return [
      ...wrong
        .filter((field) => entry[field] !== undefined)
        .map((field) =>
          error("mesh/field-not-here", [...at, field], `${kind} have no "${field}"`, "leave it out", "key"),
        ),
      ...(file === undefined ? [] : missingFile(file, [...at, "file"], files)),
      ...(entry.values === undefined || file !== undefined
        ? []
        : missingFile(entry.values, [...at, "values"], files)),
    ];
  });
}

/** Whether a manifest's path is a URL. */
export function isUrl(file: string): boolean {
  return /^https?:\/\//.test(file);
}

/** Whether a place of charts is a repository, and not a folder. */
export function isRepository(place: string): boolean {
  return /^(https?|oci):\/\//.test(place);
}

function missingFile(file: string, path: Path, files: FileLookup): Finding[] {
  if (isUrl(file) || files.kindOf(file) !== undefined) return [];
  const hint = "paths start at the folder of the mesh file";
  return [error("mesh/missing-file", path, `there is no file or folder "${file}"`, hint)];
}

function checkAddons(addons: WrittenCluster["addons"], path: Path, files: FileLookup): Finding[] {
  const all = addons ?? [];
  return [
    ...doubles(all.map(({ name }) => name)).map(([index, name]) =>
      error(
        "mesh/duplicate-name",
        [...path, index],
        `add-on "${name}" is already in this list`,
        "leave one out",
      ),
    ),
    ...doubles(all.map(({ port }) => port)).map(([index, port]) => {
      const name = all[index]?.name ?? "";
      return error(
        "mesh/port-taken",
        [...path, name],
        `NodePort ${port} is already taken by another add-on`,
        "use another one",
      );
    }),
    ...all.flatMap(({ name, dashboards = [] }) =>
      dashboards.flatMap((file, index) => missingFile(file, [...path, name, "dashboards", index], files)),
    ),
  ];
}

/** Values that stand earlier in the list too, with their index. */
export function doubles<T>(values: readonly (T | undefined)[]): [number, T][] {
  return values.flatMap((value, index): [number, T][] =>
    value !== undefined && values.indexOf(value) < index ? [[index, value]] : [],
  );
}
