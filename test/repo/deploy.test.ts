import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "vitest";
import { version } from "../../src/base/index.ts";
import { assertGolden } from "../../src/base/testing/golden-file.ts";
import { compile, noManifests } from "../../src/compile/index.ts";
import {
  decodeError,
  formatYaml,
  type KubeObject,
  knownSchema,
  parseYamlObjects,
  strictFieldErrors,
} from "../../src/kube/index.ts";
import { parseMesh } from "../../src/mesh/index.ts";
import { findHelm } from "../support/tools.ts";

const deploy = path.join(import.meta.dirname, "../../deploy");
const helm = findHelm();
const forVersion = ["--kube-version", "1.31.0"];

/** What a mesh file with a management cluster becomes, by kind and name. */
const compiledWith = (clusters: string, settings = "") => {
  const text = [
    `{ apiVersion: isthmus.dev/v1alpha1, kind: Mesh, name: m, discovery: exports, ${settings}`,
    `clusters: { mgmt: { role: management }, ${clusters} } }`,
  ].join("\n");
  const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
    folder: "/m",
    files: { kindOf: () => "file" },
  });
  assert.ok(parsed.ok);
  const objects = new Map<string, KubeObject[]>();
  for (const [cluster, items] of compile(parsed.mesh, noManifests).clusters)
    objects.set(
      cluster,
      items.flatMap((item) => (item.kind === "object" ? [item.object] : [])),
    );
  return objects;
};
const compiled = compiledWith("one: {}");

const definitions = (cluster: string, group: RegExp) =>
  (compiled.get(cluster) ?? [])
    .filter(({ kind, metadata }) => kind === "CustomResourceDefinition" && group.test(metadata.name))
    .map(({ apiVersion, kind, metadata: { name }, spec }) => ({
      apiVersion,
      kind,
      // They outlive the release: with them every object of theirs would go.
      metadata: { name, annotations: { "helm.sh/resource-policy": "keep" } },
      spec,
    }));

const rendered = (part: string) => {
  const { objects, diagnostics } = parseYamlObjects(
    readFileSync(path.join(deploy, "rendered", `${part}.yaml`), "utf8"),
    part,
  );
  assert.deepEqual(diagnostics, []);
  return objects.map(({ object }) => object);
};

/** Rules of roles of the management plane. */
const rights = (objects: readonly KubeObject[]) =>
  objects
    .filter(({ kind, metadata }) => /Role$/.test(kind) && /^gloo-mesh-/.test(metadata.name))
    .map(({ kind, metadata: { name, namespace }, rules }) => ({ kind, name, namespace, rules }))
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));

const template = (...args: string[]) =>
  execFileSync(
    helm ?? "",
    ["template", "isthmus", path.join(deploy, "chart"), "--namespace", "gloo-mesh", ...forVersion, ...args],
    { encoding: "utf8" },
  );

