import { createSignal, type Signal } from "../../base/index.ts";
import { builtInResources } from "./built-in-resources.ts";
import type { ResourceType } from "./resource-type.ts";

/**
 * The resources that are served right now: Kubernetes' own and those of the established custom resource
 * definitions. Look-ups are by path, by kind and by stored name.
 */
export interface Registry {
  find(group: string, version: string, plural: string): ResourceType | undefined;
  findKind(group: string, version: string, kind: string): ResourceType | undefined;
  /** All served versions of one stored resource, preferred first. */
  versions(storedAs: string): readonly ResourceType[];
  /** Groups in the order of discovery, each with its versions, preferred first. "" is the core group. */
  groups(): readonly { readonly group: string; readonly versions: readonly string[] }[];
  /** The resources of one version of a group, by plural name. */
  resources(group: string, version: string): readonly ResourceType[];
  /** Replaces the resources of one custom resource definition; none takes them away. */
  setCustom(definition: string, types: readonly ResourceType[]): void;
  /** Told after every change; discovery and OpenAPI documents are then made anew. */
  readonly changes: Signal;
  /** Counts changes. */
  readonly generation: number;
}

/** A registry with the built-in resources. */
export function createRegistry(): Registry {
  const builtIn = builtInResources();
  const custom = new Map<string, readonly ResourceType[]>();
  const changes = createSignal();
  let generation = 0;
  let byPath = new Map<string, ResourceType>();
  let byKind = new Map<string, ResourceType>();
  let byStore = new Map<string, ResourceType[]>();
  let byVersion = new Map<string, ResourceType[]>();
  let groups: { group: string; versions: string[] }[] = [];

  const rebuild = () => {
    byPath = new Map();
    byKind = new Map();
    byStore = new Map();
    byVersion = new Map();
    const versionsOf = new Map<string, Set<string>>();
    for (const type of [...builtIn, ...[...custom.values()].flat()]) {
      byPath.set(`${type.group}/${type.version}/${type.plural}`, type);
      byKind.set(`${type.group}/${type.version}/${type.kind}`, type);
      append(byStore, type.storedAs, type);
      append(byVersion, `${type.group}/${type.version}`, type);
      const versions = versionsOf.get(type.group) ?? new Set();
      versionsOf.set(type.group, versions.add(type.version));
    }
    groups = [...versionsOf].map(([group, versions]) => ({
      group,
      versions: [...versions].sort(compareVersions),
    }));
    for (const types of byStore.values()) types.sort((a, b) => compareVersions(a.version, b.version));
  };
  rebuild();

  return {
    find: (group, version, plural) => byPath.get(`${group}/${version}/${plural}`),
    findKind: (group, version, kind) => byKind.get(`${group}/${version}/${kind}`),
    versions: (storedAs) => byStore.get(storedAs) ?? [],
    groups: () => groups,
    resources: (group, version) => byVersion.get(`${group}/${version}`) ?? [],
    setCustom(definition, types) {
      if (types.length === 0) custom.delete(definition);
      else custom.set(definition, types);
      generation++;
      rebuild();
      changes.notify();
    },
    changes,
    get generation() {
      return generation;
    },
  };
}

function append(map: Map<string, ResourceType[]>, name: string, type: ResourceType): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, [type]);
  else known.push(type);
}

/** Kubernetes' order of versions: v2 before v1 before v1beta2 before v1beta1 before v1alpha1 before others. */
export function compareVersions(a: string, b: string): number {
  const left = rank(a);
  const right = rank(b);
  if (left === undefined || right === undefined) {
    if (left === undefined && right === undefined) return a < b ? -1 : a > b ? 1 : 0;
    return left === undefined ? 1 : -1;
  }
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor;
}

const stages: Readonly<Record<string, number>> = { alpha: 0, beta: 1 };

function rank(version: string): { stage: number; major: number; minor: number } | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return undefined;
  const [, major, stage, minor] = match;
  return { stage: stages[stage ?? ""] ?? 2, major: Number(major), minor: Number(minor ?? 0) };
}
