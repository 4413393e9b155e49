import type { KubeObject } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";

interface EnvoyFilterSpec {
  readonly priority?: number;
  readonly configPatches?: readonly {
    readonly applyTo?: string;
    readonly match?: {
      readonly proxy?: { readonly proxyVersion?: string };
      readonly listener?: { readonly filterChain?: { readonly filter?: { readonly name?: string } } };
    };
    readonly patch?: { readonly operation?: string; readonly value?: { readonly name?: string } };
  }[];
}

type ConfigPatch = NonNullable<EnvoyFilterSpec["configPatches"]>[number];

/** What a patch can't be applied to by its operation. */
const routes = ["ROUTE_CONFIGURATION", "HTTP_ROUTE"];
const replaceable = ["NETWORK_FILTER", "HTTP_FILTER", "VIRTUAL_HOST"];
const relative = ["INSERT_BEFORE", "INSERT_AFTER", "REMOVE", "REPLACE"];

/** EnvoyFilters whose operations are passed over where they stand, or depend on the order in which filters are applied. */
export const checkOperations: Find = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkCluster);

function checkCluster(cluster: ClusterView): Finding[] {
  /** Names of filters that were patched for some versions of the proxy only. */
  const byVersion = new Set<string>();
  return cluster.envoyFilters.flatMap((object) => {
    const { priority = 0, configPatches = [] } = object["spec"] as EnvoyFilterSpec;
    return configPatches.flatMap((one, index): Finding[] => {
      const findings = checkPatch(object, one, { cluster, index, priority, byVersion });
      if ((one.match?.proxy?.proxyVersion ?? "") !== "") byVersion.add(filterName(one));
      return findings;
    });
  });
}

interface Place {
  readonly cluster: ClusterView;
  readonly index: number;
  readonly priority: number;
  readonly byVersion: ReadonlySet<string>;
}

function checkPatch(object: KubeObject, one: ConfigPatch, place: Place): Finding[] {
  const { applyTo = "", patch: { operation = "" } = {} } = one;
  const { cluster, index, priority, byVersion } = place;
  const find = (
    code: Finding["code"],
    severity: Finding["severity"],
    words: Pick<Finding, "effect" | "cause" | "fix">,
  ) => [
    findingAbout(cluster, object, `spec.configPatches[${index}]`, {
      code,
      severity,
      ...words,
      seen: `${operation} at ${applyTo}`,
    }),
  ];
  const isNotApplied = {
    effect: `configPatches[${index}] of ${object.metadata.name} has no effect`,
    cause: `${named(object)} of ${cluster.name}: istiod does not do ${operation} at ${applyTo}`,
  };
  if (operation === "ADD" && routes.includes(applyTo))
    return find("envoy-filter/add-not-applied", "error", {
      ...isNotApplied,
      fix: "use INSERT_FIRST or MERGE",
    });
  if (operation === "REMOVE" && routes.includes(applyTo))
    return find("envoy-filter/remove-not-applied", "error", {
      ...isNotApplied,
      fix: "use MERGE, or patch the VIRTUAL_HOST",
    });
  if (operation === "REPLACE" && !replaceable.includes(applyTo))
    return find("envoy-filter/replace-not-applied", "error", {
      ...isNotApplied,
      fix: `use MERGE; REPLACE is for ${replaceable.join(", ")}`,
    });
  if (!relative.includes(operation) || priority !== 0) return [];
  const dependsOnVersion = byVersion.has(filterName(one));
  return find(
    dependsOnVersion ? "envoy-filter/relative-operation-by-version" : "envoy-filter/relative-operation",
    "warning",
    {
      effect: `configPatches[${index}] of ${object.metadata.name} may find nothing to refer to${dependsOnVersion ? ", most of all while versions of the proxy are mixed" : ""}`,
      cause: `${named(object)} of ${cluster.name} has no priority, and ${operation} depends on what was applied before it`,
      fix: "set spec.priority, or use INSERT_FIRST or ADD",
    },
  );
}

function filterName({ patch, match }: ConfigPatch): string {
  return patch?.value?.name ?? match?.listener?.filterChain?.filter?.name ?? "";
}
