import { IsthmusError } from "../../base/index.ts";
import type { DestinationRule, VirtualService } from "../../discovery/index.ts";
import { type KubeObject, kinds } from "../../kube/index.ts";
import type { Action } from "../api.ts";
import type { Reader } from "../reader.ts";
import { type Change, type Prepared, writeWhole } from "./contracts.ts";
import { defaultRule, hostOf, newObject, type RoutedIn, readRoutes, type ServiceName } from "./routes.ts";

/** The label by which versions are told apart. */
export const versionLabel = "version";

/** Shares the requests to a service out among its versions, by weights that sum up to 100. */
export async function shiftTraffic(
  reader: Reader,
  action: Extract<Action, { readonly kind: "shift" }>,
): Promise<Prepared> {
  const weights = Object.entries(action.weights);
  const sum = weights.reduce((total, [, weight]) => total + weight, 0);
  if (
    weights.length === 0 ||
    weights.some(([, weight]) => !Number.isInteger(weight) || weight < 0) ||
    sum !== 100
  )
    throw new IsthmusError("arguments/wrong", "weights are whole numbers that sum up to 100");
  const routes = await readRoutes(reader, action);
  const changes = routes.flatMap((one) => changesIn(one, action, weights));
  const shares = weights.map(([version, weight]) => `${version} ${weight} %`).join(", ");
  return {
    summary: `Requests to ${action.service} in ${action.namespace}: ${shares}`,
    commands: [],
    changes,
  };
}

function changesIn(
  { cluster, client, virtualService, destinationRule }: RoutedIn,
  name: ServiceName,
  weights: readonly (readonly [version: string, weight: number])[],
): readonly Change[] {
  const subsets = withSubsets(destinationRule, name, weights);
  const subsetOf = (version: string) =>
    (subsets.spec as DestinationRule["spec"]).subsets?.find(
      ({ labels }) => labels?.[versionLabel] === version,
    )?.name ?? version;
  const routed = withWeights(
    virtualService,
    name,
    weights.map(([version, weight]) => [subsetOf(version), weight]),
  );
  return [
    ...(subsets === destinationRule
      ? []
      : [writeWhole({ cluster, client, kind: kinds.destinationRules }, destinationRule, subsets)]),
    writeWhole({ cluster, client, kind: kinds.virtualServices }, virtualService, routed),
  ];
}

/** The DestinationRule with a subset for every version; the same object when it has them. */
function withSubsets(
  rule: DestinationRule | undefined,
  name: ServiceName,
  weights: readonly (readonly [version: string, weight: number])[],
): KubeObject {
  const known = rule?.spec.subsets ?? [];
  const missing = weights
    .map(([version]) => version)
    .filter((version) => !known.some(({ labels }) => labels?.[versionLabel] === version))
    .map((version) => ({ name: version, labels: { [versionLabel]: version } }));
  if (rule === undefined) return newObject("DestinationRule", name, { host: hostOf(name), subsets: missing });
  return missing.length === 0 ? rule : { ...rule, spec: { ...rule.spec, subsets: [...known, ...missing] } };
}

/** The VirtualService with these weights in its default rule; everything else of it stays. */
function withWeights(
  service: VirtualService | undefined,
  name: ServiceName,
  weights: readonly (readonly [subset: string, weight: number])[],
): KubeObject {
  const routeTo = (subset: string, weight: number) => {
    const rule = service === undefined ? undefined : service.spec.http?.[defaultRule(service)];
    const known = rule?.route?.find(({ destination }) => destination.subset === subset);
    // Another route to the same service says which port is meant.
    const [first] = rule?.route ?? [];
    return {
      ...known,
      destination: known?.destination ?? {
        host: first?.destination.host ?? hostOf(name),
        subset,
        ...(first?.destination.port === undefined ? {} : { port: first.destination.port }),
      },
      weight,
    };
  };
  const route = weights.map(([subset, weight]) => routeTo(subset, weight));
  if (service === undefined)
    return newObject("VirtualService", name, { hosts: [hostOf(name)], http: [{ route }] });
  const rules = [...(service.spec.http ?? [])];
  const at = Math.max(0, defaultRule(service));
  rules[at] = { ...rules[at], route };
  return { ...service, spec: { ...service.spec, http: rules } };
}
