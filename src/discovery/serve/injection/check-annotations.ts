import { isIP } from "node:net";
import { parseQuantity } from "../../../kube/index.ts";

/** Says what is wrong with a value; undefined when nothing is. */
type Check = (value: string) => string | undefined;

const unsigned: Check = (value) =>
  /^\d{1,10}$/.test(value) && Number(value) < 2 ** 32 ? undefined : "is no number from 0 to 4294967295";

const isPort = (text: string) => /^\d{1,5}$/.test(text.trim()) && Number(text) < 65536;

const port: Check = (value) => (isPort(value) ? undefined : "is no port");

const ports: Check = (value) => {
  const wrong = value.trim() === "" ? undefined : value.split(",").find((one) => !isPort(one));
  return wrong === undefined ? undefined : `"${wrong}" is no port`;
};

const ranges: Check = (value) => {
  const wrong = value === "" ? undefined : value.split(",").find((one) => !isRange(one));
  return wrong === undefined ? undefined : `"${wrong}" is no range such as 10.0.0.0/8`;
};

const orAll =
  (check: Check): Check =>
  (value) =>
    value === "*" ? undefined : check(value);

const interfaces: Check = (value) => {
  const wrong = value.split(",").find((one) => !/^[A-Za-z0-9_.+-]{1,15}$/.test(one.trim()));
  return wrong === undefined || value === "" ? undefined : `"${wrong}" is no name of an interface`;
};

const quantity: Check = (value) =>
  parseQuantity(value) === undefined ? "is no quantity such as 100m or 128Mi" : undefined;

const mode: Check = (value) =>
  ["REDIRECT", "TPROXY", "NONE"].includes(value) ? undefined : "is none of REDIRECT, TPROXY, NONE";

const boolean: Check = (value) => (booleanOf(value) === undefined ? "is neither true nor false" : undefined);

const checks: Readonly<Record<string, Check>> = {
  "sidecar.istio.io/interceptionMode": mode,
  "status.sidecar.istio.io/port": port,
  "readiness.status.sidecar.istio.io/initialDelaySeconds": unsigned,
  "readiness.status.sidecar.istio.io/periodSeconds": unsigned,
  "readiness.status.sidecar.istio.io/failureThreshold": unsigned,
  "traffic.sidecar.istio.io/includeOutboundIPRanges": orAll(ranges),
  "traffic.sidecar.istio.io/excludeOutboundIPRanges": ranges,
  "traffic.sidecar.istio.io/includeInboundPorts": orAll(ports),
  "traffic.sidecar.istio.io/excludeInboundPorts": ports,
  "traffic.sidecar.istio.io/excludeOutboundPorts": ports,
  "traffic.sidecar.istio.io/excludeInterfaces": interfaces,
  "traffic.sidecar.istio.io/kubevirtInterfaces": interfaces,
  "istio.io/reroute-virtual-interfaces": interfaces,
  "prometheus.istio.io/merge-metrics": boolean,
  "sidecar.istio.io/proxyCPU": quantity,
  "sidecar.istio.io/proxyMemory": quantity,
  "sidecar.istio.io/proxyCPULimit": quantity,
  "sidecar.istio.io/proxyMemoryLimit": quantity,
};

/** Throws RangeError, with all that is wrong, when a pod's annotations for injection have values that mean nothing. */
export function checkAnnotations(annotations: Readonly<Record<string, string>>): void {
  const problems = Object.entries(annotations).flatMap(([name, value]) => {
    const problem = Object.hasOwn(checks, name) ? checks[name]?.(value) : undefined;
    return problem === undefined ? [] : [`annotation ${name} has the value "${value}": it ${problem}`];
  });
  if (problems.length > 0) throw new RangeError(problems.join("; "));
}

/** The words for true and false that Istio takes; undefined for others. */
export function booleanOf(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : undefined;
}

function isRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || bits === undefined || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}
