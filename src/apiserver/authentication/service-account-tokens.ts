import { createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign, verify } from "node:crypto";

/** What a token is bound to: it dies with its pod or secret. */
export interface TokenBinding {
  readonly kind: "Pod" | "Secret" | "Node";
  readonly name: string;
  readonly uid: string;
}

/** The account that a token stands for. */
export interface TokenAccount {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The content of a token whose signature and times hold. Whether account and binding still exist is not said. */
export interface TokenClaims {
  readonly account: TokenAccount;
  readonly binding: TokenBinding | undefined;
  /** The node of the pod the token is bound to. */
  readonly node: { readonly name: string; readonly uid: string | undefined } | undefined;
  readonly audiences: readonly string[];
  /** Seconds since 1970; absent for tokens in Secrets, which live as long as the Secret. */
  readonly expires: number | undefined;
  readonly id: string | undefined;
}

/** Issues and checks the tokens of service accounts (JWT, RFC 7519, ES256). */
export interface ServiceAccountTokens {
  /** A token for `audiences` (default: this API) that lives `seconds` from `now` (milliseconds). */
  issue(
    account: TokenAccount,
    options: {
      readonly audiences?: readonly string[];
      readonly seconds: number;
      readonly now: number;
      readonly binding?: TokenBinding;
      readonly node?: { readonly name: string; readonly uid: string | undefined };
    },
  ): string;
  /** A token for a Secret of type kubernetes.io/service-account-token: without audience and end. */
  issueForSecret(account: TokenAccount, secret: string): string;
  /** The claims of a token; undefined when it is forged, expired, too early or no token of ours. */
  read(token: string, now: number): TokenClaims | undefined;
  /** The public key as a JSON Web Key Set (RFC 7517). */
  keySet(): object;
}

/** Who issues the tokens, and the audience of tokens for the API itself. */
export const tokenIssuer = "https://kubernetes.default.svc.cluster.local";
const legacyIssuer = "kubernetes/serviceaccount";
/** Clocks differ a little; the machines are one, but certificates and tokens may come from elsewhere. */
const leeway = 10;
const mostRemembered = 2000;

/** Creates the issuer of service account tokens from a PEM private key (EC P-256). */
export function createServiceAccountTokens(privateKeyPem: string): ServiceAccountTokens {
  const key = createPrivateKey(privateKeyPem);
  const publicKey = createPublicKey(key);
  const jwk = publicKey.export({ format: "jwk" });
  const id = Buffer.from(JSON.stringify([jwk.x, jwk.y]))
    .toString("base64url")
    .slice(0, 43);
  const header = encode({ alg: "ES256", kid: id });
  const checked = new Map<string, Readonly<Record<string, unknown>>>();

  const write = (claims: object) => {
    const text = `${header}.${encode(claims)}`;
    return `${text}.${signText(text, key)}`;
  };
  const claimsOf = (token: string) => {
    const known = checked.get(token);
    if (known !== undefined) return known;
    const claims = verified(token, publicKey);
    if (claims === undefined) return undefined;
    if (checked.size >= mostRemembered) checked.clear();
    checked.set(token, claims);
    return claims;
  };

  return {
    issue({ namespace, name, uid }, { audiences = [tokenIssuer], seconds, now, binding, node }) {
      const issued = Math.floor(now / 1000);
      return write({
        aud: audiences,
        exp: issued + seconds,
        iat: issued,
        iss: tokenIssuer,
        jti: randomUUID(),
        "kubernetes.io": {
          namespace,
          ...(node === undefined ? {} : { node }),
          ...(binding === undefined
            ? {}
            : { [binding.kind.toLowerCase()]: { name: binding.name, uid: binding.uid } }),
          serviceaccount: { name, uid },
        },
        nbf: issued,
        sub: `system:serviceaccount:${namespace}:${name}`,
      });
    },
    issueForSecret: ({ namespace, name, uid }, secret) =>
      write({
        iss: legacyIssuer,
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": secret,
        "kubernetes.io/serviceaccount/service-account.name": name,
        "kubernetes.io/serviceaccount/service-account.uid": uid,
        sub: `system:serviceaccount:${namespace}:${name}`,
      }),
    read(token, now) {
      const claims = claimsOf(token);
      if (claims === undefined) return undefined;
      const seconds = now / 1000;
      const { exp, nbf } = claims;
      if (typeof exp === "number" && seconds > exp) return undefined;
      if (typeof nbf === "number" && seconds + leeway < nbf) return undefined;
      return claims["iss"] === legacyIssuer ? legacyClaims(claims) : boundClaims(claims);
    },
    keySet: () => ({
      keys: [{ use: "sig", kty: jwk.kty, kid: id, alg: "ES256", crv: jwk.crv, x: jwk.x, y: jwk.y }],
    }),
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function signText(text: string, key: KeyObject): string {
  return sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
}

/** Longer texts are no tokens of ours, and not worth a look. */
const longestToken = 8192;

function verified(token: string, key: KeyObject): Readonly<Record<string, unknown>> | undefined {
  const [head = "", body = "", signature = "", ...more] = token.split(".");
  if (token.length > longestToken || more.length > 0 || signature === "") return undefined;
  if (object(parse(head))?.["alg"] !== "ES256") return undefined;
  const bytes = Buffer.from(signature, "base64url");
  const fits = verify("sha256", Buffer.from(`${head}.${body}`), { key, dsaEncoding: "ieee-p1363" }, bytes);
  return fits ? object(parse(body)) : undefined;
}

function parse(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return undefined;
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function boundClaims(claims: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const own = object(claims["kubernetes.io"]);
  const account = object(own?.["serviceaccount"]);
  if (claims["iss"] !== tokenIssuer || own === undefined || account === undefined) return undefined;
  const binding = (["Pod", "Secret", "Node"] as const).flatMap((kind) => {
    const bound = object(own[kind.toLowerCase()]);
    return bound === undefined ? [] : [{ kind, name: text(bound["name"]), uid: text(bound["uid"]) }];
  })[0];
  const node = object(own["node"]);
  const audiences = Array.isArray(claims["aud"]) ? claims["aud"].map(String) : [text(claims["aud"])];
  return {
    account: { namespace: text(own["namespace"]), name: text(account["name"]), uid: text(account["uid"]) },
    binding,
    node: node === undefined ? undefined : { name: text(node["name"]), uid: text(node["uid"]) || undefined },
    audiences,
    expires: typeof claims["exp"] === "number" ? claims["exp"] : undefined,
    id: text(claims["jti"]) || undefined,
  };
}

function legacyClaims(claims: Readonly<Record<string, unknown>>): TokenClaims {
  const claim = (name: string) => text(claims[`kubernetes.io/serviceaccount/${name}`]);
  return {
    account: {
      namespace: claim("namespace"),
      name: claim("service-account.name"),
      uid: claim("service-account.uid"),
    },
    binding: { kind: "Secret", name: claim("secret.name"), uid: "" },
    node: undefined,
    audiences: [],
    expires: undefined,
    id: undefined,
  };
}
