import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type HttpConnectionManager_Tracing,
  HttpConnectionManager_TracingSchema,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { optional } from "./proto.ts";
import { isAtLeast, type ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import type { TelemetrySide } from "./telemetry-rules.ts";
import { tracingProvider } from "./tracing-provider.ts";
import { type TracingRule, tracingRule } from "./tracing-rules.ts";
import type { TracingSettings } from "./tracing-settings.ts";
import { tracingTags } from "./tracing-tags.ts";

/** What a connection manager does about traces. */
export interface Tracing {
  /** Undefined: nothing is traced. */
  readonly message: HttpConnectionManager_Tracing | undefined;
  /** Whether the x-request-id says which requests are traced. */
  readonly samplesByRequestId: boolean;
}

const none: Tracing = { message: undefined, samplesByRequestId: true };

/** First Istio whose proxies can trace without telling upstreams. */
const keepsContextVersion = "1.30";

/**
 * How one side of a proxy's exchanges is traced: as Telemetries and MeshConfig's default provider say, else as
 * enableTracing and ProxyConfig do. A provider that is missing, does not trace, or whose service the proxy has no cluster
 * for leaves the side without traces.
 */
export function tracingOf(scope: Scope, proxy: ProxyNode, side: TelemetrySide): Tracing {
  const { mesh } = scope.rules;
  const settings = proxy.settings.tracing ?? mesh.tracing;
  const rule = tracingRule(scope.rules, proxy, side);
  if (rule === undefined) {
    if (!mesh.enableTracing) return none;
    return {
      message: make(settings.sampling, settings.maxPathTagLength, {
        customTags: tracingTags(proxy, settings.hasIstioTags, settings.customTags),
      }),
      samplesByRequestId: true,
    };
  }
  return rule.isOff ? none : byRule(scope, proxy, rule, settings);
}

function byRule(scope: Scope, proxy: ProxyNode, rule: TracingRule, settings: TracingSettings): Tracing {
  const { provider: name, customTags = {} } = rule;
  const written = scope.rules.mesh.extensionProviders.find(
    (item) => String(item["name"]).toLowerCase() === name?.toLowerCase(),
  );
  const provider = written === undefined ? undefined : tracingProvider(scope, proxy, written);
  if (provider === undefined) return none;
  // With a sampler of its own the provider sees all requests and decides.
  const sampling = provider.hasSampler ? 100 : (rule.sampling ?? settings.sampling);
  const tags = Object.keys(customTags).length > 0 ? customTags : settings.customTags;
  return {
    message: make(sampling, provider.maxPathTagLength || settings.maxPathTagLength, {
      provider: provider.message,
      ...(provider.spawnsUpstreamSpan ? { spawnUpstreamSpan: true } : {}),
      customTags: tracingTags(proxy, rule.hasIstioTags, tags),
      noContextPropagation: rule.keepsContext && isAtLeast(proxy, keepsContextVersion),
    }),
    samplesByRequestId: rule.samplesByRequestId,
  };
}

type TracingFields = Exclude<
  MessageInitShape<typeof HttpConnectionManager_TracingSchema>,
  HttpConnectionManager_Tracing
>;

function make(
  sampling: number,
  maxPathTagLength: number | undefined,
  rest: TracingFields,
): HttpConnectionManager_Tracing {
  return create(HttpConnectionManager_TracingSchema, {
    clientSampling: { value: 100 },
    randomSampling: { value: sampling },
    overallSampling: { value: 100 },
    ...optional("maxPathTagLength", maxPathTagLength),
    ...rest,
  });
}
