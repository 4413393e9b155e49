import type { PeerCertificate } from "node:tls";
import type { Clock } from "../../base/index.ts";
import type { User } from "../contracts.ts";
import type { Store } from "../storage/store.ts";
import { type ServiceAccountTokens, type TokenClaims, tokenIssuer } from "./service-account-tokens.ts";

/** Finds out who somebody is. */
export interface Authenticator {
  /** The user that a verified client certificate names: CN, and O for each group. */
  certificateUser(certificate: PeerCertificate): User | undefined;
  /** The user of a bearer token for one of `audiences` (default: this API); undefined for a token that does not count. */
  tokenUser(token: string, audiences?: readonly string[]): TokenUser | undefined;
}

/** Whose token it is, and for which of the audiences that were asked for. */
export interface TokenUser {
  readonly user: User;
  readonly audiences: readonly string[];
}

/** Who has not said who he is. */
export const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

const everybody = "system:authenticated";

/** An authenticator that looks accounts and what tokens are bound to up in the store, on every use. */
export function createAuthenticator(parts: {
  readonly store: Store;
  readonly tokens: ServiceAccountTokens;
  readonly clock: Clock;
}): Authenticator {
  const { store, tokens, clock } = parts;

  const stillHolds = ({ account, binding }: TokenClaims, token: string): boolean => {
    const object = store.resource("serviceaccounts").get(`${account.namespace}/${account.name}`);
    if (object === undefined || object.metadata.uid !== account.uid) return false;
    if (binding === undefined) return true;
    if (binding.kind === "Node")
      return store.resource("nodes").get(binding.name)?.metadata.uid === binding.uid;
    const resource = binding.kind === "Pod" ? "pods" : "secrets";
    const bound = store.resource(resource).get(`${account.namespace}/${binding.name}`);
    if (bound === undefined) return false;
    if (binding.uid !== "") return bound.metadata.uid === binding.uid;
    // A token that lives in a Secret counts as long as it is the one in there.
    const content = bound["data"] as Readonly<Record<string, string>> | undefined;
    return content?.["token"] === Buffer.from(token).toString("base64");
  };

  return {
    certificateUser({ subject }) {
      const name = subject.CN as string | readonly string[] | undefined;
      const groups = subject.O as string | readonly string[] | undefined;
      if (typeof name !== "string" || name === "") return undefined;
      return { name, groups: [...(groups === undefined ? [] : [groups].flat()), everybody] };
    },
    tokenUser(token, audiences = [tokenIssuer]) {
      const claims = tokens.read(token, clock.now());
      if (claims === undefined || !stillHolds(claims, token)) return undefined;
      const granted = claims.expires === undefined ? [tokenIssuer] : claims.audiences;
      const shared = audiences.filter((audience) => granted.includes(audience));
      if (shared.length === 0) return undefined;
      return { user: serviceAccountUser(claims), audiences: shared };
    },
  };
}

function serviceAccountUser({ account, binding, node, id }: TokenClaims): User {
  const { namespace, name, uid } = account;
  const extra: Record<string, readonly string[]> = {
    ...(id === undefined ? {} : { "authentication.kubernetes.io/credential-id": [`JTI=${id}`] }),
    ...(node === undefined ? {} : { "authentication.kubernetes.io/node-name": [node.name] }),
    ...(binding?.kind === "Pod"
      ? {
          "authentication.kubernetes.io/pod-name": [binding.name],
          "authentication.kubernetes.io/pod-uid": [binding.uid],
        }
      : {}),
  };
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, everybody],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
