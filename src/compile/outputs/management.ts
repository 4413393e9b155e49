import { generated, type KubeObject, managementNamespace, readCrds } from "../../kube/index.ts";
import type { Cluster, Mesh, Workspace } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { isProvider, managementCluster, workloadClusters } from "../topology.ts";
import { agentIdentity, agentObjects, managerObjects, relayCredentialName } from "./management-workloads.ts";
import { clustersReadBy } from "./remote-credentials.ts";

const apiVersion = "management.isthmus.dev/v1alpha1";

/**
 * What a management cluster gets: the kinds of the management plane, the workload clusters that are registered there
 * (a provider is its consumer's) with what their agents are known by, the workspaces of the mesh file, and the manager.
 */
export function managementObjects(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const role = `clusters.${cluster.name}.role`;
  const item = (wave: CompiledItem["wave"], object: KubeObject, from: string): CompiledItem => ({
    kind: "object",
    wave,
    from,
    object: generated(object, from),
  });
  return [
    ...definitions().map((definition) => item("control-plane", definition, role)),
    ...workloadClusters(mesh)
      .filter((one) => !isProvider(one))
      .flatMap((one) =>
        [registration(one, mesh), agentIdentity(one.name)].map((object) =>
          item("management", object, `clusters.${one.name}`),
        ),
      ),
    ...[...mesh.workspaces].map(([name, one]) =>
      item("management", workspaceObject(name, one), `workspaces.${name}`),
    ),
    ...managerObjects(cluster, mesh).map((object) => item("management", object, role)),
  ];
}

/** What a workload cluster gets where there is a management cluster: the agent, and the credential with which it calls. */
export function agentItems(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const management = managementCluster(mesh);
  if (management === undefined || isProvider(cluster)) return [];
  const from = `clusters.${management.name}.role`;
  const credential: KubeObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: relayCredentialName, namespace: managementNamespace },
    type: "Opaque",
  };
  return [
    // Where Gloo Mesh's guides have the settings of a workspace.
    ...definitions("WorkspaceSettings").map(
      (object): CompiledItem => ({
        kind: "object",
        wave: "control-plane",
        from,
        object: generated(object, from),
      }),
    ),
    ...agentObjects(cluster, mesh).map(
      (object): CompiledItem => ({
        kind: "object",
        wave: "management",
        from,
        object: generated(object, from),
      }),
    ),
    {
      kind: "generated-secret",
      wave: "credentials",
      from,
      object: generated(credential, from),
      source: { kind: "relay-credential", management: management.name },
    },
  ];
}

/** The kinds of the management plane, or the one that is called `kind`. */
function definitions(kind?: string): readonly KubeObject[] {
  const all = readCrds("isthmus").filter(({ spec }) => kind === undefined || spec.names.kind === kind);
  return all.map(({ name, spec }) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name },
    spec,
  }));
}

/** The registration of a cluster, with what its control plane reads by credentials that end. */
function registration(cluster: Cluster, mesh: Mesh): KubeObject {
  const registered = kubernetesCluster(cluster.name, cluster.primary);
  const { credentialLifetime: lifetime } = mesh;
  const clusters = clustersReadBy(cluster, mesh);
  if (lifetime === undefined || clusters.length === 0) return registered;
  return {
    ...registered,
    spec: { ...(registered["spec"] as object), remoteCredentials: { clusters, lifetime } },
  };
}

/** The registration of a cluster, which the control plane of `primary` serves. */
export function kubernetesCluster(name: string, primary: string): KubeObject {
  return {
    apiVersion,
    kind: "KubernetesCluster",
    metadata: { name, namespace: managementNamespace },
    spec: primary === name ? {} : { primary },
  };
}

function workspaceObject(name: string, workspace: Workspace): KubeObject {
  const { namespaces, exports, exportTo, importFrom, isolation } = workspace;
  return {
    apiVersion,
    kind: "Workspace",
    metadata: { name, namespace: managementNamespace },
    spec: {
      clusters:
        namespaces instanceof Map
          ? [...namespaces].map(([cluster, list]) => ({ name: cluster, namespaces: list }))
          : [{ name: "*", namespaces }],
      ...(exports.length === 0 ? {} : { exports }),
      ...(exportTo.length === 0 ? {} : { exportTo }),
      ...(importFrom.length === 0 ? {} : { importFrom }),
      isolation,
    },
  };
}
