import {
  type EndpointSlice,
  type KubeObject,
  matchesLabels,
  type Pod,
  type Service,
  serviceNameLabel,
} from "../../kube/index.ts";
import type { Destination, ExplainedEndpoint, MissingEndpoint, ObjectReference } from "../api.ts";
import type { SourceEndpoint, SourceGateway } from "../contracts.ts";
import { hasProxy, isPodReady, podTrouble } from "./read-workloads.ts";

/** What explains endpoints, of one cluster. */
export interface ServiceFacts {
  readonly cluster: string;
  readonly network: string | undefined;
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly pods: readonly Pod[];
  /** Why it does not answer. */
  readonly away: string | undefined;
  readonly gateway: SourceGateway | undefined;
}

export interface EndpointFacts {
  readonly from: { readonly cluster: string; readonly network: string | undefined; readonly primary: string };
  readonly clusters: readonly ServiceFacts[];
  /** Of the control plane's cluster. */
  readonly destinationRules: readonly KubeObject[];
  readonly serviceEntries: readonly KubeObject[];
}

interface Rule extends KubeObject {
  readonly spec: {
    readonly host?: string;
    readonly subsets?: readonly {
      readonly name: string;
      readonly labels?: Readonly<Record<string, string>>;
    }[];
    readonly trafficPolicy?: { readonly outlierDetection?: unknown };
  };
}

/**
 * Why a proxy has the endpoints that it has for one of its clusters ("outbound|80|v1|reviews.default.svc…"), and why
 * it has no others. Undefined for names that are no destination of that form.
 */
export function explainDestination(
  name: string,
  endpoints: readonly SourceEndpoint[],
  facts: EndpointFacts,
): Destination | undefined {
  const [direction, port, subset = "", host] = name.split("|");
  if (direction !== "outbound" || host === undefined) return undefined;
  const rules = facts.destinationRules.filter((rule) => isAbout(rule as Rule, host)) as Rule[];
  const explained = endpoints
    .map((endpoint) => explainEndpoint(endpoint, host, facts, rules))
    .sort((a, b) => a.priority - b.priority || b.weight - a.weight || a.endpoint.localeCompare(b.endpoint));
  return {
    name,
    host,
    port: Number(port),
    ...(subset === "" ? {} : { subset }),
    endpoints: explained,
    ...failoverNote(explained, rules),
    missing: missingPods(host, subset, explained, facts, rules),
  };
}

/** Nearer endpoints come first only where something can tell that they are ill. */
function failoverNote(
  endpoints: readonly ExplainedEndpoint[],
  rules: readonly Rule[],
): Pick<Destination, "note"> {
  const places = new Set(endpoints.map(({ locality }) => locality));
  const isRanked = endpoints.some(({ priority }) => priority > 0);
  const isWatched = rules.some(({ spec }) => spec.trafficPolicy?.outlierDetection !== undefined);
  return places.size > 1 && !isRanked && !isWatched
    ? { note: "no outlier detection: locality failover is off, so all places share the requests" }
    : {};
}

function explainEndpoint(
  { endpoint, status, outlierCheck, locality, priority, weight }: SourceEndpoint,
  host: string,
  facts: EndpointFacts,
  rules: readonly Rule[],
): ExplainedEndpoint {
  const address = endpoint.slice(0, endpoint.lastIndexOf(":"));
  const shown = {
    endpoint,
    health: outlierCheck === "FAILED" ? "ejected" : status.toLowerCase(),
    priority,
    weight,
    locality,
  };
  const failover = priority === 0 ? "" : "; used when the endpoints above it are not healthy";
  const failoverBy =
    priority === 0 ? [] : rules.filter((rule) => rule.spec.trafficPolicy?.outlierDetection !== undefined);
  const byGateway = facts.clusters.find(
    ({ gateway, network }) => gateway?.address === address && network !== facts.from.network,
  );
  if (byGateway?.gateway !== undefined) {
    const { cluster, network, gateway } = byGateway;
    const slices = slicesOf(byGateway, host);
    return {
      ...shown,
      cluster,
      target: { kind: "gateway", name: gateway.name, namespace: gateway.namespace },
      because: `${cluster} is on ${network ?? "no network"}, whose pods can't be reached from here: its gateway stands for ${weight === 1 ? "1 pod" : `${weight} pods`}${failover}`,
      decidedBy: [
        ...slices.map((slice) => reference(cluster, "EndpointSlice", slice)),
        { cluster, kind: "Service", namespace: gateway.namespace, name: gateway.name },
        ...failoverBy.map((rule) => reference(facts.from.primary, "DestinationRule", rule)),
      ],
    };
  }
  // Clusters of other networks may use the same addresses: those of this one come first.
  const near = [...facts.clusters].sort(
    (a, b) => Number(b.network === facts.from.network) - Number(a.network === facts.from.network),
  );
  for (const one of near) {
    const slice = slicesOf(one, host).find(({ endpoints }) =>
      (endpoints ?? []).some(({ addresses }) => addresses.includes(address)),
    );
    if (slice === undefined) continue;
    const pod = one.pods.find(({ status: podStatus }) => podStatus?.podIP === address);
    return {
      ...shown,
      cluster: one.cluster,
      ...(pod === undefined
        ? {}
        : {
            target: { kind: "pod", name: pod.metadata.name, namespace: pod.metadata.namespace ?? "default" },
          }),
      because: `${one.cluster === facts.from.cluster ? "a pod of this cluster" : `a pod of ${one.cluster}, on the same network`} that the Service selects${failover}`,
      decidedBy: [
        reference(one.cluster, "EndpointSlice", slice),
        ...failoverBy.map((rule) => reference(facts.from.primary, "DestinationRule", rule)),
      ],
    };
  }
  const entries = facts.serviceEntries.filter((entry) =>
    ((entry["spec"] as { readonly hosts?: readonly string[] } | undefined)?.hosts ?? []).includes(host),
  );
  return {
    ...shown,
    because:
      entries.length > 0 ? `a ServiceEntry names it${failover}` : `no object of the mesh names it${failover}`,
    decidedBy: entries.map((entry) => reference(facts.from.primary, "ServiceEntry", entry)),
  };
}

