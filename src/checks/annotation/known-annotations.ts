/** What is known of an annotation of Istio's. */
export interface KnownAnnotation {
  /** Kinds that it has a meaning on; undefined for any. */
  readonly kinds: readonly string[] | undefined;
  /** What to use instead; "" when there is nothing. */
  readonly deprecated?: string;
  /** What injection asks of its value; undefined where every text will do. */
  readonly form?: Form;
}

/** Forms of values. Those with "or-all" may be "*" too. */
export type Form =
  | "boolean"
  | "number"
  | "port"
  | "ports"
  | "ports-or-all"
  | "ranges"
  | "ranges-or-all"
  | "mode"
  | "quantity";

const pod = ["Pod"];
const onPods = (form?: Form): KnownAnnotation => ({ kinds: pod, ...(form === undefined ? {} : { form }) });
const old = (kinds: readonly string[], deprecated = ""): KnownAnnotation => ({ kinds, deprecated });
const sidecar = "sidecar.istio.io";
const traffic = "traffic.sidecar.istio.io";
const readiness = "readiness.status.sidecar.istio.io";

/** Istio's annotations: https://istio.io/latest/docs/reference/config/annotations/. */
export const knownAnnotations: Readonly<Record<string, KnownAnnotation>> = {
  "alpha.istio.io/kubernetes-serviceaccounts": old(["Service"]),
  "alpha.istio.io/canonical-serviceaccounts": old(["Service"]),
  "ambient.istio.io/bypass-inbound-capture": onPods(),
  "ambient.istio.io/dns-capture": onPods(),
  "ambient.istio.io/redirection": onPods(),
  "ambient.istio.io/waypoint-inbound-binding": { kinds: ["GatewayClass", "Gateway"] },
  "galley.istio.io/analyze-suppress": { kinds: undefined },
  "gateway.istio.io/controller-version": { kinds: undefined },
  "gateway.istio.io/name-override": { kinds: ["Gateway"] },
  "gateway.istio.io/service-account": { kinds: ["Gateway"] },
  "inject.istio.io/templates": onPods(),
  "istio.io/autoRegistrationGroup": { kinds: ["WorkloadEntry"] },
  "istio.io/connectedAt": { kinds: ["WorkloadEntry"] },
  "istio.io/disconnectedAt": { kinds: ["WorkloadEntry"] },
  "istio.io/dry-run": { kinds: ["AuthorizationPolicy"] },
  "istio.io/reroute-virtual-interfaces": onPods(),
  "istio.io/rev": onPods(),
  "istio.io/use-waypoint-canary-weight": { kinds: ["Service", "ServiceEntry", "Namespace"] },
  "istio.io/workloadController": { kinds: ["WorkloadEntry"] },
  "kubernetes.io/ingress.class": { kinds: ["Ingress"] },
  "networking.istio.io/exportTo": { kinds: ["Service"] },
  "networking.istio.io/service-type": { kinds: ["Gateway"] },
  "networking.istio.io/traffic-distribution": { kinds: ["Namespace", "Service", "ServiceEntry"] },
  "prometheus.istio.io/merge-metrics": onPods("boolean"),
  "proxy.istio.io/config": onPods(),
  "proxy.istio.io/overrides": onPods(),
  [`${readiness}/applicationPorts`]: onPods(),
  [`${readiness}/failureThreshold`]: onPods("number"),
  [`${readiness}/initialDelaySeconds`]: onPods("number"),
  [`${readiness}/periodSeconds`]: onPods("number"),
  [`${sidecar}/agentLogLevel`]: onPods(),
  [`${sidecar}/bootstrapOverride`]: onPods(),
  [`${sidecar}/componentLogLevel`]: onPods(),
  [`${sidecar}/discoveryAddress`]: old(pod),
  [`${sidecar}/extraStatTags`]: old(pod),
  [`${sidecar}/inject`]: old(pod, "the label sidecar.istio.io/inject"),
  [`${sidecar}/interceptionMode`]: onPods("mode"),
  [`${sidecar}/logLevel`]: onPods(),
  [`${sidecar}/nativeSidecar`]: onPods(),
  [`${sidecar}/proxyCPU`]: onPods("quantity"),
  [`${sidecar}/proxyCPULimit`]: onPods("quantity"),
  [`${sidecar}/proxyImage`]: onPods(),
  [`${sidecar}/proxyImageType`]: onPods(),
  [`${sidecar}/proxyMemory`]: onPods("quantity"),
  [`${sidecar}/proxyMemoryLimit`]: onPods("quantity"),
  [`${sidecar}/rewriteAppHTTPProbers`]: onPods(),
  [`${sidecar}/statsCompression`]: old(pod),
  [`${sidecar}/statsEvictionInterval`]: onPods(),
  [`${sidecar}/statsFlushInterval`]: onPods(),
  [`${sidecar}/statsHistogramBins`]: onPods(),
  [`${sidecar}/statsHistogramBuckets`]: onPods(),
  [`${sidecar}/statsInclusionPrefixes`]: old(pod),
  [`${sidecar}/statsInclusionRegexps`]: old(pod),
  [`${sidecar}/statsInclusionSuffixes`]: old(pod),
  [`${sidecar}/status`]: onPods(),
  [`${sidecar}/userVolume`]: onPods(),
  [`${sidecar}/userVolumeMount`]: onPods(),
  "status.sidecar.istio.io/port": onPods("port"),
  "topology.istio.io/controlPlaneClusters": { kinds: ["Namespace"] },
  "traffic.istio.io/nodeSelector": { kinds: ["Service"] },
  [`${traffic}/excludeInboundPorts`]: onPods("ports"),
  [`${traffic}/excludeInterfaces`]: onPods(),
  [`${traffic}/excludeOutboundIPRanges`]: onPods("ranges"),
  [`${traffic}/excludeOutboundPorts`]: onPods("ports"),
  [`${traffic}/includeInboundPorts`]: onPods("ports-or-all"),
  [`${traffic}/includeOutboundIPRanges`]: onPods("ranges-or-all"),
  [`${traffic}/includeOutboundPorts`]: onPods(),
  [`${traffic}/kubevirtInterfaces`]: old(pod, "istio.io/reroute-virtual-interfaces"),
};
