import type { KubeObject } from "../../kube/index.ts";
import type { User } from "../contracts.ts";
import type { Store } from "../storage/store.ts";

/** What somebody wants to do, in the words of RBAC rules. */
export interface Attributes {
  readonly verb: string;
  /** A resource, or else a path. */
  readonly resource?: {
    readonly group: string;
    readonly plural: string;
    readonly subresource?: string | undefined;
    readonly name?: string | undefined;
    /** Absent or "": across all namespaces, or a cluster-wide kind. */
    readonly namespace?: string | undefined;
  };
  readonly path?: string;
}

/** One PolicyRule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

/** Whether somebody may, and why. */
export interface Decision {
  readonly allowed: boolean;
  /** Why it is allowed; "" when nothing allows it. */
  readonly reason: string;
}

/** Decides by Kubernetes RBAC who may do what. Members of system:masters may do everything. */
export interface Authorizer {
  authorize(user: User, attributes: Attributes): Decision;
  /** The rules that hold for a user in a namespace ("" for cluster-wide ones only). */
  rulesFor(user: User, namespace: string): readonly PolicyRule[];
}

/** The group whose members may do everything, whatever the roles say. */
export const masters = "system:masters";

interface Subject {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

interface Binding extends KubeObject {
  readonly subjects?: readonly Subject[];
  readonly roleRef?: { readonly kind?: string; readonly name?: string };
}

interface Grant {
  readonly rules: readonly PolicyRule[];
  readonly reason: string;
}

/** An authorizer by the roles and bindings in the store; a change of them counts from the next request. */
export function createAuthorizer(store: Store): Authorizer {
  const clusterRoles = store.resource("clusterroles.rbac.authorization.k8s.io");
  const roles = store.resource("roles.rbac.authorization.k8s.io");
  const clusterBindings = store.resource("clusterrolebindings.rbac.authorization.k8s.io");
  const bindings = store.resource("rolebindings.rbac.authorization.k8s.io");
  // Bindings by subject ("User/x"), made anew after a change of any of them; roles are looked up when needed.
  let index: Map<string, Binding[]> | undefined;
  for (const resource of [clusterBindings, bindings])
    resource.subscribe(() => {
      index = undefined;
    });

  const bindingsOf = (user: User): Binding[] => {
    index ??= indexBySubject([...clusterBindings.list(), ...bindings.list()]);
    const subjects = [`User/${user.name}`, ...user.groups.map((group) => `Group/${group}`)];
    const found = new Set<Binding>();
    for (const subject of subjects) for (const binding of index.get(subject) ?? []) found.add(binding);
    return [...found];
  };
  const grants = function* (user: User, namespace: string): Iterable<Grant> {
    for (const binding of bindingsOf(user)) {
      const place = binding.metadata.namespace;
      if (place !== undefined && place !== namespace) continue;
      const { kind, name = "" } = binding.roleRef ?? {};
      const role = kind === "Role" ? roles.get(`${place}/${name}`) : clusterRoles.get(name);
      if (role === undefined) continue;
      const what =
        place === undefined
          ? `ClusterRoleBinding "${binding.metadata.name}"`
          : `RoleBinding "${binding.metadata.name}/${place}"`;
      const reason = `RBAC: allowed by ${what} of ${kind} "${name}" to ${user.name}`;
      yield { rules: (role["rules"] ?? []) as readonly PolicyRule[], reason };
    }
  };

  return {
    authorize(user, attributes) {
      if (user.groups.includes(masters)) return { allowed: true, reason: "" };
      for (const { rules, reason } of grants(user, attributes.resource?.namespace ?? ""))
        if (rules.some((rule) => allows(rule, attributes))) return { allowed: true, reason };
      return { allowed: false, reason: "" };
    },
    rulesFor(user, namespace) {
      if (user.groups.includes(masters))
        return [
          { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
          { verbs: ["*"], nonResourceURLs: ["*"] },
        ];
      return [...grants(user, namespace)].flatMap(({ rules }) => rules);
    },
  };
}

function indexBySubject(all: readonly Binding[]): Map<string, Binding[]> {
  const index = new Map<string, Binding[]>();
  for (const binding of all)
    for (const { kind, name = "", namespace } of binding.subjects ?? []) {
      const id =
        kind === "ServiceAccount"
          ? `User/system:serviceaccount:${namespace ?? binding.metadata.namespace}:${name}`
          : `${kind}/${name}`;
      const known = index.get(id);
      if (known === undefined) index.set(id, [binding]);
      else known.push(binding);
    }
  return index;
}

/** Whether one rule allows it. */
export function allows(rule: PolicyRule, { verb, resource, path }: Attributes): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (resource === undefined)
    return (rule.nonResourceURLs ?? []).some(
      (pattern) =>
        pattern === path || (pattern.endsWith("*") && (path ?? "").startsWith(pattern.slice(0, -1))),
    );
  const { group, plural, subresource, name } = resource;
  if (!has(rule.apiGroups, group)) return false;
  const full = subresource === undefined || subresource === "" ? plural : `${plural}/${subresource}`;
  const named = (rule.resources ?? []).some(
    (one) =>
      one === "*" ||
      one === full ||
      (subresource !== undefined && subresource !== "" && one === `*/${subresource}`),
  );
  if (!named) return false;
  const names = rule.resourceNames ?? [];
  return names.length === 0 || (name !== undefined && names.includes(name));
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes("*") || list.includes(value));
}
