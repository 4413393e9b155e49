/**
 * mesh: the mesh file. Its schema, a parser per section, the checks over all of it, and the Mesh type.
 *
 * Reads text with positions and reports every mistake at once as diagnostics. Nothing after parseMesh
 * checks the file again.
 *
 * Does not read a cluster, does not read manifests' contents, and makes no Kubernetes objects.
 */
export { checkSupported, type MeshUse } from "./check-supported.ts";
export { type FileLookup, isRepository, isUrl } from "./checks/check-lists.ts";
export { stepsOf } from "./field-path.ts";
export type {
  Addon,
  Cluster,
  ClusterName,
  ClusterNode,
  ClusterProvider,
  FieldPath,
  Gateway,
  ImageStandIn,
  IstioSettings,
  ManifestEntry,
  Mesh,
  MeshNamespace,
  NetworkName,
  OffloadedNamespace,
  Peering,
  ProviderName,
  Trust,
  Workspace,
} from "./mesh.ts";
export { meshJsonSchema } from "./mesh-json-schema.ts";
export { type MeshText, type ParsedMesh, type ParseOptions, parseMesh } from "./parse-mesh.ts";
export { type Located, plainValue } from "./yaml/located.ts";
export type { Places } from "./yaml/places.ts";
export { type ReadYaml, readYaml } from "./yaml/read-yaml.ts";
export { type Place, rangeOf, type Source } from "./yaml/source.ts";
