import { groupVersion } from "../kinds.ts";
import { schemaFromCrd } from "./crd-schema.ts";
import { type CrdProject, readCrds } from "./crd-table.ts";
import type { SchemaNode } from "./schema-node.ts";
import { loadBuiltInSchema } from "./schema-set.ts";

/** The schema of a kind, and whether it is one of Kubernetes' own, whose objects are decoded rather than validated by it. */
export interface KnownSchema {
  readonly schema: SchemaNode;
  readonly isBuiltIn: boolean;
}

const ofProjects = new Map<string, KnownSchema | undefined>();

/** The schema of one of Kubernetes', Istio's, Liqo's or isthmus' own kinds, without any API server; undefined for kinds of others. */
export function knownSchema(apiVersion: string, kind: string): KnownSchema | undefined {
  const { group, version } = groupVersion(apiVersion);
  const own = loadBuiltInSchema().forKind(group, version, kind);
  if (own !== undefined) return { schema: own, isBuiltIn: true };
  const id = `${apiVersion} ${kind}`;
  if (!ofProjects.has(id)) {
    const project = projectOf(group);
    const served = readCrds(project)
      .find(({ spec }) => spec.group === group && spec.names.kind === kind)
      ?.spec.versions.find(({ name }) => name === version);
    ofProjects.set(
      id,
      served === undefined
        ? undefined
        : { schema: schemaFromCrd(served.schema.openAPIV3Schema), isBuiltIn: false },
    );
  }
  return ofProjects.get(id);
}

function projectOf(group: string): CrdProject {
  if (group.endsWith(".liqo.io")) return "liqo";
  return group.endsWith(".isthmus.dev") || group === "admin.gloo.solo.io" ? "isthmus" : "istio";
}