suite("deploy/", () => {
  test.skipIf(helm === undefined)(
    "the chart gives the agent the rights that compile gives where Istio has a revision [needs helm]",
    () => {
      const text = template("--set", "agent.enabled=true", "--set", "agent.istioRevisions={canary}");
      const objects = parseYamlObjects(text).objects.map(({ object }) => object);
      const wanted = compiledWith("one: { istio: { revision: canary } }").get("one") ?? [];
      assert.deepEqual(rights(objects), rights(wanted));
    },
  );

  for (const [cluster, values] of [
    ["one", "agent.remoteCredentials.reads={two}"],
    ["two", "agent.remoteCredentials.isRead=true"],
  ] as const)
    test.skipIf(helm === undefined)(
      `the chart gives the agent of ${cluster} the rights that compile gives where credentials end [needs helm]`,
      () => {
        const both = compiledWith("one: {}, two: { primary: one }", "remoteCredentials: { lifetime: 24h },");
        const text = template("--set", "agent.enabled=true", "--set", values);
        const objects = parseYamlObjects(text).objects.map(({ object }) => object);
        assert.deepEqual(rights(objects), rights(both.get(cluster) ?? []));
      },
    );

  for (const [file, cluster, group] of [
    ["manager", "mgmt", /./],
    ["agent", "one", /gloo\.solo\.io$/],
    ["service-exports", "one", /multicluster/],
  ] as const) {
    test(`the chart's kinds of ${file} are those that compile writes`, () => {
      const text = definitions(cluster, group).map(formatYaml).join("---\n");
      assert.ok(text.includes("CustomResourceDefinition"));
      assertGolden(path.join(deploy, "chart/kinds", `${file}.yaml`), text);
    });
  }

  for (const part of ["manager", "agent"]) {
    test.skipIf(helm === undefined)(`the chart renders to deploy/rendered/${part}.yaml [needs helm]`, () => {
      const text = template("--set", `${part}.enabled=true`);
      assertGolden(path.join(deploy, "rendered", `${part}.yaml`), text);
    });
  }

  test.skipIf(helm === undefined)("the chart passes helm lint, and says what it needs [needs helm]", () => {
    const chart = path.join(deploy, "chart");
    const lint = [
      "lint",
      "--strict",
      chart,
      "--namespace",
      "gloo-mesh",
      "--set",
      "agent.enabled=true",
      ...forVersion,
    ];
    execFileSync(helm ?? "", lint, { stdio: "pipe" });
    const refusal = (...args: string[]) => {
      try {
        execFileSync(helm ?? "", ["template", "isthmus", chart, ...forVersion, ...args], { stdio: "pipe" });
        return "nothing";
      } catch (reason) {
        return String((reason as { stderr: unknown }).stderr);
      }
    };
    assert.match(refusal("--namespace", "gloo-mesh"), /say what this cluster is/);
    assert.match(refusal("--set", "agent.enabled=true"), /namespace gloo-mesh/);
    assert.match(
      refusal("--namespace", "gloo-mesh", "--set", "manager.enabled=true,manager.hostsuffix=x"),
      /hostsuffix/,
    );
  });

  for (const [part, cluster] of [
    ["manager", "mgmt"],
    ["agent", "one"],
  ] as const) {
    test(`${part}: every object is one that Kubernetes accepts, field by field`, () => {
      const objects = rendered(part);
      assert.ok(objects.length > 6);
      for (const object of objects) {
        const found = knownSchema(object.apiVersion, object.kind);
        assert.ok(found !== undefined, object.kind);
        assert.deepEqual(strictFieldErrors(found.schema, object), [], object.kind);
        assert.equal(decodeError(found.schema, object), undefined, object.kind);
      }
    });

    test(`${part}: the chart gives exactly the rights that compile gives`, () => {
      const wanted = rights(compiled.get(cluster) ?? []);
      assert.equal(wanted.length, 2);
      assert.deepEqual(rights(rendered(part)), wanted);
    });

    test(`${part}: its pods have no privilege, are probed and measured, and know their program's options`, () => {
      const [pod] = rendered(part)
        .filter(({ kind }) => kind === "Deployment")
        .map(({ spec }) => (spec as { template: PodTemplate }).template);
      assert.ok(pod !== undefined);
      assert.equal(pod.spec.securityContext.runAsNonRoot, true);
      assert.equal(pod.spec.securityContext.seccompProfile.type, "RuntimeDefault");
      const [container] = pod.spec.containers;
      assert.deepEqual(container?.securityContext, {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        readOnlyRootFilesystem: true,
      });
      assert.equal(container.livenessProbe.httpGet.path, "/healthz");
      assert.equal(container.readinessProbe.httpGet.path, "/readyz");
      assert.equal(pod.metadata.annotations["prometheus.io/port"], "8080");
      assert.equal(container.image, `isthmus/${part}:${version}`);
      const [ours] = (compiled.get(cluster) ?? [])
        .filter(({ kind, metadata }) => kind === "Deployment" && /^gloo-mesh-/.test(metadata.name))
        .map(({ spec }) => (spec as { template: PodTemplate }).template.spec.containers[0]);
      assert.deepEqual([container.args, container.ports], [ours?.args, ours?.ports]);
    });
  }
});

interface PodTemplate {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly securityContext: {
      readonly runAsNonRoot: boolean;
      readonly seccompProfile: { readonly type: string };
    };
    readonly containers: readonly {
      readonly image: string;
      readonly args: readonly string[];
      readonly ports: readonly object[];
      readonly securityContext: object;
      readonly livenessProbe: { readonly httpGet: { readonly path: string } };
      readonly readinessProbe: { readonly httpGet: { readonly path: string } };
    }[];
  };
}
