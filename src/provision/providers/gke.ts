import type { ClusterToProvision, ProvisionCluster, ProvisionStep } from "../contracts.ts";
import { minorVersion, type NodeGroup, nodeGroups } from "../node-groups.ts";

const nodeType = "e2-standard-4";
const gpuNodeType = "n1-standard-4";
const gpuType = "nvidia-tesla-t4";
/** Zones of a regional cluster: nodes are counted per zone there. */
const zonesOfRegion = 3;

/** Commands of gcloud. Clusters of one network of the mesh share a VPC, in which pods reach each other. */
export const provisionGke: ProvisionCluster = (what) => {
  const { cluster, provider, cloudName, neighbours } = what;
  const { name, context, kubernetes } = cluster;
  const project = ["--project", provider.project ?? ""];
  const region = cluster.region ?? "";
  const [first, ...more] = nodeGroups(cluster);
  const location = cluster.zone ?? region;
  const at = ["--location", location];
  const step = (id: string, rest: Omit<ProvisionStep, "id" | "cluster">): ProvisionStep => ({
    id: `${name}/${id}`,
    cluster: name,
    ...rest,
  });
  const account =
    "gcloud auth list says who asks, gcloud services enable compute.googleapis.com container.googleapis.com lets the project have clusters.";
  return {
    steps: [
      ...networkSteps(what, project, region, step, account),
      step("create", {
        title: `create the GKE cluster ${cloudName} in ${location}`,
        command: [
          ...["gcloud", "container", "clusters", "create", cloudName, ...project, ...at],
          ...["--network", networkName(what), "--subnetwork", cloudName, "--enable-ip-alias"],
          ...["--cluster-secondary-range-name", "pods", "--services-secondary-range-name", "services"],
          ...["--labels", `isthmus-mesh=${what.mesh.name}`],
          ...(kubernetes === undefined ? [] : ["--cluster-version", minorVersion(kubernetes)]),
          ...(first === undefined ? [] : poolOptions(first, provider.nodeType, location === region)),
        ],
        present: ["gcloud", "container", "clusters", "describe", cloudName, ...project, ...at],
        undo: ["gcloud", "container", "clusters", "delete", cloudName, ...project, ...at, "--quiet"],
        nextStep: account,
      }),
      ...more.map((group) =>
        step(`pool-${group.name}`, {
          title: `add the node pool ${group.name} to ${cloudName}`,
          command: [
            ...["gcloud", "container", "node-pools", "create", group.name, "--cluster", cloudName],
            ...[...project, ...at, ...poolOptions(group, provider.nodeType, location === region)],
          ],
          present: [
            ...["gcloud", "container", "node-pools", "describe", group.name, "--cluster", cloudName],
            ...[...project, ...at],
          ],
          nextStep: "A quota of GPUs or CPUs may be used up: see IAM & Admin, Quotas.",
        }),
      ),
      step("credentials", {
        title: `fetch the credentials of ${cloudName}`,
        command: ["gcloud", "container", "clusters", "get-credentials", cloudName, ...project, ...at],
        nextStep: "kubectl needs gke-gcloud-auth-plugin: gcloud components install gke-gcloud-auth-plugin.",
      }),
      step("context", {
        title: `name its context ${context}`,
        command: [
          ...["kubectl", "config", "rename-context"],
          ...[`gke_${provider.project}_${location}_${cloudName}`, context],
        ],
        present: ["kubectl", "config", "get-contexts", context],
        nextStep: "See kubectl config get-contexts.",
      }),
    ],
    notes: neighbours.some(({ provider: { project: other } }) => other !== provider.project)
      ? [`${name} shares its network with clusters of other projects: connect their VPCs by a peering.`]
      : [],
  };
};

/** VPC of the mesh's network, shared by its clusters of one project. */
function networkName({ mesh, cluster: { network } }: ClusterToProvision): string {
  return `${mesh.name}-${network ?? "mesh"}`;
}

function networkSteps(
  what: ClusterToProvision,
  project: readonly string[],
  region: string,
  step: (id: string, rest: Omit<ProvisionStep, "id" | "cluster">) => ProvisionStep,
  nextStep: string,
): readonly ProvisionStep[] {
  const { cloudName, ranges, neighbours } = what;
  const network = networkName(what);
  const everyRange = [what, ...neighbours]
    .flatMap(({ ranges: { nodes, pods } }) => [nodes, pods])
    .sort()
    .join(",");
  return [
    step("network", {
      title: `create the VPC ${network}`,
      command: ["gcloud", "compute", "networks", "create", network, ...project, "--subnet-mode", "custom"],
      present: ["gcloud", "compute", "networks", "describe", network, ...project],
      undo: ["gcloud", "compute", "networks", "delete", network, ...project, "--quiet"],
      nextStep,
    }),
    step("subnet", {
      title: `create the subnet ${cloudName}`,
      command: [
        ...["gcloud", "compute", "networks", "subnets", "create", cloudName, ...project],
        ...["--network", network, "--region", region, "--range", ranges.nodes],
        ...["--secondary-range", `pods=${ranges.pods},services=${ranges.services}`],
      ],
      present: [
        ...["gcloud", "compute", "networks", "subnets", "describe", cloudName],
        ...[...project, "--region", region],
      ],
      undo: [
        ...["gcloud", "compute", "networks", "subnets", "delete", cloudName],
        ...[...project, "--region", region, "--quiet"],
      ],
      nextStep,
    }),
    ...(neighbours.length === 0
      ? []
      : [
          step("firewall", {
            title: `let the pods of ${network} reach each other`,
            command: [
              ...["gcloud", "compute", "firewall-rules", "create", `${cloudName}-pods`, ...project],
              ...["--network", network, "--allow", "tcp,udp,icmp", "--source-ranges", everyRange],
            ],
            present: ["gcloud", "compute", "firewall-rules", "describe", `${cloudName}-pods`, ...project],
            undo: [
              "gcloud",
              "compute",
              "firewall-rules",
              "delete",
              `${cloudName}-pods`,
              ...project,
              "--quiet",
            ],
            nextStep,
          }),
        ]),
  ];
}

function poolOptions(group: NodeGroup, type: string | undefined, isRegional: boolean): readonly string[] {
  const count = isRegional && group.zone === undefined ? Math.ceil(group.count / zonesOfRegion) : group.count;
  return [
    ...["--num-nodes", String(count), "--machine-type", group.gpus > 0 ? gpuNodeType : (type ?? nodeType)],
    ...(group.zone === undefined ? [] : ["--node-locations", group.zone]),
    ...(group.gpus > 0
      ? ["--accelerator", `type=${gpuType},count=${group.gpus},gpu-driver-version=latest`]
      : []),
  ];
}
