import { groupVersion } from "../kinds.ts";
import { schemaFromCrd } from "./crd-schema.ts";
import { readDataFile } from "./data-file.ts";
import type { SchemaNode } from "./schema-node.ts";
import { loadBuiltInSchema } from "./schema-set.ts";

interface CrdTable {
  readonly crds: readonly {
    readonly spec: {
      readonly group: string;
      readonly names: { readonly kind: string };
      readonly versions: readonly {
        readonly name: string;
        readonly schema: { readonly openAPIV3Schema: unknown };
      }[];
    };
  }[];
}

/** The schema of a kind, and whether it is one of Kubernetes' own, whose objects are decoded rather than validated by it. */
export interface KnownSchema {
  readonly schema: SchemaNode;
  readonly isBuiltIn: boolean;
}

const ofIstio = new Map<string, KnownSchema | undefined>();

/** The schema of one of Kubernetes' or Istio's kinds, without any API server; undefined for kinds of others. */
export function knownSchema(apiVersion: string, kind: string): KnownSchema | undefined {
  const { group, version } = groupVersion(apiVersion);
  const own = loadBuiltInSchema().forKind(group, version, kind);
  if (own !== undefined) return { schema: own, isBuiltIn: true };
  const id = `${apiVersion} ${kind}`;
  if (!ofIstio.has(id)) {
    const { crds } = readDataFile("istio-crds.json") as CrdTable;
    const served = crds
      .find(({ spec }) => spec.group === group && spec.names.kind === kind)
      ?.spec.versions.find(({ name }) => name === version);
    ofIstio.set(
      id,
      served === undefined
        ? undefined
        : { schema: schemaFromCrd(served.schema.openAPIV3Schema), isBuiltIn: false },
    );
  }
  return ofIstio.get(id);
}
