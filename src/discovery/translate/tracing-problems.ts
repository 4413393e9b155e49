import type { MeshConfig } from "./mesh-config.ts";

/** Kinds of extension providers that once took traces and no longer do, with Istio neither. */
const gone = ["lightstep", "opencensus", "stackdriver"];
/** Collectors that ProxyConfig's tracing may name, for proxies' bootstrap. */
const bootstrapped = ["zipkin", "lightstep", "datadog", "stackdriver", "openCensusAgent"];

/** What MeshConfig says of traces that has no effect, a sentence each. */
export function tracingProblems({
  extensionProviders,
  defaultConfig,
}: Pick<MeshConfig, "extensionProviders" | "defaultConfig">): string[] {
  const { tracing } = defaultConfig;
  const collectors = typeof tracing === "object" && tracing !== null ? Object.keys(tracing) : [];
  return [
    ...extensionProviders.flatMap((provider) =>
      gone
        .filter((kind) => kind in provider)
        .map(
          (kind) =>
            `MeshConfig: extension provider "${provider["name"]}" gets no traces: ${kind} is not run; use opentelemetry`,
        ),
    ),
    ...collectors
      .filter((name) => bootstrapped.includes(name))
      .map(
        (name) =>
          `MeshConfig: defaultConfig.tracing.${name} is not run; declare the collector under extensionProviders and name it in defaultProviders.tracing`,
      ),
  ];
}
