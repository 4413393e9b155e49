import { dnsLabel } from "../schema/names.ts";
import { field, object } from "../schema/object.ts";
import { eitherOf, flag, listOf, mapOf, text } from "../schema/values.ts";
import { exportRule } from "./exports-section.ts";

const namespaceList = listOf(text(dnsLabel("a namespace")));

/** `workspaces`. */
export const workspacesSection = mapOf(
  object("workspaces have", {
    namespaces: field(
      eitherOf<readonly string[] | ReadonlyMap<string, readonly string[]>>({
        what: "a list or a map from cluster to list",
        list: namespaceList,
        map: mapOf(namespaceList),
      }),
      "Its namespaces: in every workload cluster, or per cluster.",
      { required: true, examples: [["bookinfo"]] },
    ),
    exports: field(
      listOf(
        text({
          ...exportRule,
          pattern: /^(\*|([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|\*)\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$/,
        }),
      ),
      'Services that other clusters get as `<service>.<namespace>.<hostSuffix>`: `service.namespace`, or `"*"` for all.',
      {
        examples: [["*"]],
      },
    ),
    exportTo: field(listOf(text()), "Workspaces that may use them."),
    importFrom: field(listOf(text()), "Workspaces whose services this one uses."),
    isolation: field(flag(), "Whether only its own namespaces and importing workspaces may call it.", {
      default: false,
    }),
  }),
  dnsLabel("a workspace's name"),
);
