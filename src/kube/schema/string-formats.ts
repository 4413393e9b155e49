import { isIP, isIPv4, isIPv6 } from "node:net";

const dateTime = /^\d{4}-(0[1-9]|1[0-2])-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const date = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const duration =
  /^[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/;
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  "date-time": (text) => dateTime.test(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => date.test(text),
  duration: (text) => text === "0" || duration.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
  ip: (text) => isIP(text) !== 0,
  cidr: isCidr,
  mac: (text) => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text),
  uuid: (text) => uuid.test(text),
  uuid3: (text) => uuid.test(text),
  uuid4: (text) => uuid.test(text),
  uuid5: (text) => uuid.test(text),
  byte: (text) => base64.test(text) && text.length % 4 === 0,
  uri: isUri,
};

/** Whether the text breaks a string format that Kubernetes checks. A format it does not know takes any text. */
export function formatProblem(format: string, text: string): boolean {
  const check = checks[format];
  return check !== undefined && !check(text);
}

function isCidr(text: string): boolean {
  const [address = "", bits = ""] = text.split("/", 2);
  const version = isIP(address);
  return version !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

function isUri(text: string): boolean {
  return text.startsWith("/") || URL.canParse(text);
}
