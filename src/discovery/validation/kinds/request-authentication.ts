import { isJsonObject } from "../../../kube/index.ts";
import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import { quoted } from "../parts/hosts.ts";
import { checkTargets } from "../parts/targets.ts";
import { checkDuration } from "../parts/values.ts";

/** Checks a RequestAuthentication. */
export const checkRequestAuthentication: KindCheck = ({ spec }) => {
  checkTargets(spec);
  for (const rule of spec.field("jwtRules").items) checkRule(rule);
};

function checkRule(rule: ConfigField): void {
  const uri = rule.field("jwksUri").isSet ? rule.field("jwksUri") : rule.field("jwks_uri");
  if (rule.field("issuer").text === "" && uri.text === "")
    rule.error("issuer or jwksUri must be non-empty string");
  if (uri.text !== "") checkUri(uri);
  if (rule.field("jwks").text !== "") checkKeys(rule.field("jwks"));
  const lists = {
    audiences: "audience must be non-empty string",
    fromParams: "location query must be non-empty string",
    fromCookies: "cookie name must be non-empty string",
  };
  for (const [name, message] of Object.entries(lists))
    for (const item of rule.field(name).items) if (item.text === "") item.error(message);
  for (const header of rule.field("fromHeaders").items)
    if (header.field("name").text === "")
      header.field("name").error("location header name must be non-empty string");
  for (const output of rule.field("outputClaimToHeaders").items) {
    const header = output.field("header");
    if (output.field("claim").text === "" || header.text === "")
      output.error("outputClaimToHeaders header and claim value must be non-empty string");
    else if (!/^[-_A-Za-z0-9]+$/.test(header.text))
      header.error(`header name ${header.text} is not a valid header name`);
  }
  checkDuration(rule.field("timeout"));
}

function checkUri(uri: ConfigField): void {
  const parsed = URL.canParse(uri.text) ? new URL(uri.text) : undefined;
  if (parsed === undefined) uri.error(`${quoted(uri.text)} is no URI`);
  else if (parsed.protocol !== "http:" && parsed.protocol !== "https:")
    uri.error(`URI scheme ${quoted(parsed.protocol.slice(0, -1))} is not supported`);
}

/** A JSON Web Key Set (RFC 7517), or a single key. Private parts do not belong in it. */
function checkKeys(jwks: ConfigField): void {
  let parsed: unknown;
  try {
    parsed = JSON.parse(jwks.text);
  } catch (reason) {
    jwks.error(`jwks parse error: ${reason instanceof Error ? reason.message : String(reason)}`);
    return;
  }
  const keys = isJsonObject(parsed) ? (parsed["keys"] ?? [parsed]) : undefined;
  if (!Array.isArray(keys) || !keys.every((key) => isJsonObject(key) && typeof key["kty"] === "string")) {
    jwks.error('jwks parse error: there is no key with a "kty" in it');
    return;
  }
  for (const [i, key] of keys.entries())
    if ("d" in key || "k" in key)
      jwks.warn(
        `jwks key at index ${i} contains private key material; only public keys are used for verification`,
      );
}
