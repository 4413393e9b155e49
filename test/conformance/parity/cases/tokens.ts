import { generateKeyPairSync, sign } from "node:crypto";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  JwtAuthenticationSchema,
  type JwtAuthenticationSchema as Schema,
} from "../../../../src/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { HttpConnectionManagerSchema } from "../../../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Snapshot } from "../../../../src/xds/index.ts";
import type { Case, HttpStep } from "../case.ts";

type Settings = Parameters<typeof create<typeof Schema>>[1];

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const large = generateKeyPairSync("ec", { namedCurve: "P-384" });
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const issuer = "https://id.example.com";
const later = Math.floor(Date.now() / 1000) + 3600;

const keySet = JSON.stringify({
  keys: [
    { ...rsa.publicKey.export({ format: "jwk" }), kid: "r", use: "sig" },
    { ...ec.publicKey.export({ format: "jwk" }), kid: "e" },
    { ...large.publicKey.export({ format: "jwk" }), kid: "l", alg: "ES384" },
    { kty: "oct", kid: "shared", k: "AAAA" },
  ],
});

interface TokenOptions {
  readonly alg?: string;
  readonly kid?: string | undefined;
  readonly key?: typeof rsa.privateKey;
}

/** A signed token with these claims. */
function token(
  claims: JsonObject,
  { alg = "RS256", kid = "r", key = rsa.privateKey }: TokenOptions = {},
): string {
  const text = `${encode({ alg, kid, typ: "JWT" })}.${encode({ iss: issuer, sub: "ann", exp: later, ...claims })}`;
  const hash = `sha${alg.slice(2)}`;
  const data = Buffer.from(text);
  const signature = alg.startsWith("ES")
    ? sign(hash, data, { key, dsaEncoding: "ieee-p1363" })
    : alg.startsWith("PS")
      ? sign(hash, data, { key, padding: 6, saltLength: Number(alg.slice(2)) / 8 })
      : sign(hash, data, key);
  return `${text}.${signature.toString("base64url")}`;
}

/** Puts the filter before all others wherever requests come in. */
const withTokens = (settings: Settings) => (snapshot: Snapshot) => {
  const config = anyPack(JwtAuthenticationSchema, create(JwtAuthenticationSchema, settings));
  for (const listener of snapshot.listeners.values()) {
    for (const { filters } of listener.filterChains) {
      for (const filter of filters) {
        const manager =
          filter.configType.case === "typedConfig"
            ? anyUnpack(filter.configType.value, HttpConnectionManagerSchema)
            : undefined;
        if (manager === undefined) continue;
        const { httpFilters } = create(HttpConnectionManagerSchema, {
          httpFilters: [
            { name: "envoy.filters.http.jwt_authn", configType: { case: "typedConfig", value: config } },
          ],
        });
        manager.httpFilters.unshift(...httpFilters);
        filter.configType = { case: "typedConfig", value: anyPack(HttpConnectionManagerSchema, manager) };
      }
    }
  }
};

const provider = {
  issuer,
  jwksSourceSpecifier: {
    case: "localJwks" as const,
    value: { specifier: { case: "inlineString" as const, value: keySet } },
  },
  payloadInMetadata: "payload",
};
const everywhere = { pathSpecifier: { case: "prefix" as const, value: "/" } };
const wants = { requiresType: { case: "providerName" as const, value: "id" } };
const mayMiss = { requiresType: { case: "allowMissing" as const, value: {} } };
const rule = (requires: object) => [
  { match: everywhere, requirementType: { case: "requires" as const, value: requires } },
];
/** As Istio asks for tokens: a good one or none. */
const istio: Settings = {
  providers: { id: provider },
  rules: rule({ requiresType: { case: "requiresAny", value: { requirements: [wants, mayMiss] } } }),
};
const needed: Settings = { providers: { id: { ...provider, forward: true } }, rules: rule(wants) };

const ask = (bearer: string | undefined, answer: HttpStep["answer"]): HttpStep => ({
  ask: "GET server/x",
  ...(bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } }),
  answer,
});
const refused = (body: string, status = 401): HttpStep["answer"] => ({
  status,
  body,
  app: "",
  headers: {
    "www-authenticate": `Bearer realm="http://server/x"${body === "Jwt is missing" ? "" : ', error="invalid_token"'}`,
  },
  log: { details: `jwt_authn_access_denied{${body.replaceAll(" ", "_")}}` },
});
const good = { status: 200, app: "i" } as const;

