import { type Service, servicePortProtocol } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { isSystemNamespace } from "../view/labels.ts";

/** On Services that istiod makes for Kubernetes Gateways. */
const managed = "gateway.istio.io/managed";

/** Ports whose protocol nobody says, by name or by appProtocol: it is detected from the first bytes. */
export const checkPortNames: Find = ({ clusters }) =>
  clusters.flatMap((cluster) =>
    cluster.services.filter(isUsers).flatMap((service) => checkOne(service, cluster)),
  );

function checkOne(service: Service, cluster: ClusterView): Finding[] {
  const { type, ports = [] } = service.spec;
  return ports.flatMap((port, i): Finding[] => {
    const isOutside = type === "ExternalName";
    const isKnown = servicePortProtocol(port) !== "" || port.protocol === "SCTP";
    if (isKnown && !(isOutside && port.name === "tcp")) return [];
    const { name, namespace } = service.metadata;
    const seen = `${port.port}, ${port.name === undefined ? "no name" : `name ${port.name}`}`;
    return [
      isOutside
        ? findingAbout(cluster, service, `spec.ports[${i}]`, {
            code: "service/external-name-port",
            severity: "warning",
            effect: `connections from ${cluster.name} to port ${port.port} of ${name}.${namespace} may be taken for others to the same port`,
            cause: `port ${port.port} of ${named(service)}, an ExternalName, counts as TCP: it has no address to tell its connections by`,
            seen,
            fix: "name the port for its protocol (http, https, tls …), so that its host tells its requests apart",
          })
        : findingAbout(cluster, service, `spec.ports[${i}].name`, {
            code: "service/port-name",
            severity: "info",
            effect: `the protocol of ${name}.${namespace}:${port.port} is detected from the first bytes in ${cluster.name}`,
            cause: `the name of port ${port.port} of ${named(service)} names no protocol, and it has no appProtocol`,
            seen,
            fix: "set appProtocol, or begin its name with the protocol: http, grpc, tcp … (http-web)",
          }),
    ];
  });
}

/** Not Kubernetes' own, and none of Istio's. */
function isUsers({ metadata }: Service): boolean {
  const { labels = {}, namespace = "default", name } = metadata;
  return (
    labels["istio"] === undefined &&
    labels["release"] !== "istio" &&
    labels[managed] === undefined &&
    !isSystemNamespace(namespace) &&
    !(namespace === "default" && name === "kubernetes")
  );
}
