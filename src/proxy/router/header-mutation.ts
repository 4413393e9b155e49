import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
} from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { compileFormat, type Format } from "../access-log/format.ts";
import { ConfigError } from "../config/config-error.ts";
import { dropHeader, type Headers, header, setHeader } from "../http/headers.ts";
import type { ExchangeFacts } from "./facts.ts";

/** Header changes of one level of route configuration. */
export interface HeaderMutation {
  apply(headers: Headers, facts: ExchangeFacts): void;
  /** What it sets for pseudo headers (":authority", ":path"), by name. */
  readonly touchesHost: boolean;
  readonly host: Format | undefined;
}

const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const lineEnds = /[\r\n\0]/;

/** Compiles …_headers_to_add and …_headers_to_remove; undefined when both are empty. Throws ConfigError. */
export function compileHeaderMutation(
  add: readonly HeaderValueOption[],
  remove: readonly string[],
  where: string,
): HeaderMutation | undefined {
  if (add.length === 0 && remove.length === 0) return undefined;
  let host: Format | undefined;
  const additions = add.flatMap((option) => {
    const name = (option.header?.key ?? "").toLowerCase();
    const raw = option.header?.rawValue ?? new Uint8Array();
    const text = raw.length > 0 ? Buffer.from(raw).toString("latin1") : latin1(option.header?.value ?? "");
    const value = compileFormat(text, where);
    if (name === ":authority" || name === "host") {
      host = value;
      return [];
    }
    if (!fieldName.test(name)) throw new ConfigError(`${where}: can't set header ${JSON.stringify(name)}`);
    if (lineEnds.test(text)) throw new ConfigError(`${where}: header ${name} holds a line end`);
    return [{ name, value, action: actionOf(option), keepEmpty: option.keepEmptyValue }];
  });
  const removals = remove.map((name) => name.toLowerCase());
  return {
    touchesHost: host !== undefined,
    host,
    apply(headers, facts) {
      for (const name of removals) dropHeader(headers, name);
      for (const { name, value, action, keepEmpty } of additions) {
        const text = value(facts);
        if (text === "" && !keepEmpty) continue;
        const exists = action !== AppendAction.APPEND_IF_EXISTS_OR_ADD && header(headers, name) !== undefined;
        if (action === AppendAction.ADD_IF_ABSENT && exists) continue;
        if (action === AppendAction.OVERWRITE_IF_EXISTS && !exists) continue;
        if (action === AppendAction.APPEND_IF_EXISTS_OR_ADD) headers.push(name, text);
        else setHeader(headers, name, text);
      }
    },
  };
}

function actionOf(option: HeaderValueOption): AppendAction {
  // The older boolean wins where it is written: true appends, false overwrites.
  if (option.append === false) return AppendAction.OVERWRITE_IF_EXISTS_OR_ADD;
  return option.appendAction;
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
