import { section, text, texts, type Values } from "./read-values.ts";

/** Values of Istio's charts that the stand-ins read; everything else passes by unread. Defaults as the charts have them. */
export interface IstioValues {
  readonly revision: string;
  readonly clusterName: string;
  readonly network: string;
  readonly meshId: string;
  readonly hub: string;
  readonly tag: string;
  readonly trustDomain: string;
  /** Address of the primary's istiod for a remote; empty when the cluster has its own. */
  readonly remotePilotAddress: string;
  readonly isRemote: boolean;
  readonly injectionPath: string;
  readonly injectionUrl: string;
  readonly meshConfig: Readonly<Record<string, unknown>>;
  readonly meshNetworks: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly replicas: number;
  /** All of `global`, as the injector's template reads it. */
  readonly global: Readonly<Record<string, unknown>>;
}

/** Reads the values of an istiod release. `version` is what `tag` and `hub` default to. */
export function readIstioValues(values: Values, version: string): IstioValues {
  const global = section(values, "global");
  const remote = section(values, "istiodRemote");
  const pilot = section(values, "pilot");
  const revision = text(values["revision"], "");
  const meshConfig = section(values, "meshConfig");
  const tag = text(global["tag"], version);
  const hub = text(global["hub"], "docker.io/istio");
  return {
    revision,
    clusterName: text(section(global, "multiCluster")["clusterName"], "Kubernetes"),
    network: text(global["network"], ""),
    meshId: text(global["meshID"], ""),
    hub,
    tag,
    trustDomain: text(meshConfig["trustDomain"], "cluster.local"),
    remotePilotAddress: text(global["remotePilotAddress"], ""),
    isRemote: remote["enabled"] === true || values["profile"] === "remote",
    injectionPath: text(remote["injectionPath"], "/inject"),
    injectionUrl: text(remote["injectionURL"], ""),
    meshConfig,
    meshNetworks: section(global, "meshNetworks"),
    env: texts({ ...section(pilot, "env"), ...section(values, "env") }),
    replicas: Number(values["replicaCount"] ?? pilot["replicaCount"] ?? 1),
    global: { hub, tag, ...global },
  };
}
