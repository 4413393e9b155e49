import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { namesOf, reference } from "../object-reference.ts";
import { listed } from "../text.ts";

/** Of istiod: the address ranges from which it fetches no keys for tokens. */
const variable = "BLOCKED_CIDRS_IN_JWKS_URIS";

/** RequestAuthentications while istiod fetches keys from any address: whoever may write one can let it call into the network. */
export const checkKeySources: Find = ({ clusters }) =>
  clusters.flatMap((cluster) => {
    const { requestAuthentications } = cluster;
    if (requestAuthentications.length === 0) return [];
    return cluster.deployments
      .filter(({ metadata }) => metadata.labels?.["app"] === "istiod")
      .flatMap((istiod): Finding[] => {
        const { containers } = istiod.spec.template.spec;
        const isSet = containers.some(({ env = [] }) =>
          env.some(({ name, value, valueFrom }) => name === variable && (value ?? valueFrom ?? "") !== ""),
        );
        if (isSet) return [];
        return [
          findingAbout(cluster, istiod, "spec.template.spec.containers[0].env", {
            code: "policy/keys-from-anywhere",
            severity: "warning",
            effect: `whoever may write RequestAuthentications in ${cluster.name} can make istiod call any address of its network`,
            cause: `istiod of ${cluster.name} has no ${variable}, and fetches keys for ${listed(namesOf(requestAuthentications))}`,
            seen: `no ${variable}`,
            others: requestAuthentications.map((one) => reference(cluster, one, "spec.jwtRules")),
            fix: `set pilot.env.${variable} in istiod's values to the ranges of your internal networks`,
          }),
        ];
      });
  });
