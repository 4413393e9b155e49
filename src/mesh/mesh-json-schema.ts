import { meshSection } from "./sections/mesh-section.ts";

/** JSON Schema (draft 2020-12) of the mesh file, for completion and checks in editors. Made from the same tables that parseMesh reads with. */
export function meshJsonSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "https://isthmus.dev/schema/v1alpha1/mesh.json",
    title: "isthmus mesh file",
    description: "One service mesh across many Kubernetes clusters.",
    ...meshSection.schema,
  };
}
