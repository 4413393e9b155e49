import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import { startTestServer } from "../../../apiserver/test-support/start-test-server.ts";
import { type Stop, silentLogger } from "../../../base/index.ts";
import {
  createKubeClient,
  type KubeClient,
  type KubeObject,
  kinds,
  startInformer,
} from "../../../kube/index.ts";
import { createResourceMap } from "../../resource-map.ts";
import { whenAddressed } from "./when-addressed.ts";
import { whenAvailable } from "./when-available.ts";
import { whenInjecting } from "./when-injecting.ts";
import { whyNoAddress } from "./why-no-address.ts";

let stop: Stop;
let client: KubeClient;
const namespace = "default";

beforeAll(async () => {
  const { api } = await startTestServer();
  stop = api.stop;
  client = createKubeClient(api.transport({ name: "isthmus", groups: ["system:masters"] }));
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } };
  await client.create(kinds.serviceAccounts, account);
});
afterAll(() => stop());

/** A Deployment of one replica with this status, its ReplicaSet and its pod, where they are given. */
async function workload(
  name: string,
  status: object,
  { set, pod }: { readonly set?: object; readonly pod?: object } = {},
): Promise<KubeObject> {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  const put = async (
    kind: (typeof kinds)["pods"] | (typeof kinds)["deployments"],
    object: KubeObject,
    its: object,
  ) => {
    await client.create<KubeObject>(kind as never, object);
    await client.patch(
      kind as never,
      name,
      { status: its },
      { type: "merge", subresource: "status", namespace },
    );
  };
  const metadata = { name, namespace, labels };
  await put(
    kinds.deployments,
    { apiVersion: "apps/v1", kind: "Deployment", metadata, spec } as KubeObject,
    status,
  );
  if (set !== undefined)
    await put(
      kinds.replicaSets as never,
      { apiVersion: "apps/v1", kind: "ReplicaSet", metadata, spec } as KubeObject,
      set,
    );
  if (pod !== undefined)
    await put(
      kinds.pods,
      { apiVersion: "v1", kind: "Pod", metadata, spec: template.spec } as KubeObject,
      pod,
    );
  return { apiVersion: "apps/v1", kind: "Deployment", metadata };
}

const wait = (object: KubeObject, addressTimeout = 20) =>
  whenAvailable({ client, name: "fra", resources: createResourceMap(client) }, object, {
    ...{ addressTimeout, signal: new AbortController().signal, log: silentLogger },
    waiting() {},
  });
const conditions = (...list: readonly object[]) => ({ conditions: list });

suite("whenAvailable()", () => {
  test("is over when the newest version runs", async () => {
    const status = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
    await wait(await workload("there", status));
  });

  test("does not take pods of the version before for it", async () => {
    const status = { observedGeneration: 1, replicas: 2, updatedReplicas: 1, availableReplicas: 1 };
    await assert.rejects(wait(await workload("old", status)), {
      code: "apply/timed-out",
      message: /^fra: Deployment default\/old is not available after 0 s \(1 of the version before left\)/,
    });
  });

  test.each<[string, Parameters<typeof workload>[2], RegExp]>([
    [
      "quota",
      { set: conditions({ type: "ReplicaFailure", status: "True", message: "exceeded quota: small" }) },
      /: exceeded quota: small$/,
    ],
    [
      "unplaced",
      {
        pod: conditions({
          type: "PodScheduled",
          status: "False",
          message: "0/3 nodes are available: 3 Insufficient cpu.",
        }),
      },
      /: pod unplaced: can't be placed on a node: 0\/3 nodes are available: 3 Insufficient cpu\.$/,
    ],
    [
      "image",
      {
        pod: {
          containerStatuses: [
            {
              ...{ name: "web", image: "web:1", imageID: "", ready: false, restartCount: 0 },
              state: { waiting: { reason: "ImagePullBackOff", message: "not found" } },
            },
          ],
        },
      },
      /: pod image: container web \(web:1\) ImagePullBackOff: not found$/,
    ],
    ["nothing", {}, /\(0 of 1 ready\): it has no pods yet$/],
  ])("says why when it takes too long: %s", async (name, parts, message) => {
    await assert.rejects(wait(await workload(name, { observedGeneration: 1 }, parts)), {
      code: "apply/timed-out",
      message,
      nextStep: /it resumes/,
    });
  });
});

suite("whenInjecting()", () => {
  test("says that the API server does not reach the webhook, and with what words", async () => {
    const sideEffects = "None";
    await client.create(kinds.mutatingWebhooks, {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "istio-sidecar-injector" },
      webhooks: [
        {
          ...{ name: "namespace.sidecar-injector.istio.io", sideEffects, admissionReviewVersions: ["v1"] },
          clientConfig: { url: "https://127.0.0.1:1/inject" },
          rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
        },
      ],
    } as never);
    const injecting = whenInjecting(
      { client, name: "fra" },
      { namespace, revision: undefined },
      {
        ...{ addressTimeout: 20, signal: new AbortController().signal, log: silentLogger },
        waiting() {},
      },
    );
    await assert.rejects(injecting, {
      code: "apply/timed-out",
      message:
        /^fra: the injection webhook does not answer after 0 s: .*failed calling webhook "namespace\.sidecar-injector\.istio\.io".*(ECONNREFUSED|refused|nothing listens)/,
      nextStep: /must reach istiod's port 15017: a firewall.*it resumes/,
    });
    await client.delete(kinds.mutatingWebhooks, "istio-sidecar-injector", {});
  });
});

suite("whenAddressed()", () => {
  test("says how long a load balancer has been waited for, what the cloud said, and where annotations go", async () => {
    const stop = new AbortController();
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "eastwest", namespace } };
    await client.create(kinds.services, {
      ...service,
      spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
    } as never);
    await client.create(kinds.events, {
      ...{ apiVersion: "v1", kind: "Event", metadata: { name: "eastwest.1", namespace } },
      involvedObject: { kind: "Service", name: "eastwest", namespace },
      ...{ type: "Warning", reason: "SyncLoadBalancerFailed", message: "quota of addresses exceeded" },
    } as never);
    try {
      const services = startInformer(client, kinds.services, { signal: stop.signal, log: silentLogger });
      const options = { addressTimeout: 20, signal: stop.signal, log: silentLogger, waiting() {} };
      await assert.rejects(whenAddressed({ client, name: "fra", services }, service, options), {
        code: "gateway/no-address",
        message:
          "fra: Service default/eastwest got no address within 0 s: SyncLoadBalancerFailed: quota of addresses exceeded",
        nextStep: /describe service eastwest shows more; annotations for the cloud go to/,
      });
    } finally {
      stop.abort();
    }
  });
});

suite("whyNoAddress()", () => {
  const service = (name: string): KubeObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  });

  test("gives the newest warning about the Service", async () => {
    await client.create(kinds.services, service("web") as never);
    assert.match(await whyNoAddress(client, "web", namespace), /pending, and no event says why/);
    for (const [i, message] of ["first", "quota of addresses exceeded"].entries())
      await client.create(kinds.events, {
        ...{ apiVersion: "v1", kind: "Event", metadata: { name: `web.${i}`, namespace } },
        involvedObject: { kind: "Service", name: "web", namespace },
        ...{
          type: "Warning",
          reason: "SyncLoadBalancerFailed",
          message,
          lastTimestamp: `2026-01-01T00:00:0${i}Z`,
        },
      });
    assert.equal(
      await whyNoAddress(client, "web", namespace),
      "SyncLoadBalancerFailed: quota of addresses exceeded",
    );
    assert.equal(await whyNoAddress(client, "none", namespace), "there is no such Service");
  });
});
