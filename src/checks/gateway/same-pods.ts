import type { Gateway } from "../../discovery/index.ts";

/** Whether two Gateways are for the same pods as far as their selectors tell: one asks for all that the other does. */
export function meet(a: Gateway, b: Gateway): boolean {
  return includes(a, b) || includes(b, a);
}

function includes({ spec: { selector = {} } }: Gateway, { spec }: Gateway): boolean {
  return Object.entries(selector).every(([label, value]) => spec.selector?.[label] === value);
}
