import type { TextRule } from "./values.ts";

/** A DNS-1123 label, the rule for names of clusters, namespaces and most Kubernetes objects. */
export function dnsLabel(what: string): TextRule {
  return {
    pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    code: "mesh/bad-name",
    what,
    hint: "use small letters, digits and hyphens, at most 63",
    suggest: suggestLabel,
  };
}

/** A Kubernetes label value: what networks, regions and zones become. */
export function labelValue(what: string): TextRule {
  return {
    pattern: /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
    code: "mesh/bad-name",
    what,
    hint: "use letters, digits, hyphens, dots and underscores, at most 63, a letter or digit at both ends",
  };
}

/** The nearest DNS label, or undefined when nothing is left. */
export function suggestLabel(wrong: string): string | undefined {
  // The context of a vcluster, vcluster_NAME_NAMESPACE_…: its name says which cluster it is, also without a hyphen.
  const virtual = /^vcluster_([^_]+)_/.exec(wrong)?.[1]?.replace(/(?<=[a-z])(?=\d+$)/i, "-");
  const label = (virtual ?? wrong)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
  return label === "" ? undefined : label;
}
