import type { ObjectReference } from "../../../src/console/api.ts";
import { follow, workloadUrl } from "../location.ts";
import { ClusterMark } from "./cluster-mark.tsx";

/** Kinds whose objects have a page as workloads. */
export const workloadKinds: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet"]);

/** An object by its cluster, kind and name; a link where it has a page. */
export function ObjectTag({ object }: { readonly object: ObjectReference }) {
  const { cluster, kind, namespace, name, path } = object;
  const text = (
    <>
      <ClusterMark name={cluster} />
      <span className="clip">
        <span className="dimmer">{kind}</span> {namespace === undefined ? "" : `${namespace}/`}
        {name}
        {path === undefined ? null : <span className="dimmer"> {path}</span>}
      </span>
    </>
  );
  const title = `${kind} ${namespace === undefined ? name : `${namespace}/${name}`} in ${cluster}`;
  if (!workloadKinds.has(kind) || namespace === undefined)
    return (
      <span className="object-tag" title={title}>
        {text}
      </span>
    );
  return (
    <a
      className="object-tag"
      title={title}
      href={workloadUrl({ cluster, namespace, kind, name })}
      onClick={follow}
    >
      {text}
    </a>
  );
}
