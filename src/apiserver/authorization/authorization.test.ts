import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { createKubeClient, type KubeObject, kinds } from "../../kube/index.ts";
import { refusalOf, useApiServer } from "../test-support/api-harness.ts";
import { type Attributes, allows, type PolicyRule } from "./authorizer.ts";

const api = useApiServer();
const rbac = "rbac.authorization.k8s.io/v1";

function clientOf(name: string, groups: readonly string[] = []) {
  return createKubeClient(api.server.api.transport({ name, groups: [...groups, "system:authenticated"] }));
}

function role(name: string, namespace: string, rules: readonly PolicyRule[]): KubeObject {
  return { apiVersion: rbac, kind: "Role", metadata: { name, namespace }, rules };
}

function binding(name: string, namespace: string, user: string, roleName: string, kind = "Role"): KubeObject {
  return {
    apiVersion: rbac,
    kind: "RoleBinding",
    metadata: { name, namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: roleName },
    subjects: [{ kind: "User", name: user, apiGroup: "rbac.authorization.k8s.io" }],
  };
}

suite("allows()", () => {
  const get = (plural: string, more: object = {}): Attributes => ({
    verb: "get",
    resource: { group: "", plural, ...more },
  });
  const cases: readonly (readonly [what: string, rule: PolicyRule, wanted: Attributes, allowed: boolean])[] =
    [
      ["the very thing", { verbs: ["get"], apiGroups: [""], resources: ["pods"] }, get("pods"), true],
      ["another verb", { verbs: ["list"], apiGroups: [""], resources: ["pods"] }, get("pods"), false],
      ["another group", { verbs: ["get"], apiGroups: ["apps"], resources: ["pods"] }, get("pods"), false],
      [
        "everything",
        { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
        get("pods", { subresource: "log" }),
        true,
      ],
      [
        "a part of it",
        { verbs: ["get"], apiGroups: [""], resources: ["pods"] },
        get("pods", { subresource: "log" }),
        false,
      ],
      [
        "that part",
        { verbs: ["get"], apiGroups: [""], resources: ["pods/log"] },
        get("pods", { subresource: "log" }),
        true,
      ],
      [
        "that part of anything",
        { verbs: ["get"], apiGroups: [""], resources: ["*/scale"] },
        get("x", { subresource: "scale" }),
        true,
      ],
      [
        "that name",
        { verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
        get("pods", { name: "a" }),
        true,
      ],
      [
        "all names",
        { verbs: ["get"], apiGroups: [""], resources: ["pods"], resourceNames: ["a"] },
        get("pods"),
        false,
      ],
      ["a path", { verbs: ["get"], nonResourceURLs: ["/api/*"] }, { verb: "get", path: "/api/v1" }, true],
      [
        "another path",
        { verbs: ["get"], nonResourceURLs: ["/api"] },
        { verb: "get", path: "/api/v1" },
        false,
      ],
    ];
  for (const [what, rule, wanted, allowed] of cases)
    test(`${what}: ${allowed}`, () => assert.equal(allows(rule, wanted), allowed));
});

suite("roles", () => {
  test("hold in their namespace only, from the moment they are bound", async () => {
    const [here, there] = [await api.freshNamespace(), await api.freshNamespace()];
    const jane = clientOf(`jane-${here}`);
    await api.client.create(
      kinds.roles,
      role("reader", here, [{ verbs: ["list"], apiGroups: [""], resources: ["pods"] }]),
    );
    assert.equal((await refusalOf(jane.list(kinds.pods, { namespace: here }))).code, 403);
    await api.client.create(kinds.roleBindings, binding("reader", here, `jane-${here}`, "reader"));
    await jane.list(kinds.pods, { namespace: here });
    assert.equal((await refusalOf(jane.list(kinds.pods, { namespace: there }))).code, 403);
    assert.equal((await refusalOf(jane.list(kinds.pods))).code, 403);
    await api.client.delete(kinds.roleBindings, "reader", { namespace: here });
    assert.equal((await refusalOf(jane.list(kinds.pods, { namespace: here }))).code, 403);
  });

  test("that aggregate others follow them", async () => {
    const namespace = await api.freshNamespace();
    const viewer = clientOf(`viewer-${namespace}`);
    await api.client.create(
      kinds.roleBindings,
      binding("view", namespace, `viewer-${namespace}`, "view", "ClusterRole"),
    );
    await viewer.list(kinds.deployments, { namespace });
    assert.equal((await refusalOf(viewer.list(kinds.leases, { namespace }))).code, 403);
    await api.client.create(kinds.clusterRoles, {
      apiVersion: rbac,
      kind: "ClusterRole",
      metadata: {
        name: `leases-${namespace}`,
        labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" },
      },
      rules: [{ verbs: ["list"], apiGroups: ["coordination.k8s.io"], resources: ["leases"] }],
    });
    await waitFor(() => viewer.list(kinds.leases, { namespace }).catch(() => undefined), {
      signal: AbortSignal.timeout(30_000),
    });
  });

  test("viewers see no secrets, editors no roles, admins of a namespace give away what they have", async () => {
    const namespace = await api.freshNamespace();
    for (const name of ["view", "edit", "admin"])
      await api.client.create(
        kinds.roleBindings,
        binding(name, namespace, `${name}-${namespace}`, name, "ClusterRole"),
      );
    const of = (name: string) => clientOf(`${name}-${namespace}`);
    assert.equal((await refusalOf(of("view").list(kinds.secrets, { namespace }))).code, 403);
    await of("edit").list(kinds.secrets, { namespace });
    assert.equal((await refusalOf(of("edit").list(kinds.roles, { namespace }))).code, 403);
    const own = role("own", namespace, [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]);
    await of("admin").create(kinds.roles, own);
    await of("admin").create(kinds.roleBindings, binding("own", namespace, "somebody", "own"));
  });

  test("cannot be used to get more than one has", async () => {
    const namespace = await api.freshNamespace();
    const admin = clientOf(`admin-${namespace}`);
    await api.client.create(
      kinds.roleBindings,
      binding("admin", namespace, `admin-${namespace}`, "admin", "ClusterRole"),
    );
    const greedy = role("greedy", namespace, [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }]);
    const refused = await refusalOf(admin.create(kinds.roles, greedy));
    assert.equal(refused.code, 403);
    assert.match(
      refused.message ?? "",
      /is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}$/,
    );
    const bound = binding("greedy", namespace, `admin-${namespace}`, "cluster-admin", "ClusterRole");
    assert.equal((await refusalOf(admin.create(kinds.roleBindings, bound))).code, 403);
  });
});
