import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { groupBy } from "../group-by.ts";
import { namesOf, reference } from "../object-reference.ts";
import { listed } from "../text.ts";

/** One host and port with different protocols in several ServiceEntries that a namespace sees. */
export const checkProtocols: Find = ({ clusters }) =>
  clusters.filter(({ name, primary }) => name === primary).flatMap(checkOne);

function checkOne(cluster: ClusterView): Finding[] {
  const claims = cluster.serviceEntries.flatMap((entry) => {
    const { namespace = "default" } = entry.metadata;
    const { hosts = [], ports = [], exportTo = [] } = entry.spec;
    const seenIn = exportTo.length === 0 ? ["*"] : exportTo.map((one) => (one === "." ? namespace : one));
    return hosts.flatMap((host) =>
      ports.map(({ number, protocol = "" }, index) => ({
        entry,
        host,
        number,
        index,
        protocol: protocol.toUpperCase(),
        seenIn,
      })),
    );
  });
  return [...groupBy(claims, ({ host, number }) => `${host}:${number}`).values()].flatMap(
    (several): Finding[] => {
      const clashing = several.filter((one) =>
        several.some(
          (other) =>
            other.protocol !== one.protocol &&
            (one.seenIn.includes("*") ||
              other.seenIn.includes("*") ||
              one.seenIn.some((namespace) => other.seenIn.includes(namespace))),
        ),
      );
      const [first, ...rest] = clashing;
      if (first === undefined) return [];
      const { host, number } = first;
      const entries = namesOf([...new Set(clashing.map(({ entry }) => entry))]);
      const protocols = [...new Set(clashing.map(({ protocol }) => protocol || "none"))].sort();
      return [
        findingAbout(cluster, first.entry, `spec.ports[${first.index}].protocol`, {
          code: "service-entry/conflicting-protocols",
          severity: "warning",
          effect: `connections to ${host}:${number} are handled as ${listed(protocols)}, by which ServiceEntry is the oldest`,
          cause: `${listed(entries)} of ${cluster.name} give ${host}:${number} the protocols ${listed(protocols)}`,
          seen: first.protocol || "(not set)",
          others: rest.map(({ entry, index }) => reference(cluster, entry, `spec.ports[${index}].protocol`)),
          fix: `let all of them say the same protocol for ${host}:${number}, or keep one`,
        }),
      ];
    },
  );
}
