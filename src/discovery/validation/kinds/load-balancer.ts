import type { ConfigField } from "../config-field.ts";
import { checkDuration } from "../parts/values.ts";

const largestTable = 5_000_011;
const topologyLabels = new Set([
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.istio.io/subzone",
]);

/** `loadBalancer` of a traffic policy; `hasOutlier`: the policy has outlier detection, without which nothing fails over. */
export function checkLoadBalancer(settings: ConfigField, hasOutlier: boolean): void {
  if (!settings.isSet) return;
  checkConsistentHash(settings.field("consistentHash"));
  const locality = settings.field("localityLbSetting");
  const zoneAware = settings.field("zoneAwareLbSetting");
  if (locality.isSet && zoneAware.isSet)
    settings.error("only one of localityLbSetting and zoneAwareLbSetting can be set");
  checkLocality(locality, hasOutlier);
  for (const label of zoneAware.field("failoverPriority").items)
    if (topologyLabels.has(label.text))
      label.error(
        `'failover_priority' for zone aware lb must not use topology label '${label.text}'; region- and zone-level routing are handled automatically`,
      );
  checkFailover(zoneAware, "zone aware lb failover", hasOutlier);
  const warmup = settings.field("warmup");
  if (!warmup.isSet) return;
  if (!warmup.field("duration").isSet) warmup.field("duration").error("duration is required");
  checkDuration(warmup.field("duration"));
  if (warmup.field("minimumPercent").number > 100)
    warmup.field("minimumPercent").error("minimumPercent value should be less than or equal to 100");
  const aggression = warmup.field("aggression");
  if (aggression.isSet && aggression.number <= 0) aggression.error("aggression should be greater than 0");
}

function checkConsistentHash(hash: ConfigField): void {
  const cookie = hash.field("httpCookie");
  if (cookie.isSet && cookie.field("name").text === "")
    cookie.field("name").error("name required for HttpCookie");
  const names = new Set<string>();
  for (const attribute of cookie.field("attributes").items) {
    const name = attribute.field("name");
    if (name.text === "") name.error("cookie attribute name cannot be empty");
    else if (names.has(name.text)) name.error(`duplicate cookie attribute name: ${name.text}`);
    names.add(name.text);
  }
  const size = hash.field("minimumRingSize");
  if (size.number !== 0) {
    size.warn(
      "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead",
    );
    if (hash.field("maglev").isSet || hash.field("ringHash").isSet)
      size.error("only one of MinimumRingSize or Maglev/Ringhash can be specified");
  }
  if (!hash.field("maglev").isSet) return;
  const table = hash.field("maglev").field("tableSize");
  if (table.number === 0) table.error("tableSize must be set for maglev");
  else if (table.number >= largestTable)
    table.error(`tableSize must be less than ${largestTable} for maglev`);
  else if (!isPrime(table.number)) table.error("tableSize must be a prime number for maglev");
}

function isPrime(value: number): boolean {
  if (value < 2) return value === 1; // Envoy counts 1 as one.
  for (let factor = 2; factor * factor <= value; factor++) if (value % factor === 0) return false;
  return true;
}

function checkLocality(setting: ConfigField, hasOutlier: boolean): void {
  const distribute = setting.field("distribute");
  const failover = setting.field("failover").items;
  if (distribute.items.length > 0 && failover.length > 0)
    setting.error("can not simultaneously specify 'distribute' and 'failover'");
  if (failover.length > 0)
    for (const label of setting.field("failoverPriority").items)
      if (topologyLabels.has(label.text))
        label.error(
          `can not simultaneously set 'failover' and topology label '${label.text}' in 'failover_priority'`,
        );
  const sources = distribute.items.map((share) => share.field("from"));
  for (const share of distribute.items) {
    const to = share.field("to");
    for (const [, weight] of to.entries)
      if (weight.number < 1 || weight.number > 100) weight.error("locality weight must be in range [1, 100]");
    const total = to.entries.reduce((sum, [, weight]) => sum + weight.number, 0);
    if (total !== 100) to.error(`total locality weight ${total} != 100`);
    checkLocalities(to.entries.map(([locality, field]) => [locality, field] as const));
  }
  checkLocalities(sources.map((field) => [field.text, field] as const));
  checkFailover(setting, "locality lb failover", hasOutlier);
}

function checkFailover(setting: ConfigField, what: string, hasOutlier: boolean): void {
  const failover = setting.field("failover");
  const isUsed = failover.items.length > 0 || setting.field("failoverPriority").items.length > 0;
  if (isUsed && !hasOutlier) setting.warn("outlier detection policy must be provided for failover");
  for (const rule of failover.items) {
    const from = rule.field("from").text;
    const to = rule.field("to").text;
    if (from === to) rule.error(`${what} settings must specify different regions`);
    if (from.includes("/") || to.includes("/")) rule.error(`${what} only specify region`);
    if (from.includes("*") || to.includes("*")) rule.error(`${what} region should not contain '*' wildcard`);
  }
}

/** Localities ("region", "region/zone", "region/zone/subzone", with a final "*") of which none may contain another. */
function checkLocalities(localities: readonly (readonly [string, ConfigField])[]): void {
  const earlier: string[][] = [];
  for (const [locality, field] of localities) {
    if (/\*(?=.)/.test(locality)) {
      field.error(`locality ${locality} wildcard '*' number can not exceed 1 and must be in the end`);
      continue;
    }
    const parts = locality.split("/");
    if (parts.includes("")) {
      field.error(`locality ${locality} must not contain empty region/zone/subzone info`);
      continue;
    }
    const named = parts.filter((part) => part !== "*");
    const isPrefix = (a: readonly string[], b: readonly string[]) => a.every((part, i) => part === b[i]);
    if (earlier.some((other) => isPrefix(other, named) || isPrefix(named, other)))
      field.error(`locality ${locality} overlap with previous specified ones`);
    earlier.push(named);
  }
}
