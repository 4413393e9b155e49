import { parseProtocol } from "../../../kube/index.ts";
import type { ConfigField } from "../config-field.ts";
import type { CheckedObject, KindCheck } from "../contracts.ts";
import { checkConnectionPool } from "../parts/connection-pool.ts";
import { checkDestination } from "../parts/destinations.ts";
import { checkNamespacedHost, nameProblem } from "../parts/hosts.ts";
import { checkSelector } from "../parts/labels.ts";
import { checkServerTls } from "../parts/server-tls.ts";
import {
  checkAddress,
  checkPort,
  checkPortName,
  checkProtocol,
  checkUnixAddress,
  portProblem,
  unixPrefix,
} from "../parts/values.ts";

const parts = ["egress", "ingress", "outboundTrafficPolicy", "inboundConnectionPool"] as const;
const httpProtocols = new Set(["http", "http2", "http-proxy", "grpc", "grpc-web"]);

/** Checks a Sidecar. */
export const checkSidecar: KindCheck = (object) => {
  const { spec } = object;
  checkSelector(spec.field("workloadSelector"), "labels", ", will be applied to all services in namespace");
  const isEmpty = parts.every((name) => {
    const part = spec.field(name);
    return !part.isSet || (Array.isArray(part.value) && part.items.length === 0);
  });
  if (isEmpty) spec.error("sidecar: empty configuration provided");
  checkIngress(spec.field("ingress").items);
  checkConnectionPool(spec.field("inboundConnectionPool"));
  checkEgress(object, spec.field("egress").items);
  checkOutbound(spec.field("outboundTrafficPolicy"));
};

function checkIngress(listeners: readonly ConfigField[]): void {
  const numbers = new Set<number>();
  for (const listener of listeners) {
    const port = listener.field("port");
    if (!port.isSet) {
      port.error("sidecar: port is required for ingress listeners");
      continue;
    }
    checkSidecarPort(port);
    const number = port.field("number");
    checkPort(number);
    if (numbers.has(number.number)) number.error("sidecar: ports on IP bound listeners must be unique");
    numbers.add(number.number);
    if (listener.field("bind").text !== "") checkAddress(listener.field("bind"));
    checkDefaultEndpoint(listener.field("defaultEndpoint"));
    checkIngressTls(listener.field("tls"), port);
    const pool = listener.field("connectionPool");
    checkConnectionPool(pool);
    const protocol = port.field("protocol").text;
    if (pool.field("http").isSet && !httpProtocols.has(parseProtocol(protocol)))
      pool.warn(
        `sidecar: HTTP connection pool settings are configured for port ${number.number} but its protocol is not HTTP (${protocol}); only TCP settings will apply`,
      );
  }
}

function checkSidecarPort(port: ConfigField): void {
  if (port.field("name").text !== "") checkPortName(port.field("name"));
  checkProtocol(port.field("protocol"));
}

