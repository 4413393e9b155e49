import type { KubeObject } from "../../kube/index.ts";
import { type ChartReference, type Compiled, type CompiledItem, type Wave, waves } from "../compiled.ts";
import { fillAddresses, type UnknownAddress } from "../late-addresses.ts";
import { prefixes } from "../render/prefixes.ts";
import { yamlText } from "../render/yaml-text.ts";
import { argocdFiles } from "./argocd.ts";
import { chartSource } from "./chart-source.ts";
import type { GitopsOptions, RenderedGitops, Unit } from "./contracts.ts";
import { externalSecret } from "./external-secret.ts";
import { fluxFiles } from "./flux.ts";
import { type SealedFile, sealedFile, sealScript } from "./sealed-secrets.ts";

/**
 * What was compiled for a tool that brings Git to clusters: a folder for each wave of each cluster, and what tells Argo CD or
 * Flux to apply them in their order. Secrets are references to a store. What needs an address that is not known yet is left
 * out. Pure, and sorted: the same mesh gives the same text.
 */
export function renderGitops(compiled: Compiled, options: GitopsOptions): RenderedGitops {
  const { compiled: known, unknown } = fillAddresses(compiled, options.addresses);
  const ofCluster = (name: string) => unknown.filter(({ cluster }) => cluster === name);
  const files: (readonly [string, string])[] = [];
  const sealed: SealedFile[] = [];
  const units = [...known.clusters].flatMap(([cluster, items]) =>
    waves.flatMap((wave) => {
      const own = items.filter((item) => item.wave === wave);
      const charts = usableCharts(own, ofCluster(cluster));
      const name = `${prefixes[wave]}-${wave}`;
      const folder = `${cluster}/${name}`;
      const objects = own.flatMap((item) => objectOf(item, cluster, options));
      if (objects.length > 0) files.push([`${folder}/objects.yaml`, objects.map(yamlText).join("---\n")]);
      const secrets = options.secrets === "sealed" ? own.flatMap(secretOf) : [];
      const toSeal = secrets.map((secret) => sealedFile(secret, cluster, folder));
      sealed.push(...toSeal);
      const isEmpty = objects.length + toSeal.length === 0;
      return unitsOf(wave, { cluster, name, folder: isEmpty ? undefined : folder, charts });
    }),
  );
  const leftOut = [...known.clusters].flatMap(([cluster, items]) =>
    items.flatMap((item) => {
      const why = item.kind === "chart" ? whyLeftOut(item.chart, ofCluster(cluster)) : undefined;
      return why === undefined ? [] : [`${cluster}: ${why}`];
    }),
  );
  const tool = options.tool === "argocd" ? argocdFiles(units, options) : fluxFiles(units, options);
  if (sealed.length > 0) files.push(["seal.sh", sealScript(sealed)]);
  return {
    sealed: sealed.map(({ file }) => file),
    files: new Map([...files, ...tool].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))),
    leftOut,
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
  { mesh, secrets, secretStore }: GitopsOptions,
): readonly KubeObject[] {
  if (item.kind === "chart" || isIssued(item)) return [];
  if (secretOf(item).length === 0) return [item.object];
  return secrets === "sealed" ? [] : [externalSecret(item.object, cluster, mesh, secretStore)];
}

/** The Secret that an item is. */
function secretOf(item: CompiledItem): readonly KubeObject[] {
  if (item.kind === "chart" || isIssued(item)) return [];
  return item.object.kind === "Secret" && item.object.apiVersion === "v1" ? [item.object] : [];
}

/** Whether cert-manager makes the Secret. */
function isIssued(item: CompiledItem): boolean {
  return item.kind === "generated-secret" && item.source.kind === "issued";
}

/** Charts that the tool can fetch and whose values are all known. */
function usableCharts(
  items: readonly CompiledItem[],
  unknown: readonly UnknownAddress[],
): readonly ChartReference[] {
  return items.flatMap((item) =>
    item.kind === "chart" && whyLeftOut(item.chart, unknown) === undefined ? [item.chart] : [],
  );
}

/** Why a chart is not written, with the way to have it. */
function whyLeftOut(chart: ChartReference, unknown: readonly UnknownAddress[]): string | undefined {
  if (chartSource(chart) === undefined)
    return `the chart ${chart.chart} has no repository that the tool could fetch it from; write repo (${chart.from})`;
  const [missing] = unknown.filter((one) => one.chart.name === chart.name && one.chart.from === chart.from);
  return missing === undefined
    ? undefined
    : `the chart ${chart.name} needs the address of ${missing.service}; once that Service has one, write again with --address ${missing.service}=ADDRESS`;
}
