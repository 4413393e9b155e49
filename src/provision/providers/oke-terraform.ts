import { type AddressRanges, addressIn } from "../allot-addresses.ts";
import type { ClusterToProvision } from "../contracts.ts";
import { type NodeGroup, nodeGroups } from "../node-groups.ts";

const shape = "VM.Standard.E5.Flex";
const gpuShape = "VM.GPU.A10.1";

/**
 * Terraform for one OKE cluster in a network of its own: subnets for the API, the nodes, the pods (which have addresses of the
 * VCN) and load balancers, and a security group for these, whose OCID is an output.
 */
export function okeTerraform(what: ClusterToProvision): string {
  const { cluster, provider, cloudName, ranges } = what;
  const { name, kubernetes, region = "" } = cluster;
  const groups = nodeGroups(cluster);
  const api = addressIn(ranges.nodes, 0).replace(/\.0$/, ".0/28");
  const nodes = addressIn(ranges.nodes, 0).replace(/\.0\.0$/, ".64.0/18");
  const balancers = addressIn(ranges.nodes, 0).replace(/\.0\.0$/, ".128.0/24");
  const pods = podsOf(ranges);
  const version = kubernetes === undefined ? "" : `v${kubernetes.replace(/^v/, "")}`;
  return `# Written by isthmus provision from clusters.${name}.

terraform {
  required_version = ">= 1.5"
  required_providers {
    oci = {
      source  = "oracle/oci"
      version = ">= 6.0"
    }
  }
}

provider "oci" {
  region = ${quoted(region)}
}

variable "compartment_id" {
  type        = string
  description = "OCID of the compartment that the cluster is made in."
${provider.compartment === undefined ? "" : `  default     = ${quoted(provider.compartment)}\n`}}

variable "kubernetes_version" {
  type        = string
  description = "Empty: the newest that OKE has."
  default     = ${quoted(version)}
}

data "oci_containerengine_cluster_option" "all" {
  cluster_option_id = "all"
}

data "oci_containerengine_node_pool_option" "all" {
  node_pool_option_id = "all"
  compartment_id      = var.compartment_id
}

data "oci_identity_availability_domains" "all" {
  compartment_id = var.compartment_id
}

data "oci_core_services" "all" {
  filter {
    name   = "name"
    values = ["All .* Services In Oracle Services Network"]
    regex  = true
  }
}

locals {
  kubernetes_version = var.kubernetes_version != "" ? var.kubernetes_version : reverse(sort(data.oci_containerengine_cluster_option.all.kubernetes_versions))[0]
  everywhere         = "0.0.0.0/0"
}

resource "oci_core_vcn" "mesh" {
  compartment_id = var.compartment_id
  display_name   = ${quoted(cloudName)}
  cidr_blocks    = [${quoted(ranges.nodes)}, ${quoted(pods)}]
  dns_label      = ${quoted(dnsLabel(cloudName))}
}

resource "oci_core_internet_gateway" "mesh" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "internet"
}

resource "oci_core_nat_gateway" "mesh" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "nat"
}

resource "oci_core_service_gateway" "mesh" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "services"
  services {
    service_id = data.oci_core_services.all.services[0].id
  }
}

resource "oci_core_route_table" "public" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "public"
  route_rules {
    destination       = local.everywhere
    destination_type  = "CIDR_BLOCK"
    network_entity_id = oci_core_internet_gateway.mesh.id
  }
}

resource "oci_core_route_table" "private" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "private"
  route_rules {
    destination       = local.everywhere
    destination_type  = "CIDR_BLOCK"
    network_entity_id = oci_core_nat_gateway.mesh.id
  }
  route_rules {
    destination       = data.oci_core_services.all.services[0].cidr_block
    destination_type  = "SERVICE_CIDR_BLOCK"
    network_entity_id = oci_core_service_gateway.mesh.id
  }
}

# Within the VCN everything; from outside the API and, by their security group, load balancers.
resource "oci_core_security_list" "mesh" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "mesh"
  egress_security_rules {
    destination = local.everywhere
    protocol    = "all"
  }
  dynamic "ingress_security_rules" {
    for_each = oci_core_vcn.mesh.cidr_blocks
    content {
      source   = ingress_security_rules.value
      protocol = "all"
    }
  }
}

resource "oci_core_security_list" "api" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "api"
  ingress_security_rules {
    source   = local.everywhere
    protocol = "6"
    tcp_options {
      min = 6443
      max = 6443
    }
  }
}

resource "oci_core_subnet" "api" {
  compartment_id    = var.compartment_id
  vcn_id            = oci_core_vcn.mesh.id
  display_name      = "api"
  cidr_block        = ${quoted(api)}
  dns_label         = "api"
  route_table_id    = oci_core_route_table.public.id
  security_list_ids = [oci_core_security_list.mesh.id, oci_core_security_list.api.id]
}

resource "oci_core_subnet" "nodes" {
  compartment_id             = var.compartment_id
  vcn_id                     = oci_core_vcn.mesh.id
  display_name               = "nodes"
  cidr_block                 = ${quoted(nodes)}
  dns_label                  = "nodes"
  prohibit_public_ip_on_vnic = true
  route_table_id             = oci_core_route_table.private.id
  security_list_ids          = [oci_core_security_list.mesh.id]
}

resource "oci_core_subnet" "pods" {
  compartment_id             = var.compartment_id
  vcn_id                     = oci_core_vcn.mesh.id
  display_name               = "pods"
  cidr_block                 = ${quoted(pods)}
  dns_label                  = "pods"
  prohibit_public_ip_on_vnic = true
  route_table_id             = oci_core_route_table.private.id
  security_list_ids          = [oci_core_security_list.mesh.id]
}

resource "oci_core_subnet" "load_balancers" {
  compartment_id    = var.compartment_id
  vcn_id            = oci_core_vcn.mesh.id
  display_name      = "load-balancers"
  cidr_block        = ${quoted(balancers)}
  dns_label         = "lbs"
  route_table_id    = oci_core_route_table.public.id
  security_list_ids = [oci_core_security_list.mesh.id]
}

# For oci.oraclecloud.com/oci-network-security-groups: the ports of Istio's gateways.
resource "oci_core_network_security_group" "load_balancers" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.mesh.id
  display_name   = "load-balancers"
}

resource "oci_core_network_security_group_security_rule" "gateway_ports" {
  for_each                  = toset(["80", "443", "15012", "15017", "15021", "15443"])
  network_security_group_id = oci_core_network_security_group.load_balancers.id
  direction                 = "INGRESS"
  protocol                  = "6"
  source                    = local.everywhere
  source_type               = "CIDR_BLOCK"
  tcp_options {
    destination_port_range {
      min = tonumber(each.value)
      max = tonumber(each.value)
    }
  }
}

resource "oci_containerengine_cluster" "mesh" {
  compartment_id     = var.compartment_id
  name               = ${quoted(cloudName)}
  kubernetes_version = local.kubernetes_version
  vcn_id             = oci_core_vcn.mesh.id
  type               = "ENHANCED_CLUSTER"
  cluster_pod_network_options {
    cni_type = "OCI_VCN_IP_NATIVE"
  }
  endpoint_config {
    is_public_ip_enabled = true
    subnet_id            = oci_core_subnet.api.id
  }
  options {
    service_lb_subnet_ids = [oci_core_subnet.load_balancers.id]
    kubernetes_network_config {
      services_cidr = ${quoted(ranges.services)}
    }
  }
}
${groups.map((group) => nodePool(group, provider.nodeType)).join("")}
output "cluster_id" {
  value = oci_containerengine_cluster.mesh.id
}

output "load_balancer_security_group" {
  value = oci_core_network_security_group.load_balancers.id
}
`;
}

