/** One end of a connection, as Istio's metrics name it. "unknown" for what is not known. */
export interface Workload {
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
}

export const unknownWorkload: Workload = {
  workload: "unknown",
  namespace: "unknown",
  app: "unknown",
  version: "unknown",
  canonicalService: "unknown",
  canonicalRevision: "latest",
  cluster: "unknown",
};

type Fields = Readonly<Record<string, unknown>>;

/** The workload of a proxy's node metadata: its own, or what a peer tells of itself. */
export function workloadOfNode(fields: Fields | undefined): Workload {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const labels = fields?.["LABELS"];
  const label = (name: string) =>
    typeof labels === "object" && labels !== null ? text((labels as Fields)[name]) : undefined;
  const workload = text(fields?.["WORKLOAD_NAME"]) ?? "unknown";
  const app = label("app") ?? label("app.kubernetes.io/name");
  const version = label("version") ?? label("app.kubernetes.io/version");
  return {
    workload,
    namespace: text(fields?.["NAMESPACE"]) ?? "unknown",
    app: app ?? "unknown",
    version: version ?? "unknown",
    canonicalService: label("service.istio.io/canonical-name") ?? app ?? workload,
    canonicalRevision: label("service.istio.io/canonical-revision") ?? version ?? "latest",
    cluster: text(fields?.["CLUSTER_ID"]) ?? "unknown",
  };
}

/** The workload of an endpoint's metadata istio.workload: "workload;namespace;canonical service;revision;cluster". */
export function endpointWorkload(text: string): Workload {
  const [workload, namespace, service, revision, cluster] = text.split(";").map((part) => part || undefined);
  return {
    workload: workload ?? "unknown",
    namespace: namespace ?? "unknown",
    app: service ?? "unknown",
    version: revision ?? "unknown",
    canonicalService: service ?? "unknown",
    canonicalRevision: revision ?? "latest",
    cluster: cluster ?? "unknown",
  };
}
