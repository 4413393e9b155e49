import { isIP } from "node:net";
import type { ConfigField } from "../config-field.ts";
import { checkConnectionPool } from "../parts/connection-pool.ts";
import { nameProblem } from "../parts/hosts.ts";
import { checkDuration, checkPercent, portProblem } from "../parts/values.ts";
import { checkLoadBalancer } from "./load-balancer.ts";

const everyPolicy = ["outlierDetection", "connectionPool", "loadBalancer", "tls"] as const;
const wholePolicy = [...everyPolicy, "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget"] as const;

/** `trafficPolicy` of a DestinationRule of `namespace` or of one of its subsets. */
export function checkTrafficPolicy(policy: ConfigField, namespace: string): void {
  if (!policy.isSet) return;
  if (wholePolicy.every((name) => !policy.field(name).isSet))
    policy.error("traffic policy must have at least one field");
  if (policy.field("tunnel").isSet && policy.field("proxyProtocol").isSet)
    policy.error("tunnel and proxyProtocol must not be set together");
  checkParts(policy, namespace);
  for (const forPort of policy.field("portLevelSettings").items) {
    if (!forPort.field("port").isSet) forPort.field("port").error("portTrafficPolicy must have valid port");
    if (everyPolicy.every((name) => !forPort.field(name).isSet))
      forPort.error("port traffic policy must have at least one field");
    checkParts(forPort, namespace);
  }
  checkTunnel(policy.field("tunnel"));
}

function checkParts(policy: ConfigField, namespace: string): void {
  const outlier = policy.field("outlierDetection");
  checkOutlierDetection(outlier);
  checkConnectionPool(policy.field("connectionPool"));
  checkLoadBalancer(policy.field("loadBalancer"), outlier.isSet);
  checkClientTls(policy.field("tls"), namespace);
}

function checkOutlierDetection(outlier: ConfigField): void {
  if (!outlier.isSet) return;
  for (const name of ["baseEjectionTime", "interval"] as const) checkDuration(outlier.field(name));
  for (const name of ["maxEjectionPercent", "minHealthPercent"] as const) checkPercent(outlier.field(name));
  if (outlier.field("consecutiveErrors").number !== 0)
    outlier
      .field("consecutiveErrors")
      .warn(
        "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or consecutive5xxErrors instead",
      );
  const local = outlier.field("consecutiveLocalOriginFailures");
  if (local.number > 0 && !outlier.field("splitExternalLocalOriginErrors").isTrue)
    local.error(
      "outlier detection consecutive local origin failures is specified, but split external local origin errors is set to false",
    );
}

function checkTunnel(tunnel: ConfigField): void {
  if (!tunnel.isSet) return;
  const protocol = tunnel.field("protocol");
  if (protocol.text !== "" && protocol.text !== "CONNECT" && protocol.text !== "POST")
    protocol.error('tunnel protocol must be "CONNECT" or "POST"');
  const host = tunnel.field("targetHost");
  const problem = isIP(host.text) === 0 ? nameProblem(host.text) : undefined;
  if (problem !== undefined) host.error(`tunnel target host must be valid FQDN or IP address: ${problem}`);
  const port = tunnel.field("targetPort");
  const wrong = portProblem(port.number);
  if (wrong !== undefined) port.error(`tunnel target port is invalid: ${wrong}`);
}

const configMapPrefix = "configmap://";

/** `tls`: how a client of the host does TLS. Certificates come from files or from one Secret, never from both. */
function checkClientTls(tls: ConfigField, namespace: string): void {
  if (!tls.isSet) return;
  const has = (name: string) => tls.field(name).text !== "";
  const mode = tls.field("mode").text;
  const credential = tls.field("credentialName");
  if (credential.text.startsWith(configMapPrefix)) {
    const parts = credential.text.slice(configMapPrefix.length).split("/");
    if (parts.length > 1 && parts[0] !== namespace)
      credential.error(
        `invalid configmap:// credentialName: namespace must match the configuration namespace "${namespace}"`,
      );
  }
  const hasNames = tls.field("subjectAltNames").items.length > 0;
  if (tls.field("insecureSkipVerify").isTrue) {
    if (mode === "SIMPLE" && (has("caCertificates") || has("credentialName") || hasNames))
      tls.error(
        "cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify is set true",
      );
    if (mode === "MUTUAL" && (has("caCertificates") || hasNames))
      tls.error("cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true");
  }
  const isOwn = mode === "SIMPLE" || mode === "MUTUAL";
  if (isOwn && has("credentialName")) {
    if (["clientCertificate", "caCertificates", "privateKey", "caCrl"].some(has))
      tls.error("cannot specify client certificates or CA certificate or CA CRL If credentialName is set");
    return;
  }
  if (mode !== "MUTUAL") return;
  if (!has("clientCertificate"))
    tls.field("clientCertificate").error("client certificate required for mutual tls");
  if (!has("privateKey")) tls.field("privateKey").error("private key required for mutual tls");
}
