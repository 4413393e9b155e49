import { parseProtocol } from "../../../kube/index.ts";
import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import { checkNamespacedHost, isDnsLabel, quoted } from "../parts/hosts.ts";
import { checkServerTls } from "../parts/server-tls.ts";
import { checkAddress, checkPort, checkUnixAddress, unixPrefix } from "../parts/values.ts";

const httpProtocols = new Set(["http", "http2", "http-proxy", "grpc", "grpc-web"]);
const passThrough = new Set(["PASSTHROUGH", "AUTO_PASSTHROUGH"]);

/** Checks a Gateway. */
export const checkGateway: KindCheck = ({ spec, name }) => {
  if (!isDnsLabel(name)) spec.error(`invalid gateway name: ${quoted(name)}`);
  const servers = spec.field("servers");
  if (servers.items.length === 0) servers.error("gateway must have at least one server");
  const portNames = new Set<string>();
  for (const server of servers.items) {
    checkServer(server);
    const port = server.field("port");
    if (!port.isSet) continue;
    const portName = port.field("name");
    if (portNames.has(portName.text))
      portName.error(`port names in servers must be unique: duplicate name ${portName.text}`);
    portNames.add(portName.text);
    const redirect = server.field("tls").field("httpsRedirect");
    if (redirect.isTrue && !httpProtocols.has(parseProtocol(port.field("protocol").text)))
      redirect.warn("tls.httpsRedirect should only be used with http servers");
  }
};

function checkServer(server: ConfigField): void {
  const hosts = server.field("hosts");
  if (hosts.items.length === 0) hosts.error("server config must contain at least one host");
  for (const host of hosts.items) checkNamespacedHost(host, "gateway");
  const port = server.field("port");
  const bind = server.field("bind");
  const isUnix = bind.text.startsWith(unixPrefix);
  if (port.isSet) checkServerPort(port, isUnix);
  else port.error("port is required");
  if (isUnix) {
    checkUnixAddress(bind, bind.text.slice(unixPrefix.length));
    if (port.field("number").number !== 0)
      port.field("number").error("port number must be 0 for unix domain socket");
  } else if (bind.text !== "") checkAddress(bind);
  const tls = server.field("tls");
  checkServerTls(tls);
  if (!port.isSet) return;
  const protocol = parseProtocol(port.field("protocol").text);
  const isTls = protocol === "https" || protocol === "tls";
  if (isTls && !tls.isSet) tls.error("server must have TLS settings for HTTPS/TLS protocols");
  if (isTls || !tls.isSet) return;
  if (!httpProtocols.has(protocol)) tls.error("server cannot have TLS settings for non HTTPS/TLS ports");
  else if (!mayStandOnHttp(tls)) tls.error("server cannot have TLS settings for plain text HTTP ports");
}

/** On a port of plain HTTP only the redirect to HTTPS means something. */
function mayStandOnHttp(tls: ConfigField): boolean {
  const mode = tls.field("mode").text || "PASSTHROUGH";
  const certificates = ["caCertificates", "privateKey", "serverCertificate"];
  return passThrough.has(mode) && certificates.every((name) => tls.field(name).text === "");
}

function checkServerPort(port: ConfigField, isUnix: boolean): void {
  const protocol = port.field("protocol");
  if (parseProtocol(protocol.text) === "")
    protocol.error(
      `invalid protocol ${quoted(protocol.text)}, supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP`,
    );
  const number = port.field("number");
  if (number.number > 0 || !isUnix) checkPort(number);
  if (port.field("name").text === "") port.field("name").error("port name must be set");
}
