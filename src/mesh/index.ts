/**
 * mesh: the mesh file. Its schema, a parser per section, the checks over all of it, and the Mesh type.
 *
 * Reads text with positions and reports every mistake at once as diagnostics. Nothing after parseMesh
 * checks the file again.
 *
 * Does not read a cluster, does not read manifests' contents, and makes no Kubernetes objects.
 */
export type {
  Addon,
  Cluster,
  ClusterName,
  ClusterNode,
  FieldPath,
  Gateway,
  ImageStandIn,
  IstioSettings,
  ManifestEntry,
  Mesh,
  MeshNamespace,
  NetworkName,
  Peering,
  Trust,
  Workspace,
} from "./mesh.ts";
