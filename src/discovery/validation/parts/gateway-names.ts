import type { ConfigField } from "../config-field.ts";
import { isDnsLabel, nameProblem, quoted } from "./hosts.ts";

/** Names of Gateways: "name", "namespace/name", "mesh". */
export function checkGatewayNames(gateways: ConfigField): void {
  for (const gateway of gateways.items) {
    const [first = "", second, ...more] = gateway.text.split("/");
    if (second === undefined) {
      const problem = nameProblem(first);
      if (first.includes(".")) {
        const [name, namespace] = first.split(".");
        gateway.warn(
          `using legacy gatewayName format ${quoted(first)}; prefer the <namespace>/<name> format: ${quoted(`${namespace}/${name}`)}`,
        );
      }
      if (problem !== undefined) gateway.error(problem);
      continue;
    }
    const name = [second, ...more].join("/");
    if (first === "" || name === "") gateway.error("config namespace and gateway name cannot be empty");
    else {
      if (!isDnsLabel(first)) gateway.error(`invalid value for namespace: ${quoted(first)}`);
      if (!isDnsLabel(name)) gateway.error(`invalid value for gateway name: ${quoted(name)}`);
    }
  }
}
