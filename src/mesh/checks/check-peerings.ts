import { buildGateways, type GatewayKind, systemNamespace } from "../build/build-gateways.ts";
import { consumerOf, networkOf } from "../build/peering-of.ts";
import type { WrittenMesh } from "../sections/mesh-section.ts";
import { doubles } from "./check-lists.ts";
import { error, type Finding, unknownCluster, warning } from "./finding.ts";

type WrittenPeering = NonNullable<WrittenMesh["peerings"]>[number];

/** Peerings: whom they name, that a provider has one consumer and its network, and what can't be told apart later. */
export function checkPeerings(mesh: WrittenMesh, names: ReadonlySet<string>): Finding[] {
  const { peerings = [] } = mesh;
  const pairs = peerings.map(({ consumer, provider }) => `${consumer} → ${provider}`);
  const repeated = doubles(pairs);
  const isRepeated = new Set(repeated.map(([index]) => index));
  return [
    ...repeated.map(([index, pair]) =>
      error("mesh/duplicate-name", ["peerings", index], `the peering ${pair} is already in this list`),
    ),
    ...peerings.flatMap((peering, index) => {
      const sides = checkSides(peering, index, mesh, names);
      const { consumer, provider } = peering;
      if (sides.length > 0 || isRepeated.has(index) || provider === undefined) return sides;
      const other = otherConsumer(peering, index, peerings);
      // Of one that another control plane serves, checkSupported tells.
      if (consumer === undefined || consumerOf(mesh, provider) !== consumer) return other;
      const pair = { consumer, provider };
      return [
        ...other,
        ...exporting(pair, mesh),
        ...otherNetwork(pair, mesh),
        ...gatewaysApart(pair, mesh),
        ...sameLocality(pair, index, mesh),
      ];
    }),
    ...placements(peerings),
  ];
}

function checkSides(
  peering: WrittenPeering,
  index: number,
  { clusters }: WrittenMesh,
  names: ReadonlySet<string>,
): Finding[] {
  const sides = (["consumer", "provider"] as const).flatMap((side) => {
    const name = peering[side];
    const path = ["peerings", index, side];
    if (name === undefined) return [];
    if (!names.has(name)) return [unknownCluster(path, name, names)];
    if (clusters?.get(name)?.role !== "management") return [];
    return [error("mesh/bad-value", path, `"${name}" is a management cluster and runs no workloads`)];
  });
  const { consumer, provider } = peering;
  if (consumer === undefined || consumer !== provider) return sides;
  return [
    ...sides,
    error("mesh/bad-value", ["peerings", index, "provider"], `"${provider}" can't be its own provider`),
  ];
}

function otherConsumer(
  { consumer, provider }: WrittenPeering,
  index: number,
  peerings: readonly WrittenPeering[],
): Finding[] {
  const other = peerings.slice(0, index).find((one) => one.provider === provider);
  if (other === undefined || other.consumer === consumer) return [];
  const message = `"${provider}" is already the provider of "${other.consumer}", whose control plane serves it`;
  return [error("mesh/bad-value", ["peerings", index, "provider"], message, "name another provider")];
}

interface Pair {
  readonly consumer: string;
  readonly provider: string;
}

function exporting({ consumer, provider }: Pair, { clusters }: WrittenMesh): Finding[] {
  if (clusters?.get(provider)?.exports === undefined) return [];
  const message = `the Services of the mesh on "${provider}" are those of "${consumer}", which places pods there`;
  const hint = `write it under clusters.${consumer}`;
  return [error("mesh/field-not-here", ["clusters", provider, "exports"], message, hint, "key")];
}

function otherNetwork({ consumer, provider }: Pair, mesh: WrittenMesh): Finding[] {
  const [here = "none", there] = [networkOf(mesh, consumer), networkOf(mesh, provider)];
  if (there === undefined || here === there) return [];
  const message = `pods that "${consumer}" places on "${provider}" would be on ${there}, but the network of "${consumer}" is ${here}`;
  const hint = `leave it out: a provider is on its consumer's network`;
  return [error("mesh/bad-value", ["clusters", provider, "network"], message, hint)];
}

