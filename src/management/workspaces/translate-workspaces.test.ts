import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject, Service } from "../../kube/index.ts";
import type { WorkspaceCluster, WorkspaceDeclaration } from "./contracts.ts";
import { translateWorkspaces } from "./translate-workspaces.ts";

function service(name: string, namespace: string): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }] },
  };
}

function cluster(name: string, facts: Partial<WorkspaceCluster> = {}): WorkspaceCluster {
  return {
    name,
    primary: name,
    trustDomain: name,
    namespaces: ["istio-system", "books", "shop", "free"].map((one) => ({ name: one, isInjected: true })),
    services: [service("reviews", "books"), service("ratings", "books"), service("cart", "shop")],
    wholeNamespace: [],
    ...facts,
  };
}

function workspace(name: string, more: Partial<WorkspaceDeclaration> = {}): WorkspaceDeclaration {
  return {
    name,
    createdAt: "2026-01-01T00:00:00Z",
    from: `workspaces.${name}`,
    namespaces: [{ cluster: "*", names: [name] }],
    exports: [],
    exportTo: [],
    importFrom: [],
    isolation: false,
    ...more,
  };
}

const both = [cluster("c1"), cluster("c2")];

function problemsOf(name: string, workspaces: readonly WorkspaceDeclaration[], clusters = both) {
  const found = translateWorkspaces(workspaces, clusters).states.get(name)?.problems ?? [];
  return found.map(({ severity, reason, message }) => `${severity} ${reason}: ${message}`);
}

function objectOf(objects: readonly KubeObject[] | undefined, kind: string, name: string) {
  return objects?.find((one) => one.kind === kind && one.metadata.name === name);
}

