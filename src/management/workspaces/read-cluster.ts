import { parse } from "yaml";
import {
  type ConfigMap,
  isInjected,
  type KubeObject,
  type Namespace,
  type Service,
} from "../../kube/index.ts";
import type { WorkspaceCluster } from "./contracts.ts";
import { workspaceLabels } from "./isolation.ts";

/** Istio's ConfigMap with MeshConfig, also that of a revision. */
const meshConfigName = /^istio(-.+)?$/;

/** The objects of one cluster that workspaces look at. */
export interface ClusterObjects {
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  /** Of users, and ours. */
  readonly policies: readonly KubeObject[];
  readonly trustDomain: string | undefined;
}

/** What these objects say of the cluster. Pure. */
export function readCluster(
  { name, primary }: Pick<WorkspaceCluster, "name" | "primary">,
  { namespaces, services, policies, trustDomain }: ClusterObjects,
): WorkspaceCluster {
  return {
    name,
    primary,
    trustDomain,
    namespaces: namespaces
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((namespace) => ({ name: namespace.metadata.name, isInjected: isInjected(namespace) })),
    services,
    wholeNamespace: policies.filter(
      (policy) => !isOfWorkspaces(policy) && !selectsPods(policy["spec"] as Selecting | undefined),
    ),
  };
}

/** Whether a workspace made the object. */
export function isOfWorkspaces({ metadata }: KubeObject): boolean {
  return Object.entries(workspaceLabels).every(([name, value]) => metadata.labels?.[name] === value);
}

/** PeerAuthentication has `selector`, Sidecar `workloadSelector`. */
interface Selecting {
  readonly selector?: unknown;
  readonly workloadSelector?: unknown;
}

function selectsPods({ selector, workloadSelector }: Selecting = {}): boolean {
  return selector !== undefined || workloadSelector !== undefined;
}

/** Trust domain in Istio's MeshConfig; Istio's default where it says none, undefined where there is no MeshConfig. */
export function trustDomainOf(configMaps: readonly ConfigMap[]): string | undefined {
  const found = configMaps.find(
    ({ metadata, data }) => meshConfigName.test(metadata.name) && data?.["mesh"] !== undefined,
  );
  if (found === undefined) return undefined;
  // It is asked for far more often than it changes.
  if (!trustDomains.has(found)) trustDomains.set(found, readTrustDomain(found.data?.["mesh"] ?? ""));
  return trustDomains.get(found);
}

const trustDomains = new WeakMap<ConfigMap, string | undefined>();

function readTrustDomain(text: string): string | undefined {
  let config: unknown;
  try {
    config = parse(text);
  } catch {
    return undefined; // istiod says so itself, and goes on with what it had.
  }
  const { trustDomain } = (config ?? {}) as { readonly trustDomain?: unknown };
  return typeof trustDomain === "string" && trustDomain !== "" ? trustDomain : "cluster.local";
}
