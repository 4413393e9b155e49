import type { Wave } from "../compiled.ts";

/** What files begin with, so that their names are in the order of the waves; a name stays when a wave is added. */
export const prefixes: Readonly<Record<Wave, string>> = {
  namespaces: "10",
  peerings: "15",
  trust: "20",
  "control-plane": "30",
  gateways: "40",
  exposure: "50",
  management: "55",
  credentials: "60",
  manifests: "70",
};
