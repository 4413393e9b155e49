import { labelKeyProblem, labelValueProblem } from "../../kube/index.ts";
import { invalidValue, tooLong } from "../causes.ts";
import type { Cause } from "../status.ts";

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const label1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const configKey = /^[-._a-zA-Z0-9]+$/;

/** What Kubernetes says to each kind of wrong name; clients and their tests compare these texts. */
const rules = {
  label:
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  label1035:
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  subdomain:
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  configKey:
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
} as const;

function atMost(bytes: number): string {
  return `must be no more than ${bytes} bytes`;
}

/** What is wrong with a name under one of Kubernetes' rules; nothing when it is right. */
export function nameProblems(name: string, rule: "subdomain" | "label" | "label1035" | "path"): string[] {
  if (rule === "path") {
    if (name === "." || name === "..") return [`may not be '${name}'`];
    return ["/", "%"]
      .filter((letter) => name.includes(letter))
      .map((letter) => `may not contain '${letter}'`);
  }
  const [pattern, most] = { label: [label, 63], label1035: [label1035, 63], subdomain: [subdomain, 253] }[
    rule
  ] as [RegExp, number];
  return [...(name.length > most ? [atMost(most)] : []), ...(pattern.test(name) ? [] : [rules[rule]])];
}

/** What is wrong with a key of a ConfigMap or Secret. */
export function configKeyProblems(name: string): string[] {
  if (name === "." || name === ".." || name.startsWith(".."))
    return [name.length > 2 ? "may not start with '..'" : `may not be '${name}'`];
  return [...(name.length > 253 ? [atMost(253)] : []), ...(configKey.test(name) ? [] : [rules.configKey])];
}

/** Causes for a map of labels. */
export function labelCauses(field: string, labels: unknown): Cause[] {
  if (typeof labels !== "object" || labels === null) return [];
  return Object.entries(labels).flatMap(([name, value]) => [
    ...problemCauses(field, name, labelKeyProblem(name)),
    ...problemCauses(field, value, labelValueProblem(String(value))),
  ]);
}

/** Most bytes of all annotations of an object together. */
const annotationLimit = 256 * 1024;

/** Causes for a map of annotations. */
export function annotationCauses(field: string, annotations: Readonly<Record<string, string>> = {}): Cause[] {
  let size = 0;
  const causes: Cause[] = [];
  for (const [name, value] of Object.entries(annotations)) {
    size += name.length + value.length;
    causes.push(...problemCauses(field, name, labelKeyProblem(name.toLowerCase())));
  }
  if (size > annotationLimit) causes.push(tooLong(field, annotationLimit));
  return causes;
}

/** Causes for one name in one field. */
export function nameCauses(
  field: string,
  name: string,
  rule: "subdomain" | "label" | "label1035" | "path",
): Cause[] {
  return nameProblems(name, rule).map((problem) => invalidValue(field, name, problem));
}

function problemCauses(field: string, value: unknown, problem: string | undefined): Cause[] {
  return problem === undefined ? [] : [invalidValue(field, value, problem)];
}
