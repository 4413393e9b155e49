import {
  type KubeObject,
  type KubernetesCluster,
  managementNamespace,
  type Workspace,
} from "../../kube/index.ts";

/** Label by which converted objects are known again. */
export const conversionLabels = { "app.kubernetes.io/component": "conversion" } as const;

/** An object of Gloo Mesh and the cluster in whose API it is; undefined: the management cluster's. */
export interface GlooObject {
  readonly cluster: string | undefined;
  readonly object: KubeObject;
}

/** What Gloo Mesh's objects become, and what of each does not go over, in words. */
export interface Conversion {
  readonly objects: readonly (Workspace | KubernetesCluster)[];
  readonly notes: ReadonlyMap<KubeObject, readonly string[]>;
}

/**
 * Gloo Mesh's Workspaces with their WorkspaceSettings, in the shapes of its beta and of its releases, and its
 * KubernetesClusters, as isthmus' own objects. Fields without a meaning here are told, never taken for something else. Pure.
 */
export function convertGloo(sources: readonly GlooObject[], hostSuffix: string | undefined): Conversion {
  const notes = new Map<KubeObject, string[]>(sources.map(({ object }) => [object, []]));
  const note = (object: KubeObject) => (text: string) => void notes.get(object)?.push(text);
  const ofKind = (kind: string) => sources.filter(({ object }) => object.kind === kind);
  const clusters = ofKind("KubernetesCluster").map(({ object }): KubernetesCluster => {
    const spec = fieldsOf(object["spec"]);
    report(spec, [], "spec", note(object));
    return converted("KubernetesCluster", object, {}) as KubernetesCluster;
  });
  const drafts = ofKind("Workspace").map(({ object }) => {
    const spec = fieldsOf(object["spec"]);
    report(spec, ["workloadClusters"], "spec", note(object));
    return { object, clusters: workloadClusters(spec["workloadClusters"], note(object)) };
  });
  const used = new Set<KubeObject>();
  const workspaces = drafts.flatMap(({ object, clusters: members }): readonly Workspace[] => {
    if (members.length === 0) {
      note(object)("spec.workloadClusters names no namespace: nothing is made of it");
      return [];
    }
    const settings = ofKind("WorkspaceSettings").filter(({ cluster, object: { metadata } }) =>
      members.some(
        ({ name, namespaces }) =>
          (name === "*" || name === cluster) && namespaces.includes(metadata.namespace ?? ""),
      ),
    );
    const [first, ...more] = settings;
    for (const one of settings) used.add(one.object);
    for (const one of more)
      note(one.object)(
        `settings of workspace ${object.metadata.name} are already in ${first?.object.metadata.name}`,
      );
    const read = first === undefined ? {} : readSettings(first.object, hostSuffix, note(first.object));
    return [converted("Workspace", object, { clusters: members, ...read }) as Workspace];
  });
  for (const { object } of ofKind("WorkspaceSettings"))
    if (!used.has(object)) note(object)(`no workspace has the namespace ${object.metadata.namespace}`);
  return { objects: [...clusters, ...workspaces], notes };
}

function converted(kind: string, { metadata }: KubeObject, spec: object): KubeObject {
  return {
    apiVersion: "management.isthmus.dev/v1alpha1",
    kind,
    metadata: { name: metadata.name, namespace: managementNamespace, labels: conversionLabels },
    spec,
  };
}

type Fields = Readonly<Record<string, unknown>>;
type Note = (text: string) => void;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Names the fields of `fields` that are not `known`. */
function report(fields: Fields, known: readonly string[], at: string, note: Note): void {
  for (const name of Object.keys(fields))
    if (!known.includes(name)) note(`${at}.${name} has no meaning here and is left out`);
}

function workloadClusters(value: unknown, note: Note) {
  return listOf(value).flatMap((cluster, i) => {
    const at = `spec.workloadClusters[${i}]`;
    report(cluster, ["name", "namespaces"], at, note);
    const namespaces = listOf(cluster["namespaces"]).flatMap((namespace, j) => {
      report(namespace, ["name"], `${at}.namespaces[${j}]`, note);
      const name = textOf(namespace["name"]);
      if (name !== undefined && name !== "*") return [name];
      note(`${at}.namespaces[${j}]: only namespaces by name can be in a workspace here`);
      return [];
    });
    return namespaces.length === 0 ? [] : [{ name: textOf(cluster["name"]) ?? "*", namespaces }];
  });
}

/** Names of workspaces: `[{name}]` in the beta, `[{workspaces: [{name}]}]` since. */
function workspaceNames(value: unknown, at: string, note: Note): readonly string[] {
  return listOf(value).flatMap((entry, i) => {
    report(entry, ["name", "workspaces"], `${at}[${i}]`, note);
    return [entry, ...listOf(entry["workspaces"])].flatMap(({ name }) => textOf(name) ?? []);
  });
}

function readSettings(object: KubeObject, hostSuffix: string | undefined, note: Note): Fields {
  const spec = fieldsOf(object["spec"]);
  report(spec, ["exportTo", "importFrom", "imports", "options"], "spec", note);
  const options = fieldsOf(spec["options"]);
  report(options, ["serviceIsolation", "federation"], "spec.options", note);
  const isolation = fieldsOf(options["serviceIsolation"]);
  report(isolation, ["enabled"], "spec.options.serviceIsolation", note);
  const exportTo = workspaceNames(spec["exportTo"], "spec.exportTo", note);
  const importFrom = ["importFrom", "imports"].flatMap((field) =>
    workspaceNames(spec[field], `spec.${field}`, note),
  );
  const exports = federated(fieldsOf(options["federation"]), hostSuffix, note);
  return {
    ...(exports.length === 0 ? {} : { exports }),
    ...(exportTo.length === 0 ? {} : { exportTo }),
    ...(importFrom.length === 0 ? {} : { importFrom }),
    isolation: isolation["enabled"] === true,
  };
}

function federated(federation: Fields, hostSuffix: string | undefined, note: Note): readonly string[] {
  const at = "spec.options.federation";
  report(federation, ["enabled", "serviceSelector", "hostSuffix"], at, note);
  if (federation["enabled"] !== true) return [];
  const suffix = textOf(federation["hostSuffix"]);
  if (hostSuffix === undefined)
    note(`${at}: services get no names in other clusters without discovery: exports`);
  else if (suffix !== undefined && suffix !== hostSuffix)
    note(`${at}.hostSuffix: names end in ${hostSuffix} in this fleet`);
  return listOf(federation["serviceSelector"]).flatMap((selector, i) => {
    report(selector, ["namespace", "name"], `${at}.serviceSelector[${i}]`, note);
    if (Object.keys(selector).length === 0) return ["*"];
    const namespace = textOf(selector["namespace"]);
    if (namespace !== undefined) return [`${textOf(selector["name"]) ?? "*"}.${namespace}`];
    note(`${at}.serviceSelector[${i}] names no namespace and selects nothing here`);
    return [];
  });
}