/** What pods get of their range: a range of a VCN is a /16 at most. */
export function podsOf({ pods }: AddressRanges): string {
  return pods.replace(/\/\d+$/, "/16");
}

function nodePool({ name, count, zone, gpus }: NodeGroup, type: string | undefined): string {
  const chosen = gpus > 0 ? gpuShape : (type ?? shape);
  const digit = /(\d)$/.exec(zone ?? "")?.[1];
  const domains = "data.oci_identity_availability_domains.all.availability_domains";
  const wanted = digit === undefined ? domains : `[${domains}[${Number(digit) - 1}]]`;
  const images =
    gpus > 0
      ? 'length(regexall("GPU", source.source_name)) > 0'
      : 'length(regexall("GPU|aarch64", source.source_name)) == 0';
  const id = name.replaceAll(/[^a-z0-9]+/g, "_");
  return `
resource "oci_containerengine_node_pool" "${id}" {
  compartment_id     = var.compartment_id
  cluster_id         = oci_containerengine_cluster.mesh.id
  name               = ${quoted(name)}
  kubernetes_version = local.kubernetes_version
  node_shape         = ${quoted(chosen)}
${chosen.endsWith(".Flex") ? "  node_shape_config {\n    ocpus         = 2\n    memory_in_gbs = 16\n  }\n" : ""}  node_source_details {
    source_type = "IMAGE"
    image_id = [
      for source in data.oci_containerengine_node_pool_option.all.sources : source.image_id
      if ${images} && length(regexall("OKE-\${trimprefix(local.kubernetes_version, "v")}-", source.source_name)) > 0
    ][0]
  }
  node_config_details {
    size = ${count}
    dynamic "placement_configs" {
      for_each = ${wanted}
      content {
        availability_domain = placement_configs.value.name
        subnet_id           = oci_core_subnet.nodes.id
      }
    }
    node_pool_pod_network_option_details {
      cni_type       = "OCI_VCN_IP_NATIVE"
      pod_subnet_ids = [oci_core_subnet.pods.id]
    }
  }
}
`;
}

/** A string of Terraform's language. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("${", "$${").replaceAll("%{", "%%{");
}

/** A VCN's DNS label: letters and digits, at most 15, a letter first. */
function dnsLabel(name: string): string {
  return `m${name.replaceAll(/[^a-z0-9]/g, "")}`.slice(0, 15);
}
