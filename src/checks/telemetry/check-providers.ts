import type { Telemetry } from "../../discovery/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { meshConfigOf } from "../view/mesh-config.ts";

/** Access logs that nobody writes: a Telemetry names no provider, and MeshConfig has no default for it. */
export const checkProviders: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .filter((cluster) => meshConfigOf(cluster).defaultProviders.accessLogging.length === 0)
    .flatMap((cluster) => cluster.telemetries.flatMap((object) => checkOne(object, cluster)));

function checkOne(object: Telemetry, cluster: ClusterView): Finding[] {
  return (object.spec?.accessLogging ?? []).flatMap(({ providers = [], disabled }, i): Finding[] => {
    if (disabled === true || providers.length > 0) return [];
    return [
      findingAbout(cluster, object, `spec.accessLogging[${i}].providers`, {
        code: "telemetry/no-provider",
        severity: "warning",
        effect: `accessLogging[${i}] of ${object.metadata.name} has no effect`,
        cause: `${named(object)} of ${cluster.name} names no provider, and MeshConfig has no defaultProviders.accessLogging`,
        seen: "(empty)",
        fix: 'name one, such as "envoy", under providers or in MeshConfig',
      }),
    ];
  });
}
