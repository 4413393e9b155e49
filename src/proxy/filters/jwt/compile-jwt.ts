import type {
  JwtAuthentication,
  JwtProvider,
  JwtRequirement,
} from "../../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { ConfigError } from "../../config/config-error.ts";
import { milliseconds } from "../../config/wire.ts";
import type { RequestHead } from "../../http/codec.ts";
import type { RequestTest } from "../../router/header-match.ts";
import { compileRouteMatch } from "../../router/route-match.ts";
import { isPreflight } from "../cors.ts";
import { readKeySet } from "./jwks.ts";
import { failures, type JwtFailure } from "./token.ts";
import { tokenPlaces } from "./token-places.ts";
import { type Metadata, type Provider, sanitize, verifyRequest } from "./verify-request.ts";

/** Compiled rules about tokens. */
export interface JwtRules {
  /**
   * Verifies a request's token as the first rule that fits it asks, or as the requirement `named` does. Undefined: it
   * may go on; what tokens said is in `head` then. Changes `head` in place.
   */
  verify(head: RequestHead, named: string | undefined, now: number): JwtFailure | undefined;
  /** A good token may lead to another route. */
  readonly reroutes: boolean;
  /** The answer does not say what was wrong with the token. */
  readonly isSilent: boolean;
}

export const jwtFilterName = "envoy.filters.http.jwt_authn";

type Requirement = (head: RequestHead, now: number, metadata: Metadata) => JwtFailure | undefined;

/** Compiles envoy.filters.http.jwt_authn. Throws ConfigError on what it can't do: keys that have to be fetched. */
export function compileJwt(message: JwtAuthentication, where: string): JwtRules {
  if (message.filterStateRules !== undefined) {
    throw new ConfigError(`${where}: rules by filter state are not supported`);
  }
  const providers = new Map(
    Object.entries(message.providers).map(([name, provider]) => [
      name,
      compileProvider(name, provider, `${where}, provider ${name}`),
    ]),
  );
  const all = [...providers.values()];
  const compile = (requirement: JwtRequirement | undefined) =>
    compileRequirement(requirement, providers, where);
  const named = new Map(
    Object.entries(message.requirementMap).map(([name, requirement]) => [name, compile(requirement)]),
  );
  const byName = (name: string) => {
    const found = named.get(name);
    if (found === undefined) throw new ConfigError(`${where}: no requirement is called ${name}`);
    return found;
  };
  const rules = message.rules.map(
    ({ match, requirementType }): { readonly fits: RequestTest; readonly requires: Requirement } => ({
      fits: compileRouteMatch(match, where),
      requires:
        requirementType.case === "requirementName"
          ? byName(requirementType.value)
          : requirementType.case === "requires"
            ? compile(requirementType.value)
            : nothing,
    }),
  );
  return {
    reroutes: Object.values(message.providers).some(({ clearRouteCache }) => clearRouteCache),
    isSilent: message.stripFailureResponse,
    verify(head, name, now) {
      if (message.bypassCorsPreflight && isPreflight(head)) return undefined;
      sanitize(head, all);
      const requires = name === undefined ? rules.find(({ fits }) => fits(head))?.requires : named.get(name);
      const metadata: Metadata = {};
      const failure = requires?.(head, now, metadata);
      if (Object.keys(metadata).length > 0) head.metadata = { ...head.metadata, [jwtFilterName]: metadata };
      return failure;
    },
  };
}

const nothing: Requirement = () => undefined;

function compileRequirement(
  message: JwtRequirement | undefined,
  providers: ReadonlyMap<string, Provider>,
  where: string,
): Requirement {
  const provider = (name: string): Provider => {
    const found = providers.get(name);
    if (found === undefined) throw new ConfigError(`${where}: no provider is called ${name}`);
    return found;
  };
  const all = [...providers.values()];
  const type = message?.requiresType;
  switch (type?.case) {
    case "providerName": {
      const wanted = [provider(type.value)];
      return (head, now, metadata) => verifyRequest(head, wanted, undefined, now, metadata);
    }
    case "providerAndAudiences": {
      const wanted = [provider(type.value.providerName)];
      const { audiences } = type.value;
      return (head, now, metadata) => verifyRequest(head, wanted, audiences, now, metadata);
    }
    case "requiresAny": {
      const inner = type.value.requirements.map((one) => compileRequirement(one, providers, where));
      return (head, now, metadata) => anyOf(inner, head, now, metadata);
    }
    case "requiresAll": {
      const inner = type.value.requirements.map((one) => compileRequirement(one, providers, where));
      return (head, now, metadata) => {
        for (const requires of inner) {
          const failure = requires(head, now, metadata);
          if (failure !== undefined) return failure;
        }
        return undefined;
      };
    }
    case "allowMissing":
      return (head, now, metadata) => {
        const failure = verifyRequest(head, all, undefined, now, metadata);
        return failure === failures.missing ? undefined : failure;
      };
    case "allowMissingOrFailed":
      return (head, now, metadata) => {
        verifyRequest(head, all, undefined, now, metadata);
        return undefined;
      };
    case undefined:
      return nothing;
    default:
      throw new ConfigError(`${where}: unsupported requirement`);
  }
}

/** The first that holds is enough. Of failures the one counts that says most about a token that is there. */
function anyOf(
  inner: readonly Requirement[],
  head: RequestHead,
  now: number,
  metadata: Metadata,
): JwtFailure | undefined {
  let told: JwtFailure = failures.missing;
  for (const requires of inner) {
    const failure = requires(head, now, metadata);
    if (failure === undefined) return undefined;
    if (failure !== failures.missing && (failure !== failures.issuer || told === failures.missing))
      told = failure;
  }
  return told;
}

function compileProvider(name: string, message: JwtProvider, where: string): Provider {
  if (message.jwksSourceSpecifier.case !== "localJwks") {
    throw new ConfigError(`${where}: keys must be part of the configuration, they are not fetched`);
  }
  const { specifier } = message.jwksSourceSpecifier.value;
  if (specifier.case !== "inlineString" && specifier.case !== "inlineBytes") {
    throw new ConfigError(`${where}: keys must be inline, got ${specifier.case ?? "nothing"}`);
  }
  if (message.subjects !== undefined || milliseconds(message.maxLifetime) || message.requireExpiration) {
    throw new ConfigError(`${where}: conditions on subjects and lifetimes are not supported`);
  }
  return {
    name,
    issuer: message.issuer,
    audiences: message.audiences,
    keys: readKeySet(Buffer.from(specifier.value).toString("utf8"), where),
    places: tokenPlaces(message),
    forwards: message.forward,
    payloadHeader: message.forwardPayloadHeader.toLowerCase(),
    padsPayload: message.padForwardPayloadHeader,
    claimHeaders: message.claimToHeaders.map(({ headerName, claimName }) => [
      headerName.toLowerCase(),
      claimName,
    ]),
    payloadKey: message.payloadInMetadata,
    headerKey: message.headerInMetadata,
    listClaims: message.normalizePayloadInMetadata?.spaceDelimitedClaims ?? [],
    // As in Envoy 0 means its default.
    clockSkew: message.clockSkewSeconds || 60,
  };
}
