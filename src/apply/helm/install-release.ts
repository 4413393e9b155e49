import { isDeepStrictEqual } from "node:util";
import type { ChartReference } from "../../compile/index.ts";
import { type KubeClient, type KubeObject, kinds } from "../../kube/index.ts";
import type { Applying } from "../deliver/applying.ts";
import { diffRelease } from "../plan/diff-release.ts";
import type { Helm, HelmTarget } from "./helm-cli.ts";
import { type HelmRelease, readRevisions } from "./helm-release.ts";
import { releaseEntry } from "./release-entry.ts";
import { recordReference } from "./release-record.ts";
import { removeStrays } from "./remove-strays.ts";
import { type SettleOptions, settledRevisions } from "./settled-release.ts";

const releaseAnnotation = "meta.helm.sh/release-name";

/**
 * Brings a chart into a cluster by the user's helm, unless its release is as it should be already. The release is listed in the
 * inventory first, and the definitions that it brought afterwards.
 */
export async function installRelease(
  chart: ChartReference,
  cluster: Applying,
  options: SettleOptions & { readonly helm: Helm; readonly target: HelmTarget },
): Promise<void> {
  const { client, inventory } = cluster;
  const { helm, target, waiting } = options;
  await inventory.note([releaseEntry(chart)]);
  const revisions = await settledRevisions(chart, cluster, options);
  const present = revisions[0]?.release;
  if (present !== undefined && (await isAsWanted(present, chart, helm, target))) {
    await removeStrays(revisions, cluster);
    return noteContents(present, cluster, () => false);
  }
  const before = new Set(await definitionNames(client));
  waiting(
    cluster.name,
    `helm, chart ${chart.chart}${chart.version === undefined ? "" : ` ${chart.version}`}`,
  );
  try {
    await helm.install(chart, target);
  } finally {
    waiting(cluster.name, undefined);
  }
  const installed = await readRevisions(client, chart.name, chart.namespace);
  cluster.resources.forget();
  await removeStrays(installed, cluster);
  if (installed[0] !== undefined)
    await noteContents(installed[0].release, cluster, (name) => !before.has(name));
}

/** A chart in a folder may have changed without a new version: then what it would consist of is compared too. */
async function isAsWanted(
  release: HelmRelease,
  chart: ChartReference,
  helm: Helm,
  target: HelmTarget,
): Promise<boolean> {
  if (diffRelease(release, chart).length > 0) return false;
  if (!isInFolder(chart)) return true;
  return isDeepStrictEqual(release.objects, await helm.preview(chart, target));
}

/** Whether a chart is taken from a folder. One of a repository stays what it was; without a version it is the one that is there. */
export function isInFolder({ chart }: Pick<ChartReference, "chart">): boolean {
  return /^\.{0,2}\//.test(chart);
}

/**
 * Lists the definitions that came with a release: those that bear its name, or are new since it was installed. What else it
 * consists of may be listed by an embedded engine that applied it object by object: it is wanted still.
 */
async function noteContents(
  { name, namespace, objects, definitions }: HelmRelease,
  { client, inventory, resources }: Applying,
  isNew: (definition: string) => boolean,
): Promise<void> {
  for (const object of [...objects, ...definitions, recordReference(name, namespace)]) {
    const kind = await resources.find(object.apiVersion, object.kind);
    const { namespace: written = namespace, ...metadata } = object.metadata;
    const isInNamespace = kind === undefined || kind.namespaced;
    inventory.expect({ ...object, metadata: isInNamespace ? { ...metadata, namespace: written } : metadata });
  }
  const brought = [...objects, ...definitions].filter(({ kind }) => kind === "CustomResourceDefinition");
  if (brought.length === 0) return;
  const { items } = await client.list(kinds.customResourceDefinitions);
  const present = new Map(items.map((item) => [item.metadata.name, item]));
  await inventory.own(
    brought.filter(
      ({ metadata }) =>
        isNew(metadata.name) ||
        present.get(metadata.name)?.metadata.annotations?.[releaseAnnotation] === name,
    ),
  );
}

async function definitionNames(client: KubeClient): Promise<readonly string[]> {
  const { items } = await client.list<KubeObject>(kinds.customResourceDefinitions);
  return items.map(({ metadata }) => metadata.name);
}
