import type { VirtualService } from "../../discovery/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { absence } from "../left-out.ts";
import { named } from "../object-reference.ts";
import { type Scope, scopesOf } from "../scopes.ts";
import { listed } from "../text.ts";
import { allDestinationsOf, type PlacedDestination } from "../traffic/virtual-service.ts";
import { knownHosts } from "../view/known-hosts.ts";

/** Hosts and ports that VirtualServices send requests to, of which the control plane knows none. */
export const checkDestinations: Find = (mesh) =>
  scopesOf(mesh)
    .filter(({ isWhole }) => isWhole)
    .flatMap((scope) =>
      scope.config.virtualServices.flatMap((object) =>
        allDestinationsOf(object).flatMap((one) => checkOne(object, one, scope)),
      ),
    );

function checkOne(object: VirtualService, placed: PlacedDestination, scope: Scope): Finding[] {
  const { destination, place } = placed;
  const { host, port } = destination;
  const { config, known } = scope;
  const { namespace = "default" } = object.metadata;
  const found = knownHosts(scope).find(host, namespace);
  const clusters = listed(known.map(({ name }) => name));
  if (found === undefined) {
    const { severity, note } = absence(known, host.includes(".") ? host.split(".")[1] : namespace);
    return [
      findingAbout(config, object, `${place}.host`, {
        code: "virtual-service/unknown-host",
        severity,
        effect: `${what(placed)} to ${host} are answered with 503: no proxy knows that host`,
        cause: `${named(object)} of ${config.name} sends to ${host}, and there is no such Service in ${clusters}, nor a ServiceEntry for it that ${namespace} sees${note}`,
        seen: host,
        fix: hintFor(host, namespace, scope),
      }),
    ];
  }
  const { ports } = found;
  if (port?.number === undefined) {
    if (ports.length < 2) return [];
    return [
      findingAbout(config, object, `${place}.port`, {
        code: "virtual-service/port-needed",
        severity: "error",
        effect: `${what(placed)} to ${host} go to the port that they came in for, or to none`,
        cause: `${named(object)} of ${config.name} names no port, and ${named(found.object)} has ${listed(ports.map(String))}`,
        seen: "(not set)",
        fix: `add port.number, one of ${listed(ports.map(String))}`,
      }),
    ];
  }
  if (ports.includes(port.number) || ports.length === 0) return [];
  return [
    findingAbout(config, object, `${place}.port.number`, {
      code: "virtual-service/unknown-port",
      severity: "error",
      effect: `${what(placed)} to ${host}:${port.number} are answered with 503: no proxy knows that port`,
      cause: `${named(object)} of ${config.name} sends to port ${port.number}, and ${named(found.object)} has ${listed(ports.map(String))}`,
      seen: String(port.number),
      fix: `write a port that ${named(found.object)} has: ${listed(ports.map(String))}`,
    }),
  ];
}

function what({ place }: PlacedDestination): string {
  if (/\.mirrors?\b/.test(place)) return "copies of requests";
  return place.startsWith("spec.http") ? "requests" : "connections";
}

/** A host with dots is never completed: "reviews.sample" means just that, where "reviews" would mean a Service. */
function hintFor(host: string, namespace: string, scope: Scope): string {
  const [name = "", second, ...rest] = host.split(".");
  const whole = `${name}.${second ?? namespace}.svc.cluster.local`;
  if (second !== undefined && rest.length === 0 && knownHosts(scope).find(whole, namespace) !== undefined)
    return `write the full name: ${whole}`;
  const elsewhere = scope.known
    .flatMap(({ services }) => services)
    .find(({ metadata }) => metadata.name === name && metadata.namespace !== (second ?? namespace));
  return elsewhere === undefined
    ? "create the Service or a ServiceEntry for it, or correct the host"
    : `there is a Service ${name} in namespace ${elsewhere.metadata.namespace}: ${name}.${elsewhere.metadata.namespace}.svc.cluster.local`;
}
