import { existsSync } from "node:fs";
import path from "node:path";
import { type CaFiles, checkSameRoot, createTrust, readCaFiles } from "../ca/index.ts";
import type { Mesh } from "../mesh/index.ts";

/** The CA of every workload cluster, and the folders that were made for it. */
export interface MeshTrust {
  readonly files: ReadonlyMap<string, CaFiles>;
  /** Folders that did not exist and were filled: the user is told. */
  readonly created: readonly string[];
}

/**
 * Reads each cluster's CA from its `trust.cacerts` folder, or from `generated` when the file names none. A folder
 * that does not exist is made, so that a fresh checkout runs. Throws trust/… when a CA is wrong or roots differ.
 */
export function loadTrust(mesh: Mesh, generated: string, now: number): MeshTrust {
  const clusters = [...mesh.clusters.values()].filter(({ role }) => role === "workload");
  const folderOf = (cacerts: string | undefined) =>
    cacerts === undefined ? generated : path.resolve(mesh.folder, cacerts);
  const folders = new Map<string, string[]>();
  for (const { name, trust } of clusters) {
    const folder = folderOf(trust.cacerts);
    folders.set(folder, [...(folders.get(folder) ?? []), name]);
  }
  const created: string[] = [];
  for (const [folder, names] of folders) {
    const missing =
      folder === generated
        ? names.filter((name) => !existsSync(path.join(folder, name)))
        : existsSync(folder)
          ? []
          : names;
    if (missing.length === 0) continue;
    createTrust(folder, { mesh: mesh.name, clusters: missing, now });
    if (folder !== generated) created.push(folder);
  }
  const files = new Map(
    clusters.map(({ name, trust }) => [name as string, readCaFiles(folderOf(trust.cacerts), name, now)]),
  );
  if (!mesh.trust.allowDifferentRoots) checkSameRoot(files);
  return { files, created };
}
