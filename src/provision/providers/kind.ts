import { kubeconfigFile, type ProvisionCluster } from "../contracts.ts";
import { yamlFile } from "../yaml-file.ts";

/** A configuration of kind: the mesh's nodes as workers with its region and zone. */
export const provisionKind: ProvisionCluster = ({ cluster, cloudName, ranges, neighbours }) => {
  const { name, context, kubernetes, region, nodes } = cluster;
  const file = `${name}/kind.yaml`;
  const image = kubernetes === undefined ? {} : { image: `kindest/node:v${kubernetes.replace(/^v/, "")}` };
  const labels = (zone = cluster.zone) => ({
    ...(region === undefined ? {} : { "topology.kubernetes.io/region": region }),
    ...(zone === undefined ? {} : { "topology.kubernetes.io/zone": zone }),
  });
  const config = {
    kind: "Cluster",
    apiVersion: "kind.x-k8s.io/v1alpha4",
    name: cloudName,
    networking: { podSubnet: ranges.pods, serviceSubnet: ranges.services },
    nodes: [
      { role: "control-plane", ...image },
      ...nodes.map(({ zone }) => ({ role: "worker", ...image, labels: labels(zone) })),
    ],
  };
  return {
    files: new Map([[file, yamlFile(config, `clusters.${name}`)]]),
    steps: [
      {
        id: `${name}/create`,
        cluster: name,
        title: `create the kind cluster ${cloudName}`,
        command: [
          "kind",
          "create",
          "cluster",
          "--config",
          file,
          "--kubeconfig",
          kubeconfigFile,
          "--wait",
          "5m",
        ],
        present: ["kind", "get", "kubeconfig", "--name", cloudName],
        undo: ["kind", "delete", "cluster", "--name", cloudName],
        nextStep:
          "docker info says whether containers can be run; kind delete cluster takes away what is half made.",
      },
      {
        id: `${name}/credentials`,
        cluster: name,
        title: `fetch the credentials of ${cloudName}`,
        command: ["kind", "export", "kubeconfig", "--name", cloudName, "--kubeconfig", kubeconfigFile],
        present: ["kubectl", "config", "get-contexts", context],
        nextStep: "See kind get clusters.",
      },
      {
        id: `${name}/context`,
        cluster: name,
        title: `name its context ${context}`,
        command: ["kubectl", "config", "rename-context", `kind-${cloudName}`, context],
        present: ["kubectl", "config", "get-contexts", context],
        nextStep: "See kubectl config get-contexts.",
      },
    ],
    notes: [
      `${name} gives load balancers an address only with something that does so: cloud-provider-kind beside it, or MetalLB in it.`,
      ...neighbours.map(
        (other) =>
          `${name} and ${other.cluster.name} are on one network: route ${other.ranges.pods} to the nodes of ${other.cluster.name}, with ip route add in each node of ${name}.`,
      ),
    ],
  };
};
