import { addressIn } from "../allot-addresses.ts";
import {
  type ClusterToProvision,
  kubeconfigFile,
  type ProvisionCluster,
  type ProvisionStep,
} from "../contracts.ts";
import { type NodeGroup, nodeGroups } from "../node-groups.ts";

const nodeType = "Standard_D4s_v5";
const gpuNodeType = "Standard_NC4as_T4_v3";
const login =
  "az login and az account set choose the subscription; az aks get-versions --location REGION lists what it has.";

/**
 * Commands of az. Clusters of one network of the mesh have pods in their virtual networks, which are peered; others have an
 * overlay of their own.
 */
export const provisionAks: ProvisionCluster = (what) => {
  const { mesh, cluster, provider, cloudName, ranges, neighbours } = what;
  const { name, context, kubernetes, region = "" } = cluster;
  const group = ["--resource-group", resourceGroup(what)];
  const [first, ...more] = nodeGroups(cluster);
  const subnet = variable(what, "SUBNET");
  const step = (id: string, rest: Omit<ProvisionStep, "id" | "cluster">): ProvisionStep => ({
    id: `${name}/${id}`,
    cluster: name,
    ...rest,
  });
  // A network's addresses and those of Services or an overlay must not overlap, so the network has the nodes' only.
  const isFlat = neighbours.length > 0;
  return {
    pods: isFlat ? ranges.nodes : ranges.pods,
    steps: [
      step("group", {
        title: `create the resource group ${resourceGroup(what)}`,
        command: [
          "az",
          "group",
          "create",
          "--name",
          resourceGroup(what),
          "--location",
          region,
          "--output",
          "none",
        ],
        // One that is named may hold other things.
        ...(provider.resourceGroup === undefined
          ? { undo: ["az", "group", "delete", "--name", resourceGroup(what), "--yes"] }
          : {}),
        nextStep: login,
      }),
      step("network", {
        title: `create the virtual network ${cloudName}`,
        command: [
          ...["az", "network", "vnet", "create", "--name", cloudName, ...group, "--location", region],
          ...[
            "--address-prefixes",
            ranges.nodes,
            "--subnet-name",
            "nodes",
            "--subnet-prefixes",
            ranges.nodes,
          ],
          ...["--output", "none"],
        ],
        undo: ["az", "network", "vnet", "delete", "--name", cloudName, ...group],
        nextStep: login,
      }),
      step("subnet", {
        title: `look up the subnet of ${cloudName}`,
        command: [
          ...[
            "az",
            "network",
            "vnet",
            "subnet",
            "show",
            "--name",
            "nodes",
            "--vnet-name",
            cloudName,
            ...group,
          ],
          ...["--query", "id", "--output", "tsv"],
        ],
        gives: subnet,
        nextStep: login,
      }),
      step("create", {
        title: `create the AKS cluster ${cloudName} in ${region}`,
        command: [
          ...["az", "aks", "create", "--name", cloudName, ...group, "--location", region],
          ...["--vnet-subnet-id", `\${${subnet}}`, "--enable-managed-identity", "--no-ssh-key"],
          ...["--service-cidr", ranges.services, "--dns-service-ip", addressIn(ranges.services, 10)],
          ...["--network-plugin", "azure"],
          ...(isFlat ? [] : ["--network-plugin-mode", "overlay", "--pod-cidr", ranges.pods]),
          ...(kubernetes === undefined ? [] : ["--kubernetes-version", kubernetes.replace(/^v/, "")]),
          ...["--tags", `isthmus-mesh=${mesh.name}`],
          ...(first === undefined ? [] : poolOptions(first, provider.nodeType)),
          ...["--output", "none"],
        ],
        undo: ["az", "aks", "delete", "--name", cloudName, ...group, "--yes"],
        nextStep: login,
      }),
      ...more.map((pool, index) =>
        step(`pool-${pool.name}`, {
          title: `add the node pool ${poolName(pool, index)} to ${cloudName}`,
          command: [
            ...["az", "aks", "nodepool", "add", "--name", poolName(pool, index), "--cluster-name", cloudName],
            ...[...group, "--vnet-subnet-id", `\${${subnet}}`, ...poolOptions(pool, provider.nodeType)],
            ...["--output", "none"],
          ],
          present: [
            ...[
              "az",
              "aks",
              "nodepool",
              "show",
              "--name",
              poolName(pool, index),
              "--cluster-name",
              cloudName,
            ],
            ...[...group, "--output", "none"],
          ],
          nextStep: "A quota of the region may be used up: az vm list-usage --location REGION.",
        }),
      ),
      step("credentials", {
        title: `write the context ${context}`,
        command: [
          ...["az", "aks", "get-credentials", "--name", cloudName, ...group, "--context", context],
          ...["--file", kubeconfigFile, "--overwrite-existing"],
        ],
        nextStep: login,
      }),
    ],
    afterwards: neighbours.flatMap((other) => peeringSteps(what, other, step)),
  };
};

/** A peering is made from both sides; this is one of them. */
function peeringSteps(
  one: ClusterToProvision,
  other: ClusterToProvision,
  step: (id: string, rest: Omit<ProvisionStep, "id" | "cluster">) => ProvisionStep,
): readonly ProvisionStep[] {
  const remote = variable(other, "NETWORK");
  return [
    step(`look-up-${other.cluster.name}`, {
      title: `look up the virtual network ${other.cloudName}`,
      command: [
        ...["az", "network", "vnet", "show", "--name", other.cloudName],
        ...["--resource-group", resourceGroup(other), "--query", "id", "--output", "tsv"],
      ],
      gives: remote,
      nextStep: login,
    }),
    step(`peer-${other.cluster.name}`, {
      title: `let ${one.cloudName} reach ${other.cloudName}`,
      command: [
        ...["az", "network", "vnet", "peering", "create", "--name", `to-${other.cloudName}`],
        ...["--resource-group", resourceGroup(one), "--vnet-name", one.cloudName],
        ...["--remote-vnet", `\${${remote}}`, "--allow-vnet-access", "--output", "none"],
      ],
      nextStep: login,
    }),
  ];
}

function resourceGroup({ mesh, cluster, provider }: ClusterToProvision): string {
  return provider.resourceGroup ?? `rg-${mesh.name}-${cluster.region}`;
}

/** A name for a shell's variable. */
function variable({ cluster }: ClusterToProvision, what: string): string {
  return `${what}_${cluster.name.toUpperCase().replaceAll("-", "_")}`;
}

/** Azure's names of pools are at most 12 letters and digits. */
function poolName({ gpus }: NodeGroup, index: number): string {
  return `${gpus > 0 ? "gpu" : "pool"}${index + 2}`;
}

function poolOptions({ count, zone, gpus }: NodeGroup, type: string | undefined): readonly string[] {
  const digit = /(\d)$/.exec(zone ?? "")?.[1];
  return [
    ...["--node-count", String(count), "--node-vm-size", gpus > 0 ? gpuNodeType : (type ?? nodeType)],
    ...(digit === undefined ? [] : ["--zones", digit]),
  ];
}
