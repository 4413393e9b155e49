import { formatYaml } from "../kube/index.ts";

/** A YAML file for a provider's tool, with a line that says what it came from. */
export function yamlFile(content: object, from: string): string {
  return `# Written by isthmus provision from ${from}.\n${formatYaml(content)}`;
}
