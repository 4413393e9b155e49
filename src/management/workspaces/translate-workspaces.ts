import { type KubeObject, type Service, systemNamespace, type WorkspaceProblem } from "../../kube/index.ts";
import type { Offer } from "../federation/contracts.ts";
import { canBeExported } from "../federation/exported-services.ts";
import { claimNamespaces, placeOf } from "./claim-namespaces.ts";
import type { Translation, WorkspaceCluster, WorkspaceDeclaration, WorkspaceState } from "./contracts.ts";
import { exportsService, missingExports, offersService } from "./exported-by.ts";
import { type IsolatedNamespace, isolationObjects } from "./isolation.ts";
import { relationsOf } from "./relations.ts";

/**
 * Workspaces of a fleet as what its control planes should hold: policies for those that are isolated, offers for
 * federation, and what is wrong with each. Pure.
 *
 * A namespace is known by the trust domain of its cluster's control plane: where two clusters share one, namespaces of
 * one name are the same identity, whatever the workspaces say; their states tell.
 */
export function translateWorkspaces(
  workspaces: readonly WorkspaceDeclaration[],
  clusters: readonly WorkspaceCluster[],
): Translation {
  const { owners, problems: claimProblems } = claimNamespaces(workspaces, clusters);
  const { importers, problems: relationProblems } = relationsOf(workspaces);
  const fleet: Fleet = {
    workspaces: new Map(workspaces.map((one) => [one.name, one])),
    clusters,
    owners,
    importers,
  };
  const isolated = isolatedNamespaces(fleet);
  const objects = new Map<string, readonly KubeObject[]>();
  for (const { primary } of clusters) objects.set(primary, []);
  for (const { primary, ...one } of isolated)
    objects.set(primary, [...(objects.get(primary) ?? []), ...isolationObjects(one)]);
  const states = workspaces.map((workspace): readonly [string, WorkspaceState] => {
    const { name } = workspace;
    const own = membersOf(name, fleet);
    const services = own.flatMap(({ cluster, namespace }) => servicesIn(cluster, namespace));
    const problems = [
      ...(claimProblems.get(name) ?? []),
      ...(relationProblems.get(name) ?? []),
      ...missingExports(workspace, services, new Set(workspace.namespaces.flatMap(({ names }) => names))),
      ...identityProblems(workspace, fleet),
      ...namespaceProblems(workspace, own),
      ...isolated.filter((one) => one.workspace === name).flatMap(leftOutProblems),
    ];
    const namespaces = own.map(({ cluster, namespace }) => placeOf(cluster.name, namespace)).sort();
    return [name, { namespaces, problems: withoutDoubles(problems) }];
  });
  return { objects, offers: offersOf(fleet), states: new Map(states), owners };
}

interface Fleet {
  readonly workspaces: ReadonlyMap<string, WorkspaceDeclaration>;
  readonly clusters: readonly WorkspaceCluster[];
  readonly owners: ReadonlyMap<string, string>;
  readonly importers: ReadonlyMap<string, ReadonlySet<string>>;
}

interface Member {
  readonly cluster: WorkspaceCluster;
  readonly namespace: string;
}

/** The namespaces of a workspace that exist. */
function membersOf(
  workspace: string,
  { clusters, owners }: Fleet,
): readonly (Member & { isInjected: boolean })[] {
  return clusters.flatMap((cluster) =>
    cluster.namespaces
      .filter(({ name }) => owners.get(placeOf(cluster.name, name)) === workspace)
      .map(({ name, isInjected }) => ({ cluster, namespace: name, isInjected })),
  );
}

function servicesIn({ services }: WorkspaceCluster, namespace: string): readonly Service[] {
  return services.filter(({ metadata }) => metadata.namespace === namespace);
}

/** Identities of a workspace: of all namespaces that it claims, so that one that is made later is let in at once. */
function identitiesOf(workspace: string, { clusters, owners }: Fleet): readonly string[] {
  return [...owners].flatMap(([place, owner]) => {
    if (owner !== workspace) return [];
    const [cluster, namespace] = place.split("/");
    const trustDomain = clusters.find(({ name }) => name === cluster)?.trustDomain;
    return trustDomain === undefined ? [] : [`${trustDomain}/ns/${namespace}/*`];
  });
}

const sorted = (texts: Iterable<string>) => [...new Set(texts)].sort();

function isolatedNamespaces(fleet: Fleet): readonly (IsolatedNamespace & { readonly primary: string })[] {
  const { clusters, workspaces, owners, importers } = fleet;
  const primaries = new Set(clusters.map(({ primary }) => primary));
  return [...primaries].flatMap((primary) => {
    const served = clusters.filter((cluster) => cluster.primary === primary);
    // Policies are objects in the primary's own API; the namespace has to be there.
    const own = served.find(({ name }) => name === primary);
    const ownerOf = (namespace: string) =>
      served.map(({ name }) => owners.get(placeOf(name, namespace))).find((owner) => owner !== undefined);
    return (own?.namespaces ?? []).flatMap(({ name: namespace }) => {
      const workspace = workspaces.get(ownerOf(namespace) ?? "");
      if (workspace?.isolation !== true || namespace === systemNamespace) return [];
      const importing = [...(importers.get(workspace.name) ?? [])];
      const callers = sorted(importing.flatMap((one) => identitiesOf(one, fleet)));
      const offersAll =
        workspace.exports.length === 0 ||
        workspace.exports.some((line) => line === "*" || line === `*.${namespace}`);
      const mine = identitiesOf(workspace.name, fleet);
      return [
        {
          primary,
          namespace,
          workspace: workspace.name,
          from: workspace.from,
          callers: sorted(offersAll ? [...mine, ...callers] : mine),
          offered:
            offersAll || callers.length === 0 ? [] : offeredServices(workspace, namespace, served, callers),
          egress: egressOf(workspace.name, namespace, own?.namespaces ?? [], served, fleet),
          leaveOut: new Set(
            (own?.wholeNamespace ?? [])
              .filter(({ metadata }) => metadata.namespace === namespace)
              .map(({ kind }) => kind),
          ),
        },
      ];
    });
  });
}

