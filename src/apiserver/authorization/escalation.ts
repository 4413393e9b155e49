import type { KubeObject } from "../../kube/index.ts";
import type { User } from "../contracts.ts";
import { child, type JsonObject, text } from "../draft.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { forbidden } from "../status.ts";
import type { Store } from "../storage/store.ts";
import { type Attributes, type Authorizer, allows, type PolicyRule } from "./authorizer.ts";

const group = "rbac.authorization.k8s.io";
const roleKinds = new Set([`roles.${group}`, `clusterroles.${group}`]);
const bindingKinds = new Set([`rolebindings.${group}`, `clusterrolebindings.${group}`]);

/**
 * Keeps people from giving away what they do not have: whoever writes a role must hold its permissions (or the
 * verb "escalate"), and whoever binds one must hold them, too (or the verb "bind"). Throws a 403.
 */
export function requireNoEscalation(
  parts: { readonly store: Store; readonly authorizer: Authorizer },
  user: User,
  type: ResourceType,
  object: KubeObject,
): void {
  const { store, authorizer } = parts;
  const { name, namespace = "" } = object.metadata;
  const may = (verb: string, plural: string, named: string) =>
    authorizer.authorize(user, { verb, resource: { group, plural, name: named, namespace } }).allowed;
  if (roleKinds.has(type.storedAs)) {
    if (may("escalate", type.plural, name)) return;
    const lacking = uncovered(authorizer.rulesFor(user, namespace), rulesOf(object));
    if (lacking.length > 0) throw refused(user, type, name, lacking);
  } else if (bindingKinds.has(type.storedAs)) {
    const reference = child(object, "roleRef");
    const role = text(reference, "name") ?? "";
    const plural = text(reference, "kind") === "Role" ? "roles" : "clusterroles";
    if (may("bind", plural, role)) return;
    const bound = store
      .resource(`${plural}.${group}`)
      .get(plural === "roles" ? `${namespace}/${role}` : role);
    const lacking = uncovered(
      authorizer.rulesFor(user, namespace),
      bound === undefined ? [] : rulesOf(bound),
    );
    if (lacking.length > 0) throw refused(user, type, name, lacking);
  }
}

function rulesOf(role: KubeObject): readonly PolicyRule[] {
  const rules = (role as JsonObject)["rules"];
  return Array.isArray(rules) ? (rules as readonly PolicyRule[]) : [];
}

/** Those of the wanted permissions that the held ones do not cover, each as a rule of one verb and resource. */
function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted
    .flatMap(singles)
    .filter(({ attributes }) => !held.some((rule) => allows(rule, attributes)))
    .map(({ rule }) => rule);
}

function singles(rule: PolicyRule): { readonly rule: PolicyRule; readonly attributes: Attributes }[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [undefined] : resourceNames;
  return verbs.flatMap((verb) => [
    ...nonResourceURLs.map((path) => ({
      rule: { nonResourceURLs: [path], verbs: [verb] },
      attributes: { verb, path },
    })),
    ...apiGroups.flatMap((apiGroup) =>
      resources.flatMap((full) =>
        names.map((name) => {
          const [plural = "", subresource] = full.split("/");
          return {
            rule: {
              apiGroups: [apiGroup],
              resources: [full],
              ...(name === undefined ? {} : { resourceNames: [name] }),
              verbs: [verb],
            },
            attributes: { verb, resource: { group: apiGroup, plural, subresource, name } },
          };
        }),
      ),
    ),
  ]);
}

function refused(user: User, type: ResourceType, name: string, lacking: readonly PolicyRule[]) {
  const list = (values: readonly string[]) => values.map((value) => JSON.stringify(value)).join(" ");
  const shown = lacking.map(({ apiGroups, resources, resourceNames, nonResourceURLs, verbs = [] }) => {
    const fields = {
      APIGroups: apiGroups,
      Resources: resources,
      ResourceNames: resourceNames,
      NonResourceURLs: nonResourceURLs,
      Verbs: verbs,
    };
    const known = Object.entries(fields).filter(([, values]) => values !== undefined);
    return `{${known.map(([field, values]) => `${field}:[${list(values ?? [])}]`).join(", ")}}`;
  });
  const who = `user ${JSON.stringify(user.name)} (groups=[${list(user.groups)}])`;
  return forbidden(
    type,
    name,
    `${who} is attempting to grant RBAC permissions not currently held:\n${shown.join("\n")}`,
  );
}
