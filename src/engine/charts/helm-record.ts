import { isDeepStrictEqual } from "node:util";
import { diffRelease, findRelease, releaseObjects, releaseRecord } from "../../apply/index.ts";
import { systemClock } from "../../base/index.ts";
import type { ChartReference } from "../../compile/index.ts";
import { type KubeClient, type KubeObject, objectKey } from "../../kube/index.ts";

/** A chart and what has become of it. */
export interface RenderedChart {
  /** With complete values. */
  readonly chart: ChartReference;
  readonly objects: readonly KubeObject[];
}

/**
 * The record by which Helm knows the release; none of a chart that makes nothing here. It is dated anew only when
 * something has changed. Once helm has made a revision of its own, `isHelms`: the record is not ours to write any more.
 */
export async function recordForHelm(
  { chart, objects }: RenderedChart,
  client: KubeClient,
): Promise<{ readonly record: KubeObject; readonly isHelms: boolean } | undefined> {
  if (objects.length === 0) return undefined;
  const { name, namespace, values } = chart;
  const present = await findRelease(client, name, namespace);
  const isSame =
    present !== undefined &&
    diffRelease(present, chart).length === 0 &&
    isDeepStrictEqual(present.objects.map(objectKey), releaseObjects(objects).map(objectKey));
  const now = new Date(systemClock.now());
  const record = releaseRecord({
    ...{ name, namespace, values, objects },
    chart: { name: chart.chart.split("/").at(-1) ?? name, version: chart.version ?? "0.0.0" },
    first: present?.firstDeployed ?? now,
    last: isSame ? present.lastDeployed : now,
  });
  return { record, isHelms: present !== undefined && present.revision > 1 };
}
