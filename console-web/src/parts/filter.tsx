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
  const [cluster, setCluster] = useQuery("cluster");
  return (
    <Choice
      {...{ label: "Cluster", all: "All clusters", value: cluster, onChange: setCluster }}
      options={[...useClusterLooks().keys()]}
    />
  );
}

/** One of the namespaces, or all. */
export function NamespaceFilter({ namespaces }: { readonly namespaces: readonly string[] }) {
  const [namespace, setNamespace] = useQuery("ns");
  return (
    <Choice
      {...{ label: "Namespace", all: "All namespaces", value: namespace, onChange: setNamespace }}
      options={namespaces}
    />
  );
}

/** One of several, or all. */
export function Choice({
  label,
  all,
  value = "",
  options,
  onChange,
}: {
  readonly label: string;
  /** What stands for all of them. */
  readonly all: string;
  /** Undefined for all. It stays to be seen though it is not among the options any more. */
  readonly value: string | undefined;
  readonly options: readonly string[];
  /** Gets "" for all. */
  readonly onChange: (value: string) => void;
}) {
  const known = value === "" || options.includes(value) ? options : [value, ...options];
  return (
    <select
      className="field"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{all}</option>
      {known.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
