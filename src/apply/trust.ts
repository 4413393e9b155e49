import { existsSync } from "node:fs";
import path from "node:path";
import {
  type CaFiles,
  caPlace,
  checkSameRoot,
  createTrust,
  mergeRoots,
  type RotatedPlace,
  readCaFiles,
  writeRotationFiles,
} from "../ca/index.ts";
import type { Cluster, Mesh } from "../mesh/index.ts";

/** The CA of every workload cluster, and the folders that were made for it. */
export interface MeshTrust {
  /** As Secrets cacerts shall hold it: where roots are exchanged, root-cert.pem has those of all clusters. */
  readonly files: ReadonlyMap<string, CaFiles>;
  /** Folders that did not exist and were filled: the user is told. */
  readonly created: readonly string[];
  /** Where the CAs are kept, each once. */
  readonly places: readonly RotatedPlace[];
  /** Reads all files again. Throws as `loadTrust` does; then everything stays as it was. */
  reload(now: number): void;
}

/** Where what the mesh file does not place is kept. */
export interface TrustFolders {
  /** Generated CAs. */
  readonly trust: string;
  /** A rotation that is under way. */
  readonly rotation: string;
}

/**
 * Reads each cluster's CA from its `trust.cacerts` folder, or from the state folder when the file names none. A folder
 * that does not exist is made, so that a fresh checkout runs. A step of a rotation that was interrupted while it wrote
 * is written again first. Throws trust/… when a CA is wrong or roots differ.
 */
export function loadTrust(mesh: Mesh, state: TrustFolders, now: number): MeshTrust {
  // What an issuer signs is in the clusters alone.
  const clusters = [...mesh.clusters.values()].filter(
    ({ role, trust }) => role === "workload" && trust.issuer === undefined,
  );
  writeRotationFiles(state.rotation);
  const folderOf = ({ trust: { cacerts } }: Cluster) =>
    cacerts === undefined ? state.trust : path.resolve(mesh.folder, cacerts);
  const created = makeMissing(mesh, clusters, folderOf, state.trust, now);
  const places = new Map<string, RotatedPlace>();
  for (const cluster of clusters) {
    const { folder, place } = caPlace(folderOf(cluster), cluster.name);
    places.set(place, { folder, place, name: place === folder ? mesh.name : cluster.name });
  }
  const read = (at: number) =>
    believing(mesh, new Map(clusters.map((one) => [one.name, readCaFiles(folderOf(one), one.name, at)])));
  let files = read(now);
  return {
    get files() {
      return files;
    },
    created,
    places: [...places.values()],
    reload(at) {
      files = read(at);
    },
  };
}

function makeMissing(
  mesh: Mesh,
  clusters: readonly Cluster[],
  folderOf: (cluster: Cluster) => string,
  generated: string,
  now: number,
): readonly string[] {
  const folders = new Map<string, string[]>();
  for (const cluster of clusters)
    folders.set(folderOf(cluster), [...(folders.get(folderOf(cluster)) ?? []), cluster.name]);
  const created: string[] = [];
  for (const [folder, names] of folders) {
    const missing =
      folder === generated
        ? names.filter((name) => !existsSync(path.join(folder, name, "ca-cert.pem")))
        : existsSync(folder)
          ? []
          : names;
    if (missing.length === 0) continue;
    createTrust(folder, { mesh: mesh.name, clusters: missing, now });
    if (folder !== generated) created.push(folder);
  }
  return created;
}

/** With `exchangeRoots` everybody believes the roots of all clusters; otherwise there has to be one for all. */
function believing(mesh: Mesh, files: ReadonlyMap<string, CaFiles>): ReadonlyMap<string, CaFiles> {
  if (!mesh.trust.exchangeRoots) {
    const domainOf = (name: string) =>
      [...mesh.clusters.values()].find((one) => one.name === name)?.trust.domain ?? "";
    if (!mesh.trust.allowDifferentRoots) checkSameRoot(files, domainOf);
    return files;
  }
  const bundles = [...files.values()].map((one) => one["root-cert.pem"]);
  // A cluster's own come first: the first root is the one that it is known by.
  return new Map(
    [...files].map(([name, own]) => [
      name,
      { ...own, "root-cert.pem": mergeRoots([own["root-cert.pem"], ...bundles]) },
    ]),
  );
}
