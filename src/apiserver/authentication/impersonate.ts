import type { IncomingMessage } from "node:http";
import type { Attributes, Authorizer } from "../authorization/authorizer.ts";
import { refusal } from "../authorization/refusal.ts";
import type { User } from "../contracts.ts";

const account = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** The user that a request wants to act as (Impersonate-User and its like). Throws a 403 when it may not. */
export function impersonated(authorizer: Authorizer, user: User, request: IncomingMessage): User {
  const headers = request.headersDistinct;
  const name = headers["impersonate-user"]?.[0] ?? "";
  const groups = headers["impersonate-group"] ?? [];
  const uid = headers["impersonate-uid"]?.[0];
  const extra: Record<string, readonly string[]> = {};
  for (const [header, values] of Object.entries(headers))
    if (header.startsWith("impersonate-extra-") && values !== undefined)
      extra[decodeURIComponent(header.slice("impersonate-extra-".length))] = values;

  const require = (resource: NonNullable<Attributes["resource"]>) => {
    const attributes = { verb: "impersonate", resource };
    if (!authorizer.authorize(user, attributes).allowed) throw refusal(user, attributes);
  };
  const asAccount = account.exec(name);
  if (asAccount !== null)
    require({
      group: "",
      plural: "serviceaccounts",
      namespace: asAccount[1] ?? "",
      name: asAccount[2] ?? "",
    });
  else require({ group: "", plural: "users", name });
  for (const group of groups) require({ group: "", plural: "groups", name: group });
  if (uid !== undefined) require({ group: "authentication.k8s.io", plural: "uids", name: uid });
  for (const [key, values] of Object.entries(extra))
    for (const value of values)
      require({ group: "authentication.k8s.io", plural: "userextras", subresource: key, name: value });

  const own = asAccount === null ? [] : ["system:serviceaccounts", `system:serviceaccounts:${asAccount[1]}`];
  return {
    name,
    groups: [...new Set([...(groups.length > 0 ? groups : own), "system:authenticated"])],
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
