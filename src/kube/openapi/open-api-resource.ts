import { createHash } from "node:crypto";
import { version as packageVersion } from "../../base/index.ts";

/** What a document must know of one served resource in one version. */
export interface OpenApiResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly {
    readonly name: string;
    readonly kind?: string;
    readonly group?: string;
    readonly version?: string;
    readonly verbs: readonly string[];
  }[];
  /** Of custom kinds: their openAPIV3Schema. Absent for kinds that Kubernetes itself has. */
  readonly custom?: { readonly schema: unknown };
}

/** The place of a group version among the documents: "api/v1", "apis/apps/v1". */
export function groupVersionPath({ group, version }: Pick<OpenApiResource, "group" | "version">): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

/**
 * A hash that changes when and only when the document of these resources does. Clients keep a document under its
 * hash for ever, so it does not depend on anything else: the same resources have it in every run.
 */
export function openApiHash(resources: readonly OpenApiResource[]): string {
  const hash = createHash("sha512").update(packageVersion);
  for (const resource of resources) {
    const { group, version, kind, listKind, plural, namespaced, verbs, subresources, custom } = resource;
    const parts = subresources.map((part) => [part.name, part.kind, part.group, part.version, part.verbs]);
    hash.update(
      JSON.stringify([group, version, kind, listKind, plural, namespaced, verbs, parts, custom?.schema]),
    );
  }
  return hash.digest("hex").toUpperCase();
}

/** The index of OpenAPI v3 documents (/openapi/v3): one for each group version that the resources are of. */
export function openApiV3Index(resources: readonly OpenApiResource[]): {
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
} {
  const groups = new Map<string, OpenApiResource[]>();
  for (const resource of resources) {
    const place = groupVersionPath(resource);
    groups.set(place, [...(groups.get(place) ?? []), resource]);
  }
  return {
    paths: Object.fromEntries(
      [...groups].map(([place, members]) => [
        place,
        { serverRelativeURL: `/openapi/v3/${place}?hash=${openApiHash(members)}` },
      ]),
    ),
  };
}
