import type { KubeObject } from "../../kube/index.ts";
import { readIstioValues } from "./chart-values.ts";
import { istioBaseObjects } from "./istio-base.ts";
import { istiodObjects } from "./istiod.ts";

/** What a chart becomes here. */
export interface ChartStandIn {
  /** The last part of the chart's name: "istiod" for "istio/istiod". */
  readonly chart: string;
  render(release: {
    readonly namespace: string;
    readonly version: string;
    readonly values: Readonly<Record<string, unknown>>;
    /** Whether the object was installed before: fields that others write since then are left to them. */
    isInstalled(object: KubeObject): boolean;
  }): readonly KubeObject[];
}

/** The charts that have a stand-in here. */
export function chartStandIns(): readonly ChartStandIn[] {
  return [
    { chart: "base", render: ({ namespace }) => istioBaseObjects(namespace) },
    {
      chart: "istiod",
      render: ({ namespace, version, values, isInstalled }) =>
        istiodObjects(readIstioValues(values, version), namespace, isInstalled),
    },
  ];
}