const authentication = (name: string, rules: string, selector = "app: server") => `---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: ${name}, namespace: shop}
spec: {selector: {matchLabels: {${selector}}}, jwtRules: ${rules}}
`;

/** Requests with tokens: envoy.filters.http.jwt_authn with keys in its configuration, and the objects that become it. */
export const tokenCases: readonly Case[] = [
  {
    name: "a token that is good is let in, and goes on where that is wanted",
    proxy: "server",
    change: withTokens(needed),
    steps: [
      ask(token({}), { ...good, seen: { headers: { authorization: /^Bearer e/ } } }),
      ask(undefined, refused("Jwt is missing")),
    ],
  },
  {
    name: "a token that is good or none is let in, and the app gets no token",
    proxy: "server",
    change: withTokens(istio),
    steps: [
      ask(token({}), { ...good, seen: { headers: { authorization: null } } }),
      ask(undefined, good),
      ask("abc", refused("Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections")),
    ],
  },
  {
    name: "tokens are signed in many ways",
    proxy: "server",
    change: withTokens(needed),
    steps: [
      ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map((alg) => ask(token({}, { alg }), good)),
      ask(token({}, { alg: "ES256", kid: "e", key: ec.privateKey }), good),
      ask(token({}, { alg: "ES384", kid: "l", key: large.privateKey }), good),
      ask(token({}, { kid: undefined }), good),
    ],
  },
  {
    name: "tokens that nobody may trust are refused, each with its reason",
    proxy: "server",
    change: withTokens(needed),
    steps: [
      ask(token({}, { key: stranger.privateKey }), refused("Jwt verification fails")),
      ask(token({}, { kid: "x" }), refused("Jwks doesn't have key to match kid or alg from Jwt")),
      ask(token({}, { alg: "ES256", kid: "r", key: ec.privateKey }), refused("Jwt verification fails")),
      ask(token({ iss: "https://other.example.com" }), refused("Jwt issuer is not configured")),
      ask(token({ exp: later - 7200 }), refused("Jwt is expired")),
      ask(token({ nbf: later }), refused("Jwt not yet valid")),
      ask(
        `${encode({ alg: "none" })}.${encode({ iss: issuer })}.AAAA`,
        refused("Jwt header [alg] is not supported"),
      ),
      ask(
        `${encode({ typ: "JWT" })}.${encode({ iss: issuer })}.AAAA`,
        refused("Jwt header [alg] field is required and must be a string"),
      ),
      ask(
        "!.a.b",
        refused("Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"),
      ),
      ask("AAAA.e30.AAAA", refused("Jwt header is an invalid JSON")),
      ask(`${encode({ alg: "RS256" })}.AAAA.AAAA`, refused("Jwt payload is an invalid JSON")),
      ask(`${encode({ alg: "RS256" })}.A.AAAA`, refused("Jwt payload is an invalid Base64url encoded")),
    ],
  },
  {
    name: "audiences are looked at, whatever their scheme",
    proxy: "server",
    change: withTokens({
      ...needed,
      providers: { id: { ...provider, audiences: ["shop", "https://api.example.com/"] } },
    }),
    steps: [
      ask(token({ aud: "shop" }), good),
      ask(token({ aud: ["a", "api.example.com"] }), good),
      ask(token({ aud: "else" }), refused("Audiences in Jwt are not allowed", 403)),
      ask(token({}), refused("Audiences in Jwt are not allowed", 403)),
    ],
  },
  {
    name: "tokens stand where the configuration says",
    proxy: "server",
    change: withTokens({
      ...needed,
      providers: {
        id: {
          ...provider,
          fromHeaders: [{ name: "x-token", valuePrefix: "T " }],
          fromParams: ["t"],
          fromCookies: ["tok"],
        },
      },
    }),
    steps: [
      {
        ask: "GET server/x",
        headers: { "x-token": `T ${token({})}` },
        answer: { ...good, seen: { headers: { "x-token": null } } },
      },
      { ask: `GET server/x?a=1&t=${token({})}&b=2`, answer: { ...good, seen: { path: "/x?a=1&b=2" } } },
      { ask: "GET server/x", headers: { cookie: `a=b; tok=${token({})}` }, answer: good },
      ask(token({}), refused("Jwt is missing")),
    ],
  },
  {
    name: "without a place of its own a token stands in Authorization or access_token",
    proxy: "server",
    change: withTokens({ providers: { id: provider }, rules: rule(wants) }),
    steps: [{ ask: `GET server/x?access_token=${token({})}`, answer: { ...good, seen: { path: "/x" } } }],
  },
  {
    name: "claims go into headers, and nobody else may set those",
    proxy: "server",
    change: withTokens({
      ...istio,
      providers: {
        id: {
          ...provider,
          forwardPayloadHeader: "x-payload",
          claimToHeaders: [
            { headerName: "x-sub", claimName: "sub" },
            { headerName: "x-age", claimName: "age" },
            { headerName: "x-inner", claimName: "a.b" },
            { headerName: "x-list", claimName: "list" },
          ],
        },
      },
    }),
    steps: [
      ask(token({ age: 7, a: { b: true }, list: ["x"], exp: 4_000_000_000 }), {
        ...good,
        seen: {
          headers: {
            "x-sub": "ann",
            "x-age": "7",
            "x-inner": "true",
            "x-list": Buffer.from('["x"]').toString("base64"),
            "x-payload": /^e/,
          },
        },
      }),
      {
        ask: "GET server/x",
        headers: { "x-sub": "me", "x-payload": "me" },
        answer: { ...good, seen: { headers: { "x-sub": null, "x-payload": null } } },
      },
    ],
  },
  {
    name: "several issuers, each with its rules about where to go",
    proxy: "server",
    change: withTokens({
      providers: { id: provider, two: { ...provider, issuer: "two" } },
      rules: [
        { match: { pathSpecifier: { case: "path", value: "/open" } } },
        {
          match: { pathSpecifier: { case: "prefix", value: "/two" } },
          requirementType: {
            case: "requires",
            value: { requiresType: { case: "providerName", value: "two" } },
          },
        },
        {
          match: everywhere,
          requirementType: {
            case: "requires",
            value: {
              requiresType: {
                case: "requiresAny",
                value: { requirements: [wants, { requiresType: { case: "providerName", value: "two" } }] },
              },
            },
          },
        },
      ],
    }),
    steps: [
      { ask: "GET server/open", answer: good },
      { ask: "GET server/two", headers: { authorization: `Bearer ${token({ iss: "two" })}` }, answer: good },
      {
        ask: "GET server/two",
        headers: { authorization: `Bearer ${token({})}` },
        answer: { status: 401, body: "Jwt issuer is not configured" },
      },
      { ask: "GET server/x", headers: { authorization: `Bearer ${token({ iss: "two" })}` }, answer: good },
      ask(token({ iss: "three" }), refused("Jwt issuer is not configured")),
      ask(token({ iss: "two" }, { key: stranger.privateKey }), refused("Jwt verification fails")),
    ],
  },
  {
    name: "policies let in by what a token says",
    proxy: "server",
    objects: `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: server, namespace: shop}
spec:
  selector: {matchLabels: {app: server}}
  rules:
  - from: [{source: {requestPrincipals: ["https://id.example.com/ann"]}}]
    when: [{key: "request.auth.claims[role]", values: [admin]}]
  - from: [{source: {requestPrincipals: ["*"]}}]
    when: [{key: "request.auth.claims[groups]", values: ["ops*"]}]
`,
    change: withTokens({
      ...istio,
      providers: { id: { ...provider, normalizePayloadInMetadata: { spaceDelimitedClaims: ["scope"] } } },
    }),
    steps: [
      ask(token({ role: "admin" }), good),
      ask(token({ role: "admin", sub: "bob" }), { status: 403, app: "" }),
      ask(token({ role: "user" }), { status: 403, app: "" }),
      ask(token({ groups: ["dev", "ops-eu"], sub: "bob" }), good),
      ask(undefined, { status: 403, app: "" }),
    ],
  },
  {
    name: "a RequestAuthentication lets in good tokens or none, and passes on what it is told to",
    proxy: "server",
    objects: authentication(
      "server",
      `[{issuer: "${issuer}", jwks: '${keySet}', audiences: [shop], fromHeaders: [{name: x-token, prefix: "T "}], fromParams: [t],
        outputPayloadToHeader: x-payload, outputClaimToHeaders: [{header: x-sub, claim: sub}], forwardOriginalToken: true}]`,
    ),
    steps: [
      {
        ask: "GET server/x",
        headers: { "x-token": `T ${token({ aud: "shop" })}`, "x-sub": "me" },
        answer: { ...good, seen: { headers: { "x-token": /^T e/, "x-sub": "ann", "x-payload": /^e/ } } },
      },
      { ask: `GET server/x?t=${token({ aud: "shop" })}`, answer: good },
      {
        ask: "GET server/x",
        headers: { "x-sub": "me" },
        answer: { ...good, seen: { headers: { "x-sub": null } } },
      },
      {
        ask: "GET server/x",
        headers: { "x-token": `T ${token({ aud: "else" })}` },
        answer: { status: 403, body: "Audiences in Jwt are not allowed", app: "" },
      },
    ],
  },
  {
    name: "issuers of several RequestAuthentications share a place, and one whose keys are not to be had lets nobody in",
    proxy: "server",
    objects: [
      authentication(
        "server",
        `[{issuer: "${issuer}", jwks: '${keySet}'}, {issuer: away, jwksUri: "http://keys.invalid/"}]`,
      ),
      authentication("server-too", `[{issuer: two, jwks: '${keySet}'}]`),
    ].join(""),
    steps: [
      ask(token({}), good),
      ask(token({ iss: "two" }), good),
      ask(undefined, good),
      ask(token({ iss: "away" }), { status: 401, app: "" }),
      ask(token({ iss: "three" }), { status: 401, body: "Jwt issuer is not configured", app: "" }),
    ],
  },
  {
    name: "a RequestAuthentication reads what policies ask for, and no token is no principal",
    proxy: "server",
    objects: `${authentication("server", `[{issuer: "${issuer}", jwks: '${keySet}', spaceDelimitedClaims: [roles]}]`)}---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: server, namespace: shop}
spec:
  selector: {matchLabels: {app: server}}
  action: DENY
  rules:
  - from: [{source: {notRequestPrincipals: ["*"]}}]
    to: [{operation: {notPaths: [/open]}}]
  - when: [{key: "request.auth.claims[roles]", notValues: [reader]}]
    to: [{operation: {paths: [/read]}}]
`,
    steps: [
      ask(token({}), good),
      ask(undefined, { status: 403, body: "RBAC: access denied", app: "" }),
      { ask: "GET server/open", answer: good },
      {
        ask: "GET server/read",
        headers: { authorization: `Bearer ${token({ roles: "writer reader" })}` },
        answer: good,
      },
      {
        ask: "GET server/read",
        headers: { authorization: `Bearer ${token({ roles: "writer" })}` },
        answer: { status: 403, app: "" },
      },
    ],
  },
  {
    name: "a gateway routes by what a token says",
    proxy: "gateway",
    objects: `${authentication("front", `[{issuer: "${issuer}", jwks: '${keySet}'}]`, "istio: ingressgateway")}---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: shop}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [front]
  http:
  - match: [{headers: {"@request.auth.claims.group": {exact: beta}}}]
    directResponse: {status: 299}
  - directResponse: {status: 298}
`,
    steps: [
      {
        ask: "GET web/x",
        headers: { authorization: `Bearer ${token({ group: "beta" })}` },
        answer: { status: 299 },
      },
      {
        ask: "GET web/x",
        headers: { authorization: `Bearer ${token({ group: "old" })}` },
        answer: { status: 298 },
      },
      { ask: "GET web/x", answer: { status: 298 } },
      {
        ask: "GET web/x",
        headers: { authorization: `Bearer ${token({}, { key: stranger.privateKey })}` },
        answer: { status: 401, body: "Jwt verification fails" },
      },
    ],
  },
];
