import type { Find, Finding } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { kubectl } from "../text.ts";
import { routesOf } from "./virtual-service.ts";

/** Weights of a route that do not sum to 100: Istio takes them in proportion, which is seldom what was meant. */
export const checkWeights: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name === primary)
    .flatMap((view) =>
      view.virtualServices.flatMap((object) =>
        routesOf(object).flatMap(({ place, route: { route = [] } }): Finding[] => {
          const weights = route.map(({ weight = 0 }) => weight);
          const sum = weights.reduce((all, weight) => all + weight, 0);
          if (weights.length < 2 || sum === 100) return [];
          const cluster = view.name;
          const { name, namespace } = object.metadata;
          const shares = weights.map(
            (weight) => `${sum === 0 ? 0 : Math.round((weight / sum) * 1000) / 10} %`,
          );
          return [
            {
              code: "traffic/weights-not-100",
              severity: "warning",
              cluster,
              objects: [reference(view, object, `spec.${place}.route`)],
              effect: `requests are shared out as ${shares.join(" : ")}, since weights count in proportion`,
              cause: `the weights in ${place} of VirtualService ${namespace}/${name} in ${cluster} sum to ${sum}, not to 100`,
              evidence: [
                kubectl(
                  cluster,
                  `-n ${namespace} get virtualservice ${name} -o jsonpath='{.spec.${place}.route[*].weight}'`,
                  weights.join(" "),
                ),
              ],
              fix: `kubectl --context ${cluster} -n ${namespace} edit virtualservice ${name}, and let them sum to 100`,
            },
          ];
        }),
      ),
    );
