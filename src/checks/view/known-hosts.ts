import { isWildcard, resolveShortName } from "../../discovery/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import { domainOfServices } from "../hosts.ts";
import type { Scope } from "../scopes.ts";

/** A host that a control plane knows: a Service, or one of a ServiceEntry. */
export interface KnownHost {
  /** May be a wildcard. */
  readonly host: string;
  readonly ports: readonly number[];
  /** Namespaces that see it; "*" stands for all. */
  readonly exportTo: readonly string[];
  readonly object: KubeObject;
}

/** Where rules may send requests to. */
export interface KnownHosts {
  /** The host as a rule in `namespace` means it; undefined when there is none that the namespace sees. */
  find(host: string, namespace: string): KnownHost | undefined;
}

const cache = new WeakMap<Scope, KnownHosts>();

/** The hosts that a control plane knows, of all clusters that it reads. */
export function knownHosts(scope: Scope): KnownHosts {
  const known = cache.get(scope) ?? collect(scope);
  cache.set(scope, known);
  return known;
}

function collect(scope: Scope): KnownHosts {
  const exact = new Map<string, KnownHost[]>();
  const wildcards: KnownHost[] = [];
  const add = (one: KnownHost) => {
    if (isWildcard(one.host)) wildcards.push(one);
    else exact.set(one.host, [...(exact.get(one.host) ?? []), one]);
  };
  for (const { services } of scope.known)
    for (const service of services) {
      const { name, namespace = "default", annotations } = service.metadata;
      add({
        host: `${name}.${namespace}.${domainOfServices}`,
        ports: (service.spec.ports ?? []).map(({ port }) => port),
        exportTo: namespacesOf(annotations?.["networking.istio.io/exportTo"]?.split(","), namespace),
        object: service,
      });
    }
  for (const entry of scope.config.serviceEntries) {
    const { hosts = [], ports = [], exportTo } = entry.spec;
    const { namespace = "default" } = entry.metadata;
    for (const host of hosts)
      add({
        host: resolveShortName(host, namespace, "cluster.local"),
        ports: ports.map(({ number }) => number),
        exportTo: namespacesOf(exportTo, namespace),
        object: entry,
      });
  }
  return {
    find(host, namespace) {
      const full = resolveShortName(host, namespace, "cluster.local");
      const isSeen = ({ exportTo }: KnownHost) => exportTo.includes("*") || exportTo.includes(namespace);
      const suffix = isWildcard(full) ? full.slice(1) : full;
      return (
        exact.get(full)?.find(isSeen) ??
        wildcards.filter(isSeen).find((one) => suffix.endsWith(one.host.slice(1)))
      );
    },
  };
}

function namespacesOf(exportTo: readonly string[] | undefined, own: string): readonly string[] {
  if (exportTo === undefined || exportTo.length === 0) return ["*"];
  return exportTo.map((one) => (one.trim() === "." ? own : one.trim()));
}
