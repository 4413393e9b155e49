import type { ConfigField } from "../config-field.ts";
import { isDnsLabel } from "./hosts.ts";

/**
 * To which namespaces an object is visible. Only a ServiceEntry may be visible to nobody ("~"), and a DestinationRule
 * for single workloads stays in its namespace.
 */
export function checkExportTo(
  field: ConfigField,
  namespace: string,
  options: { readonly mayBeNone?: boolean; readonly isForWorkloads?: boolean } = {},
): void {
  const seen = new Set<string>();
  for (const item of field.items) {
    const key = item.text === "." ? namespace : item.text;
    if (seen.has(key)) {
      item.error(
        key === item.text
          ? `duplicate entries in exportTo for entry ${key}`
          : `duplicate entries in exportTo: . and current namespace ${namespace}`,
      );
      continue;
    }
    if (key === "~" && options.mayBeNone !== true)
      item.error("exportTo ~ (none) is not allowed for Istio configuration objects");
    else if (key !== "*" && key !== "~" && !isDnsLabel(key))
      item.error("only .,*, or a valid DNS 1123 label is allowed as exportTo entry");
    else seen.add(key);
  }
  if (options.isForWorkloads === true && seen.size > 0 && !(seen.size === 1 && seen.has(namespace)))
    field.error("destination rule with workload selector cannot have exportTo beyond current namespace");
  if (seen.has("*") && field.items.length > 1)
    field.error("cannot have both public (*) and non-public exportTo values for a resource");
  if (seen.has("~") && field.items.length > 1)
    field.error("cannot export service entry to no one (~) and someone");
}
