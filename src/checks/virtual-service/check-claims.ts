import type { VirtualService } from "../../discovery/index.ts";
import { matchesLabels } from "../../kube/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named, namesOf } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";
import { gatewaysOf } from "../traffic/virtual-service.ts";
import { systemNamespace } from "../view/labels.ts";
import { isAlive } from "../view/pods.ts";
import { selectorOf } from "../view/selector.ts";

/** Header names by which routes match claims of a token instead of headers. */
const claim = /^@request\.auth\.claims[.[]/i;

/** Routes by claims of tokens at gateways whose tokens nobody reads: such routes never match. */
export const checkClaims: Find = (mesh) =>
  scopesOf(mesh).flatMap((scope) =>
    scope.config.virtualServices.flatMap((object) => {
      const match = claimMatch(object);
      return match === undefined ? [] : checkOne(object, match, scope);
    }),
  );

function checkOne(object: VirtualService, { key, place }: ClaimMatch, scope: Scope): Finding[] {
  const { config, served } = scope;
  return gatewaysOf(object).flatMap(({ name }): Finding[] => {
    const gateway = config.gateways.find((one) => namesOf([one])[0] === name);
    if (gateway === undefined) return [];
    const pods = served
      .flatMap((cluster) => cluster.pods.filter(isAlive))
      .filter(({ metadata }) => matchesLabels(gateway.spec.selector ?? {}, metadata.labels))
      .filter(
        ({ metadata }) =>
          !config.requestAuthentications.some(
            (one) =>
              [systemNamespace, metadata.namespace].includes(one.metadata.namespace) &&
              matchesLabels(selectorOf(one) ?? {}, metadata.labels),
          ),
      );
    if (pods.length === 0) return [];
    return [
      findingAbout(config, object, place, {
        code: "virtual-service/claims-without-authentication",
        severity: "error",
        effect: `the routes by ${key} never match at ${name}: nobody reads tokens there`,
        cause: `${named(object)} of ${config.name} matches ${key}, and no RequestAuthentication applies to ${listed(namesOf(pods))}`,
        seen: key,
        fix: `create a RequestAuthentication that selects the pods of ${named(gateway)}`,
      }),
    ];
  });
}

interface ClaimMatch {
  readonly key: string;
  readonly place: string;
}

function claimMatch({ spec }: VirtualService): ClaimMatch | undefined {
  for (const [i, { match = [] }] of (spec.http ?? []).entries())
    for (const [j, one] of match.entries())
      for (const field of ["headers", "withoutHeaders"] as const)
        for (const key of Object.keys(one[field] ?? {}))
          if (claim.test(key)) return { key, place: `spec.http[${i}].match[${j}].${field}` };
  return undefined;
}
