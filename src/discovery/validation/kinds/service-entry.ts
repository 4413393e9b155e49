import { parseProtocol } from "../../../kube/index.ts";
import type { ConfigField } from "../config-field.ts";
import type { CheckedObject, KindCheck } from "../contracts.ts";
import { checkExportTo } from "../parts/export-to.ts";
import { nameProblem, partialWildcardProblem, wildcardNameProblem } from "../parts/hosts.ts";
import { checkSelector } from "../parts/labels.ts";
import { checkPort, checkPortName, checkProtocol, checkSubnet, unixPrefix } from "../parts/values.ts";
import { checkWorkload } from "./workload-entry.ts";

const serverTalks = new Set(["http", "http2", "http-proxy", "grpc", "grpc-web", "https", "tls"]);
const dynamicProtocols = new Set(["http", "tls", "grpc", "http2"]);
const tcpProtocols = new Set(["tcp", "https", "tls", "mongo", "redis", "mysql"]);

/** Checks a ServiceEntry. */
export const checkServiceEntry: KindCheck = (object) => {
  const { spec, namespace } = object;
  const selector = spec.field("workloadSelector");
  checkSelector(selector, "labels", ", will be applied to all services in namespace");
  if (selector.isSet && spec.field("endpoints").isSet)
    spec.error("only one of WorkloadSelector or Endpoints is allowed in Service Entry");
  const resolution = spec.field("resolution").text || "NONE";
  checkHosts(spec, resolution);
  const addresses = spec.field("addresses");
  for (const address of addresses.items) checkSubnet(address);
  if (
    addresses.items.some(({ text }) => text.includes("/")) &&
    resolution !== "NONE" &&
    resolution !== "STATIC"
  )
    addresses.error("CIDR addresses are allowed only for NONE/STATIC resolution types");
  checkPorts(object, resolution);
  checkResolution(object, resolution);
  checkExportTo(spec.field("exportTo"), namespace, { mayBeNone: true });
};

function checkHosts(spec: ConfigField, resolution: string): void {
  const hosts = spec.field("hosts");
  if (hosts.items.length === 0) hosts.error("service entry must have at least one host");
  for (const host of hosts.items) {
    const problem = host.text === "*" ? "invalid host *" : wildcardNameProblem(host.text);
    if (problem !== undefined) host.error(problem);
    const partial = partialWildcardProblem(host.text);
    if (partial !== undefined && resolution !== "DYNAMIC_DNS") host.warn(partial);
  }
}

function checkPorts({ spec, labels }: CheckedObject, resolution: string): void {
  const ports = spec.field("ports").items;
  const names = new Set<string>();
  const numbers = new Set<number>();
  const hasAddresses = spec.field("addresses").items.length > 0 || isAllocated(spec, labels, resolution);
  for (const port of ports) {
    const name = port.field("name");
    const number = port.field("number");
    const protocol = port.field("protocol");
    if (names.has(name.text)) name.error(`service entry port name "${name.text}" already defined`);
    if (numbers.has(number.number)) number.error(`service entry port ${number.number} already defined`);
    names.add(name.text);
    numbers.add(number.number);
    if (port.field("targetPort").number !== 0) checkPort(port.field("targetPort"));
    if (!hasAddresses && (protocol.text === "" || protocol.text === "TCP"))
      port.warn(
        "addresses are required for ports serving TCP (or unset) protocol when IP Autoallocation is not enabled",
      );
    checkPortName(name);
    checkProtocol(protocol);
    checkPort(number);
  }
  // Plain TCP says nothing of the host that is meant.
  const isPlain = ports.some((port) => !serverTalks.has(parseProtocol(port.field("protocol").text)));
  if (resolution !== "NONE" && spec.field("hosts").items.length > 1 && isPlain)
    spec.field("ports").error("multiple hosts provided with non-HTTP, non-TLS ports");
}

/** Whether istiod gives the entry addresses of its own. */
function isAllocated(spec: ConfigField, labels: CheckedObject["labels"], resolution: string): boolean {
  const hasName = spec.field("hosts").items.some(({ text }) => !text.includes("*"));
  return hasName && resolution !== "NONE" && labels["networking.istio.io/enable-autoallocate-ip"] !== "false";
}

function checkResolution({ spec, labels }: CheckedObject, resolution: string): void {
  const endpoints = spec.field("endpoints");
  const hosts = spec.field("hosts").items;
  const ports = spec.field("ports").items;
  const servicePorts = new Set(ports.map((port) => port.field("name").text));
  switch (resolution) {
    case "NONE":
      if (endpoints.items.length > 0)
        endpoints.error("no endpoints should be provided for resolution type none");
      if (spec.field("workloadSelector").isSet)
        spec
          .field("workloadSelector")
          .warn("workloadSelector should not be set when resolution mode is NONE");
      return;
    case "STATIC":
      for (const endpoint of endpoints.items) checkWorkload(endpoint, { servicePorts, isStatic: true });
      return;
    case "DNS":
    case "DNS_ROUND_ROBIN": {
      const unnamed = endpoints.items.length === 0 ? hosts.find((host) => nameProblem(host.text)) : undefined;
      unnamed?.error(
        `hosts must be FQDN or contain only prefix wildcards if no endpoints are provided for resolution mode ${resolution}, ${nameProblem(unnamed.text)}`,
      );
      if (resolution === "DNS_ROUND_ROBIN" && endpoints.items.length > 1)
        endpoints.error(`there must only be 0 or 1 endpoint for resolution mode ${resolution}`);
      for (const endpoint of endpoints.items) {
        const address = endpoint.field("address");
        if (address.text === "" || address.text.startsWith(unixPrefix))
          address.error(`endpoint address "${address.text}" is not a valid FQDN or an IP address`);
        else checkWorkload(endpoint, { servicePorts });
      }
      const isTcp = ports.some((port) => tcpProtocols.has(parseProtocol(port.field("protocol").text)));
      if (spec.field("addresses").items.length > 0 && isTcp && hosts.length > 1)
        spec
          .field("hosts")
          .warn(
            "service entry can not have more than one host specified simultaneously with address and tcp port",
          );
      return;
    }
    case "DYNAMIC_DNS":
      checkDynamic(spec, labels);
      return;
    default:
      spec.field("resolution").error(`unsupported resolution type ${resolution}`);
  }
}

function checkDynamic(spec: ConfigField, labels: CheckedObject["labels"]): void {
  const what = "for resolution type DYNAMIC_DNS";
  for (const host of spec.field("hosts").items)
    if (!host.text.startsWith("*")) host.error(`host must be wildcarded ${what}`);
  for (const name of ["addresses", "endpoints"] as const)
    if (spec.field(name).items.length > 0) spec.field(name).error(`${name} cannot be set ${what}`);
  for (const port of spec.field("ports").items) {
    const protocol = port.field("protocol");
    if (!dynamicProtocols.has(parseProtocol(protocol.text)))
      protocol.error(`only HTTP, TLS, GRPC, and HTTP2 protocols are supported ${what}`);
  }
  const waypoint = labels["istio.io/use-waypoint"] ?? "";
  const isInternal = spec.field("location").text === "MESH_INTERNAL";
  if (isInternal && waypoint !== "" && waypoint.toLowerCase() !== "none")
    spec.field("location").error(`MESH_INTERNAL is not supported ${what} when using waypoints`);
}
