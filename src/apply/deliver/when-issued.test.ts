import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { startTestServer } from "../../apiserver/test-support/start-test-server.ts";
import { type Stop, silentLogger, waitFor } from "../../base/index.ts";
import { createIntermediate, createRoot, type Root } from "../../ca/index.ts";
import type { CompiledItem } from "../../compile/index.ts";
import {
  createKubeClient,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type Secret,
  startInformer,
} from "../../kube/index.ts";
import { createResourceMap } from "../resource-map.ts";
import { applyCompiled } from "./apply-compiled.ts";
import type { Applying } from "./applying.ts";
import { whenIssued } from "./when-issued.ts";

const namespace = "default";
const certificates: Kind<KubeObject> = {
  group: "cert-manager.io",
  version: "v1",
  kind: "Certificate",
  plural: "certificates",
  namespaced: true,
};
const issuers: Kind<KubeObject> = { ...certificates, kind: "Issuer", plural: "issuers" };
const expected = { certificate: "cacerts", allowDifferentRoots: false };
const wanted: KubeObject = { apiVersion: "v1", kind: "Secret", metadata: { name: "cacerts", namespace } };

interface TestCluster {
  readonly applying: Applying;
  readonly client: KubeClient;
  stop: Stop;
}

async function startCluster(name: string): Promise<TestCluster> {
  const { api } = await startTestServer();
  const client = createKubeClient(api.transport({ name: "isthmus", groups: ["system:masters"] }));
  // Nothing else of a cluster is looked at.
  const applying = { name, client, resources: createResourceMap(client), caFiles: undefined };
  return { applying: applying as unknown as Applying, client, stop: api.stop };
}

