import type { Telemetry } from "./config-types.ts";
import { isAttached, isGeneral } from "./policy-attachment.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";

/** Where a proxy stands in an exchange: gateways and outbound traffic are clients, inbound traffic servers. */
export type TelemetrySide = "CLIENT" | "SERVER";

/** The Telemetries that hold for a proxy, those that count for less first: the mesh's, its namespace's, its own. */
export function telemetriesFor({ telemetries, mesh }: Rules, proxy: ProxyNode): readonly Telemetry[] {
  const of = (namespace: string) => telemetries.filter(({ metadata }) => metadata.namespace === namespace);
  const general = (namespace: string) =>
    of(namespace)
      .filter(({ spec }) => isGeneral(spec))
      .slice(0, 1);
  const own = of(proxy.namespace).filter(
    ({ spec }) => !isGeneral(spec) && isAttached(spec, proxy.namespace, proxy),
  );
  return [
    ...general(mesh.rootNamespace),
    ...(proxy.namespace === mesh.rootNamespace ? [] : general(proxy.namespace)),
    ...own,
  ];
}

type Logging = NonNullable<NonNullable<Telemetry["spec"]>["accessLogging"]>[number];

/** Whether a setting for `mode` holds for a side. */
export const isFor = (mode: string | undefined, side: TelemetrySide) =>
  mode === undefined || mode === "CLIENT_AND_SERVER" || mode === side;
const namesOf = (providers: readonly { readonly name?: string }[] | undefined) =>
  (providers ?? []).map(({ name }) => name ?? "");

/**
 * The names of the providers that log one side of a proxy's exchanges, sorted, with the expression that says which;
 * undefined when no Telemetry says anything of logs. Who names no providers means those of the level above.
 */
export function loggingProviders(
  rules: Rules,
  proxy: ProxyNode,
  side: TelemetrySide,
): readonly { readonly name: string; readonly expression?: string }[] | undefined {
  const levels = telemetriesFor(rules, proxy)
    .map(({ spec }) => spec?.accessLogging ?? [])
    .filter((settings) => settings.length > 0);
  if (levels.length === 0) return undefined;
  const { accessLogging } = rules.mesh.defaultProviders;
  const defaults = accessLogging.length > 0 ? accessLogging : ["envoy"];
  const matching = (settings: readonly Logging[]) => settings.filter(({ match }) => isFor(match?.mode, side));
  // The last level that names providers decides which count; those above may still say how.
  const named = levels
    .map((settings) => matching(settings).flatMap(({ providers }) => namesOf(providers)))
    .findLast((names) => names.length > 0);
  const inScope = new Set(named ?? defaults);
  const found = new Map<string, string | undefined>();
  let inherited = defaults;
  for (const setting of levels.flat()) {
    const own = namesOf(setting.providers);
    const names = own.length > 0 ? own : inherited;
    inherited = names;
    if (!isFor(setting.match?.mode, side)) continue;
    for (const name of names) {
      if (!inScope.has(name)) continue;
      if (setting.disabled === true) found.delete(name);
      else found.set(name, setting.filter?.expression);
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, expression]) => (expression === undefined ? { name } : { name, expression }));
}

/** Whether one side of a proxy's exchanges is counted for Prometheus. */
export function hasPrometheusMetrics(rules: Rules, proxy: ProxyNode, side: TelemetrySide): boolean {
  const settings = telemetriesFor(rules, proxy).flatMap(({ spec }) => spec?.metrics ?? []);
  const named = settings.findLast(({ providers }) => (providers ?? []).length > 0)?.providers;
  const counts = (named === undefined ? rules.mesh.defaultProviders.metrics : namesOf(named)).includes(
    "prometheus",
  );
  let isOff = false;
  for (const { match, disabled } of settings.flatMap(({ overrides }) => overrides ?? [])) {
    if (!isFor(match?.mode, side)) continue;
    const isAll = match?.customMetric === undefined && (match?.metric ?? "ALL_METRICS") === "ALL_METRICS";
    // Whoever says something of a metric wants metrics again.
    isOff = isAll && disabled === true;
  }
  return counts && !isOff;
}
