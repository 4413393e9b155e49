import { isIP } from "node:net";
import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import { nameProblem, quoted } from "../parts/hosts.ts";
import { checkLabels } from "../parts/labels.ts";
import { checkPort, checkPortName, checkUnixAddress, unixPrefix } from "../parts/values.ts";

/** Checks a WorkloadEntry. */
export const checkWorkloadEntry: KindCheck = ({ spec }) => checkWorkload(spec, {});

/**
 * A WorkloadEntry, or an endpoint of a ServiceEntry, which has no ports but the service's (`servicePorts`) and, when it is
 * static, an address and no name.
 */
export function checkWorkload(
  workload: ConfigField,
  options: { readonly servicePorts?: ReadonlySet<string>; readonly isStatic?: boolean },
): void {
  const { servicePorts, isStatic = false } = options;
  const address = workload.field("address");
  const ports = workload.field("ports");
  const network = workload.field("network").text;
  if (address.text === "") {
    if (network === "") {
      address.error("address is required");
      return;
    }
    address.warn(`address is unset with network ${quoted(network)}`);
  } else if (address.text.startsWith(unixPrefix)) {
    checkUnixAddress(address, address.text.slice(unixPrefix.length));
    if (ports.entries.length > 0) ports.error(`unix endpoint ${address.text} must not include ports`);
    if (servicePorts !== undefined && servicePorts.size !== 1)
      address.error("exactly 1 service port required for unix endpoints");
  } else if (isIP(address.text) === 0) {
    if (isStatic) address.error(`endpoint address ${quoted(address.text)} is not a valid IP address`);
    else if (nameProblem(address.text) !== undefined)
      address.error(`endpoint address ${quoted(address.text)} is not a valid FQDN or an IP address`);
  }
  for (const [name, port] of ports.entries) {
    if (servicePorts !== undefined && !servicePorts.has(name))
      port.error(`endpoint port ${port.number} is not defined by the service entry`);
    checkPortName(port, name);
    checkPort(port);
  }
  checkLabels(workload.field("labels"));
}