suite("whenIssued()", () => {
  let east: TestCluster;
  let west: TestCluster;
  let said: string[];

  beforeEach(async () => {
    [east, west] = await Promise.all([startCluster("east"), startCluster("west")]);
    said = [];
  });
  afterEach(async () => {
    await Promise.all([east.stop(), west.stop()]);
  });

  const serve = async ({ client }: TestCluster) => {
    for (const { kind, plural } of [certificates, issuers])
      await client.create(kinds.customResourceDefinitions, {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `${plural}.cert-manager.io` },
        spec: {
          group: "cert-manager.io",
          names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
          scope: "Namespaced",
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              schema: {
                openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
              },
            },
          ],
        },
      } as never);
  };
  const wait = ({ applying }: TestCluster, addressTimeout = 20_000) =>
    whenIssued(
      applying,
      wanted,
      expected,
      { applying: both(), unreachable: new Map() },
      {
        addressTimeout,
        signal: AbortSignal.timeout(30_000),
        log: silentLogger,
        waiting: (_cluster, what) => {
          if (what !== undefined) said.push(what);
        },
      },
    );
  const both = () => new Map([east, west].map(({ applying }) => [applying.name, applying]));
  const secret = (
    root: Root,
    annotations: Readonly<Record<string, string>> = { "cert-manager.io/certificate-name": "cacerts" },
  ): Secret => {
    const made = createIntermediate(root, "east", Date.now());
    const data = {
      "tls.crt": made["ca-cert.pem"],
      "tls.key": made["ca-key.pem"],
      "ca.crt": root.certificatePem,
    };
    return {
      ...wanted,
      metadata: { ...wanted.metadata, annotations },
      data: Object.fromEntries(
        Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
      ),
    } as Secret;
  };
  const certificate: KubeObject = {
    apiVersion: "cert-manager.io/v1",
    kind: "Certificate",
    metadata: { name: "cacerts", namespace },
    spec: { secretName: "cacerts", issuerRef: { name: "mesh-ca", kind: "Issuer" } },
  };

  test("waits for the Secret, says for what, and takes it once cert-manager has written it", async () => {
    await serve(east);
    await east.client.create(certificates, certificate);
    const waited = wait(east);
    const isTold = () => (said.some((one) => one.includes("there is no Issuer mesh-ca")) ? true : undefined);
    await waitFor(isTold, { signal: AbortSignal.timeout(20_000) });
    await east.client.create(kinds.secrets, secret(createRoot("m", Date.now())));
    await waited;
  });

  test("ends with what the Certificate and its issuer say when the time is over", async () => {
    await serve(east);
    const message = "Issuing certificate as Secret does not exist";
    await east.client.create(certificates, {
      ...certificate,
      status: { conditions: [{ type: "Ready", status: "False", message }] },
    } as KubeObject);
    const trouble = { type: "Ready", status: "False", message: 'secrets "root" not found' };
    await east.client.create(issuers, {
      ...{ apiVersion: "cert-manager.io/v1", kind: "Issuer", metadata: { name: "mesh-ca", namespace } },
      ...{ spec: {}, status: { conditions: [trouble] } },
    } as KubeObject);
    await assert.rejects(wait(east, 1), {
      code: "trust/not-issued",
      message: /does not exist; Issuer mesh-ca is not ready: secrets "root" not found$/,
    });
  });

  test("without cert-manager nobody waits: it is said how to bring it", async () => {
    await assert.rejects(wait(east), {
      code: "trust/not-issued",
      nextStep: /trust\.issuer\.manifests/,
    });
  });

  test("another CA in its place is not taken for the issuer's, nor taken away", async () => {
    await serve(east);
    await east.client.create(kinds.secrets, secret(createRoot("m", Date.now()), {}));
    await assert.rejects(wait(east), {
      code: "trust/not-issued",
      message: /already, which is not the issuer's/,
    });
  });

  test("an apply waits for it only after everything else of its wave, such as the Deployment of cert-manager", async () => {
    await serve(east);
    const { client } = east;
    const stop = new AbortController();
    const { signal } = stop;
    const template = {
      metadata: { labels: { app: "cm" } },
      spec: { containers: [{ name: "cm", image: "cm" }] },
    };
    const manager: KubeObject = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "cm", namespace },
      spec: { selector: { matchLabels: { app: "cm" } }, template },
    } as KubeObject;
    const wave = "trust";
    const items: readonly CompiledItem[] = [
      {
        kind: "generated-secret",
        wave,
        from: "trust.issuer",
        object: wanted,
        source: { kind: "issued", ...expected },
      },
      { kind: "object", wave, from: "trust.issuer.manifests[0]", object: manager },
    ];
    const informer = (kind: typeof kinds.services | typeof kinds.deployments) =>
      startInformer(client, kind as Kind<KubeObject>, { signal, log: silentLogger });
    const deployments = informer(kinds.deployments);
    const issuing = waitFor(() => deployments.get("cm", namespace), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(20_000)]),
      changes: deployments.changes,
    }).then(() => client.create(kinds.secrets, secret(createRoot("m", Date.now()))));
    issuing.catch(() => {}); // Awaited below; an apply that ends first is what the test is about.
    try {
      const target = { ...east.applying, services: informer(kinds.services) as never, server: "", apiCa: "" };
      const [outcome] = await applyCompiled(
        { clusters: new Map([["east", items]]) },
        {
          ...{ targets: new Map([["east", target]]), installChart: async () => {}, width: 8 },
          ...{ addressTimeout: 20_000, force: true, unserved: "wait", signal, log: silentLogger },
          waiting() {},
          deleted() {},
        },
      );
      await issuing;
      assert.equal(outcome?.failure, undefined);
    } finally {
      stop.abort();
    }
  });

  test("issuers of two clusters must lead to one root", async () => {
    const [one, other] = [createRoot("one", Date.now()), createRoot("other", Date.now())];
    for (const cluster of [east, west]) await serve(cluster);
    await east.client.create(kinds.secrets, secret(one));
    await wait(east);
    await west.client.create(kinds.secrets, secret(other));
    await assert.rejects(wait(west), { code: "trust/different-roots", message: /west and east/ });
    await west.client.delete(kinds.secrets, "cacerts", { namespace });
    await west.client.create(kinds.secrets, secret(one));
    await wait(west);
  });
});
