import type { ConfigField } from "../config-field.ts";
import { checkSelector } from "./labels.ts";

/** What a policy may be attached to, as "group/Kind". */
const targets = [
  "core/Service",
  "networking.istio.io/ServiceEntry",
  "gateway.networking.k8s.io/Gateway",
  "gateway.networking.k8s.io/GatewayClass",
];

/** Which workloads a policy is for: those of its selector, or what its targetRefs name. */
export function checkTargets(spec: ConfigField): void {
  const selector = spec.field("selector");
  const single = spec.field("targetRef");
  const several = spec.field("targetRefs");
  const ways = [selector.isSet, single.isSet, several.items.length > 0];
  if (ways.filter(Boolean).length > 1) spec.error("only one of targetRefs or workloadSelector can be set");
  checkSelector(selector, "matchLabels");
  for (const target of single.isSet ? [single, ...several.items] : several.items) checkTarget(target);
}

function checkTarget(target: ConfigField): void {
  if (target.field("name").text === "") target.field("name").error("targetRef name must be set");
  if (target.field("namespace").text !== "")
    target
      .field("namespace")
      .error("targetRef namespace must not be set; cross namespace referencing is not supported");
  const name = `${target.field("group").text || "core"}/${target.field("kind").text}`;
  if (!targets.includes(name))
    target.error(`targetRef must be to one of ${targets.join(", ")} but was ${name}`);
}
