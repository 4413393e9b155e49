import { addressReference } from "../../compile/index.ts";
import { isJsonObject, type JsonObject } from "../../kube/index.ts";
import type { HelmRelease } from "../helm/helm-release.ts";
import { diffValues, type FieldChange } from "./diff-objects.ts";

/** What a chart is to be. */
export interface WantedChart {
  readonly chart: string;
  /** Absent: whichever the release has. */
  readonly version?: string;
  /** With "${address:CLUSTER/NAMESPACE/SERVICE}" where an address is not known before the apply. */
  readonly values: JsonObject;
}

/** In what a release differs from what is wanted: its chart, its version, its values, its state. */
export function diffRelease(release: HelmRelease, wanted: WantedChart): readonly FieldChange[] {
  const { chart, values, status } = release;
  const before = { chart: chart.name, version: chart.version, values, status };
  const after = {
    chart: wanted.chart.split("/").at(-1) ?? wanted.chart,
    version: wanted.version ?? chart.version,
    values: withKnownAddresses(wanted.values, values),
    status: "deployed",
  };
  return diffValues(before, after);
}

/** An address that is not known yet is taken to be the one that the release has. */
function withKnownAddresses(wanted: unknown, present: unknown): unknown {
  if (typeof wanted === "string")
    return addressReference(wanted) !== undefined && typeof present === "string" ? present : wanted;
  if (Array.isArray(wanted))
    return wanted.map((item, i) => withKnownAddresses(item, Array.isArray(present) ? present[i] : undefined));
  if (!isJsonObject(wanted)) return wanted;
  return Object.fromEntries(
    Object.entries(wanted).map(([name, value]) => [
      name,
      withKnownAddresses(value, isJsonObject(present) ? present[name] : undefined),
    ]),
  );
}
