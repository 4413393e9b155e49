import { type FleetMesh, type KubernetesCluster, kinds, type Workspace } from "../../kube/index.ts";
import type {
  AwayCluster,
  FleetMeshRow,
  RegistrationRow,
  WorkspaceCondition,
  WorkspaceRow,
  WorkspacesPage,
} from "../api-fleet.ts";
import type { Reader } from "../reader.ts";

/** What the management clusters keep: who shares what with whom, and which control planes there are. */
export async function workspacesPage(reader: Reader): Promise<WorkspacesPage> {
  const { clusters } = await reader.state();
  const managers = clusters.filter(({ role }) => role === "management").map(({ name }) => name);
  const read = await Promise.all(
    managers.map(async (manager) => {
      const [workspaces, meshes, registrations] = await Promise.all([
        reader.list(manager, kinds.workspaces),
        reader.list(manager, kinds.meshes),
        reader.list(manager, kinds.kubernetesClusters),
      ]);
      return {
        away: workspaces.away === undefined ? [] : [awayCluster(manager, workspaces.away)],
        workspaces: workspaces.items.map((one) => workspaceRow(manager, one)).sort(byName),
        meshes: meshes.items.map((one) => meshRow(manager, one)).sort(byName),
        registrations: registrations.items
          .map((one) => registrationRow(manager, one))
          .sort((a, b) => a.cluster.localeCompare(b.cluster)),
      };
    }),
  );
  return {
    managers,
    away: read.flatMap(({ away }) => away),
    workspaces: read.flatMap(({ workspaces }) => workspaces),
    meshes: read.flatMap(({ meshes }) => meshes),
    registrations: read.flatMap(({ registrations }) => registrations),
  };
}

function awayCluster(
  cluster: string,
  { since = 0, reason }: { readonly since?: number; readonly reason: string },
): AwayCluster {
  return { cluster, since, reason };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name.localeCompare(b.name);
}

function workspaceRow(manager: string, workspace: Workspace): WorkspaceRow {
  const { metadata, spec, status } = workspace;
  const declared = spec.clusters.flatMap(({ name: cluster, namespaces }) =>
    namespaces.map((name) => ({ cluster, name })),
  );
  // Until somebody has looked, what is declared is all that is known.
  const existing =
    status?.namespaces?.map((place) => {
      const [cluster = "", name = ""] = place.split("/");
      return { cluster, name };
    }) ?? declared;
  const byCluster = new Map<string, string[]>();
  for (const { cluster, name } of existing) byCluster.set(cluster, [...(byCluster.get(cluster) ?? []), name]);
  const exists = (cluster: string, name: string) =>
    cluster === "*"
      ? [...byCluster.values()].some((names) => names.includes(name))
      : (byCluster.get(cluster)?.includes(name) ?? false);
  return {
    manager,
    name: metadata.name,
    namespaces: [...byCluster].map(([cluster, names]) => ({ cluster, names })),
    missing: declared.filter(({ cluster, name }) => !exists(cluster, name)),
    ...(spec.exports === undefined ? {} : { exports: spec.exports }),
    exportTo: spec.exportTo ?? [],
    importFrom: spec.importFrom ?? [],
    isIsolated: spec.isolation === true,
    hosts: status?.hosts ?? [],
    accepted: conditionOf(workspace, "Accepted"),
    enforced: conditionOf(workspace, "Enforced"),
    problems: status?.problems ?? [],
  };
}

/** A state of what was declared before says nothing of what is declared now. */
function conditionOf({ metadata, status }: Workspace, wanted: string): WorkspaceCondition {
  const found = status?.conditions?.find(({ type }) => type === wanted);
  const seen = found?.observedGeneration ?? status?.observedGeneration;
  if (found === undefined || (seen !== undefined && seen < (metadata.generation ?? 0)))
    return { status: "Pending" };
  return {
    status: found.status,
    ...(found.reason === undefined ? {} : { reason: found.reason }),
    ...(found.message === undefined ? {} : { message: found.message }),
  };
}

function meshRow(manager: string, { metadata, spec, status }: FleetMesh): FleetMeshRow {
  const { version, trustDomain, network, ready, certificate } = status ?? {};
  return {
    manager,
    name: metadata.name,
    cluster: spec.cluster,
    ...(version === undefined ? {} : { version }),
    ...(trustDomain === undefined ? {} : { trustDomain }),
    ...(network === undefined ? {} : { network }),
    ...(ready === undefined ? {} : { isReady: ready }),
    gateways: status?.gateways ?? [],
    ...(certificate === undefined
      ? {}
      : {
          certificate: {
            rootFingerprint: certificate.rootFingerprint,
            rootNotAfter: Date.parse(certificate.rootNotAfter),
            ...(certificate.intermediateNotAfter === undefined
              ? {}
              : { intermediateNotAfter: Date.parse(certificate.intermediateNotAfter) }),
          },
        }),
    serves: status?.clusters ?? [],
  };
}

function registrationRow(manager: string, { metadata, status }: KubernetesCluster): RegistrationRow {
  const { state = "Waiting", lastHeartbeat, agentVersion, kubernetesVersion, message } = status ?? {};
  return {
    manager,
    cluster: metadata.name,
    state,
    ...(lastHeartbeat === undefined ? {} : { lastHeartbeat: Date.parse(lastHeartbeat) }),
    ...(agentVersion === undefined ? {} : { agentVersion }),
    ...(kubernetesVersion === undefined ? {} : { kubernetesVersion }),
    ...(message === undefined ? {} : { message }),
  };
}
