import type { KubeObject } from "../kube/index.ts";
import type { ClusterView, ObjectReference } from "./contracts.ts";
import { kubectl } from "./text.ts";

/** What a finding says of an object of `cluster`; `path` is the field in it. */
export function reference(
  cluster: Pick<ClusterView, "name"> & Partial<Pick<ClusterView, "writtenAt">>,
  object: KubeObject,
  path?: string,
): ObjectReference {
  const { namespace, name } = object.metadata;
  const writtenAt = cluster.writtenAt?.get(object);
  return {
    cluster: cluster.name,
    kind: object.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    ...(path === undefined ? {} : { path }),
    ...(writtenAt === undefined ? {} : { writtenAt }),
  };
}

/** "Gateway sample/hello": an object as sentences name it. */
export function named({ kind, metadata: { namespace, name } }: KubeObject): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

/** "a/b, c/d": objects of one kind. */
export function namesOf(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata: { namespace, name } }) =>
    namespace === undefined ? name : `${namespace}/${name}`,
  );
}

/** A line of evidence: where the object can be looked at, and what stands in its field. */
export function seenIn(cluster: ClusterView, object: KubeObject, path: string, value: string): string {
  const place = cluster.writtenAt.get(object);
  if (place !== undefined) return `${place}  →  ${path}: ${value}`;
  const { namespace, name } = object.metadata;
  const where = namespace === undefined ? "" : `-n ${namespace} `;
  return kubectl(
    cluster.name,
    `${where}get ${object.kind.toLowerCase()} ${name} -o yaml`,
    `${path}: ${value}`,
  );
}
