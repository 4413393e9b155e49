/** A tag of spans, as MeshConfig, the pods' annotation and Telemetry write it. */
export interface CustomTagSource {
  readonly literal?: { readonly value?: string };
  readonly environment?: { readonly name?: string; readonly defaultValue?: string };
  readonly header?: { readonly name?: string; readonly defaultValue?: string };
  /** In Telemetry alone. */
  readonly formatter?: { readonly value?: string };
}

/** ProxyConfig's `tracing`: what holds where no Telemetry says otherwise. */
export interface TracingSettings {
  /** Percentage of requests that are traced. */
  readonly sampling: number;
  readonly customTags: Readonly<Record<string, CustomTagSource>>;
  /** Bytes of a request's path that a span shows; undefined: as many as the proxy likes. */
  readonly maxPathTagLength: number | undefined;
  /** Whether spans tell about the proxy's workload. */
  readonly hasIstioTags: boolean;
}

/** Istio's PILOT_TRACE_SAMPLING. */
const defaultSampling = 1;

/** Reads `tracing` of a ProxyConfig. Values that make no sense count as absent. */
export function readTracingSettings(value: unknown): TracingSettings {
  const { sampling, customTags, maxPathTagLength, enableIstioTags } = object(value);
  const isShare = typeof sampling === "number" && sampling > 0 && sampling <= 100;
  return {
    sampling: isShare ? sampling : defaultSampling,
    customTags: object(customTags) as TracingSettings["customTags"],
    maxPathTagLength:
      typeof maxPathTagLength === "number" && maxPathTagLength > 0 ? maxPathTagLength : undefined,
    hasIstioTags: enableIstioTags !== false,
  };
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