suite("translateWorkspaces()", () => {
  const isolated = workspace("books", { exports: ["*"], exportTo: ["shop"], isolation: true });

  test("an isolated namespace takes mTLS only, from its workspace and those who import it, in every cluster", () => {
    const { objects } = translateWorkspaces([isolated, workspace("shop", { importFrom: ["books"] })], both);
    for (const name of ["c1", "c2"]) {
      const [strict, allow] = ["PeerAuthentication", "AuthorizationPolicy"].map(
        (kind) => objectOf(objects.get(name), kind, "workspace-books")?.["spec"],
      );
      assert.deepEqual(strict, { mtls: { mode: "STRICT" } });
      const principals = ["c1/ns/books/*", "c1/ns/shop/*", "c2/ns/books/*", "c2/ns/shop/*"];
      assert.deepEqual(allow, { action: "ALLOW", rules: [{ from: [{ source: { principals } }] }] });
    }
  });

  test("only exported services are open to importers when not all of them are", () => {
    const some = { ...isolated, exports: ["reviews.books"] };
    const { objects } = translateWorkspaces([some, workspace("shop", { importFrom: ["books"] })], both);
    const rule = (principals: string[]) => [{ from: [{ source: { principals } }] }];
    assert.deepEqual(objectOf(objects.get("c1"), "AuthorizationPolicy", "workspace-books")?.["spec"], {
      action: "ALLOW",
      rules: rule(["c1/ns/books/*", "c2/ns/books/*"]),
    });
    assert.deepEqual(
      objectOf(objects.get("c1"), "AuthorizationPolicy", "workspace-books-reviews")?.["spec"],
      {
        selector: { matchLabels: { app: "reviews" } },
        action: "ALLOW",
        rules: rule(["c1/ns/shop/*", "c2/ns/shop/*"]),
      },
    );
    assert.equal(objectOf(objects.get("c1"), "AuthorizationPolicy", "workspace-books-ratings"), undefined);
  });

  test("proxies of an isolated workspace know nothing of another one that they do not import", () => {
    const shop = workspace("shop", { isolation: true });
    const hosts = (one: WorkspaceDeclaration) =>
      objectOf(translateWorkspaces([isolated, one], both).objects.get("c1"), "Sidecar", "workspace-shop")?.[
        "spec"
      ];
    assert.deepEqual(hosts(shop), { egress: [{ hosts: ["./*", "istio-system/*", "free/*"] }] });
    assert.deepEqual(hosts({ ...shop, importFrom: ["books"] }), {
      egress: [
        {
          hosts: [
            "./*",
            "istio-system/*",
            "books/ratings.books.svc.cluster.local",
            "books/reviews.books.svc.cluster.local",
            "free/*",
          ],
        },
      ],
    });
  });

  test("a workspace that is not isolated gets no policies, and its exports are offered all the same", () => {
    const { objects, offers } = translateWorkspaces([{ ...isolated, isolation: false }], both);
    assert.deepEqual([...objects.values()].flat(), []);
    assert.deepEqual(
      offers.map((one) => [one.cluster, one.services.map(({ metadata }) => metadata.name)]),
      [
        ["c1", ["reviews", "ratings"]],
        ["c2", ["reviews", "ratings"]],
      ],
    );
  });

  test("names are known in the workspace's own namespaces and in those of importers, where they are", () => {
    const far = workspace("shop", {
      namespaces: [{ cluster: "c2", names: ["shop"] }],
      importFrom: ["books"],
    });
    const [offer] = translateWorkspaces([isolated, far], both).offers;
    assert.deepEqual(
      [...(offer?.visibleIn ?? [])],
      [
        ["c1", ["books"]],
        ["c2", ["books", "shop"]],
      ],
    );
  });

  test("GLOO-43 a namespace in two workspaces is told to both and stays with the older one", () => {
    const second = workspace("second", {
      createdAt: "2026-01-02T00:00:00Z",
      namespaces: [{ cluster: "c1", names: ["books"] }],
    });
    const told =
      "error NamespaceInTwoWorkspaces: namespace books of c1 is in the workspaces books and second; books is older and has it";
    assert.deepEqual(problemsOf("second", [second, workspace("books")]), [told]);
    assert.deepEqual(problemsOf("books", [second, workspace("books")]), [told]);
    assert.equal(translateWorkspaces([second, workspace("books")], both).owners.get("c1/books"), "books");
  });

  test("GLOO-44 half of a relation is told to who wrote it, an unknown workspace with the near name", () => {
    assert.deepEqual(problemsOf("shop", [workspace("books"), workspace("shop", { importFrom: ["books"] })]), [
      "warning NotExported: imports from books, which does not export to shop",
    ]);
    assert.deepEqual(problemsOf("books", [workspace("books", { exportTo: ["shop"] }), workspace("shop")]), [
      "warning NotImported: exports to shop, which does not import from books: not imported",
    ]);
    assert.deepEqual(problemsOf("shop", [workspace("books"), workspace("shop", { importFrom: ["boks"] })]), [
      "error UnknownWorkspace: importFrom: no workspace is called boks; there is books",
    ]);
  });

  test("GLOO-46 a namespace without injection is told where something should hold in it", () => {
    const namespaces = [{ name: "books", isInjected: false }];
    const clusters = [cluster("c1", { namespaces }), cluster("c2")];
    assert.deepEqual(problemsOf("books", [workspace("books", { isolation: true })], clusters), [
      "warning NotInjected: namespace books not injected in c1: its pods get no proxy, so nothing is enforced there and calls from other clusters fail",
    ]);
    assert.deepEqual(problemsOf("books", [workspace("books")], clusters), []);
  });

  test("clusters of one trust domain are not told apart, and the state says so", () => {
    const clusters = ["c1", "c2"].map((name) => cluster(name, { trustDomain: "cluster.local" }));
    const one = workspace("books", { namespaces: [{ cluster: "c1", names: ["books"] }], isolation: true });
    assert.match(
      problemsOf("books", [one], clusters)[0] ?? "",
      /^warning SharedIdentity: namespace books of c2/,
    );
  });

  test("a user's policy for a whole namespace is left alone, and the state says so", () => {
    const theirs = {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "default", namespace: "books" },
    };
    const clusters = [cluster("c1", { wholeNamespace: [theirs] }), cluster("c2")];
    const { objects } = translateWorkspaces([isolated], clusters);
    const made = (name: string) => objectOf(objects.get(name), "PeerAuthentication", "workspace-books");
    assert.deepEqual([made("c1"), made("c2")?.metadata.namespace], [undefined, "books"]);
    assert.ok(problemsOf("books", [isolated], clusters).some((text) => text.includes("OwnPolicy")));
  });

  test("Istio's own namespace is never isolated: policies in it would hold for the mesh", () => {
    const one = workspace("istio-system", { isolation: true });
    assert.deepEqual([...translateWorkspaces([one], both).objects.values()].flat(), []);
    assert.match(problemsOf("istio-system", [one])[0] ?? "", /^warning SystemNamespace/);
  });

  test("callers of a cluster of which only the trust domain is known are let in", () => {
    const away = cluster("c2", { namespaces: [], services: [] });
    const { objects } = translateWorkspaces([isolated], [cluster("c1"), away]);
    assert.match(JSON.stringify(objects.get("c1")), /c2\/ns\/books\/\*/);
  });

  test("an export of what is not there is told, with the near name", () => {
    assert.deepEqual(problemsOf("books", [workspace("books", { exports: ["review.books", "cart.shop"] })]), [
      "warning NoService: exports review.books: waiting for such a Service; there is reviews.books",
      "error ExportOfOthers: exports cart.shop, but namespace shop is not in the workspace",
    ]);
  });
});
