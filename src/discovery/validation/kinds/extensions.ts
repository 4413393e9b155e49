import type { ConfigField } from "../config-field.ts";
import type { KindCheck } from "../contracts.ts";
import { quoted } from "../parts/hosts.ts";
import { checkTargets } from "../parts/targets.ts";
import { checkPort } from "../parts/values.ts";

const schemes = new Set(["file:", "http:", "https:", "oci:"]);
const longestCode = 65_536;

/** Checks a WasmPlugin. */
export const checkWasmPlugin: KindCheck = ({ spec }) => {
  checkTargets(spec);
  checkWasm(spec);
  checkTraffic(spec);
};

/** Checks a TrafficExtension: either WebAssembly or Lua. */
export const checkTrafficExtension: KindCheck = ({ spec }) => {
  checkTargets(spec);
  const wasm = spec.field("wasm");
  const lua = spec.field("lua");
  if (wasm.isSet === lua.isSet) spec.error("exactly one of wasm or lua must be set");
  if (wasm.isSet) checkWasm(wasm);
  const code = lua.field("inlineCode");
  if (lua.isSet && code.text === "") code.error("lua.inlineCode cannot be empty");
  if (code.text.length > longestCode) code.error("lua.inlineCode exceeds maximum size of 64KB");
  checkTraffic(spec);
};

function checkWasm(plugin: ConfigField): void {
  const url = plugin.field("url");
  if (url.text === "") url.error("url field needs to be set");
  else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url.text)) {
    const scheme = URL.canParse(url.text) ? new URL(url.text).protocol : undefined;
    if (scheme === undefined) url.error(`failed to parse url: ${quoted(url.text)}`);
    else if (!schemes.has(scheme)) url.error(`url contains unsupported scheme: ${scheme.slice(0, -1)}`);
  }
  const sha = plugin.field("sha256");
  if (sha.text !== "" && !/^[a-f0-9]{64}$/.test(sha.text))
    sha.error("sha256 field must match [a-f0-9]{64} pattern");
  if (plugin.field("imagePullSecret").text.length > 253)
    plugin.field("imagePullSecret").error("imagePullSecret field must be less than 253 characters long");
  if (plugin.field("pluginName").text.length > 256)
    plugin.field("pluginName").error("pluginName field must be less than 256 characters long");
  const names = new Set<string>();
  for (const variable of plugin.field("vmConfig").field("env").items) {
    const name = variable.field("name");
    if (name.text === "") name.error("env.name may not be empty");
    if (name.text.length > 256) name.error("env.name field must be less than 256 characters long");
    if (names.has(name.text)) name.error("duplicate env");
    names.add(name.text);
    if (variable.field("valueFrom").text === "HOST" && variable.field("value").text !== "")
      variable.field("value").error("value may only be set when valueFrom is INLINE");
  }
}

function checkTraffic(spec: ConfigField): void {
  for (const selector of spec.field("match").items)
    for (const port of selector.field("ports").items) checkPort(port.field("number"));
}
