import type { KindCheck } from "../contracts.ts";
import { checkSelector } from "../parts/labels.ts";
import { portProblem } from "../parts/values.ts";

/** Checks a PeerAuthentication. Ports are set apart only for chosen workloads. */
export const checkPeerAuthentication: KindCheck = ({ spec }) => {
  const selector = spec.field("selector");
  const ports = spec.field("portLevelMtls");
  if (ports.isSet && ports.entries.length === 0)
    ports.error("port level mTLS, if defined, must have at least one element");
  if (ports.entries.length > 0 && selector.field("matchLabels").entries.length === 0)
    ports.error("mesh/namespace peer authentication cannot have port level mTLS");
  for (const [port, field] of ports.entries)
    if (portProblem(Number(port)) !== undefined) field.error("port must be in range 1..65535");
  checkSelector(selector, "matchLabels");
};