const gatewayKinds: readonly GatewayKind[] = ["ingress", "eastwest", "egress"];

/** A provider's gateways are applied in its consumer, in a namespace of their own whose pods all run on the provider. */
function gatewaysApart({ consumer, provider }: Pair, mesh: WrittenMesh): Finding[] {
  const written = mesh.clusters?.get(provider);
  if (written === undefined) return [];
  const taken = new Map([[systemNamespace, "Istio's control plane"]]);
  const clusters = [...(mesh.clusters ?? [])];
  const before = clusters.slice(
    0,
    clusters.findIndex(([name]) => name === provider),
  );
  for (const [name, cluster] of clusters) {
    const isBefore = before.some(([other]) => other === name) && consumerOf(mesh, name) === consumer;
    if (name !== consumer && !isBefore) continue;
    for (const gateway of Object.values(buildGateways(mesh, name, cluster)))
      if (gateway !== undefined) taken.set(gateway.namespace, `gateways of "${name}"`);
  }
  const gateways = buildGateways(mesh, provider, written);
  return gatewayKinds.flatMap((kind) => {
    const gateway = gateways[kind];
    const other = gateway === undefined ? undefined : taken.get(gateway.namespace);
    if (gateway === undefined || other === undefined) return [];
    const path =
      written.gateways?.[kind]?.namespace === undefined
        ? ["gateways", kind, "namespace"]
        : ["clusters", provider, "gateways", kind, "namespace"];
    const message = `namespace "${gateway.namespace}" is for ${other}; all pods of the gateways' namespace of "${provider}" run there`;
    const hint = `leave it out: it is istio-ingress-${provider} then, and ${systemNamespace} in clusters that are no providers`;
    return [error("mesh/bad-value", path, message, hint)];
  });
}

/** Requests stay in their cluster only where the localities of its nodes say which that is. */
function sameLocality({ consumer, provider }: Pair, index: number, mesh: WrittenMesh): Finding[] {
  const localitiesOf = (name: string) => {
    const cluster = mesh.clusters?.get(name);
    const zones = cluster?.nodes?.map(({ zone = cluster.zone }) => zone) ?? [cluster?.zone];
    return zones.map((zone) => [cluster?.region ?? "", zone ?? ""].join("/"));
  };
  const [here, there] = [localitiesOf(consumer), localitiesOf(provider)];
  const path = ["peerings", index];
  const hint = `give "${consumer}" and "${provider}" a zone each under clusters`;
  const what = "locality load balancing has nothing to prefer between";
  const unnamed = [here, there].findIndex((all) => all.includes("/"));
  if (unnamed >= 0) {
    const message = `${what} "${consumer}" and "${provider}": nodes of "${unnamed === 0 ? consumer : provider}" have neither region nor zone`;
    return [warning("mesh/same-locality", path, message, hint)];
  }
  const same = here.find((locality) => there.includes(locality));
  if (same === undefined) return [];
  const message = `${what} "${consumer}" and "${provider}": both have nodes in ${same.replace(/^\//, "zone ")}`;
  return [warning("mesh/same-locality", path, message, hint)];
}

/** One object per namespace says where its pods may run, whichever providers they may run on. */
function placements(peerings: readonly WrittenPeering[]): Finding[] {
  const seen = new Map<string, string>();
  return peerings.flatMap(({ consumer, namespaces = [] }, index) =>
    namespaces.flatMap(({ name = "", pods = "LocalAndRemote" }, at) => {
      const before = seen.get(`${consumer}/${name}`);
      seen.set(`${consumer}/${name}`, before ?? pods);
      if (before === undefined || before === pods) return [];
      const message = `pods of "${name}" are ${pods} here and ${before} in another peering of "${consumer}"`;
      return [
        error("mesh/bad-value", ["peerings", index, "namespaces", at], message, "say the same in both"),
      ];
    }),
  );
}
