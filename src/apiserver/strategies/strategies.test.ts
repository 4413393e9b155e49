import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type Kind, type KubeObject, kinds } from "../../kube/index.ts";
import { refusalOf, useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();

const container = { name: "c", image: "i:1" };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container] } };
const selector = { matchLabels: { app: "web" } };

/** The object with `spec`, of a kind, stored in a fresh namespace. */
async function store(kind: Kind, spec: object, extra: object = {}): Promise<KubeObject> {
  const namespace = await api.freshNamespace();
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  const metadata = { name: "web", ...(kind.namespaced ? { namespace } : {}) };
  return api.client.create(kind, { apiVersion, kind: kind.kind, metadata, spec, ...extra });
}

function at(object: KubeObject, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Record<string | number, unknown> | undefined)?.[step],
    object,
  );
}

suite("defaults", () => {
  test("of a pod are Kubernetes' own", async () => {
    const pod = await store(kinds.pods, {
      containers: [{ ...container, image: "i", livenessProbe: { httpGet: { port: 1 } } }],
    });
    const { volumes, tolerations, containers, ...spec } = pod["spec"] as Record<string, unknown>;
    assert.deepEqual(spec, {
      dnsPolicy: "ClusterFirst",
      enableServiceLinks: true,
      preemptionPolicy: "PreemptLowerPriority",
      priority: 0,
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      serviceAccount: "default",
      serviceAccountName: "default",
      terminationGracePeriodSeconds: 30,
    });
    assert.deepEqual(pod["status"], { phase: "Pending", qosClass: "BestEffort" });
    assert.equal((tolerations as unknown[]).length, 2);
    const [first] = containers as Record<string, unknown>[];
    assert.equal(first?.["imagePullPolicy"], "Always");
    assert.deepEqual(first?.["livenessProbe"], {
      failureThreshold: 3,
      httpGet: { path: "/", port: 1, scheme: "HTTP" },
      periodSeconds: 10,
      successThreshold: 1,
      timeoutSeconds: 1,
    });
    const name = at(pod, "spec", "volumes", 0, "name");
    assert.match(String(name), /^kube-api-access-/);
    assert.deepEqual(first?.["volumeMounts"], [
      { name, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" },
    ]);
    assert.equal((volumes as unknown[]).length, 1);
  });

  const cases: readonly (readonly [
    what: string,
    kind: Kind,
    spec: object,
    path: readonly (string | number)[],
    value: unknown,
  ])[] = [
    [
      "a deployment's strategy",
      kinds.deployments,
      { selector, template },
      ["spec", "strategy"],
      { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
    ],
    [
      "a deployment's history",
      kinds.deployments,
      { selector, template },
      ["spec", "revisionHistoryLimit"],
      10,
    ],
    [
      "a stateful set's policy",
      kinds.statefulSets,
      { selector, template },
      ["spec", "podManagementPolicy"],
      "OrderedReady",
    ],
    [
      "a daemon set's strategy",
      kinds.daemonSets,
      { selector, template },
      ["spec", "updateStrategy"],
      { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    ],
    [
      "a job's tries",
      kinds.jobs,
      { template: { spec: { ...template.spec, restartPolicy: "Never" } } },
      ["spec", "backoffLimit"],
      6,
    ],
    [
      "a Service's target",
      kinds.services,
      { ports: [{ port: 80 }] },
      ["spec", "ports"],
      [{ port: 80, protocol: "TCP", targetPort: 80 }],
    ],
    [
      "a Service's target, from a client that says 0 or nothing for none",
      kinds.services,
      {
        ports: [
          { name: "a", port: 80, targetPort: 0 },
          { name: "b", port: 81, targetPort: "" },
        ],
      },
      ["spec", "ports"],
      [
        { name: "a", port: 80, protocol: "TCP", targetPort: 80 },
        { name: "b", port: 81, protocol: "TCP", targetPort: 81 },
      ],
    ],
    ["a Service's type", kinds.services, { ports: [{ port: 80 }] }, ["spec", "type"], "ClusterIP"],
    [
      "a load balancer's policy",
      kinds.services,
      { type: "LoadBalancer", ports: [{ port: 80 }] },
      ["spec", "externalTrafficPolicy"],
      "Cluster",
    ],
    [
      "a limit is a request",
      kinds.pods,
      { containers: [{ ...container, resources: { limits: { cpu: "1", memory: "1Gi" } } }] },
      ["status", "qosClass"],
      "Guaranteed",
    ],
  ];
  for (const [what, kind, spec, path, value] of cases)
    test(`${what}: ${JSON.stringify(value)}`, async () => {
      assert.deepEqual(at(await store(kind, spec), ...path), value);
    });

  test("a job selects its own pods", async () => {
    const job = await store(kinds.jobs, { template: { spec: { ...template.spec, restartPolicy: "Never" } } });
    const uid = job.metadata.uid;
    assert.deepEqual(at(job, "spec", "selector", "matchLabels"), {
      "batch.kubernetes.io/controller-uid": uid,
    });
    assert.equal(at(job, "spec", "template", "metadata", "labels", "job-name"), "web");
  });

  test("a Secret's plain texts become its data", async () => {
    const namespace = await api.freshNamespace();
    const secret = await api.client.create(kinds.secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace },
      stringData: { a: "b" },
    });
    assert.deepEqual([secret.type, secret.data, secret.stringData], ["Opaque", { a: "Yg==" }, undefined]);
  });

  test("a namespace carries its name as a label", async () => {
    const name = await api.freshNamespace();
    const namespace = await api.client.get(kinds.namespaces, name);
    assert.equal(namespace?.metadata.labels?.["kubernetes.io/metadata.name"], name);
    assert.deepEqual([namespace?.spec?.finalizers, namespace?.status?.phase], [["kubernetes"], "Active"]);
  });
});

suite("validation", () => {
  const cases: readonly (readonly [what: string, kind: Kind, spec: object, message: RegExp])[] = [
    ["a pod without containers", kinds.pods, {}, /^Pod "web" is invalid: spec.containers: Required value$/],
    [
      "a container without image",
      kinds.pods,
      { containers: [{ name: "c" }] },
      /spec.containers\[0\].image: Required value/,
    ],
    [
      "two containers of one name",
      kinds.pods,
      { containers: [container, container] },
      /spec.containers\[1\].name: Duplicate value: "c"/,
    ],
    [
      "a port that is none",
      kinds.pods,
      { containers: [{ ...container, ports: [{ containerPort: 70000 }] }] },
      /Invalid value: 70000: must be between 1 and 65535, inclusive/,
    ],
    [
      "a mount of nothing",
      kinds.pods,
      { containers: [{ ...container, volumeMounts: [{ name: "v", mountPath: "/v" }] }] },
      /spec.containers\[0\].volumeMounts\[0\].name: Not found: "v"/,
    ],
    [
      "a probe that does nothing",
      kinds.pods,
      { containers: [{ ...container, readinessProbe: {} }] },
      /readinessProbe: Required value: must specify a handler type/,
    ],
    [
      "an account that is not there",
      kinds.pods,
      { serviceAccountName: "nobody", containers: [container] },
      /error looking up service account ns-\d+\/nobody: serviceaccount "nobody" not found/,
    ],
    ["a deployment without selector", kinds.deployments, { template }, /spec.selector: Required value/],
    [
      "a selector that selects other pods",
      kinds.deployments,
      { selector: { matchLabels: { app: "x" } }, template },
      /`selector` does not match template `labels`/,
    ],
    [
      "a job that runs for ever",
      kinds.jobs,
      { template },
      /spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "OnFailure", "Never"/,
    ],
    ["a Service without ports", kinds.services, {}, /spec.ports: Required value/],
    [
      "ports without names",
      kinds.services,
      { ports: [{ port: 80 }, { port: 81 }] },
      /spec.ports\[0\].name: Required value/,
    ],
    [
      "a type that is none",
      kinds.services,
      { type: "Magic", ports: [{ port: 80 }] },
      /spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName"/,
    ],
    [
      "an external name without name",
      kinds.services,
      { type: "ExternalName" },
      /spec.externalName: Required value/,
    ],
  ];
  for (const [what, kind, spec, message] of cases)
    test(`${what} is refused`, async () => {
      const refused = await refusalOf(store(kind, spec));
      assert.ok(refused.code === 422 || refused.code === 403, `${refused.code}`);
      assert.match(refused.message ?? "", message);
    });

  test("a stateful set's containers mount its claims, and nothing that is not there", async () => {
    const mounting = (name: string) => ({
      selector,
      serviceName: "web",
      template: {
        ...template,
        spec: { containers: [{ ...container, volumeMounts: [{ name, mountPath: "/data" }] }] },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      ],
    });
    await store(kinds.statefulSets, mounting("data"));
    const refused = await refusalOf(store(kinds.statefulSets, mounting("dat")));
    assert.match(refused.message ?? "", /containers\[0\].volumeMounts\[0\].name: Not found: "dat"/);
  });

  test("a running pod changes its image and little else", async () => {
    const pod = await store(kinds.pods, { containers: [container] });
    const { namespace } = pod.metadata;
    const options = { type: "strategic", ...(namespace === undefined ? {} : { namespace }) } as const;
    await api.client.patch(
      kinds.pods,
      "web",
      { spec: { containers: [{ name: "c", image: "i:2" }] } },
      options,
    );
    const refused = await refusalOf(
      api.client.patch(kinds.pods, "web", { spec: { hostname: "x" } }, options),
    );
    assert.match(refused.message ?? "", /spec: Forbidden: pod updates may not change fields other than/);
  });
});
