import type { ChartReference } from "../compiled.ts";

/**
 * The same installation of istiod for `istioctl install -f`, which takes an IstioOperator in the place of a chart's values;
 * undefined for other charts. Istioctl has its charts with it, so that it must be of the version that `tag` says.
 */
export function istioOperator({
  name,
  namespace,
  chart,
  version,
  values,
}: ChartReference): object | undefined {
  if (chart !== "istiod") return undefined;
  const { profile = "minimal", revision, meshConfig, ...rest } = values;
  return {
    apiVersion: "install.istio.io/v1alpha1",
    kind: "IstioOperator",
    metadata: { name, namespace },
    spec: {
      profile,
      ...(version === undefined ? {} : { tag: version }),
      ...(revision === undefined ? {} : { revision }),
      ...(meshConfig === undefined ? {} : { meshConfig }),
      values: rest,
    },
  };
}