/** Pods that a Service of that name selects in any cluster, and that stand behind none of the endpoints. */
function missingPods(
  host: string,
  subset: string,
  endpoints: readonly ExplainedEndpoint[],
  facts: EndpointFacts,
  rules: readonly Rule[],
): MissingEndpoint[] {
  const wanted = rules.flatMap(({ spec }) => spec.subsets ?? []).find(({ name }) => name === subset);
  return facts.clusters.flatMap((one) => {
    const service = serviceOf(one, host);
    const { selector = {} } = service?.spec ?? {};
    if (service === undefined || Object.keys(selector).length === 0) return [];
    const isBehindGateway = endpoints.some(
      ({ cluster, target }) => cluster === one.cluster && target?.kind === "gateway",
    );
    return one.pods
      .filter(
        ({ metadata }) =>
          metadata.namespace === service.metadata.namespace && matchesLabels(selector, metadata.labels ?? {}),
      )
      .flatMap((pod): MissingEndpoint[] => {
        const { name, namespace = "default" } = pod.metadata;
        const isThere = endpoints.some(
          ({ cluster, target }) => cluster === one.cluster && target?.name === name && target.kind === "pod",
        );
        if (isThere) return [];
        const because = whyNot(pod, one, facts, wanted?.labels, isBehindGateway);
        return because === undefined ? [] : [{ cluster: one.cluster, namespace, pod: name, because }];
      });
  });
}

/** Why a pod is no endpoint; undefined when it is, behind a gateway. */
function whyNot(
  pod: Pod,
  { cluster, network, away, gateway }: ServiceFacts,
  { from }: EndpointFacts,
  subset: Readonly<Record<string, string>> | undefined,
  isBehindGateway: boolean,
): string | undefined {
  if (away !== undefined) return `its cluster does not answer: ${away}`;
  const trouble = podTrouble(pod);
  if (!isPodReady(pod)) return `it is not ready${trouble === undefined ? "" : `: ${trouble}`}`;
  if (subset !== undefined && !matchesLabels(subset, pod.metadata.labels ?? {}))
    return `its labels are not those of the subset (${Object.entries(subset)
      .map(([key, value]) => `${key}=${value}`)
      .join(", ")})`;
  if (network !== from.network) {
    if (!hasProxy(pod)) return "it has no proxy, and what goes through a gateway is mutual TLS";
    if (gateway?.address === undefined)
      return `${cluster} is on another network and has no gateway with an address`;
    if (isBehindGateway) return undefined;
  }
  return `the control plane of ${from.cluster} does not send it: see what it says of ${cluster}`;
}

function isAbout({ metadata, spec }: Rule, host: string): boolean {
  const { host: named = "" } = spec;
  const [name = "", ...rest] = named.split(".");
  if (named === host) return true;
  return rest.length === 0 && host.startsWith(`${name}.${metadata.namespace}.svc.`);
}

function serviceOf({ services }: ServiceFacts, host: string): Service | undefined {
  return services.find(({ metadata }) => host.startsWith(`${metadata.name}.${metadata.namespace}.svc.`));
}

function slicesOf(one: ServiceFacts, host: string): readonly EndpointSlice[] {
  const service = serviceOf(one, host);
  if (service === undefined) return [];
  const { name, namespace } = service.metadata;
  return one.slices.filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceNameLabel] === name,
  );
}

function reference(cluster: string, kind: string, { metadata }: KubeObject): ObjectReference {
  const { name, namespace } = metadata;
  return { cluster, kind, ...(namespace === undefined ? {} : { namespace }), name };
}
