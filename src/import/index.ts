/**
 * import: a mesh file from clusters that are a mesh already, made by hand or by another tool.
 *
 * importMesh reads them as a whole, finds who serves whom, networks, gateways, peerings, exports, charts and what users put
 * in, and writes it as one mesh file with manifests beside it.
 *
 * Reads only, and takes no value of a Secret. What a plan of the file would change is for apply to say.
 */
export { type ImportedContext, type ImportedMesh, importMesh } from "./import-mesh.ts";
