import type { Pod } from "../../kube/index.ts";

/** Where programs look when the engine itself was started without a PATH. */
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The environment of a program of the host that runs for a pod: the pod's own variables and those of its network
 * view, and of the engine's environment nothing but PATH and LANG. The pod's PATH would name folders of an image
 * that is not here, so the host's holds, with `tools` first.
 */
export function podEnvironment(options: {
  readonly pod: Pod;
  readonly env: Readonly<Record<string, string>>;
  readonly network: Readonly<Record<string, string>>;
  readonly podAddress: string;
  /** "address:port" of the pod's resolver. */
  readonly resolver: string;
  readonly tools: string;
  readonly scratch: string;
  /** Where the container's mounts are as real files, once somebody asked for them. */
  readonly root: string;
}): Record<string, string> {
  const { pod, env, network, podAddress, resolver, tools, scratch, root } = options;
  const { namespace = "default" } = pod.metadata;
  return {
    HOME: scratch,
    LANG: process.env["LANG"] ?? "C.UTF-8",
    ...env,
    ...network,
    ISTHMUS_ROOT: root,
    ISTHMUS_POD_ADDRESS: podAddress,
    ISTHMUS_DNS: resolver,
    ISTHMUS_DNS_SEARCH: searchDomains(pod, namespace).join(" "),
    PATH: `${tools}:${process.env["PATH"] ?? usualPath}`,
  };
}

/** What a name with few dots is tried with, as a kubelet writes it into resolv.conf. */
function searchDomains(pod: Pod, namespace: string): readonly string[] {
  const own = (pod.spec["dnsConfig"] as { searches?: readonly string[] } | undefined)?.searches ?? [];
  const policy = pod.spec["dnsPolicy"] ?? "ClusterFirst";
  const cluster = [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"];
  return policy === "None" || policy === "Default" ? own : [...cluster, ...own];
}
