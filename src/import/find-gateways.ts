import {
  type Deployment,
  isJsonObject,
  type KubeObject,
  matchesLabels,
  networkLabel,
  type Service,
} from "../kube/index.ts";
import { lastApplied } from "./written-form.ts";

/** A gateway as it is found: its Deployment and the Service before it. */
export interface FoundGateway {
  readonly kinds: readonly ("ingress" | "eastwest" | "egress")[];
  readonly deployment: Deployment;
  readonly service: Service | undefined;
  /** Port for other networks. */
  readonly port: number | undefined;
}

const crossNetworkPort = 15_443;

/**
 * The gateways of a cluster: Deployments whose pods are nothing but a proxy. `istioObjects` are those that its control
 * plane reads: a Gateway that passes TLS on unopened makes an east-west gateway of what it selects.
 */
export function findGateways(
  objects: readonly KubeObject[],
  istioObjects: readonly KubeObject[],
): readonly FoundGateway[] {
  const passing = istioObjects.filter((one) => one.kind === "Gateway" && passingPort(one) !== undefined);
  const found = objects.filter(isGateway).map((deployment): FoundGateway => {
    const { labels = {} } = deployment.spec.template.metadata ?? {};
    const service = objects.find(
      (one): one is Service =>
        one.kind === "Service" &&
        one.metadata.namespace === deployment.metadata.namespace &&
        isSelected((one as Service).spec.selector, labels),
    );
    return {
      kinds: kindsOf(deployment, service),
      deployment,
      service,
      port: portOf(deployment, service, passing),
    };
  });
  if (found.some(({ kinds }) => kinds.includes("eastwest"))) return found;
  return found.map((one) =>
    one.kinds.includes("ingress") && one.port !== undefined
      ? { ...one, kinds: ["ingress", "eastwest"] }
      : one,
  );
}

function isGateway(object: KubeObject): object is Deployment {
  if (object.kind !== "Deployment") return false;
  const { metadata, spec } = (object as Deployment).spec.template;
  if (metadata?.annotations?.["inject.istio.io/templates"] === "gateway") return true;
  return spec.containers.some(({ name, args }) => name === "istio-proxy" && args?.includes("router"));
}

function kindsOf(deployment: Deployment, service: Service | undefined): FoundGateway["kinds"] {
  if (deployment.metadata.name.includes("egress")) return ["egress"];
  const { labels = {} } = deployment.spec.template.metadata ?? {};
  const env = deployment.spec.template.spec.containers.flatMap((container) => container.env ?? []);
  const isEastwest =
    (service?.metadata.labels?.[networkLabel] ?? labels[networkLabel]) !== undefined ||
    env.some(({ name, value }) => name === "ISTIO_META_ROUTER_MODE" && value === "sni-dnat");
  if (!isEastwest) return ["ingress"];
  return service?.spec.ports?.some(({ port }) => port === 80) === true
    ? ["ingress", "eastwest"]
    : ["eastwest"];
}

function portOf(
  deployment: Deployment,
  service: Service | undefined,
  passing: readonly KubeObject[],
): number | undefined {
  const written = Number(service?.metadata.labels?.["networking.istio.io/gatewayPort"]);
  if (written > 0) return written;
  const { labels = {} } = deployment.spec.template.metadata ?? {};
  const gateway = passing.find(({ spec }) =>
    isSelected(isJsonObject(spec) ? spec["selector"] : undefined, labels),
  );
  const own = service?.spec.ports?.find(({ port }) => port === crossNetworkPort);
  return gateway === undefined ? own?.port : passingPort(gateway);
}

/** Port of a server that leaves TLS shut and picks by SNI; undefined for other Gateways. */
export function passingPort({ spec }: KubeObject): number | undefined {
  const servers = isJsonObject(spec) && Array.isArray(spec["servers"]) ? spec["servers"] : [];
  for (const server of servers as unknown[]) {
    if (!isJsonObject(server) || !isJsonObject(server["tls"]) || !isJsonObject(server["port"])) continue;
    if (server["tls"]["mode"] === "AUTO_PASSTHROUGH") return Number(server["port"]["number"]);
  }
  return undefined;
}

function isSelected(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  if (!isJsonObject(selector) || Object.keys(selector).length === 0) return false;
  return matchesLabels(selector as Record<string, string>, labels);
}

/** Annotations that somebody wrote, rather than kubectl, Helm or isthmus. */
export function writtenAnnotations({ metadata }: KubeObject): Readonly<Record<string, string>> {
  const noted = /^(isthmus\.dev|meta\.helm\.sh|deployment\.kubernetes\.io)\//;
  return Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([name]) => name !== lastApplied && !noted.test(name)),
  );
}
