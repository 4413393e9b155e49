import type { Cluster, Mesh, Peering } from "../../mesh/index.ts";
import type { AddressRanges } from "../allot-addresses.ts";
import type { ProvisionStep } from "../contracts.ts";

/** What the installation of Liqo has to know of a cluster. */
export interface LiqoCluster {
  readonly cluster: Cluster;
  /** Of a cluster that is provisioned too; others are asked by liqoctl. */
  readonly ranges?: Pick<AddressRanges, "pods" | "services">;
}

/**
 * Commands of liqoctl: Liqo in every cluster of a peering, and the peering itself. What it places where are objects, which
 * `apply` brings.
 */
export function provisionLiqo(
  mesh: Mesh,
  find: (name: string) => LiqoCluster | undefined,
): readonly ProvisionStep[] {
  const names = [...new Set(mesh.peerings.flatMap(({ consumer, provider }) => [consumer, provider]))];
  return [
    ...names.flatMap((name) => {
      const found = find(name);
      return found === undefined ? [] : [install(found)];
    }),
    ...mesh.peerings.map((peering) => peer(peering, mesh)),
  ];
}

function install({ cluster, ranges }: LiqoCluster): ProvisionStep {
  const { name, context, region, zone } = cluster;
  const labels = [
    ...(region === undefined ? [] : [`topology.kubernetes.io/region=${region}`]),
    ...(zone === undefined ? [] : [`topology.kubernetes.io/zone=${zone}`]),
  ];
  return {
    id: `${name}/liqo`,
    cluster: name,
    title: `install Liqo in ${name}`,
    command: [
      ...["liqoctl", "install", ...(ranges === undefined ? ["kubeadm"] : [])],
      ...["--context", context, "--cluster-id", name],
      ...(ranges === undefined ? [] : ["--pod-cidr", ranges.pods, "--service-cidr", ranges.services]),
      ...(labels.length === 0 ? [] : ["--cluster-labels", labels.join(",")]),
    ],
    nextStep:
      "With Calico, keep it off Liqo's interfaces: kubectl set env daemonset/calico-node -n kube-system IP_AUTODETECTION_METHOD=skip-interface=liqo.*",
  };
}

function peer({ consumer, provider }: Peering, { clusters }: Mesh): ProvisionStep {
  const [from, to] = [clusters.get(consumer), clusters.get(provider)];
  const type = to?.gateways.ingress?.service.type === "NodePort" ? "NodePort" : "LoadBalancer";
  return {
    id: `${consumer}/peer-${provider}`,
    cluster: consumer,
    title: `peer ${consumer} with ${provider}`,
    command: [
      ...[
        "liqoctl",
        "peer",
        "--context",
        from?.context ?? consumer,
        "--remote-context",
        to?.context ?? provider,
      ],
      ...["--gw-server-service-type", type],
    ],
    undo: [
      ...["liqoctl", "unpeer", "--context", from?.context ?? consumer],
      ...["--remote-context", to?.context ?? provider, "--skip-confirm"],
    ],
    nextStep: `The API of ${provider} must be reached from ${consumer} (usually port 6443), and the gateway's port: liqoctl info --context ${from?.context ?? consumer}.`,
  };
}
