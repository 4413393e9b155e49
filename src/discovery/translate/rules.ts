import type { KubeObject } from "../../kube/index.ts";
import type {
  AuthorizationPolicy,
  Gateway,
  RequestAuthentication,
  Sidecar,
  Telemetry,
} from "./config-types.ts";
import { createDerivations, type Derivations, keepFields, noteRead, noting } from "./dependencies.ts";
import { createDestinationRules, type DestinationRules } from "./destination-rules.ts";
import { discoveredNamespaces, type IsDiscovered } from "./discovered-namespaces.ts";
import { type MeshConfig, type MeshNetworks, parseMeshConfig, parseMeshNetworks } from "./mesh-config.ts";
import { isSubsetOf } from "./names.ts";
import { collectNetworkGateways, type NetworkGateways } from "./network-gateways.ts";
import { type ConfigObjects, configKinds, type WorldObjects } from "./objects.ts";
import { createPeerPolicies, type PeerPolicies } from "./peer-authentication.ts";
import { collectServices, type MeshService } from "./services.ts";
import { tracingProblems } from "./tracing-problems.ts";
import { oldestFirst, type ResolvedVirtualService, resolveVirtualServices } from "./virtual-services.ts";

/**
 * All that configuration depends on beside endpoints, indexed. Replaced as a whole when any of it changes; parts that
 * did not change stay the same objects. Reading a part is noted, so that what is made from it can be kept.
 */
