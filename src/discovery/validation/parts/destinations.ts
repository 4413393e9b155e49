import type { ConfigField } from "../config-field.ts";
import { isDnsLabel, wildcardNameProblem } from "./hosts.ts";
import { checkPort } from "./values.ts";

/** The destinations of a route with their weights. Weights count in proportion, so that any sum but 0 will do. */
export function checkWeightedDestinations(route: ConfigField): void {
  const { items } = route;
  for (const item of items) {
    const destination = item.field("destination");
    if (!destination.isSet) destination.error("destination is required");
    else checkDestination(destination);
    const weight = item.field("weight");
    if (weight.number < 0) weight.error(`weight ${weight.number} < 0`);
  }
  const total = items.reduce((sum, item) => sum + item.field("weight").number, 0);
  if (items.length > 1 && total === 0) route.error("total destination weight = 0");
}

/** A Destination: host, subset, port. */
export function checkDestination(destination: ConfigField): void {
  if (!destination.isSet) return;
  const host = destination.field("host");
  const problem = host.text === "*" ? "invalid destination host *" : wildcardNameProblem(host.text);
  if (problem !== undefined) host.error(problem);
  const subset = destination.field("subset");
  if (subset.text !== "") checkSubsetName(subset);
  const port = destination.field("port");
  if (port.isSet) checkPort(port.field("number"));
}

export function checkSubsetName(name: ConfigField): void {
  if (name.text === "") name.error("subset name cannot be empty");
  else if (!isDnsLabel(name.text)) name.error(`subset name is invalid: ${name.text}`);
}
