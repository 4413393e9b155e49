import type { ChartReference } from "../compiled.ts";

/** Where a chart is fetched from. */
export interface ChartSource {
  /** https://… of a repository's index, or of a registry: HOST/PATH without oci://. */
  readonly url: string;
  readonly isOci: boolean;
  readonly chart: string;
}

/** The source of a chart that can be named in Git; undefined for a folder, and for a repository that only the user's helm knows. */
export function chartSource({ chart, repo }: ChartReference): ChartSource | undefined {
  const [, oci, name] = /^oci:\/\/(.+)\/([^/]+)$/.exec(chart) ?? [];
  if (oci !== undefined && name !== undefined) return { url: oci, isOci: true, chart: name };
  if (repo === undefined || chart.includes("/")) return undefined;
  const registry = /^oci:\/\/(.+)$/.exec(repo)?.[1];
  return { url: registry ?? repo, isOci: registry !== undefined, chart };
}
