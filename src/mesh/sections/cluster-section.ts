import { dnsLabel, labelValue } from "../schema/names.ts";
import { field, object } from "../schema/object.ts";
import type { Read } from "../schema/reader.ts";
import {
  eitherOf,
  flag,
  integer,
  listOf,
  mapOf,
  mapped,
  oneOf,
  quantity,
  text,
  version,
} from "../schema/values.ts";
import { addonsSection } from "./addons-section.ts";
import { exportsSection } from "./exports-section.ts";
import { gatewaysSection } from "./gateways-section.ts";
import { istioSection } from "./istio-section.ts";
import { manifestsSection } from "./manifests-section.ts";
import { namespacesSection } from "./namespaces-section.ts";
import { providerSection } from "./provider-section.ts";
import { trustSection } from "./trust-section.ts";

interface WrittenNode {
  readonly zone?: string;
  readonly capacity?: Readonly<Record<string, string>>;
}

const nodesSection = eitherOf<readonly WrittenNode[]>({
  what: "a number or a list",
  scalar: mapped(integer(1, 100, "the number of nodes"), (count) =>
    Array.from({ length: count }, () => ({})),
  ),
  list: listOf(
    object("nodes have", {
      zone: field(text(labelValue("a zone")), "Zone of this node; the cluster's when not given."),
      capacity: field(
        mapped(mapOf(quantity()), (all) => Object.fromEntries(all)),
        "What it has besides CPU, memory and room for pods, or in place of them.",
        { examples: [{ "nvidia.com/gpu": 1 }] },
      ),
    }),
  ),
});

/** One cluster. */
const clusterSection = object("clusters have", {
  primary: field(
    text(),
    "Cluster whose control plane serves this one. Without it the cluster runs its own.",
    {
      examples: ["east"],
    },
  ),
  role: field(
    oneOf("workload", "management"),
    "`management`: holds workspaces, registrations and the console, and runs no mesh workloads.",
    {
      default: "workload",
    },
  ),
  network: field(
    text(labelValue("a network")),
    "Network of its pods: clusters of one network reach each other's pods directly. All workload clusters have one, or none.",
    { examples: ["network1"] },
  ),
  region: field(text(labelValue("a region")), "Region, for locality load balancing and failover.", {
    examples: ["eu-central-1"],
  }),
  zone: field(text(labelValue("a zone")), "Zone, for locality load balancing and failover.", {
    examples: ["eu-central-1a"],
  }),
  nodes: field(
    nodesSection,
    "How many nodes the embedded cluster and a provisioned one have, or a list of them.",
    { default: 1 },
  ),
  labelNodes: field(
    flag(),
    "Real clusters: whether nodes get the region and zone as labels. Otherwise they are only compared.",
    {
      default: false,
    },
  ),
  provider: field(
    providerSection,
    "Real clusters: who runs it. Its load balancers get the annotations that they need there, and `provision` writes what creates it.",
    { examples: ["eks"] },
  ),
  context: field(
    text({
      pattern: /\S/,
      code: "mesh/bad-value",
      what: "a context",
      hint: "an empty one mostly comes of a variable that is not set; leave the field out for a context of the cluster's name",
    }),
    "Real clusters: context of the kubeconfig; the cluster's name when not given.",
  ),
  kubeconfig: field(text(), "Real clusters: kubeconfig file; $KUBECONFIG when not given."),
  server: field(
    text({
      pattern: /^https?:\/\/\S+$/,
      code: "mesh/bad-value",
      what: "the address of an API server",
      hint: "write it like https://203.0.113.7:6443",
    }),
    "Real clusters: address at which the other clusters reach this one's API; the kubeconfig's when not given.",
    { examples: ["https://203.0.113.7:6443"] },
  ),
  istio: field(istioSection, "Istio in this cluster, over the mesh-wide settings."),
  trust: field(trustSection, "Certificates of this cluster, over the mesh-wide settings."),
  gateways: field(gatewaysSection, "Gateways of this cluster, over the mesh-wide ones."),
  loadBalancer: field(
    object("loadBalancer has", {
      annotations: field(
        mapped(mapOf(text()), (all) => Object.fromEntries(all)),
        "Annotations of every generated Service of type LoadBalancer in this cluster.",
      ),
      class: field(
        text(),
        "loadBalancerClass of these Services. `none` leaves them without an address in the embedded engine.",
      ),
    }),
    "Load balancers that this cluster's gateways get.",
  ),
  exports: field(
    exportsSection,
    "Services that the other clusters get as `<service>.<namespace>.<hostSuffix>`.",
    {
      examples: [["messenger.default"]],
    },
  ),
  addons: field(addonsSection, "Add-ons of this cluster.", { examples: [["prometheus", "kiali"]] }),
  kubernetes: field(
    version(),
    "Kubernetes version that the embedded cluster reports, and that `provision` asks for.",
    {
      examples: ["1.33.1"],
    },
  ),
  namespaces: field(namespacesSection, "Namespaces of this cluster, besides the mesh-wide ones.", {
    examples: [["sample"]],
  }),
  manifests: field(manifestsSection, "Manifests of this cluster, applied after the mesh-wide ones.", {
    examples: [["app/"]],
  }),
});

/** One cluster as it is written. */
export type WrittenCluster = Read<typeof clusterSection>;

/** `clusters`, in the order of the file. */
export const clustersSection = mapOf(clusterSection, dnsLabel("a cluster's name"));
