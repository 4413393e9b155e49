import { isIP } from "node:net";
import { parseGoDuration } from "../../../base/index.ts";
import { parseProtocol } from "../../../kube/index.ts";
import type { ConfigField } from "../config-field.ts";
import { isDnsLabel, quoted } from "./hosts.ts";

/** A port number; a field that is not set counts as 0, which is none. */
export function checkPort(field: ConfigField): void {
  const problem = portProblem(field.number);
  if (problem !== undefined) field.error(problem);
}

/** What keeps a number from being a port's. */
export function portProblem(port: number): string | undefined {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
    ? undefined
    : `port number ${port} must be in the range 1..65535`;
}

/** The name of a port, where there has to be one. */
export function checkPortName(field: ConfigField, name = field.text): void {
  if (!isDnsLabel(name)) field.error(`invalid port name: ${name}`);
}

/** A protocol that Istio knows, or none, which is then detected. */
export function checkProtocol(field: ConfigField): void {
  if (field.text !== "" && parseProtocol(field.text) === "")
    field.error(`unsupported protocol: ${field.text}`);
}

/** A duration of at least a millisecond, in whole ones, if it is set. */
export function checkDuration(field: ConfigField): void {
  if (!field.isSet) return;
  const ms = parseGoDuration(field.text);
  if (ms === undefined) field.error(`invalid duration ${quoted(field.text)}`);
  else if (ms < 1) field.error("duration must be greater than 1ms");
  else if (!Number.isInteger(ms)) field.error("only durations to ms precision are supported");
}

/** An address or a range of addresses ("10.0.0.0/8"). */
export function checkSubnet(field: ConfigField): void {
  const { text } = field;
  if (text.split("/").length !== 2) checkAddress(field);
  else if (!isSubnet(text)) field.error(`${text} is not a valid CIDR block`);
}

export function checkAddress(field: ConfigField): void {
  if (isIP(field.text) === 0) field.error(`${field.text} is not a valid IP`);
}

/** Whether `text` is a range of addresses in CIDR notation. */
export function isSubnet(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  const family = isIP(address);
  return (
    rest.length === 0 &&
    family !== 0 &&
    /^(?:0|[1-9]\d{0,2})$/.test(bits) &&
    Number(bits) <= (family === 4 ? 32 : 128)
  );
}

/** The path behind "unix://". */
export function checkUnixAddress(field: ConfigField, path: string): void {
  if (path === "") field.error("unix address must not be empty");
  else if (!path.startsWith("@") && (!path.startsWith("/") || path.endsWith("/")))
    field.error(`${path} is not an absolute path to a file`);
}

export const unixPrefix = "unix://";

export function checkNotNegative(field: ConfigField): void {
  if (field.number < 0) field.error(`${field.number} must be non-negative`);
}

/** A whole percentage. */
export function checkPercent(field: ConfigField): void {
  if (field.number < 0 || field.number > 100)
    field.error(`percentage ${field.number} is not in range 0..100`);
}

/** A fraction of requests, in Istio's type Percent. */
export function checkFraction(field: ConfigField): void {
  const value = field.field("value");
  if (value.number < 0 || value.number > 100 || (value.number > 0 && value.number < 0.0001))
    value.error(`percentage ${value.number} is neither 0.0, nor in range [0.0001, 100.0]`);
}
