import type { KubeObject } from "../../kube/index.ts";
import type { FieldPath } from "../../mesh/index.ts";

/**
 * What the manifests of a mesh say: everything that compile would have to read from files otherwise. By the
 * entry's place in the mesh file (its `from`), since a mesh-wide entry is the same in every cluster.
 */
export interface ManifestContent {
  /** Objects of every entry with a file, in order: selected, and with the entry's namespace set. */
  readonly objects: ReadonlyMap<FieldPath, readonly ManifestObject[]>;
  /** Content of the values file of every chart entry that has one. */
  readonly values: ReadonlyMap<FieldPath, Readonly<Record<string, unknown>>>;
  /** JSON of every dashboard of an add-on, by its path as the mesh file writes it. */
  readonly dashboards: ReadonlyMap<string, string>;
}

/** One object and where it is written. */
export interface ManifestObject {
  readonly object: KubeObject;
  /** As the mesh file and the folders in it name it: "traffic/virtual-service.yaml". */
  readonly file: string;
  /** Line where the object begins. */
  readonly line: number;
}

/** No manifests at all, for a mesh that names none. */
export const noManifests: ManifestContent = {
  objects: new Map(),
  values: new Map(),
  dashboards: new Map(),
};

/** How manifests are reached; paths are as the mesh file writes them, relative to its folder, or URLs. */
export interface ManifestReader {
  /** The text at `path`; rejects with the reason when it can't be had. */
  readText(path: string): Promise<string>;
  /** Names of the files directly in the folder at `path`, in any order; undefined when it is not a folder. */
  listFolder(path: string): Promise<readonly string[] | undefined>;
}
