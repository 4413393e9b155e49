import type { ConfigField } from "../config-field.ts";
import { quoted } from "./hosts.ts";

const token = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what a header's value may not have.
const controls = /[\u0000-\u0008\u000A-\u001F\u007F]/;
const pseudoHeaders = new Set([":method", ":scheme", ":authority", ":path", ":status"]);
/** "@request.auth.claims.group", "@request.auth.claims[group][name]": claims of a token, in the place of a header. */
const claim = /^@request\.auth\.claims(?:\.|\[)/;

/** Whether a header match asks for a token's claim. */
export function isClaim(name: string): boolean {
  return claim.test(name);
}

/** The name of a header that is matched. */
export function checkMatchedHeader(field: ConfigField, name: string): void {
  if (name === "") field.error("header name cannot be empty");
  else if (!isClaim(name) && !pseudoHeaders.has(name) && !token.test(name))
    field.error(`header name ${name} is not a valid header name`);
}

/** The name of a header in a list of CORS; "*" means all. */
export function checkCorsHeader(field: ConfigField): void {
  if (field.text === "") field.error("header name cannot be empty");
  else if (field.text !== "*" && !token.test(field.text))
    field.error(`header name ${field.text} is not a valid header name`);
}

/** `headers` of a route or a destination: what is added to, set in and removed from requests and responses. */
export function checkHeaderOperations(headers: ConfigField): void {
  for (const side of ["request", "response"] as const) {
    const operations = headers.field(side);
    for (const operation of ["add", "set"] as const) {
      for (const [name, value] of operations.field(operation).entries) {
        checkChangedHeader(value, name, side === "request");
        checkHeaderValue(value);
      }
    }
    for (const name of operations.field("remove").items) checkChangedHeader(name, name.text, false);
  }
}

/** A request's authority may be set, under either of its names; other parts of the request line may not. */
function checkChangedHeader(field: ConfigField, name: string, mayBeAuthority: boolean): void {
  if (name === "") field.error("header name cannot be empty");
  else if (mayBeAuthority && isAuthority(name)) return;
  else if (name.toLowerCase() === "host")
    field.error(`invalid header ${quoted(name)}: cannot set Host header`);
  else if (name.startsWith(":")) field.error(`invalid header ${quoted(name)}: header cannot have ":" prefix`);
}

/** Whether a header means the request's authority. */
export function isAuthority(name: string): boolean {
  return name.toLowerCase() === "host" || name.toLowerCase() === ":authority";
}

/** A value with Envoy's variables: "%REQ(x)%", and "%%" for a percent sign. */
function checkHeaderValue(field: ConfigField): void {
  if (controls.test(field.text)) field.error(`header value configuration ${quoted(field.text)} is invalid`);
  const rest = field.text.replace(/%%|%[^%(]+(?:\((?:\\.|[^)\\])*\)\s*)?%/g, "");
  if (rest.includes("%"))
    field.error(
      `header value configuration: ${quoted(field.text)} has a % that opens no variable; write %% for a percent sign`,
    );
}
