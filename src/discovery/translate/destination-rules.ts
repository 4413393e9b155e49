import type {
  DestinationRule,
  PortPolicy,
  PortTrafficPolicy,
  Subset,
  TrafficPolicy,
} from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { isSubsetOf, isWildcard, resolveShortName } from "./names.ts";
import { selects } from "./objects.ts";
import { oldestFirst } from "./virtual-services.ts";

/** What DestinationRules of one namespace say together about one host. */
export interface MergedRule {
  /** Of the oldest one; shown in metadata. */
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
  readonly exportTo: readonly string[];
  /** Only for client proxies of the rule's namespace with these labels. */
  readonly selector?: Readonly<Record<string, string>>;
}

/** DestinationRules by namespace. */
export interface DestinationRules {
  /** Whether any rule is for certain client workloads only. */
  readonly hasSelectors: boolean;
  /**
   * The rule that a client in `namespace` with `labels` follows for a service: its own namespace's, else
   * the service's namespace's, else the root namespace's; in each the most specific host wins, whether the
   * rule for it then suits the client or not.
   */
  ruleFor(
    namespace: string,
    labels: Readonly<Record<string, string>>,
    service: { readonly host: string; readonly namespace: string },
  ): MergedRule | undefined;
}

/** Rules by host. */
type HostRules = Map<string, MergedRule[]>;

export function createDestinationRules(
  objects: Iterable<DestinationRule>,
  mesh: MeshConfig,
): DestinationRules {
  /** What clients of a namespace find in it, and what others do. */
  const own = new Map<string, HostRules>();
  const exported = new Map<string, HostRules>();
  let hasSelectors = false;
  for (const object of oldestFirst(objects)) {
    const rule = readRule(object, mesh);
    const { namespace, exportTo } = rule;
    hasSelectors ||= rule.selector !== undefined;
    const isPrivate = isPrivateTo(namespace, exportTo, mesh);
    const isForOwn =
      exportTo.length === 0 || exportTo.some((name) => name === "*" || name === "." || name === namespace);
    // What the root namespace exports is for everybody alike, so its own proxies come to it last as well.
    if (namespace === mesh.rootNamespace ? isPrivate : isForOwn) addRule(own, rule);
    if (!isPrivate) addRule(exported, rule);
  }
  const isVisible = (rule: MergedRule, namespace: string) =>
    rule.exportTo.length === 0 || rule.exportTo.includes("*") || rule.exportTo.includes(namespace);
  return {
    hasSelectors,
    ruleFor(namespace, labels, service) {
      const local = mostSpecific(own.get(namespace), service.host);
      if (local !== undefined) return suitable(local, namespace, labels);
      for (const place of [service.namespace, mesh.rootNamespace]) {
        const found = (mostSpecific(exported.get(place), service.host) ?? []).filter((rule) =>
          isVisible(rule, namespace),
        );
        if (found.length > 0) return suitable(found, namespace, labels);
      }
      return undefined;
    },
  };
}

/** What one DestinationRule says by itself: the same object as long as the rule is. */
const single = new WeakMap<DestinationRule, MergedRule>();

function readRule(object: DestinationRule, mesh: MeshConfig): MergedRule {
  const known = single.get(object);
  if (known !== undefined) return known;
  const { spec, metadata } = object;
  const namespace = metadata.namespace ?? "";
  const selector = spec.workloadSelector?.matchLabels;
  const made: MergedRule = {
    name: metadata.name,
    namespace,
    host: resolveShortName(spec.host, namespace, mesh.domain),
    ...(spec.trafficPolicy === undefined ? {} : { trafficPolicy: spec.trafficPolicy }),
    subsets: spec.subsets ?? [],
    // A rule for certain workloads is never for other namespaces.
    exportTo: selector === undefined ? (spec.exportTo ?? []) : ["."],
    ...(selector === undefined ? {} : { selector }),
  };
  single.set(object, made);
  return made;
}

function isPrivateTo(namespace: string, exportTo: readonly string[], mesh: MeshConfig): boolean {
  if (exportTo.length === 0) return mesh.defaultDestinationRuleExportTo.includes(".");
  return exportTo.every((name) => name === "." || name === namespace);
}

/**
 * Adds a rule to its namespace's. One for the same workloads and namespaces as an older one becomes part of it:
 * its subsets are added, its policy counts when the older one has none. When it reaches further than the older
 * one, it also stands for itself.
 */
