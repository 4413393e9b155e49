import type { DestinationRule, PortTrafficPolicy, Subset, TrafficPolicy } from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { isSubsetOf, isWildcard, resolveShortName } from "./names.ts";
import { selects } from "./objects.ts";
import { oldestFirst } from "./virtual-services.ts";

/** What all DestinationRules of one namespace say about one host. */
export interface MergedRule {
  /** Of the oldest one; shown in metadata. */
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
  readonly exportTo: readonly string[];
  /** Only for client proxies with these labels. */
  readonly selector?: Readonly<Record<string, string>>;
}

/** DestinationRules by namespace. */
export interface DestinationRules {
  /** Whether any rule is for certain client workloads only. */
  readonly hasSelectors: boolean;
  /**
   * The rule that a client in `namespace` with `labels` follows for a service: its own namespace's, else
   * the service's namespace's, else the root namespace's; in each the most specific host wins.
   */
  ruleFor(
    namespace: string,
    labels: Readonly<Record<string, string>>,
    service: { readonly host: string; readonly namespace: string },
  ): MergedRule | undefined;
}

export function createDestinationRules(
  objects: Iterable<DestinationRule>,
  mesh: MeshConfig,
): DestinationRules {
  const byNamespace = new Map<string, MergedRule[]>();
  for (const object of oldestFirst(objects)) {
    const namespace = object.metadata.namespace ?? "";
    const rules = byNamespace.get(namespace) ?? [];
    byNamespace.set(namespace, rules);
    addRule(rules, object, namespace, mesh);
  }
  const hasSelectors = [...byNamespace.values()].some((rules) =>
    rules.some(({ selector }) => selector !== undefined),
  );
  const isVisible = (rule: MergedRule, namespace: string) => {
    const exportTo = rule.exportTo.length > 0 ? rule.exportTo : mesh.defaultDestinationRuleExportTo;
    return (
      exportTo.length === 0 ||
      exportTo.some(
        (name) => name === "*" || name === namespace || (name === "." && rule.namespace === namespace),
      )
    );
  };
  return {
    hasSelectors,
    ruleFor(namespace, labels, service) {
      const places = new Set([
        ...(namespace === mesh.rootNamespace ? [] : [namespace]),
        service.namespace,
        mesh.rootNamespace,
      ]);
      for (const place of places) {
        const rules = byNamespace
          .get(place)
          ?.filter((rule) => place === namespace || isVisible(rule, namespace));
        const found = rules === undefined ? undefined : mostSpecific(rules, service.host, labels);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/** What one DestinationRule says by itself: the same object as long as the rule is. */
const single = new WeakMap<DestinationRule, MergedRule>();

function addRule(rules: MergedRule[], object: DestinationRule, namespace: string, mesh: MeshConfig): void {
  const { spec, metadata } = object;
  const host = resolveShortName(spec.host, namespace, mesh.domain);
  const selector = spec.workloadSelector?.matchLabels;
  const made: MergedRule = single.get(object) ?? {
    name: metadata.name,
    namespace,
    host,
    ...(spec.trafficPolicy === undefined ? {} : { trafficPolicy: spec.trafficPolicy }),
    subsets: spec.subsets ?? [],
    exportTo: spec.exportTo ?? [],
    ...(selector === undefined ? {} : { selector }),
  };
  single.set(object, made);
  const index = rules.findIndex(
    (rule) =>
      rule.host === host &&
      JSON.stringify(rule.selector) === JSON.stringify(selector) &&
      JSON.stringify(rule.exportTo) === JSON.stringify(made.exportTo),
  );
  const first = rules[index];
  if (first === undefined) {
    rules.push(made);
    return;
  }
  const known = new Set(first.subsets.map(({ name }) => name));
  const trafficPolicy = first.trafficPolicy ?? made.trafficPolicy;
  rules[index] = {
    ...first,
    ...(trafficPolicy === undefined ? {} : { trafficPolicy }),
    subsets: [...first.subsets, ...made.subsets.filter(({ name }) => !known.has(name))],
  };
}

function mostSpecific(
  rules: readonly MergedRule[],
  host: string,
  labels: Readonly<Record<string, string>>,
): MergedRule | undefined {
  let best: MergedRule | undefined;
  for (const rule of rules) {
    if (rule.host !== host && !(isWildcard(rule.host) && isSubsetOf(host, rule.host))) continue;
    if (rule.selector !== undefined && !selects(rule.selector, labels)) continue;
    if (best === undefined || precedence(rule, host) > precedence(best, host)) best = rule;
  }
  return best;
}

/** Exact hosts before longer wildcards before shorter ones; rules for certain workloads before general ones. */
function precedence(rule: MergedRule, host: string): number {
  return (rule.host === host ? 1000 : rule.host.length) + (rule.selector === undefined ? 0 : 0.5);
}

/** The policy for one port. Settings of a port stand alone: nothing is inherited from the general ones. */
export function policyForPort(
  policy: TrafficPolicy | undefined,
  port: number,
): PortTrafficPolicy | undefined {
  const level = portLevel(policy, port);
  if (policy === undefined || level !== undefined) return level;
  const { portLevelSettings: _, ...general } = policy;
  return general;
}

/** The policy of a subset for one port, where `general` is the rule's own for that port. */
export function policyForSubset(
  general: PortTrafficPolicy | undefined,
  subset: Subset,
  port: number,
): PortTrafficPolicy | undefined {
  const level = portLevel(subset.trafficPolicy, port);
  if (level !== undefined) return level;
  return subset.trafficPolicy === undefined
    ? general
    : { ...general, ...policyForPort(subset.trafficPolicy, port) };
}

function portLevel(policy: TrafficPolicy | undefined, port: number): PortTrafficPolicy | undefined {
  const found = policy?.portLevelSettings?.find((settings) => settings.port?.number === port);
  if (found === undefined) return undefined;
  const { port: _, ...settings } = found;
  return settings;
}
