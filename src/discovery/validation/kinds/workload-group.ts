import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import { checkLabels } from "../parts/labels.ts";
import { checkNotNegative, checkPort } from "../parts/values.ts";

const probeCounts = [
  "periodSeconds",
  "initialDelaySeconds",
  "timeoutSeconds",
  "successThreshold",
  "failureThreshold",
];

/** Checks a WorkloadGroup. What its template leaves open, such as an address, comes with each workload. */
export const checkWorkloadGroup: KindCheck = ({ spec }) => {
  if (!spec.field("template").isSet) spec.field("template").error("template is required");
  checkLabels(spec.field("metadata").field("labels"));
  const probe = spec.field("probe");
  if (probe.isSet) checkProbe(probe);
};

function checkProbe(probe: ConfigField): void {
  for (const name of probeCounts) checkNotNegative(probe.field(name));
  const http = probe.field("httpGet");
  if (http.isSet) {
    checkPort(http.field("port"));
    const scheme = http.field("scheme");
    if (scheme.text !== "" && scheme.text !== "HTTP" && scheme.text !== "HTTPS")
      scheme.error('httpGet.scheme must be one of "HTTPS", "HTTP"');
    for (const header of http.field("httpHeaders").items) {
      const name = header.field("name");
      if (!/^[-A-Za-z0-9]+$/.test(name.text))
        name.error(`header name ${name.text} is not a valid header name`);
    }
  } else if (probe.field("tcpSocket").isSet) checkPort(probe.field("tcpSocket").field("port"));
  else if (probe.field("exec").isSet) {
    const command = probe.field("exec").field("command");
    if (command.items.length === 0) command.error("exec.command is required");
  } else if (probe.field("grpc").isSet) checkPort(probe.field("grpc").field("port"));
  else probe.error("unknown health check method: set httpGet, tcpSocket, exec or grpc");
}