const ownHosts = new Set(["", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"]);

/** Where an ingress listener passes requests on to: the pod itself. */
function checkDefaultEndpoint(endpoint: ConfigField): void {
  const { text } = endpoint;
  if (text === "") return;
  if (text.startsWith(unixPrefix)) {
    checkUnixAddress(endpoint, text.slice(unixPrefix.length));
    return;
  }
  const colon = text.lastIndexOf(":");
  if (colon < 0 || !ownHosts.has(text.slice(0, colon)))
    endpoint.error(
      "sidecar: defaultEndpoint must be of form 127.0.0.1:<port>,0.0.0.0:<port>,[::1]:port,[::]:port,unix://filepath or unset",
    );
  const port = text.slice(colon + 1);
  const problem = /^\d+$/.test(port) ? portProblem(Number(port)) : `port (${port}) is not a number`;
  if (problem !== undefined) endpoint.error(`sidecar: defaultEndpoint ${problem}`);
}

function checkIngressTls(tls: ConfigField, port: ConfigField): void {
  if (!tls.isSet) return;
  for (const name of ["subjectAltNames", "credentialNames", "tlsCertificates"] as const)
    if (tls.field(name).items.length > 0)
      tls.field(name).error(`sidecar: ${name} is not supported in ingress tls`);
  if (tls.field("httpsRedirect").isTrue)
    tls.field("httpsRedirect").error("sidecar: httpsRedirect is not supported");
  if (tls.field("credentialName").text !== "")
    tls.field("credentialName").error("sidecar: credentialName is not currently supported");
  const mode = tls.field("mode");
  if (mode.text === "ISTIO_MUTUAL" || mode.text === "AUTO_PASSTHROUGH")
    mode.error(`cannot set mode to ${mode.text} in sidecar ingress tls`);
  const protocol = parseProtocol(port.field("protocol").text);
  if (protocol !== "https" && protocol !== "tls")
    tls.error("server cannot have TLS settings for non HTTPS/TLS ports");
  checkServerTls(tls);
}

function checkEgress({ namespace }: CheckedObject, listeners: readonly ConfigField[]): void {
  const taken = new Set<string>();
  for (const [i, listener] of listeners.entries()) {
    const port = listener.field("port");
    if (port.isSet) checkEgressPort(listener, taken);
    else if (i < listeners.length - 1)
      listener.error("sidecar: the egress listener with empty port should be the last listener in the list");
    const hosts = listener.field("hosts");
    if (hosts.items.length === 0) hosts.error("sidecar: egress listener must contain at least one host");
    for (const host of hosts.items) checkNamespacedHost(host, "sidecar");
    warnOfDuplicates(hosts, namespace);
  }
}

function checkEgressPort(listener: ConfigField, taken: Set<string>): void {
  const port = listener.field("port");
  const bind = listener.field("bind");
  const number = port.field("number");
  checkSidecarPort(port);
  const isUnix = number.number === 0;
  const key = isUnix ? bind.text : String(number.number);
  if (taken.has(key))
    number.error(
      isUnix
        ? "sidecar: unix domain socket values for listeners must be unique"
        : "sidecar: ports on IP bound listeners must be unique",
    );
  taken.add(key);
  if (!isUnix) {
    checkPort(number);
    if (bind.text !== "") checkAddress(bind);
    return;
  }
  if (bind.text.startsWith(unixPrefix)) checkUnixAddress(bind, bind.text.slice(unixPrefix.length));
  else bind.error("sidecar: ports with 0 value must have a unix domain socket bind address");
  if (listener.field("captureMode").text === "IPTABLES")
    listener
      .field("captureMode")
      .error("sidecar: captureMode must be DEFAULT/NONE for unix domain socket listeners");
}

/** Hosts that an earlier one already brings in. */
function warnOfDuplicates(hosts: ConfigField, ownNamespace: string): void {
  const known = new Map<string, Set<string>>();
  for (const host of hosts.items) {
    const slash = host.text.indexOf("/");
    if (slash < 0 || host.text.startsWith("~")) continue;
    const written = host.text.slice(0, slash);
    const namespace = written === "." ? ownNamespace : written;
    const service = host.text.slice(slash + 1);
    const services = known.get(namespace) ?? new Set();
    const isKnown = service === "*" ? services.size > 0 : services.has(service) || services.has("*");
    if (isKnown) host.warn(`duplicated egress host: ${host.text}`);
    known.set(namespace, services.add(service));
  }
  if (known.get("*")?.has("*") === true && known.size > 1)
    hosts.warn("`*/*` host select all resources, no other hosts can be added");
}

function checkOutbound(policy: ConfigField): void {
  const proxy = policy.field("egressProxy");
  if (!proxy.isSet) return;
  if (policy.field("mode").text !== "ALLOW_ANY") {
    proxy.error("sidecar: egress_proxy must be set only with ALLOW_ANY outbound_traffic_policy mode");
    return;
  }
  const problem = nameProblem(proxy.field("host").text);
  if (problem !== undefined) proxy.field("host").error(problem);
  if (!proxy.field("port").isSet) proxy.field("port").error("sidecar: egress_proxy port must be non-nil");
  else checkDestination(proxy);
}
