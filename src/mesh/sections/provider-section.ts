import { field, object } from "../schema/object.ts";
import { eitherOf, mapped, oneOf, text } from "../schema/values.ts";

const names = oneOf("aks", "eks", "gke", "kind", "oke", "vcluster");

/** Who runs a cluster: a name, or a map with what its tool has to be told. */
export const providerSection = eitherOf<{
  readonly name?: "aks" | "eks" | "gke" | "kind" | "oke" | "vcluster";
  readonly nodeType?: string;
  readonly project?: string;
  readonly resourceGroup?: string;
  readonly compartment?: string;
  readonly host?: string;
}>({
  what: "a provider or a map",
  scalar: mapped(names, (name) => ({ name })),
  map: object("a provider has", {
    name: field(names, "Which one.", { required: true }),
    nodeType: field(text(), "Machine type of its nodes without GPUs, in the provider's words.", {
      examples: ["m6i.large"],
    }),
    project: field(text(), "gke: the project that the cluster is in."),
    resourceGroup: field(
      text(),
      "aks: the resource group; made of the mesh's name and the region when not given.",
    ),
    compartment: field(text(), "oke: OCID of the compartment; a Terraform variable when not given."),
    host: field(text(), "vcluster: context of the cluster that it runs in; the current one when not given."),
  }),
});
