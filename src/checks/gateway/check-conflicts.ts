import type { Gateway, Server } from "../../discovery/index.ts";
import { matchesLabels } from "../../kube/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { groupBy } from "../group-by.ts";
import { namesOf, reference } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";
import { isAlive } from "../view/pods.ts";
import { meet } from "./same-pods.ts";

interface Listening {
  readonly gateway: Gateway;
  readonly server: Server;
  readonly host: string;
  readonly index: number;
}

/** The same host on the same port of the same pods in several Gateways: one of them is passed over. */
export const checkConflicts: Find = (mesh) => scopesOf(mesh).flatMap(checkScope);

function checkScope(scope: Scope): Finding[] {
  const { config } = scope;
  const all = config.gateways.flatMap((gateway) =>
    (gateway.spec.servers ?? []).flatMap((server, index) =>
      (server.hosts ?? []).map(
        (host): Listening => ({ gateway, server, index, host: host.replace(/^\*\//, "") }),
      ),
    ),
  );
  const byPlace = groupBy(all, ({ server, host }) => `${server.port?.number} ${server.bind ?? ""} ${host}`);
  const pairs = [...byPlace.values()].flatMap((several) =>
    several.flatMap((one, i) =>
      several
        .slice(i + 1)
        .filter(
          (other) => other.gateway !== one.gateway && havePodsInCommon(one.gateway, other.gateway, scope),
        )
        .map((other) => ({ one, other })),
    ),
  );
  const byPair = groupBy(
    pairs,
    ({ one, other }) => `${namesOf([one.gateway, other.gateway]).join(" ")} ${one.server.port?.number}`,
  );
  return [...byPair.values()].flatMap((same): Finding[] => {
    const [first] = same;
    if (first === undefined) return [];
    const { one, other } = first;
    const hosts = listed([...new Set(same.map((pair) => pair.one.host))]);
    const names = namesOf([one.gateway, other.gateway]);
    const port = one.server.port?.number;
    return [
      findingAbout(config, one.gateway, `spec.servers[${one.index}].hosts`, {
        code: "gateway/conflicting",
        severity: "error",
        effect: `requests to ${hosts} on port ${port} follow one of ${listed(names)}; the other is passed over`,
        cause: `${listed(names)} of ${config.name} are for the same pods and have ${hosts} on port ${port}`,
        seen: hosts,
        others: [reference(config, other.gateway, `spec.servers[${other.index}].hosts`)],
        fix: "keep the host in one Gateway, or select different pods",
      }),
    ];
  });
}

/** Equal selectors meet without pods too; else there must be a pod that has the labels of both. */
function havePodsInCommon(a: Gateway, b: Gateway, { served }: Scope): boolean {
  if (meet(a, b) && meet(b, a) && size(a) === size(b)) return true;
  return served.some(({ pods }) =>
    pods.some(
      (pod) =>
        isAlive(pod) && [a, b].every(({ spec }) => matchesLabels(spec.selector ?? {}, pod.metadata.labels)),
    ),
  );
}

function size({ spec }: Gateway): number {
  return Object.keys(spec.selector ?? {}).length;
}
