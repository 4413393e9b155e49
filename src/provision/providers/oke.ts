import type { ProvisionCluster, ProvisionStep } from "../contracts.ts";
import { okeTerraform, podsOf } from "./oke-terraform.ts";

/** Terraform for the cluster and its network, and the oci tool for its kubeconfig. */
export const provisionOke: ProvisionCluster = (what) => {
  const { cluster, provider, cloudName, ranges, neighbours } = what;
  const { name, context, region = "" } = cluster;
  const id = `CLUSTER_${name.toUpperCase().replaceAll("-", "_")}`;
  const made = `CONTEXT_${name.toUpperCase().replaceAll("-", "_")}`;
  const file = `${name}/kubeconfig`;
  const terraform = ["terraform", `-chdir=${name}`];
  const step = (part: string, rest: Omit<ProvisionStep, "id" | "cluster">): ProvisionStep => ({
    id: `${name}/${part}`,
    cluster: name,
    ...rest,
  });
  return {
    files: new Map([[`${name}/main.tf`, okeTerraform(what)]]),
    kubeconfig: file,
    pods: podsOf(ranges),
    steps: [
      step("init", {
        title: `fetch Terraform's provider for ${cloudName}`,
        command: [...terraform, "init", "-input=false", "-no-color"],
        nextStep: "It comes from registry.terraform.io; a mirror is named in ~/.terraformrc.",
      }),
      step("create", {
        title: `create the OKE cluster ${cloudName} in ${region}`,
        command: [...terraform, "apply", "-input=false", "-auto-approve", "-no-color"],
        reads: `${name}/main.tf`,
        undo: [...terraform, "destroy", "-input=false", "-auto-approve", "-no-color"],
        nextStep:
          provider.compartment === undefined
            ? "The compartment is a variable: export TF_VAR_compartment_id=ocid1.compartment…, or provider: {name: oke, compartment: …}."
            : "oci setup config makes the credentials; running again goes on where Terraform stopped.",
      }),
      step("id", {
        title: `look up the OCID of ${cloudName}`,
        command: [...terraform, "output", "-raw", "cluster_id"],
        gives: id,
        nextStep: "terraform state list says what was made.",
      }),
      step("credentials", {
        title: `fetch the credentials of ${cloudName}`,
        command: [
          ...["oci", "ce", "cluster", "create-kubeconfig", "--cluster-id", `\${${id}}`, "--region", region],
          ...[
            "--file",
            file,
            "--token-version",
            "2.0.0",
            "--kube-endpoint",
            "PUBLIC_ENDPOINT",
            "--overwrite",
          ],
        ],
        nextStep: "oci setup config makes the credentials of the oci tool.",
      }),
      step("made", {
        title: `look up its context`,
        command: ["kubectl", "config", "current-context", "--kubeconfig", file],
        gives: made,
        nextStep: `See ${file}.`,
      }),
      step("context", {
        title: `name its context ${context}`,
        command: ["kubectl", "config", "rename-context", `\${${made}}`, context, "--kubeconfig", file],
        present: ["kubectl", "config", "get-contexts", context, "--kubeconfig", file],
        nextStep: `See ${file}.`,
      }),
    ],
    notes: [
      `Gateways of ${name} have their ports opened by the security group of \`terraform -chdir=${name} output -raw load_balancer_security_group\`: name it in loadBalancer.annotations as oci.oraclecloud.com/oci-network-security-groups.`,
      ...neighbours.map(
        (other) =>
          `${name} and ${other.cluster.name} are on one network: connect their VCNs (${ranges.nodes}, ${podsOf(ranges)} and ${other.ranges.nodes}, ${podsOf(other.ranges)}) by a dynamic routing gateway, with routes and security rules in both.`,
      ),
    ],
  };
};
