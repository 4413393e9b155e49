import { buildGateways, eastwestReason, networksOf, remoteNeedingGateway } from "../build/build-gateways.ts";
import { stepsOf } from "../field-path.ts";
import type { Gateway } from "../mesh.ts";
import type { WrittenCluster } from "../sections/cluster-section.ts";
import type { WrittenMesh } from "../sections/mesh-section.ts";
import { doubles } from "./check-lists.ts";
import { error, type Finding, warning } from "./finding.ts";

/** Ports that every gateway has for other things. */
const reserved = new Map([
  [15_021, "its health check"],
  [15_012, "the control plane of remote clusters"],
  [15_017, "the injection webhook of remote clusters"],
]);

/** Gateways: fields where they have a meaning, ports that don't clash, and none missing that is needed. */
export function checkGateways(mesh: WrittenMesh): Finding[] {
  const clusters: readonly (readonly [string, WrittenCluster])[] = [...(mesh.clusters ?? [])].filter(
    ([, { role }]) => role !== "management",
  );
  const findings = [
    ...portOnly(mesh.gateways, ["gateways"]),
    ...clusters.flatMap(([name, cluster]) => [
      ...portOnly(cluster.gateways, ["clusters", name, "gateways"]),
      ...checkOne(mesh, name, cluster),
    ]),
  ];
  // A mesh-wide gateway is checked in each cluster, but told once.
  return [
    ...new Map(findings.map((one) => [JSON.stringify([one.code, one.path, one.message]), one])).values(),
  ];
}

function portOnly(gateways: WrittenMesh["gateways"], path: readonly string[]): Finding[] {
  return (["ingress", "egress"] as const).flatMap((kind) =>
    gateways?.[kind]?.port === undefined
      ? []
      : [
          error(
            "mesh/field-not-here",
            [...path, kind, "port"],
            `"port" is for east-west gateways`,
            "use service.ports",
            "key",
          ),
        ],
  );
}

function checkOne(mesh: WrittenMesh, name: string, cluster: WrittenCluster): Finding[] {
  const { ingress, eastwest, egress } = buildGateways(mesh, name, cluster);
  const all = [...new Set([ingress, eastwest, egress].filter((one) => one !== undefined))];
  return [
    ...(eastwest === undefined ? [] : unreachable(mesh, name, eastwest)),
    ...(eastwest === undefined
      ? missing(mesh, name, cluster)
      : crossNetworkPort(eastwest, eastwest === ingress)),
    ...doubles(all.map((one) => `${one.namespace}/${one.name}`)).map(([index, label]) =>
      error(
        "mesh/duplicate-name",
        stepsOf(all[index]?.from ?? ""),
        `"${label}" is already the name of another gateway`,
        "only ingress and eastwest can share one",
      ),
    ),
    ...all.flatMap((gateway) => doublePorts(gateway)),
  ];
}

/** A remote is told one address at which it finds its control plane; only a load balancer has one. */
function unreachable(
  mesh: WrittenMesh,
  name: string,
  { service: { type }, from, name: gateway }: Gateway,
): Finding[] {
  const remote = remoteNeedingGateway(mesh, name);
  if (remote === undefined || type === "LoadBalancer") return [];
  const message = `"${remote}" reaches its control plane through "${gateway}" of "${name}", which has no address as ${type}`;
  return [error("mesh/gateway-needed", [...stepsOf(from), "service", "type"], message, "leave the type out")];
}

function missing(mesh: WrittenMesh, name: string, cluster: WrittenCluster): Finding[] {
  if (eastwestReason(mesh, name, cluster) === undefined) return [];
  const path =
    cluster.gateways?.eastwest === undefined
      ? ["gateways", "eastwest"]
      : ["clusters", name, "gateways", "eastwest"];
  const remote = remoteNeedingGateway(mesh, name);
  if (remote !== undefined) {
    return [
      error(
        "mesh/gateway-needed",
        path,
        `"${remote}" reaches its control plane through the east-west gateway of "${name}"`,
        "leave this out",
      ),
    ];
  }
  if (networksOf(mesh).size < 2) return [];
  const message = `without an east-west gateway no other network reaches the pods of "${name}"`;
  return [warning("mesh/network-without-gateway", path, message, "leave this out to have one")];
}

function crossNetworkPort(gateway: Gateway, isShared: boolean): Finding[] {
  const { port, service } = gateway;
  const path = [...stepsOf(gateway.from), "port"];
  const other = reserved.get(port) ?? (isShared && port === 80 ? "plain HTTP from outside" : undefined);
  if (other !== undefined)
    return [error("mesh/port-taken", path, `port ${port} of a gateway is for ${other}`, "use 443 or 15443")];
  if (service.ports === undefined || service.ports.some((one) => one.port === port)) return [];
  const list = [...stepsOf(gateway.from), "service", "ports"];
  const message = `the ports of "${gateway.name}" lack ${port}, which other networks use`;
  return [error("mesh/gateway-needed", list, message, `add { name: tls, port: ${port} }`, "key")];
}

function doublePorts({ service: { ports = [] }, from, name }: Gateway): Finding[] {
  const path = [...stepsOf(from), "service", "ports"];
  return [
    ...doubles(ports.map((one) => one.port)).map(([index, port]) =>
      error("mesh/port-taken", [...path, index, "port"], `port ${port} of "${name}" is already in this list`),
    ),
    ...doubles(ports.map((one) => one.name)).map(([index, port]) =>
      error(
        "mesh/duplicate-name",
        [...path, index, "name"],
        `a port of "${name}" is already called "${port}"`,
      ),
    ),
  ];
}
