import type { ApiError } from "../../kube/index.ts";
import type { User } from "../contracts.ts";
import { forbidden, forbiddenPath } from "../status.ts";
import type { Attributes } from "./authorizer.ts";

/** The 403 that says in Kubernetes' words who may not do what. */
export function refusal(user: User, { verb, resource, path = "" }: Attributes): ApiError {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  if (resource === undefined) return forbiddenPath(`${who} path ${JSON.stringify(path)}`);
  const { group, plural, subresource, name = "", namespace = "" } = resource;
  const full = subresource === undefined ? plural : `${plural}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const why = `${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${where}`;
  return forbidden({ group, plural }, name, why);
}
