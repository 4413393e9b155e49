import { useQuery } from "../location.ts";
import { useClusterLooks } from "./cluster-mark.tsx";

/** Narrows a list by text; the text is part of the address. */
export function TextFilter({ label }: { readonly label: string }) {
  const [text = "", setText] = useQuery("q");
  return (
    <input
      className="field"
      style={{ width: 180 }}
      type="search"
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}

/** One of the mesh's clusters, or all. */
export function ClusterFilter() {
  const [cluster = "", setCluster] = useQuery("cluster");
  const names = [...useClusterLooks().keys()];
  return (
    <select
      className="field"
      aria-label="Cluster"
      value={cluster}
      onChange={(event) => setCluster(event.target.value)}
    >
      <option value="">All clusters</option>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** One of the namespaces, or all. */
export function NamespaceFilter({ namespaces }: { readonly namespaces: readonly string[] }) {
  const [namespace = "", setNamespace] = useQuery("ns");
  const known = namespace === "" || namespaces.includes(namespace) ? namespaces : [namespace, ...namespaces];
  return (
    <select
      className="field"
      aria-label="Namespace"
      value={namespace}
      onChange={(event) => setNamespace(event.target.value)}
    >
      <option value="">All namespaces</option>
      {known.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
