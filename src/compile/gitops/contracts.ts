import type { ChartReference } from "../compiled.ts";

export interface GitopsOptions {
  readonly tool: "argocd" | "flux";
  /** The mesh's name. */
  readonly mesh: string;
  /** URL of the Git repository that the files are committed to. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** The folder of the repository that they are in, "" for its root. */
  readonly path: string;
  /** How Secrets are in Git: as references to a store, or as what Sealed Secrets makes of them. */
  readonly secrets: "external" | "sealed";
  /** Name of the ClusterSecretStore of External Secrets that Secrets are read from. */
  readonly secretStore: string;
  /** External addresses of Services, by "CLUSTER/NAMESPACE/SERVICE". */
  readonly addresses: ReadonlyMap<string, string>;
}

/** What a tool reads from Git. */
export interface RenderedGitops {
  /** Text by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Files beside them that people make: Secrets, sealed. What the script `seal.sh` has made of them stays. */
  readonly sealed: readonly string[];
  /** What is not in them, and the way to have it. */
  readonly leftOut: readonly string[];
}

/** What one cluster gets at one time: objects in a folder, or charts. Units follow each other, each once the one before is well. */
export interface Unit {
  /** "30-control-plane-charts" */
  readonly name: string;
  readonly cluster: string;
  /** Larger ones come later: what Argo CD calls a sync wave. */
  readonly order: number;
  /** The folder of its objects; undefined: it has charts only. */
  readonly folder?: string;
  readonly charts: readonly ChartReference[];
}
