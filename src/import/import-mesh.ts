import { stringify } from "yaml";
import { type Diagnostic, formatDiagnostics, IsthmusError } from "../base/index.ts";
import { type Compiled, compile, noManifests } from "../compile/index.ts";
import { type ConfigMap, formatYaml, type JsonObject, type KubeClient } from "../kube/index.ts";
import { parseMesh } from "../mesh/index.ts";
import { type FoundCluster, type FoundMesh, findMesh } from "./draft-mesh.ts";
import { exportNote } from "./find-exports.ts";
import { readLive } from "./read-live.ts";
import { findUserObjects, objectId, type UserObjects } from "./user-objects.ts";
import { discoveryOf, isAddon, type WrittenFiles, writeMesh } from "./write-mesh.ts";

/** A mesh file made of live clusters, with the files that it names. */
export interface ImportedMesh {
  readonly meshFile: string;
  /** Text by path, relative to the mesh file. */
  readonly files: ReadonlyMap<string, string>;
  /** What the file can't say or says otherwise, in sentences, with the cluster's name first. */
  readonly notes: readonly string[];
}

/** A context of a kubeconfig, and the way to its cluster. */
export interface ImportedContext {
  readonly context: string;
  readonly client: KubeClient;
}

/** Reads clusters that are a mesh and says in one file what they are. Reads only, and takes no value of a Secret. */
export async function importMesh(
  contexts: readonly ImportedContext[],
  folder: string,
): Promise<ImportedMesh> {
  const found = findMesh(await Promise.all(contexts.map(({ context, client }) => readLive(context, client))));
  const dashboards = dashboardFiles(found);
  const named: WrittenFiles = {
    manifests: new Map(),
    dashboards: new Map([...dashboards].map(([cluster, files]) => [cluster, [...files.keys()]])),
  };
  // What follows from the topology alone must not be written again: a first draft shows it.
  const draft = compiled(writeMesh(found, named, undefined), folder);
  const user = new Map(found.clusters.map((cluster) => [cluster.name, userObjectsOf(cluster, found, draft)]));
  const files = new Map<string, string>([...dashboards.values()].flatMap((one) => [...one]));
  const manifests = new Map<string, readonly JsonObject[]>();
  const isExports = discoveryOf(found) === "exports";
  const notes = [...found.notes, ...(isExports ? found.handMadeExports.map(exportNote) : [])];
  for (const [cluster, objects] of user) {
    manifests.set(cluster, manifestEntries(cluster, objects, files));
    const charts = objects.charts.map(({ chart }) => chart.name).join(", ");
    if (charts !== "")
      notes.push(`${cluster}: Helm does not record where charts come from: add repo to those of ${charts}`);
    notes.push(...objects.notes.map((note) => `${cluster}: ${note}`));
  }
  notes.push(...trustNotes(found));
  const meshFile = meshText(writeMesh(found, { ...named, manifests }, draft));
  return { meshFile, files, notes };
}

/** Fields in the order in which they were put: a file for people. */
function meshText(mesh: JsonObject): string {
  return stringify(mesh, { version: "1.1", lineWidth: 120 });
}

/** What a draft makes without any manifests. */
function compiled(draft: JsonObject, folder: string): Compiled {
  const text = meshText(draft);
  const parsed = parseMesh([{ file: "mesh.yaml", text }], [], { folder, files: { kindOf: () => "file" } });
  if (parsed.ok) return compile(parsed.mesh, noManifests);
  throw unreadable(parsed.problems, text);
}

function unreadable(problems: readonly Diagnostic[], text: string): IsthmusError {
  return new IsthmusError(
    "mesh/wrong",
    `what was found in the clusters does not make a mesh file:\n\n${formatDiagnostics(problems)}\n\n${text}`,
    {
      nextStep: "Name all clusters of the mesh with --contexts: each must find its control plane among them.",
    },
  );
}

