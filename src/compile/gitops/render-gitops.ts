import type { KubeObject } from "../../kube/index.ts";
import { type ChartReference, type Compiled, type CompiledItem, type Wave, waves } from "../compiled.ts";
import { prefixes } from "../render/prefixes.ts";
import { yamlText } from "../render/yaml-text.ts";
import { argocdFiles } from "./argocd.ts";
import { chartSource } from "./chart-source.ts";
import type { GitopsOptions, RenderedGitops, Unit } from "./contracts.ts";
import { externalSecret } from "./external-secret.ts";
import { fluxFiles } from "./flux.ts";

/**
 * What was compiled for a tool that brings Git to clusters: a folder for each wave of each cluster, and what tells Argo CD or
 * Flux to apply them in their order. Secrets are references to a store. What needs an address that is not known yet is left
 * out. Pure, and sorted: the same mesh gives the same text.
 */
export function renderGitops(compiled: Compiled, options: GitopsOptions): RenderedGitops {
  const leftOut = new Set<string>();
  const files: (readonly [string, string])[] = [];
  const units = [...compiled.clusters].flatMap(([cluster, items]) =>
    waves.flatMap((wave) => {
      const own = items.filter((item) => item.wave === wave);
      const charts = own.flatMap((item) =>
        item.kind === "chart" ? withAddresses(item.chart, cluster, options, leftOut) : [],
      );
      const objects = own.flatMap((item) => objectOf(item, cluster, options));
      const name = `${prefixes[wave]}-${wave}`;
      const folder = `${cluster}/${name}`;
      if (objects.length > 0) files.push([`${folder}/objects.yaml`, objects.map(yamlText).join("---\n")]);
      return unitsOf(wave, { cluster, name, folder: objects.length > 0 ? folder : undefined, charts });
    }),
  );
  const tool = options.tool === "argocd" ? argocdFiles(units, options) : fluxFiles(units, options);
  return {
    files: new Map([...files, ...tool].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))),
    leftOut: [...leftOut],
  };
}

/** Charts before the objects of a wave: they bring kinds that objects are of. */
function unitsOf(
  wave: Wave,
  what: Pick<Unit, "cluster" | "name" | "charts"> & { readonly folder: string | undefined },
): readonly Unit[] {
  const order = Number(prefixes[wave]) * 10;
  const { cluster, name, folder, charts } = what;
  return [
    ...(charts.length === 0 ? [] : [{ cluster, name: `${name}-charts`, order, charts }]),
    ...(folder === undefined ? [] : [{ cluster, name, order: order + charts.length, folder, charts: [] }]),
  ];
}

function objectOf(
  item: CompiledItem,
  cluster: string,
  { mesh, secretStore }: GitopsOptions,
): readonly KubeObject[] {
  if (item.kind === "chart") return [];
  const isSecret = item.object.kind === "Secret" && item.object.apiVersion === "v1";
  return [isSecret ? externalSecret(item.object, cluster, mesh, secretStore) : item.object];
}

/** The chart with the addresses in its values; nothing, and a word about it, where one is missing or it can't be named in Git. */
function withAddresses(
  chart: ChartReference,
  cluster: string,
  { addresses }: GitopsOptions,
  leftOut: Set<string>,
): readonly ChartReference[] {
  if (chartSource(chart) === undefined) {
    leftOut.add(
      `${cluster}: the chart ${chart.chart} has no repository that the tool could fetch it from; write repo (${chart.from})`,
    );
    return [];
  }
  const missing = new Set<string>();
  const values = filled(chart.values, addresses, missing) as ChartReference["values"];
  for (const place of missing)
    leftOut.add(
      `${cluster}: the chart ${chart.name} needs the address of ${place}; once that Service has one, write again with --address ${place}=ADDRESS`,
    );
  return missing.size > 0 ? [] : [{ ...chart, values }];
}

function filled(value: unknown, addresses: ReadonlyMap<string, string>, missing: Set<string>): unknown {
  if (typeof value === "string") {
    const place = /^\$\{address:([^}]+)\}$/.exec(value)?.[1];
    if (place === undefined) return value;
    const address = addresses.get(place);
    if (address === undefined) missing.add(place);
    return address ?? value;
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, addresses, missing));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, filled(item, addresses, missing)]),
  );
}
