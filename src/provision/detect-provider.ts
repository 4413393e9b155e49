import type { ProviderName } from "../mesh/index.ts";

/** What a kubeconfig says of a context that tells who runs the cluster. */
export interface ContextFacts {
  readonly context: string;
  /** Address of the API. */
  readonly server: string;
  /** The credential plugin's command and arguments, in one text. */
  readonly plugin?: string;
}

/** Who runs a cluster, by the address of its API, its credential plugin and the name that tools give its context. */
export function detectProvider({ context, server, plugin = "" }: ContextFacts): ProviderName | undefined {
  const host = URL.canParse(server) ? new URL(server).hostname : "";
  const isLocal = /^(127\.|localhost$|0\.0\.0\.0$)/.test(host);
  if (host.endsWith(".eks.amazonaws.com") || /\baws\b.*\beks\b|aws-iam-authenticator/.test(plugin))
    return "eks";
  if (host.endsWith(".azmk8s.io")) return "aks";
  if (/\bgke-gcloud-auth-plugin\b/.test(plugin) || /^gke_[^_]+_[^_]+_/.test(context)) return "gke";
  if (/\boci\b.*\bgenerate-token\b/.test(plugin)) return "oke";
  if (/^vcluster_/.test(context)) return "vcluster";
  if (/^kind-/.test(context) && isLocal) return "kind";
  return undefined;
}
