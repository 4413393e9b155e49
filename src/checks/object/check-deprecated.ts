import type { KubeObject } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { meshConfigOf } from "../view/mesh-config.ts";

/** Fields that Istio still reads and will not for long, or that it passes over already. */
export const checkDeprecated: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .flatMap((cluster) => [
      ...cluster.virtualServices.flatMap((object) =>
        (object.spec.http ?? []).flatMap(({ fault }, i) =>
          (fault?.delay?.percent ?? 0) > 0
            ? deprecated(
                cluster,
                object,
                `spec.http[${i}].fault.delay.percent`,
                "use percentage: { value: … }",
              )
            : [],
        ),
      ),
      ...cluster.sidecars.flatMap((object) =>
        "egressProxy" in (object.spec.outboundTrafficPolicy ?? {})
          ? deprecated(cluster, object, "spec.outboundTrafficPolicy.egressProxy", "it is ignored: remove it")
          : [],
      ),
      ...lightstep(cluster),
    ]);

/** Telemetries that send traces to a provider of a kind that is no longer supported. */
function lightstep(cluster: ClusterView): Finding[] {
  const names = meshConfigOf(cluster)
    .extensionProviders.filter((provider) => "lightstep" in provider)
    .map((provider) => provider["name"]);
  return cluster.telemetries.flatMap((object) => {
    const { tracing = [] } = (object.spec ?? {}) as {
      readonly tracing?: readonly { readonly providers?: readonly { readonly name?: string }[] }[];
    };
    return tracing.flatMap(({ providers = [] }, i) =>
      providers.some(({ name }) => names.includes(name))
        ? deprecated(cluster, object, `spec.tracing[${i}].providers`, "use an OpenTelemetry provider instead")
        : [],
    );
  });
}

function deprecated(cluster: ClusterView, object: KubeObject, path: string, fix: string): Finding[] {
  return [
    findingAbout(cluster, object, path, {
      code: "object/deprecated",
      severity: "warning",
      effect: `what ${path} of ${object.metadata.name} says will have no effect in a later version of Istio`,
      cause: `${named(object)} of ${cluster.name} uses a deprecated field`,
      seen: "is set",
      fix,
    }),
  ];
}
