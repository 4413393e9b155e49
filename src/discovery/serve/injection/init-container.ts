import type { Container } from "../../../kube/index.ts";
import { agentLogLevel } from "./proxy-container.ts";
import { metadataEnvironment } from "./proxy-environment.ts";
import { proxyImage } from "./proxy-image.ts";
import { interceptionModeOf, proxyResources } from "./sidecar-settings.ts";
import { initContainerName, proxyContainerName, setting, type TemplateInput } from "./template.ts";

const traffic = "traffic.sidecar.istio.io/";

/** The init container that redirects the pod's connections to its sidecar, with arguments as istio-iptables has them. */
export function initContainer(input: TemplateInput): Container {
  const { values, pod } = input;
  const annotations = pod.metadata.annotations ?? {};
  const ofTraffic = (name: string, proxyValue = name) => setting(input, `${traffic}${name}`, proxyValue);
  const privileged = values.proxy["privileged"] === true;
  const optional = (flag: string, value: string | undefined) =>
    value === undefined || value === "" ? [] : [flag, value];
  const env = metadataEnvironment(input);
  return {
    name: initContainerName,
    image: proxyImage(input, "initImage"),
    ...(values.imagePullPolicy === "" ? {} : { imagePullPolicy: values.imagePullPolicy }),
    args: [
      "istio-iptables",
      ...["-p", String(values.listenPort)],
      ...["-z", String(values.inboundListenPort)],
      ...["-u", proxyUser(input)],
      ...["-m", interceptionModeOf(input)],
      ...["-i", ofTraffic("includeOutboundIPRanges", "includeIPRanges")],
      ...["-x", ofTraffic("excludeOutboundIPRanges", "excludeIPRanges")],
      ...["-b", ofTraffic("includeInboundPorts")],
      ...["-d", excludedInboundPorts(input)],
      ...optional("-q", ofTraffic("includeOutboundPorts")),
      ...optional("-o", ofTraffic("excludeOutboundPorts")),
      ...optional(
        "-k",
        annotations["istio.io/reroute-virtual-interfaces"] ?? annotations[`${traffic}kubevirtInterfaces`],
      ),
      ...optional("-c", annotations[`${traffic}excludeInterfaces`]),
      agentLogLevel(input),
      ...(values.logAsJson ? ["--log_as_json"] : []),
    ],
    ...(env.length === 0 ? {} : { env }),
    resources: proxyResources(input),
    securityContext: {
      allowPrivilegeEscalation: privileged,
      privileged,
      capabilities: { add: ["NET_ADMIN", "NET_RAW"], drop: ["ALL"] },
      readOnlyRootFilesystem: false,
      runAsGroup: 0,
      runAsNonRoot: false,
      runAsUser: 0,
    },
  };
}

/** The user whose connections are the proxy's own and are not redirected to it: the one that it runs as. */
function proxyUser(input: TemplateInput): string {
  const { containers, initContainers = [] } = input.pod.spec;
  const own = [...containers, ...initContainers].find(({ name }) => name === proxyContainerName);
  const user = own?.securityContext?.["runAsUser"];
  // Everything that runs as root would be let through.
  return typeof user === "number" && user > 0 && interceptionModeOf(input) !== "TPROXY"
    ? String(user)
    : "1337";
}

/** Ports that clients reach without the sidecar in between: its own, and those that the pod's author names. */
function excludedInboundPorts(input: TemplateInput): string {
  const statusPort = setting(input, "status.sidecar.istio.io/port", "statusPort");
  const excluded = setting(input, `${traffic}excludeInboundPorts`, "excludeInboundPorts")
    .split(",")
    .map((port) => port.trim())
    .filter((port) => port !== "");
  // Without a status server there is no port of it to exclude.
  const status = statusPort === "" || statusPort === "0" || excluded.includes(statusPort) ? [] : [statusPort];
  return ["15090", "15021", ...excluded, ...status].join(",");
}