function addRule(places: Map<string, HostRules>, rule: MergedRule): void {
  const hosts = places.get(rule.namespace) ?? new Map<string, MergedRule[]>();
  places.set(rule.namespace, hosts);
  const known = hosts.get(rule.host) ?? [];
  let isPart = false;
  const merged = known.map((older) => {
    if (!isSameSelector(older.selector, rule.selector)) return older;
    const isSame = isSuperset(rule.exportTo, older.exportTo) && isSuperset(older.exportTo, rule.exportTo);
    if (!isSame && (older.exportTo.length === 0 || !isSuperset(rule.exportTo, older.exportTo))) return older;
    isPart ||= isSame;
    return mergeInto(older, rule);
  });
  hosts.set(rule.host, isPart ? merged : [...merged, rule]);
}

const isSuperset = (outer: readonly string[], inner: readonly string[]) =>
  inner.every((name) => outer.includes(name));

function isSameSelector(a: MergedRule["selector"], b: MergedRule["selector"]): boolean {
  if (a === undefined || b === undefined) return a === b;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** What two rules say together: the same object as long as they are. */
const pairs = new WeakMap<MergedRule, WeakMap<MergedRule, MergedRule>>();

function mergeInto(older: MergedRule, rule: MergedRule): MergedRule {
  const before = pairs.get(older)?.get(rule);
  if (before !== undefined) return before;
  const merged = mergedRule(older, rule);
  const ofOlder = pairs.get(older) ?? new WeakMap<MergedRule, MergedRule>();
  pairs.set(older, ofOlder.set(rule, merged));
  return merged;
}

function mergedRule(older: MergedRule, rule: MergedRule): MergedRule {
  const known = new Set(older.subsets.map(({ name }) => name));
  const trafficPolicy = older.trafficPolicy ?? rule.trafficPolicy;
  return {
    ...older,
    ...(trafficPolicy === undefined ? {} : { trafficPolicy }),
    subsets: [...older.subsets, ...rule.subsets.filter(({ name }) => !known.has(name))],
  };
}

/** The rules for the host itself, else for the longest wildcard that it falls under. */
function mostSpecific(hosts: HostRules | undefined, host: string): readonly MergedRule[] | undefined {
  const exact = hosts?.get(host);
  if (hosts === undefined || exact !== undefined) return exact;
  let best: string | undefined;
  for (const pattern of hosts.keys()) {
    if (!isWildcard(pattern) || !isSubsetOf(host, pattern)) continue;
    if (best === undefined || pattern.length > best.length) best = pattern;
  }
  return best === undefined ? undefined : hosts.get(best);
}

/** The first one for the client's labels, else the last one for all workloads. */
function suitable(
  rules: readonly MergedRule[],
  namespace: string,
  labels: Readonly<Record<string, string>>,
): MergedRule | undefined {
  return (
    rules.find((rule) => rule.namespace === namespace && selects(rule.selector, labels)) ??
    rules.findLast(({ selector }) => selector === undefined)
  );
}

/** The policy for one port. Settings of a port stand alone: nothing is inherited from the general ones. */
export function policyForPort(policy: TrafficPolicy | undefined, port: number): PortPolicy | undefined {
  const level = portLevel(policy, port);
  if (policy === undefined || level !== undefined) return level;
  const { portLevelSettings: _, ...general } = policy;
  return general;
}

/** The policy of a subset for one port, where `general` is the rule's own for that port. */
export function policyForSubset(
  general: PortPolicy | undefined,
  subset: Subset,
  port: number,
): PortPolicy | undefined {
  if (subset.trafficPolicy === undefined) return general;
  const level = portLevel(subset.trafficPolicy, port);
  if (level === undefined) return { ...general, ...policyForPort(subset.trafficPolicy, port) };
  // What can't be set for a port is the rule's.
  const { loadBalancer: _, connectionPool: __, outlierDetection: ___, tls: ____, ...rest } = general ?? {};
  return { ...rest, ...level };
}

function portLevel(policy: TrafficPolicy | undefined, port: number): PortTrafficPolicy | undefined {
  const found = policy?.portLevelSettings?.find((settings) => settings.port?.number === port);
  if (found === undefined) return undefined;
  const { port: _, ...settings } = found;
  return settings;
}
