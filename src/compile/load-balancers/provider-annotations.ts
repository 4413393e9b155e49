import type { Cluster, ProviderName } from "../../mesh/index.ts";

type Annotations = Readonly<Record<string, string>>;

/** What of a Service decides about its load balancer. */
export interface BalancedService {
  readonly ports: readonly { readonly port: number }[];
  /** What the user asks for. */
  readonly annotations: Annotations;
  readonly externalTrafficPolicy?: unknown;
}

/** The port and path at which a gateway's pod says whether it is ready. */
const ready = { port: "15021", path: "/healthz/ready" };

const eks = "service.beta.kubernetes.io/aws-load-balancer";
const oci = "service.beta.kubernetes.io/oci-load-balancer";
const ociGroups = "oci.oraclecloud.com/oci-network-security-groups";
const azurePort = "service.beta.kubernetes.io/port";

const byProvider: Readonly<Record<ProviderName, (service: BalancedService) => Annotations>> = {
  /** A network load balancer: the classic one, which EKS makes otherwise, closes idle connections after a minute. */
  eks: () => ({
    [`${eks}-type`]: "nlb",
    [`${eks}-scheme`]: "internet-facing",
    [`${eks}-cross-zone-load-balancing-enabled`]: "true",
  }),
  /** Backend services instead of target pools, so that nodes that drain are waited for. */
  gke: () => ({ "cloud.google.com/l4-rbs": "enabled" }),
  /** Every port is probed by the gateway's readiness: a plain probe calls a pod healthy whose proxy has no configuration. */
  aks: ({ ports, externalTrafficPolicy }) =>
    externalTrafficPolicy === "Local" || !ports.some(({ port }) => String(port) === ready.port)
      ? {}
      : Object.fromEntries(
          ports.flatMap(({ port }) => [
            [`${azurePort}_${port}_health-probe_port`, ready.port],
            [`${azurePort}_${port}_health-probe_protocol`, "http"],
            [`${azurePort}_${port}_health-probe_request-path`, ready.path],
          ]),
        ),
  /** A shape that grows with the traffic. Whoever names security groups of their own wants the subnet's lists left alone. */
  oke: ({ annotations }) => {
    const isNetwork = annotations["oci.oraclecloud.com/load-balancer-type"] === "nlb";
    return {
      ...(isNetwork
        ? {}
        : {
            [`${oci}-shape`]: "flexible",
            [`${oci}-shape-flex-min`]: "10",
            [`${oci}-shape-flex-max`]: "100",
          }),
      ...(annotations[ociGroups] === undefined || isNetwork
        ? {}
        : { [`${oci}-security-list-management-mode`]: "None" }),
    };
  },
  kind: () => ({}),
  /** The host cluster makes the load balancer: what its provider needs is for `loadBalancer.annotations`. */
  vcluster: () => ({}),
};

/** What a load balancer's Service needs where the cluster runs; what the user wrote goes before it. */
export function providerAnnotations(
  { provider, loadBalancer }: Cluster,
  service: BalancedService,
): Annotations {
  if (provider === undefined || loadBalancer.class !== undefined) return {};
  return byProvider[provider.name](service);
}

/** What `status.loadBalancer` of a Service has there: names are resolved by istiod, which follows their changes. */
export function addressShape(provider: ProviderName): "ip" | "hostname" {
  return provider === "eks" ? "hostname" : "ip";
}
