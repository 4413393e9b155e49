import type { JwtProvider } from "../../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { RequestHead } from "../../http/codec.ts";
import { cookieValue, dropHeader, header, joinedHeader } from "../../http/headers.ts";
import { queryValue, withoutQueryValue } from "../../http/path.ts";

/** Where a provider's tokens may stand in a request. */
export interface TokenPlace {
  /** Equal for places that are the same. */
  readonly key: string;
  find(head: RequestHead): string | undefined;
  /** Takes the token out, so that the app does not get it. */
  remove(head: RequestHead): void;
}

/** The places that a provider names; without any, those of RFC 6750: the Authorization header, and "access_token". */
export function tokenPlaces({ fromHeaders, fromParams, fromCookies }: JwtProvider): readonly TokenPlace[] {
  const isDefault = fromHeaders.length + fromParams.length + fromCookies.length === 0;
  return [
    ...fromHeaders.map(({ name, valuePrefix }) => headerPlace(name.toLowerCase(), valuePrefix)),
    ...(isDefault ? [headerPlace("authorization", "Bearer ")] : []),
    ...[...fromParams, ...(isDefault ? ["access_token"] : [])].map(parameterPlace),
    ...fromCookies.map(cookiePlace),
  ];
}

function headerPlace(name: string, prefix: string): TokenPlace {
  return {
    key: `header ${name} ${prefix}`,
    find({ headers }) {
      const value = joinedHeader(headers, name);
      const at = value?.indexOf(prefix) ?? -1;
      if (value === undefined || at < 0) return undefined;
      if (prefix === "") return value;
      // What follows the token is somebody else's.
      return /^[A-Za-z0-9_.-]*/.exec(value.slice(at + prefix.length))?.[0];
    },
    remove: ({ headers }) => dropHeader(headers, name),
  };
}

function parameterPlace(name: string): TokenPlace {
  return {
    key: `parameter ${name}`,
    find: ({ path }) => queryValue(path, name),
    remove(head) {
      head.path = withoutQueryValue(head.path, name);
    },
  };
}

function cookiePlace(name: string): TokenPlace {
  return {
    key: `cookie ${name}`,
    find: ({ headers }) => cookieValue(header(headers, "cookie") ?? "", name),
    remove() {},
  };
}
