import { stringify } from "yaml";

/** YAML that Go's parser reads the same: what YAML 1.1 takes for a boolean or a number is quoted. */
export function yamlText(value: unknown): string {
  return stringify(value, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}
