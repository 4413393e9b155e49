import type { Cluster, ClusterProvider, Mesh } from "../mesh/index.ts";
import type { AddressRanges } from "./allot-addresses.ts";

/** What creates the clusters of a mesh: files for the providers' own tools, and the commands that use them, in order. */
export interface Provisioning {
  /** Text by path, relative to the folder that they are written to. */
  readonly files: ReadonlyMap<string, string>;
  readonly steps: readonly ProvisionStep[];
  /** Where contexts are written, relative as well; the steps have them in KUBECONFIG, before what was there. */
  readonly kubeconfigs: readonly string[];
  /** What is left to people, and why. */
  readonly notes: readonly string[];
}

/** One command of a provider's tool. It runs in the folder of the files. */
export interface ProvisionStep {
  /** The same for the same step of the next run: "mesh-1/create". */
  readonly id: string;
  readonly cluster: string;
  /** Completes "✓ ": "create the EKS cluster postcard-mesh-1". */
  readonly title: string;
  /** Program and arguments; "${NAME}" in an argument is what an earlier step gave under that name. */
  readonly command: readonly string[];
  /** The file that says what it makes: once that changes, the step is no longer done. */
  readonly reads?: string;
  /** The name under which what it prints is kept for later steps. */
  readonly gives?: string;
  /** Succeeds when what the step makes is there already; it is not made again then. */
  readonly present?: readonly string[];
  /** Takes away what it made. Steps of several clusters that make the same have the same. */
  readonly undo?: readonly string[];
  /** What may help when it fails, beside what the tool says. */
  readonly nextStep: string;
}

/** What the files and steps of one cluster are made of. */
export interface ClusterToProvision {
  readonly mesh: Mesh;
  readonly cluster: Cluster;
  readonly provider: ClusterProvider;
  /** What it is called at the provider: there, names are shared by everything of an account. */
  readonly cloudName: string;
  readonly ranges: AddressRanges;
  /** Other clusters of the same provider whose pods it reaches directly, with their ranges. */
  readonly neighbours: readonly ClusterToProvision[];
}

/** What one provider's tool needs for one cluster. */
export interface ClusterProvisioning {
  readonly files?: ReadonlyMap<string, string>;
  readonly steps: readonly ProvisionStep[];
  /** Where its pods' addresses are from. Default: the range for pods. */
  readonly pods?: string;
  /** Where its context is written, where its tool writes a whole file. Default: the one that all share. */
  readonly kubeconfig?: string;
  /** Steps that need other clusters' first. */
  readonly afterwards?: readonly ProvisionStep[];
  readonly notes?: readonly string[];
}

/** A provider's part: pure. */
export type ProvisionCluster = (what: ClusterToProvision) => ClusterProvisioning;

/** The kubeconfig that steps write to unless their tool writes a whole file, in the folder of the files. */
export const kubeconfigFile = "kubeconfig";
