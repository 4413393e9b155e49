import type { ConfigField } from "../config-field.ts";
import { isDnsLabel, quoted } from "./hosts.ts";

const qualifiedName = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** Labels as Kubernetes allows them. */
export function checkLabels(field: ConfigField): void {
  for (const [key, value] of field.entries) {
    if (!isLabelKey(key)) value.error(`invalid tag key: ${quoted(key)}`);
    if (value.text !== "" && !qualifiedName.test(value.text))
      value.error(`invalid tag value: ${quoted(value.text)}`);
  }
}

function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix !== undefined && (prefix.length > 253 || !prefix.split(".").every(isDnsLabel))) return false;
  return name.length <= 63 && qualifiedName.test(name);
}

/** `spec.selector.matchLabels` or `spec.workloadSelector.labels`: which workloads an object is for. */
export function checkSelector(selector: ConfigField, labels: "matchLabels" | "labels", note = ""): void {
  if (!selector.isSet) return;
  const field = selector.field(labels);
  for (const [key, value] of field.entries) {
    const pair = quoted(`${key}=${value.text}`);
    if (key === "") value.error(`empty key is not supported in selector: ${pair}`);
    if (key.includes("*") || value.text.includes("*"))
      value.error(`wildcard is not supported in selector: ${pair}`);
  }
  if (field.entries.length === 0) selector.warn(`workload selector specified without labels${note}`);
}
