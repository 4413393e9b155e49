import { dnsLabel } from "../schema/names.ts";
import { field, object } from "../schema/object.ts";
import { eitherOf, flag, listOf, mapOf, mapped, text } from "../schema/values.ts";

/** One namespace as it is written: its name alone, or with settings. */
export interface WrittenNamespace {
  readonly name?: string;
  readonly injection?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

/** `namespaces`. */
export const namespacesSection = listOf(
  eitherOf<WrittenNamespace>({
    what: "a name or a map",
    scalar: mapped(text(dnsLabel("a namespace")), (name) => ({ name })),
    map: object("namespaces have", {
      name: field(text(dnsLabel("a namespace")), "Name of the namespace.", {
        required: true,
        examples: ["sample"],
      }),
      injection: field(flag(), "Whether pods get a sidecar.", { default: true }),
      labels: field(
        mapped(mapOf(text()), (all) => Object.fromEntries(all)),
        "Further labels.",
      ),
    }),
  }),
);