export interface Rules {
  readonly mesh: MeshConfig;
  readonly meshNetworks: MeshNetworks;
  readonly services: readonly MeshService[];
  readonly servicesByHost: ReadonlyMap<string, readonly MeshService[]>;
  readonly networkGateways: NetworkGateways;
  readonly virtualServices: readonly ResolvedVirtualService[];
  readonly destinationRules: DestinationRules;
  readonly peerPolicies: PeerPolicies;
  readonly gateways: readonly Gateway[];
  readonly sidecars: readonly Sidecar[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  /** See WorldObjects. */
  readonly keySets: ReadonlyMap<string, string>;
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly telemetries: readonly Telemetry[];
  /** "namespace/account" of the workloads behind a service, in every cluster. */
  accountsOf(service: Pick<MeshService, "host" | "namespace">): readonly string[];
  /** Whether a host's endpoints may be used only from their own cluster. */
  isClusterLocal(host: string): boolean;
}

/** Reads the rules. A MeshConfig that can't be read is taken as `previous` has it and reported. */
export function collectRules(
  objects: WorldObjects,
  meshNetworks: MeshNetworks,
  accountsOf: Rules["accountsOf"],
  previous: Rules | undefined,
  report: (problem: string) => void,
): Rules {
  const derivations = createDerivations(previous === undefined ? undefined : madeBy.get(previous));
  const { derive } = derivations;
  const mesh = derive("mesh", [objects.mesh], () =>
    noting(
      "mesh",
      keepFields(previous?.mesh, readMesh(objects, previous, report)),
      ({ rules: now }) => now.mesh,
    ),
  );
  derive("tracing checked", [mesh.extensionProviders, mesh.defaultConfig], () => {
    for (const problem of tracingProblems(mesh)) report(problem);
  });
  const clusters = [...objects.clusters.values()];
  const namespaces =
    mesh.discoverySelectors.length === 0
      ? []
      : clusters.flatMap((cluster) => [...cluster.namespaces.values()]);
  const isDiscovered = derive("isDiscovered", [mesh.discoverySelectors, ...namespaces], () =>
    discoveredNamespaces(objects, mesh),
  );
  const config = discoveredConfig(objects, isDiscovered);
  derive("authorizationPolicies checked", config.authorizationPolicies.values(), () => {
    for (const { metadata, spec } of config.authorizationPolicies.values()) {
      if (spec?.action === "CUSTOM")
        report(
          `authorization policy ${metadata.namespace}/${metadata.name}: CUSTOM is not supported, and denies`,
        );
    }
  });
  const services = derive(
    "services",
    [
      isDiscovered,
      ...clusters.flatMap(({ id, services: own }) => [id, ...own.values()]),
      ...config.serviceEntries.values(),
    ],
    () => collectServices({ ...objects, config }, isDiscovered),
  );
  const gateways = collectNetworkGateways(objects, meshNetworks);
  const sorted = <T extends KubeObject>(name: string, kept: ReadonlyMap<string, T>) =>
    derive(name, kept.values(), () => oldestFirst(kept.values()));
  const noted = noting<Omit<Rules, "mesh" | "accountsOf">>(
    "rules",
    {
      meshNetworks,
      services,
      servicesByHost: derive("servicesByHost", [services], () => byHost(services)),
      networkGateways: derive("networkGateways", [gateways.key], () => gateways),
      virtualServices: derive("virtualServices", [mesh, ...config.virtualServices.values()], () =>
        resolveVirtualServices(config.virtualServices.values(), mesh, report),
      ),
      destinationRules: derive("destinationRules", [mesh, ...config.destinationRules.values()], () =>
        createDestinationRules(config.destinationRules.values(), mesh),
      ),
      peerPolicies: derive("peerPolicies", [mesh.rootNamespace, ...config.peerAuthentications.values()], () =>
        createPeerPolicies(config.peerAuthentications.values(), mesh),
      ),
      gateways: sorted("gateways", config.gateways),
      sidecars: sorted("sidecars", config.sidecars),
      requestAuthentications: sorted("requestAuthentications", config.requestAuthentications),
      keySets: objects.keySets,
      authorizationPolicies: sorted("authorizationPolicies", config.authorizationPolicies),
      telemetries: sorted("telemetries", config.telemetries),
      isClusterLocal: derive(
        "isClusterLocal",
        [mesh.defaultConfig, mesh.rootNamespace, mesh.domain, mesh.serviceSettings],
        () => clusterLocality(mesh),
      ),
    },
    ({ rules: now }) => now,
  );
  const rules: Rules = Object.create(noted, {
    // Of the mesh's settings each is noted by itself.
    mesh: { value: mesh, enumerable: true },
    // What counts is what it says of a service, not that another function says so.
    accountsOf: {
      enumerable: true,
      value: (service: Parameters<typeof accountsOf>[0]) =>
        noteRead(`accounts ${service.namespace}/${service.host}`, accountsOf(service), ({ rules: now }) =>
          now.accountsOf(service),
        ),
    },
  });
  madeBy.set(rules, derivations);
  return rules;
}

/** Istio's objects in the namespaces that count. */
function discoveredConfig(
  { config, primary }: WorldObjects,
  isDiscovered: IsDiscovered | undefined,
): ConfigObjects {
  if (isDiscovered === undefined) return config;
  const picked = configKinds.map((kind) => {
    const kept = [...config[kind]].filter(([, { metadata }]) =>
      isDiscovered(primary, metadata.namespace ?? ""),
    );
    return [kind, new Map<string, KubeObject>(kept)] as const;
  });
  return Object.fromEntries(picked) as unknown as ConfigObjects;
}

/** What rules were derived from, for deriving the next ones. */
const madeBy = new WeakMap<Rules, Derivations>();

function byHost(services: readonly MeshService[]): ReadonlyMap<string, readonly MeshService[]> {
  const found = new Map<string, MeshService[]>();
  for (const service of services) {
    const same = found.get(service.host);
    if (same === undefined) found.set(service.host, [service]);
    else same.push(service);
  }
  return found;
}

function readMesh(
  objects: WorldObjects,
  previous: Rules | undefined,
  report: (problem: string) => void,
): MeshConfig {
  try {
    return parseMeshConfig(objects.mesh, objects);
  } catch (reason) {
    report(`MeshConfig is not usable: ${message(reason)}`);
    return previous?.mesh ?? parseMeshConfig("", objects);
  }
}

const networkTexts = new WeakMap<MeshNetworks, string>();

/** MeshNetworks of the objects; one that can't be read is taken as `previous` has it and reported. */
export function readMeshNetworks(
  objects: WorldObjects,
  previous: Rules | undefined,
  report: (problem: string) => void,
): MeshNetworks {
  if (previous !== undefined && networkTexts.get(previous.meshNetworks) === objects.meshNetworks)
    return previous.meshNetworks;
  try {
    const parsed = parseMeshNetworks(objects.meshNetworks);
    networkTexts.set(parsed, objects.meshNetworks);
    return parsed;
  } catch (reason) {
    report(`meshNetworks is not usable: ${message(reason)}`);
    return previous?.meshNetworks ?? {};
  }
}

const message = (reason: unknown) => (reason instanceof Error ? reason.message : String(reason));

/** The longest host pattern decides; a cluster's own system services and its control plane are local unless somebody says otherwise. */
function clusterLocality(
  mesh: Pick<MeshConfig, "defaultConfig" | "rootNamespace" | "domain" | "serviceSettings">,
): (host: string) => boolean {
  const address = mesh.defaultConfig["discoveryAddress"];
  const discovery =
    typeof address === "string" ? address.replace(/:\d+$/, "") : `istiod.${mesh.rootNamespace}.svc`;
  const patterns = new Map<string, boolean>([
    [`*.kube-system.svc.${mesh.domain}`, true],
    [`kubernetes.default.svc.${mesh.domain}`, true],
    [discovery.endsWith(`.${mesh.domain}`) ? discovery : `${discovery}.${mesh.domain}`, true],
  ]);
  for (const { settings, hosts } of mesh.serviceSettings) {
    for (const host of hosts ?? []) patterns.set(host, settings?.clusterLocal === true);
  }
  return (host) => {
    let best: { readonly length: number; readonly isLocal: boolean } | undefined;
    for (const [pattern, isLocal] of patterns) {
      if (!isSubsetOf(host, pattern)) continue;
      const length = pattern === host ? Number.POSITIVE_INFINITY : pattern.length;
      if (best === undefined || length > best.length) best = { length, isLocal };
    }
    return best?.isLocal ?? false;
  };
}
