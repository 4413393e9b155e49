import type { ProvisionCluster } from "../contracts.ts";
import { minorVersion, nodeGroups } from "../node-groups.ts";
import { yamlFile } from "../yaml-file.ts";
import { peeringFile, peeringScript } from "./eks-peering.ts";

const nodeType = "m6i.large";
const gpuNodeType = "g5.xlarge";

/**
 * A ClusterConfig of eksctl. Pods have addresses of the cluster's VPC, so that a VPC is what has to be connected where
 * clusters share a network.
 */
export const provisionEks: ProvisionCluster = (what) => {
  const { mesh, cluster, provider, cloudName, ranges, neighbours } = what;
  const { name, context, kubernetes, region = "" } = cluster;
  const groups = nodeGroups(cluster);
  const file = `${name}/eksctl.yaml`;
  const config = {
    apiVersion: "eksctl.io/v1alpha5",
    kind: "ClusterConfig",
    metadata: {
      name: cloudName,
      region,
      ...(kubernetes === undefined ? {} : { version: minorVersion(kubernetes) }),
      tags: { "isthmus.dev/mesh": mesh.name },
    },
    iam: { withOIDC: true },
    vpc: { cidr: ranges.nodes, nat: { gateway: "Single" } },
    kubernetesNetworkConfig: { serviceIPv4CIDR: ranges.services },
    ...zonesOf(
      region,
      groups.flatMap(({ zone }) => zone ?? []),
    ),
    managedNodeGroups: groups.map((group) => ({
      name: group.name,
      instanceType: group.gpus > 0 ? gpuNodeType : (provider.nodeType ?? nodeType),
      desiredCapacity: group.count,
      minSize: 1,
      maxSize: Math.max(group.count, 1) * 2,
      privateNetworking: true,
      ...(group.zone === undefined ? {} : { availabilityZones: [group.zone] }),
    })),
  };
  const where = ["--name", cloudName, "--region", region];
  return {
    pods: ranges.nodes,
    files: new Map([
      [file, yamlFile(config, `clusters.${name}`)],
      ...neighbours.map((other) => [peeringFile(what, other), peeringScript(what, other)] as const),
    ]),
    steps: [
      {
        id: `${name}/create`,
        cluster: name,
        title: `create the EKS cluster ${cloudName} in ${region}`,
        command: ["eksctl", "create", "cluster", "--config-file", file, "--write-kubeconfig=false"],
        // Its last part: a cluster whose creation was interrupted is there before.
        present: [
          ...["eksctl", "get", "nodegroup", "--cluster", cloudName, "--region", region],
          ...["--name", groups.at(-1)?.name ?? ""],
        ],
        undo: ["eksctl", "delete", "cluster", ...where, "--wait"],
        nextStep: `Its CloudFormation stacks say more: eksctl utils describe-stacks --cluster ${cloudName} --region ${region}. What is half made goes with eksctl delete cluster.`,
      },
      {
        id: `${name}/credentials`,
        cluster: name,
        title: `write the context ${context}`,
        command: ["aws", "eks", "update-kubeconfig", ...where, "--alias", context],
        nextStep: "Whoever created the cluster may reach it: see aws sts get-caller-identity.",
      },
    ],
    notes: neighbours.map(
      (other) =>
        `${name} and ${other.cluster.name} are on one network: connect their VPCs (${ranges.nodes} and ${other.ranges.nodes}) by a peering or a transit gateway, with routes in both, and let the node security groups of each take the other's range in. sh ${peeringFile(what, other)} makes the peering, in one account.`,
    ),
  };
};

/** eksctl wants two zones at least, and those of the nodes among them. */
function zonesOf(
  region: string,
  zones: readonly string[],
): { readonly availabilityZones?: readonly string[] } {
  if (zones.length === 0) return {};
  const all = [...new Set([...zones, `${region}a`, `${region}b`])];
  return { availabilityZones: all.slice(0, Math.max(2, new Set(zones).size)).sort() };
}
