import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import {
  applyMergePatch,
  applyStrategicMergePatch,
  encodeOpenApiV2,
  formatYaml,
  groupVersionPath,
  type JsonObject,
  loadBuiltInSchema,
  type OpenApiResource,
  openApiV2Document,
  openApiV3Document,
  openApiV3Index,
  readDataFile,
  type SchemaNode,
} from "../../src/kube/index.ts";
import { findKubectls } from "../support/tools.ts";

// What kubectls of both ages make of our OpenAPI documents, against a server that knows Deployments and
// VirtualServices and keeps them in a map.

const versions = ["1.27", "1.30", "1.33"];
const kubectls = findKubectls();
const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

interface Crds {
  readonly crds: readonly {
    readonly name: string;
    readonly spec: {
      readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: unknown } }[];
    };
  }[];
}

const virtualService = (readDataFile("istio-crds.json") as Crds).crds.find(({ name }) =>
  name.startsWith("virtualservices."),
);
const resources: readonly OpenApiResource[] = [
  {
    group: "apps",
    version: "v1",
    kind: "Deployment",
    listKind: "DeploymentList",
    plural: "deployments",
    namespaced: true,
    verbs,
    subresources: [
      {
        name: "scale",
        kind: "Scale",
        group: "autoscaling",
        version: "v1",
        verbs: ["get", "patch", "update"],
      },
    ],
  },
  {
    group: "networking.istio.io",
    version: "v1",
    kind: "VirtualService",
    listKind: "VirtualServiceList",
    plural: "virtualservices",
    namespaced: true,
    verbs,
    subresources: [],
    custom: { schema: virtualService?.spec.versions[0]?.schema.openAPIV3Schema },
  },
];
const kubernetesVersion = "1.33.1";
const deployments = loadBuiltInSchema().forKind("apps", "v1", "Deployment") as SchemaNode;

let server: Server;
let folder: string;
const store = new Map<string, JsonObject>();
/** Not the type that clients ask for: that has an "@", with which no Go client takes an answer. */
const openApiV2ProtobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/** "PATCH application/strategic-merge-patch+json {…}" and the like, of the run under way. */
const writes: string[] = [];

function answer(request: IncomingMessage, body: string): [status: number, value: object | Buffer] {
  const url = new URL(request.url ?? "", "http://x");
  const groupVersion = (resource: OpenApiResource) => groupVersionPath(resource).replace("apis/", "");
  const fixed: Readonly<Record<string, object | Buffer | undefined>> = {
    "/version": { major: "1", minor: "33", gitVersion: `v${kubernetesVersion}` },
    "/api": { kind: "APIVersions", versions: ["v1"] },
    "/api/v1": {
      kind: "APIResourceList",
      groupVersion: "v1",
      resources: [{ name: "namespaces", kind: "Namespace", verbs: ["get"] }],
    },
    "/apis": {
      kind: "APIGroupList",
      groups: resources.map(({ group, version }) => {
        const preferred = { groupVersion: `${group}/${version}`, version };
        return { name: group, versions: [preferred], preferredVersion: preferred };
      }),
    },
    "/openapi/v3": openApiV3Index(resources),
    "/openapi/v2": encodeOpenApiV2(openApiV2Document(resources, kubernetesVersion)),
  };
  const known = fixed[url.pathname];
  if (known !== undefined) return [200, known];
  for (const resource of resources) {
    if (url.pathname === `/openapi/v3/${groupVersionPath(resource)}`)
      return [200, openApiV3Document([resource], kubernetesVersion)];
    if (url.pathname === `/${groupVersionPath(resource)}`) {
      const { plural: name, kind } = resource;
      return [
        200,
        {
          kind: "APIResourceList",
          groupVersion: groupVersion(resource),
          resources: [{ name, singularName: "", namespaced: true, kind, verbs }],
        },
      ];
    }
  }
  return answerObject(request, url, body);
}