function offeredServices(
  workspace: WorkspaceDeclaration,
  namespace: string,
  served: readonly WorkspaceCluster[],
  callers: readonly string[],
): IsolatedNamespace["offered"] {
  const offered = new Map<string, IsolatedNamespace["offered"][number]>();
  for (const { metadata, spec } of served.flatMap((cluster) => servicesIn(cluster, namespace))) {
    if (spec.selector === undefined || Object.keys(spec.selector).length === 0) continue;
    if (exportsService(workspace, metadata.name, namespace))
      offered.set(metadata.name, { service: metadata.name, selector: spec.selector, callers });
  }
  return [...offered].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/**
 * What the proxies of a namespace know beside it: everything but isolated workspaces from which it imports nothing, and
 * of those from which it does, what they offer.
 */
function egressOf(
  workspace: string,
  namespace: string,
  namespaces: WorkspaceCluster["namespaces"],
  served: readonly WorkspaceCluster[],
  { workspaces, owners, importers }: Fleet,
): readonly string[] {
  const hosts = namespaces.flatMap(({ name }) => {
    if (name === namespace || name === systemNamespace) return [];
    const holders = served.map((cluster) => owners.get(placeOf(cluster.name, name)));
    const owner = workspaces.get(holders.find((one) => one !== undefined) ?? "");
    if (owner === undefined || owner.name === workspace || !owner.isolation) return [`${name}/*`];
    if (importers.get(owner.name)?.has(workspace) !== true) return [];
    return served
      .flatMap((cluster) => servicesIn(cluster, name))
      .filter(({ metadata }) => offersService(owner, metadata.name, name))
      .map(({ metadata }) => `${name}/${metadata.name}.${name}.svc.cluster.local`);
  });
  return sorted(hosts);
}

/** Names for other clusters, by the clusters and namespaces whose Services get them. */
function offersOf(fleet: Fleet): readonly Offer[] {
  const { workspaces, importers, clusters } = fleet;
  return [...workspaces.values()].flatMap((workspace) => {
    if (workspace.exports.length === 0) return [];
    const users = [workspace.name, ...(importers.get(workspace.name) ?? [])];
    const visibleIn = new Map<string, readonly string[]>();
    for (const { cluster, namespace } of users.flatMap((user) => membersOf(user, fleet)))
      visibleIn.set(cluster.primary, sorted([...(visibleIn.get(cluster.primary) ?? []), namespace]));
    return clusters.map((cluster) => ({
      cluster: cluster.name,
      services: membersOf(workspace.name, { ...fleet, clusters: [cluster] })
        .flatMap(({ namespace }) => servicesIn(cluster, namespace))
        .filter(
          (service) =>
            canBeExported(service) &&
            exportsService(workspace, service.metadata.name, service.metadata.namespace ?? ""),
        ),
      workspace: workspace.name,
      from: workspace.from,
      visibleIn,
    }));
  });
}

/** Clusters of one trust domain can't be told apart by identity. */
function identityProblems(
  { name, isolation }: WorkspaceDeclaration,
  { clusters, owners }: Fleet,
): readonly WorkspaceProblem[] {
  if (!isolation) return [];
  return clusters.flatMap((cluster) =>
    clusters.flatMap((other): readonly WorkspaceProblem[] => {
      if (other === cluster || cluster.trustDomain === undefined || other.trustDomain !== cluster.trustDomain)
        return [];
      return cluster.namespaces.flatMap(({ name: namespace }): readonly WorkspaceProblem[] => {
        if (owners.get(placeOf(cluster.name, namespace)) !== name) return [];
        const there = other.namespaces.some((one) => one.name === namespace);
        if (!there || owners.get(placeOf(other.name, namespace)) === name) return [];
        const message = `namespace ${namespace} of ${other.name} is not in the workspace, but has the same identity as that of ${cluster.name}: both are of trust domain ${cluster.trustDomain}`;
        return [{ severity: "warning", reason: "SharedIdentity", message }];
      });
    }),
  );
}

function namespaceProblems(
  { isolation, exports }: WorkspaceDeclaration,
  members: readonly (Member & { readonly isInjected: boolean })[],
): readonly WorkspaceProblem[] {
  return members.flatMap(({ cluster, namespace, isInjected }): readonly WorkspaceProblem[] => {
    if (namespace === systemNamespace) {
      if (!isolation) return [];
      const message = `${systemNamespace} of ${cluster.name} is not isolated: policies in it would hold for the whole mesh`;
      return [{ severity: "warning", reason: "SystemNamespace", message }];
    }
    if (isInjected || (!isolation && exports.length === 0)) return [];
    const message = `namespace ${namespace} not injected in ${cluster.name}: its pods get no proxy, so nothing is enforced there and calls from other clusters fail`;
    return [{ severity: "warning", reason: "NotInjected", message }];
  });
}

function leftOutProblems({
  leaveOut,
  namespace,
  primary,
}: IsolatedNamespace & { readonly primary: string }): readonly WorkspaceProblem[] {
  return [...leaveOut].map((kind) => ({
    severity: "warning",
    reason: "OwnPolicy",
    message: `${kind} of namespace ${namespace} in ${primary} is left as its owner wrote it; the workspace's is not applied`,
  }));
}

function withoutDoubles(problems: readonly WorkspaceProblem[]): readonly WorkspaceProblem[] {
  return [...new Map(problems.map((one) => [one.message, one])).values()];
}
