import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";
import { isFor, type TelemetrySide, telemetriesFor } from "./telemetry-rules.ts";
import type { CustomTagSource } from "./tracing-settings.ts";

/** What Telemetries and MeshConfig's defaultProviders say of one side's traces. */
export interface TracingRule {
  /** Name of an extension provider; undefined: nobody traces this side. */
  readonly provider: string | undefined;
  readonly isOff: boolean;
  /** Percentage; undefined: as ProxyConfig says. */
  readonly sampling: number | undefined;
  /** Undefined: those of ProxyConfig. */
  readonly customTags: Readonly<Record<string, CustomTagSource>> | undefined;
  readonly samplesByRequestId: boolean;
  readonly hasIstioTags: boolean;
  /** Requests are traced but upstreams are not told. */
  readonly keepsContext: boolean;
}

/**
 * The rule for one side of a proxy's exchanges; undefined when neither a Telemetry nor a default provider says
 * anything, so that MeshConfig's enableTracing decides. What a nearer Telemetry says replaces what a farther one does,
 * field by field; of several providers the first counts.
 */
export function tracingRule(rules: Rules, proxy: ProxyNode, side: TelemetrySide): TracingRule | undefined {
  const settings = telemetriesFor(rules, proxy).flatMap(({ spec }) => spec?.tracing ?? []);
  const [byDefault] = rules.mesh.defaultProviders.tracing;
  if (settings.length === 0 && byDefault === undefined) return undefined;
  const own = settings.filter(({ match }) => isFor(match?.mode, side));
  const last = <T>(of: (setting: (typeof own)[number]) => T | undefined): T | undefined =>
    own.map(of).findLast((value) => value !== undefined);
  return {
    provider: last(({ providers }) => providers?.[0]?.name) ?? byDefault,
    isOff: last(({ disableSpanReporting }) => disableSpanReporting) ?? false,
    sampling: last(({ randomSamplingPercentage }) => randomSamplingPercentage),
    customTags: last(({ customTags }) => customTags),
    samplesByRequestId: last(({ useRequestIdForTraceSampling }) => useRequestIdForTraceSampling) ?? true,
    hasIstioTags: last(({ enableIstioTags }) => enableIstioTags) ?? true,
    keepsContext: last(({ disableContextPropagation }) => disableContextPropagation) ?? false,
  };
}