function answerObject(request: IncomingMessage, url: URL, body: string): [number, object] {
  const at = url.pathname;
  if (request.method === "POST") {
    const object = JSON.parse(body) as JsonObject & { metadata: { name: string } };
    writes.push(`POST ${body}`);
    store.set(`${at}/${object.metadata.name}`, object);
    return [201, object];
  }
  const found = store.get(at);
  if (found === undefined)
    return [
      404,
      {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        reason: "NotFound",
        code: 404,
        message: "not found",
      },
    ];
  if (request.method !== "PATCH") return [200, found];
  const type = request.headers["content-type"] ?? "";
  writes.push(`PATCH ${type} ${body}`);
  const patch: unknown = JSON.parse(body);
  const changed = type.startsWith("application/strategic")
    ? applyStrategicMergePatch(found, patch, deployments)
    : applyMergePatch(found, patch);
  if (!url.searchParams.has("dryRun")) store.set(at, changed as JsonObject);
  return [200, changed as object];
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) body += chunk;
  const [status, value] = answer(request, body);
  const isProtobuf = Buffer.isBuffer(value);
  response.writeHead(status, {
    "content-type": isProtobuf ? openApiV2ProtobufType : "application/json",
  });
  response.end(isProtobuf ? value : JSON.stringify(value));
}

beforeAll(async () => {
  server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function run(kubectl: string, ...args: readonly string[]) {
  const child = spawn(
    kubectl,
    [
      "--server",
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      "--kubeconfig",
      "/dev/null",
      "--cache-dir",
      path.join(folder, "cache"),
      ...args,
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, KUBECTL_EXTERNAL_DIFF: "diff -u" } },
  );
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}

function manifest(name: string, object: object): string {
  const file = path.join(folder, `${name}.yaml`);
  writeFileSync(file, formatYaml(object));
  return file;
}

function deployment(...containers: readonly object[]): object {
  const labels = { app: "web" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}

for (const version of versions) {
  const program = kubectls.find((kubectl) => kubectl.version === version)?.path ?? "";
  suite.skipIf(program === "")(`kubectl ${version} [needs kubectl]`, () => {
    beforeAll(() => {
      folder = mkdtempSync(path.join(tmpdir(), "kubectl-openapi-"));
      store.clear();
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test("explains built-in and custom kinds", async () => {
      const builtIn = await run(program, "explain", "deployments.spec.template.spec.containers");
      assert.equal(builtIn.code, 0, builtIn.stderr);
      assert.match(builtIn.stdout, /imagePullPolicy\s+<string>/);
      assert.match(builtIn.stdout, /ports\s+<\[\]/);
      const custom = await run(program, "explain", "virtualservices.spec.http");
      assert.equal(custom.code, 0, custom.stderr);
      assert.match(custom.stdout, /corsPolicy\s+<Object>/);
    });

    test("applies a change to a list by its merge key, in a strategic patch", async () => {
      const file = manifest("d", deployment({ name: "a", image: "a:1" }, { name: "b", image: "b:1" }));
      const created = await run(program, "apply", "-f", file);
      assert.equal(created.code, 0, created.stderr);
      writes.length = 0;
      const again = await run(program, "apply", "-f", file);
      assert.match(again.stdout, /unchanged/);
      assert.deepEqual(writes, []);
      manifest("d", deployment({ name: "a", image: "a:2" }));
      const changed = await run(program, "apply", "-f", file);
      assert.equal(changed.code, 0, changed.stderr);
      assert.match(changed.stdout, /configured/);
      assert.match(
        writes[0] ?? "",
        /^PATCH application\/strategic-merge-patch\+json .*"\$patch":"delete","name":"b"/,
      );
      const stored = store.get("/apis/apps/v1/namespaces/default/deployments/web") as {
        spec: { template: { spec: { containers: object[] } } };
      };
      assert.deepEqual(stored.spec.template.spec.containers, [{ name: "a", image: "a:2" }]);
    });

    test("shows a difference that the server worked out", async () => {
      const file = manifest("d", deployment({ name: "a", image: "a:3" }));
      const { code, stdout } = await run(program, "diff", "-f", file);
      assert.equal(code, 1);
      assert.match(stdout, /^-\s+- image: a:2$/m);
      assert.match(stdout, /^\+\s+- image: a:3$/m);
    });

    test("applies a change to a custom kind in a merge patch", async () => {
      const object = (hosts: readonly string[]) => ({
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "v", namespace: "default" },
        spec: { hosts },
      });
      const file = manifest("v", object(["a"]));
      const created = await run(program, "apply", "-f", file);
      assert.equal(created.code, 0, created.stderr);
      writes.length = 0;
      manifest("v", object(["b"]));
      const changed = await run(program, "apply", "-f", file);
      assert.equal(changed.code, 0, changed.stderr);
      assert.match(writes[0] ?? "", /^PATCH application\/merge-patch\+json .*"spec":\{"hosts":\["b"\]\}/);
    });
  });
}
