import { dnsLabel } from "../schema/names.ts";
import { field, object } from "../schema/object.ts";
import { eitherOf, listOf, mapOf, mapped, oneOf, quantity, text } from "../schema/values.ts";

interface WrittenPlacement {
  readonly name?: string;
  readonly pods?: "Local" | "Remote" | "LocalAndRemote";
}

/** `peerings`. */
export const peeringsSection = listOf(
  object("peerings have", {
    consumer: field(text(), "Cluster that places pods on the other.", {
      required: true,
      examples: ["consumer"],
    }),
    provider: field(text(), "Cluster that runs them.", { required: true, examples: ["provider1"] }),
    resources: field(
      mapped(mapOf(quantity()), (all) => Object.fromEntries(all)),
      "How much the provider gives.",
      { examples: [{ cpu: 20, memory: "20Gi" }] },
    ),
    namespaces: field(
      listOf(
        eitherOf<WrittenPlacement>({
          what: "a name or a map",
          scalar: mapped(text(dnsLabel("a namespace")), (name) => ({ name })),
          map: object("namespaces of a peering have", {
            name: field(text(dnsLabel("a namespace")), "Namespace that is offloaded.", { required: true }),
            pods: field(oneOf("Local", "Remote", "LocalAndRemote"), "Where its pods may run.", {
              default: "LocalAndRemote",
            }),
          }),
        }),
      ),
      "Namespaces whose pods may run on the provider.",
    ),
  }),
);
