import { readDataFile } from "./data-file.ts";

/** A CustomResourceDefinition of upstream, without texts, or of isthmus itself. */
export interface CrdEntry {
  /** "virtualservices.networking.istio.io" */
  readonly name: string;
  readonly spec: CrdSpec;
}

interface CrdSpec {
  readonly group: string;
  readonly names: { readonly kind: string };
  readonly versions: readonly {
    readonly name: string;
    readonly schema: { readonly openAPIV3Schema: unknown };
  }[];
  readonly [field: string]: unknown;
}

/** The projects whose kinds isthmus knows without asking an API server. */
export type CrdProject = "istio" | "liqo" | "isthmus";

/** The CustomResourceDefinitions of a project. Reads them every time; callers keep what they need. */
export function readCrds(project: CrdProject): readonly CrdEntry[] {
  return (readDataFile(`${project}-crds.json`) as { readonly crds: readonly CrdEntry[] }).crds;
}