function userObjectsOf(cluster: FoundCluster, found: FoundMesh, draft: Compiled): UserObjects {
  const offloaded = found.peerings
    .filter(({ provider }) => provider === cluster.name)
    .flatMap(({ namespaces }) => namespaces.map(({ name }) => name));
  const gateways = found.clusters.flatMap((one) =>
    one.name === cluster.name || one.primary === cluster.name ? one.gateways : [],
  );
  const items = draft.clusters.get(cluster.name) ?? [];
  return findUserObjects(cluster.live, {
    isPrimary: cluster.role === "primary",
    gateways,
    offloaded: new Set([
      ...offloaded,
      ...(cluster.role === "provider" ? ["istio-system", ...gatewayNamespaces(cluster)] : []),
    ]),
    generated: new Set([
      ...items.flatMap((item) => (item.kind === "chart" ? [] : [objectId(item.object)])),
      ...(discoveryOf(found) === "exports"
        ? found.handMadeExports
            .filter(({ importer }) => importer === cluster.name)
            .map(({ entry }) => objectId(entry))
        : []),
    ]),
    addons: ["prometheus", "grafana", "jaeger", "kiali"].filter((name) =>
      cluster.live.objects.some((object) => isAddon(object, name)),
    ),
  });
}

function gatewayNamespaces({ gateways }: FoundCluster): readonly string[] {
  return gateways.map(({ deployment }) => deployment.metadata.namespace ?? "");
}

/** Of charts that were made on the spot. */
const unpublished = "0.0.0";

/** Charts first, since objects may be of their kinds; values and objects each in a file of their own. */
function manifestEntries(
  cluster: string,
  { charts, files: objects }: UserObjects,
  files: Map<string, string>,
): readonly JsonObject[] {
  const folder = `manifests/${cluster}`;
  const entries: JsonObject[] = charts.map(({ name, namespace, chart, values }) => {
    const hasValues = Object.keys(values).length > 0;
    const file = `values/${cluster}/${name}.yaml`;
    if (hasValues) files.set(file, formatYaml(values));
    return {
      chart: chart.name,
      ...(name === chart.name ? {} : { name }),
      ...(chart.version === unpublished ? {} : { version: chart.version }),
      namespace,
      ...(hasValues ? { values: file } : {}),
    };
  });
  for (const [name, list] of objects)
    files.set(`${folder}/${name}`, list.map((one) => formatYaml(one)).join("---\n"));
  return objects.size === 0 ? entries : [...entries, { file: `${folder}/` }];
}

/** Dashboards of grafana, by cluster and path. */
function dashboardFiles({ clusters }: FoundMesh): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(
    clusters.map(({ name, live }) => {
      const config = live.objects.find(
        ({ kind, metadata }) =>
          kind === "ConfigMap" &&
          metadata.name === "grafana-dashboards" &&
          metadata.labels?.["app.kubernetes.io/managed-by"] === "isthmus",
      ) as ConfigMap | undefined;
      const files = Object.entries(config?.data ?? {});
      return [name, new Map(files.map(([file, text]) => [`dashboards/${name}/${file}`, text]))];
    }),
  );
}

function trustNotes({ clusters }: FoundMesh): readonly string[] {
  const withKeys = clusters
    .filter(({ live }) =>
      live.objects.some(
        ({ kind, metadata }) =>
          kind === "Secret" && metadata.name === "cacerts" && metadata.namespace === "istio-system",
      ),
    )
    .map(({ name }) => name);
  const roots = new Set(
    clusters.flatMap(({ live }) => {
      const config = live.objects.find(
        ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === "istio-ca-root-cert",
      ) as ConfigMap | undefined;
      return config?.data?.["root-cert.pem"]?.trim() ?? [];
    }),
  );
  return [
    ...(withKeys.length === 0
      ? []
      : [
          `${withKeys.join(", ")}: the CA keys in the Secret cacerts stay there; name their folder with trust.cacerts to have them in the file`,
        ]),
    ...(roots.size > 1
      ? [`the clusters trust ${roots.size} different roots: workloads of one can't call those of another`]
      : []),
  ];
}
