import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { JsonObject, KubeObject } from "../../kube/index.ts";
import { humanDuration } from "./human-duration.ts";
import { findJsonPath, parseJsonPath } from "./json-path.ts";
import { toTable } from "./to-table.ts";

const now = Date.parse("2026-01-01T01:00:00Z");
const created = "2026-01-01T00:00:00Z";

function object(fields: object, metadata: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "X",
    metadata: { name: "x", creationTimestamp: created, ...metadata },
    ...fields,
  };
}

function cells(plural: string, fields: object, metadata: object = {}): readonly unknown[] {
  return toTable({ plural }, [object(fields, metadata)], { includeObject: "None", now }).rows[0]?.cells ?? [];
}

test("a scale shows what is wanted and what is there, whatever it scales", () => {
  const scale = object({ spec: { replicas: 3 }, status: { replicas: 1 } });
  const table = toTable({ plural: "deployments", kind: "Scale" }, [scale], { includeObject: "None", now });
  assert.deepEqual(table.rows[0]?.cells, ["x", 3, 1, "60m"]);
});

suite("humanDuration()", () => {
  const cases: readonly [seconds: number, text: string][] = [
    [-5, "<invalid>"],
    [-1, "0s"],
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [200, "3m20s"],
    [600, "10m"],
    [3 * 3600 - 1, "179m"],
    [3 * 3600, "3h"],
    [7 * 3600 + 300, "7h5m"],
    [47 * 3600, "47h"],
    [51 * 3600, "2d3h"],
    [9 * 86400, "9d"],
    [800 * 86400, "2y70d"],
    [3650 * 86400, "10y"],
  ];
  for (const [seconds, text] of cases) test(text, () => assert.equal(humanDuration(seconds * 1000), text));
});

suite("columns", () => {
  // Names as Kubernetes 1.36 sends them; a star marks those that only wide output shows.
  const expected: Readonly<Record<string, string>> = {
    pods: "Name, Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*",
    services: "Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector*",
    nodes:
      "Name, Status, Roles, Age, Version, Internal-IP*, External-IP*, OS-Image*, Kernel-Version*, Container-Runtime*",
    namespaces: "Name, Status, Age",
    configmaps: "Name, Data, Age",
    secrets: "Name, Type, Data, Age",
    serviceaccounts: "Name, Age",
    endpoints: "Name, Endpoints, Age",
    events: "Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name*",
    persistentvolumeclaims:
      "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode*",
    resourcequotas: "Name, Request, Limit, Age",
    limitranges: "Name, Created At",
    deployments: "Name, Ready, Up-to-date, Available, Age, Containers*, Images*, Selector*",
    replicasets: "Name, Desired, Current, Ready, Age, Containers*, Images*, Selector*",
    statefulsets: "Name, Ready, Age, Containers*, Images*",
    daemonsets:
      "Name, Desired, Current, Ready, Up-to-date, Available, Node Selector, Age, Containers*, Images*, Selector*",
    jobs: "Name, Status, Completions, Duration, Age, Containers*, Images*, Selector*",
    cronjobs:
      "Name, Schedule, Timezone, Suspend, Active, Last Schedule, Age, Containers*, Images*, Selector*",
    horizontalpodautoscalers: "Name, Reference, Targets, MinPods, MaxPods, Replicas, Age",
    poddisruptionbudgets: "Name, Min Available, Max Unavailable, Allowed Disruptions, Age",
    ingresses: "Name, Class, Hosts, Address, Ports, Age",
    networkpolicies: "Name, Pod-Selector, Age",
    endpointslices: "Name, AddressType, Ports, Endpoints, Age",
    leases: "Name, Holder, Age",
    roles: "Name, Created At",
    rolebindings: "Name, Role, Age, Users*, Groups*, ServiceAccounts*",
    clusterroles: "Name, Created At",
    validatingwebhookconfigurations: "Name, Webhooks, Age",
    customresourcedefinitions: "Name, Created At",
    certificatesigningrequests: "Name, Age, SignerName, Requestor, RequestedDuration, Condition",
    storageclasses: "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age",
    priorityclasses: "Name, Value, Global-Default, Age, PreemptionPolicy",
    gadgets: "Name, Age",
  };
  for (const [plural, names] of Object.entries(expected))
    test(plural, () => {
      const table = toTable({ plural }, [object({})], { includeObject: "None", now });
      const shown = table.columnDefinitions.map(({ name, priority }) => `${name}${priority > 0 ? "*" : ""}`);
      assert.equal(shown.join(", "), names);
      assert.equal(table.rows[0]?.cells.length, shown.length, "every column has its cell");
    });
});

suite("pods", () => {
  const running = (name: string, more: object = {}) => ({
    name,
    ready: true,
    restartCount: 0,
    state: { running: {} },
    ...more,
  });
  const container = (...names: string[]) => names.map((name) => ({ name }));
  const ready = [
    { type: "Ready", status: "True" },
    { type: "Initialized", status: "True" },
  ];
  const cases: readonly [because: string, pod: JsonObject, metadata: object, shown: readonly string[]][] = [
    [
      "pending",
      { spec: { containers: container("a") }, status: { phase: "Pending" } },
      {},
      ["0/1", "Pending", "0"],
    ],
    [
      "running",
      {
        spec: { containers: container("a", "b") },
        status: { phase: "Running", conditions: ready, containerStatuses: [running("a"), running("b")] },
      },
      {},
      ["2/2", "Running", "0"],
    ],
    [
      "restarted",
      {
        spec: { containers: container("a") },
        status: {
          phase: "Running",
          conditions: ready,
          containerStatuses: [
            running("a", {
              restartCount: 3,
              lastState: { terminated: { finishedAt: "2026-01-01T00:55:00Z" } },
            }),
          ],
        },
      },
      {},
      ["1/1", "Running", "3 (5m ago)"],
    ],
    [
      "waiting",
      {
        spec: { containers: container("a") },
        status: {
          phase: "Running",
          containerStatuses: [
            { name: "a", ready: false, restartCount: 2, state: { waiting: { reason: "CrashLoopBackOff" } } },
          ],
        },
      },
      {},
      ["0/1", "CrashLoopBackOff", "2"],
    ],
    [
      "ended without a reason",
      {
        spec: { containers: container("a") },
        status: {
          phase: "Failed",
          containerStatuses: [
            { name: "a", ready: false, restartCount: 0, state: { terminated: { exitCode: 7 } } },
          ],
        },
      },
      {},
      ["0/1", "ExitCode:7", "0"],
    ],
    [
      "one container done, another running",
      {
        spec: { containers: container("a", "b") },
        status: {
          phase: "Running",
          conditions: ready,
          containerStatuses: [
            {
              name: "a",
              ready: false,
              restartCount: 0,
              state: { terminated: { exitCode: 0, reason: "Completed" } },
            },
            running("b"),
          ],
        },
      },
      {},
      ["1/2", "Running", "0"],
    ],
    [
      "initializing",
      {
        spec: { containers: container("a"), initContainers: container("i", "j") },
        status: {
          phase: "Pending",
          initContainerStatuses: [
            { name: "i", restartCount: 0, state: { terminated: { exitCode: 0 } } },
            { name: "j", restartCount: 0, state: { running: {} } },
          ],
        },
      },
      {},
      ["0/1", "Init:1/2", "0"],
    ],
    [
      "an init container that fails",
      {
        spec: { containers: container("a"), initContainers: container("i") },
        status: {
          phase: "Pending",
          initContainerStatuses: [
            { name: "i", restartCount: 4, state: { waiting: { reason: "CrashLoopBackOff" } } },
          ],
        },
      },
      {},
      ["0/1", "Init:CrashLoopBackOff", "4"],
    ],
    [
      "a sidecar counts as a container",
      {
        spec: {
          containers: container("a"),
          initContainers: [{ name: "istio-proxy", restartPolicy: "Always" }],
        },
        status: {
          phase: "Running",
          conditions: ready,
          initContainerStatuses: [running("istio-proxy", { started: true })],
          containerStatuses: [running("a")],
        },
      },
      {},
      ["2/2", "Running", "0"],
    ],
    [
      "terminating",
      {
        spec: { containers: container("a") },
        status: { phase: "Running", containerStatuses: [running("a")] },
      },
      { deletionTimestamp: created },
      ["1/1", "Terminating", "0"],
    ],
    [
      "evicted",
      { spec: { containers: container("a") }, status: { phase: "Failed", reason: "Evicted" } },
      {},
      ["0/1", "Evicted", "0"],
    ],
  ];
  for (const [because, pod, metadata, shown] of cases)
    test(`${because}: ${shown.join(" ")}`, () =>
      assert.deepEqual(cells("pods", pod, metadata).slice(1, 4), shown));

  test("wide cells", () =>
    assert.deepEqual(
      cells("pods", {
        spec: {
          containers: [],
          nodeName: "n",
          readinessGates: [{ conditionType: "A" }, { conditionType: "B" }],
        },
        status: { podIP: "127.16.0.2", conditions: [{ type: "A", status: "True" }] },
      }).slice(4),
      ["60m", "127.16.0.2", "n", "<none>", "1/2"],
    ));

  test("a finished pod's row says so", () => {
    const { rows } = toTable({ plural: "pods" }, [object({ status: { phase: "Succeeded" } })], {
      includeObject: "None",
      now,
    });
    assert.equal(rows[0]?.conditions?.[0]?.["type"], "Completed");
  });
});

suite("cells", () => {
  const cases: readonly [plural: string, because: string, fields: JsonObject, shown: readonly unknown[]][] = [
    [
      "services",
      "a load balancer",
      {
        spec: {
          type: "LoadBalancer",
          clusterIP: "10.0.0.1",
          ports: [
            { port: 80, nodePort: 30000, protocol: "TCP" },
            { port: 53, protocol: "UDP" },
          ],
          selector: { b: "2", a: "1" },
        },
        status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
      },
      ["x", "LoadBalancer", "10.0.0.1", "1.2.3.4", "80:30000/TCP,53/UDP", "60m", "a=1,b=2"],
    ],
    [
      "services",
      "a load balancer without address",
      { spec: { type: "LoadBalancer", clusterIP: "10.0.0.1" } },
      ["x", "LoadBalancer", "10.0.0.1", "<pending>", "<none>", "60m", "<none>"],
    ],
    [
      "services",
      "a headless one",
      { spec: { type: "ClusterIP", clusterIP: "None", ports: [{ port: 80, protocol: "TCP" }] } },
      ["x", "ClusterIP", "None", "<none>", "80/TCP", "60m", "<none>"],
    ],
    [
      "services",
      "a name elsewhere",
      { spec: { type: "ExternalName", externalName: "a.example" } },
      ["x", "ExternalName", "<none>", "a.example", "<none>", "60m", "<none>"],
    ],
    [
      "nodes",
      "ready but closed",
      {
        metadata: {
          name: "n",
          creationTimestamp: created,
          labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" },
        },
        spec: { unschedulable: true },
        status: {
          conditions: [{ type: "Ready", status: "True" }],
          nodeInfo: { kubeletVersion: "v1.33.1" },
          addresses: [{ type: "InternalIP", address: "127.16.254.1" }],
        },
      },
      [
        "n",
        "Ready,SchedulingDisabled",
        "control-plane,worker",
        "60m",
        "v1.33.1",
        "127.16.254.1",
        "<none>",
        "<unknown>",
        "<unknown>",
        "<unknown>",
      ],
    ],
    ["configmaps", "data and binary data", { data: { a: "1" }, binaryData: { b: "AA==" } }, ["x", 2, "60m"]],
    ["secrets", "type and keys", { type: "Opaque", data: { a: "" } }, ["x", "Opaque", 1, "60m"]],
    [
      "endpoints",
      "many addresses",
      {
        subsets: [
          { addresses: [{ ip: "1.1.1.1" }, { ip: "1.1.1.2" }], ports: [{ port: 80 }, { port: 443 }] },
        ],
      },
      ["x", "1.1.1.1:80,1.1.1.2:80,1.1.1.1:443 + 1 more...", "60m"],
    ],
    ["endpoints", "none", {}, ["x", "<none>", "60m"]],
    [
      "events",
      "a repeated one",
      {
        type: "Warning",
        reason: "BackOff",
        message: " m \n",
        involvedObject: { kind: "Pod", name: "p", fieldPath: "spec.containers{a}" },
        source: { component: "kubelet", host: "n" },
        firstTimestamp: "2026-01-01T00:50:00Z",
        lastTimestamp: "2026-01-01T00:59:30Z",
        count: 4,
      },
      ["30s", "Warning", "BackOff", "pod/p", "spec.containers{a}", "kubelet, n", "m", "10m", 4, "x"],
    ],
    [
      "events",
      "a single one of the newer kind",
      {
        type: "Normal",
        reason: "R",
        message: "m",
        involvedObject: { kind: "Node" },
        eventTime: "2026-01-01T00:59:00.000000Z",
        reportingComponent: "c",
        reportingInstance: "i",
      },
      ["60s", "Normal", "R", "node", "", "c, i", "m", "60s", 1, "x"],
    ],
    [
      "resourcequotas",
      "requests and limits apart",
      { status: { hard: { pods: "2", "limits.cpu": "1000m" }, used: { pods: "1" } } },
      ["x", "pods: 1/2", "limits.cpu: 0/1", "60m"],
    ],
    [
      "deployments",
      "two of three ready",
      {
        spec: {
          replicas: 3,
          selector: { matchLabels: { app: "x" } },
          template: {
            spec: {
              containers: [
                { name: "a", image: "i:1" },
                { name: "b", image: "j:1" },
              ],
            },
          },
        },
        status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 },
      },
      ["x", "2/3", 3, 2, "60m", "a,b", "i:1,j:1", "app=x"],
    ],
    [
      "jobs",
      "done",
      {
        spec: { completions: 2, template: { spec: { containers: [] } } },
        status: {
          succeeded: 2,
          startTime: "2026-01-01T00:00:00Z",
          completionTime: "2026-01-01T00:00:07Z",
          conditions: [{ type: "Complete", status: "True" }],
        },
      },
      ["x", "Complete", "2/2", "7s", "60m", "", "", "<none>"],
    ],
    ["jobs", "not started", { spec: {} }, ["x", "Running", "0/1", "", "60m", "", "", "<none>"]],
    [
      "cronjobs",
      "never run",
      { spec: { schedule: "@hourly", suspend: false } },
      ["x", "@hourly", "<none>", "False", 0, "<none>", "60m", "", "", "<none>"],
    ],
    [
      "horizontalpodautoscalers",
      "CPU",
      {
        spec: {
          scaleTargetRef: { kind: "Deployment", name: "d" },
          minReplicas: 1,
          maxReplicas: 5,
          metrics: [
            {
              type: "Resource",
              resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
            },
          ],
        },
        status: {
          currentReplicas: 2,
          currentMetrics: [
            { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 12 } } },
          ],
        },
      },
      ["x", "Deployment/d", "cpu: 12%/80%", "1", 5, 2, "60m"],
    ],
    [
      "poddisruptionbudgets",
      "a share",
      { spec: { minAvailable: "50%" }, status: { disruptionsAllowed: 1 } },
      ["x", "50%", "N/A", 1, "60m"],
    ],
    [
      "ingresses",
      "many hosts with TLS",
      {
        spec: { ingressClassName: "nginx", tls: [{}], rules: ["a", "b", "c", "d"].map((host) => ({ host })) },
        status: { loadBalancer: { ingress: [{ hostname: "lb" }] } },
      },
      ["x", "nginx", "a,b,c + 1 more...", "lb", "80, 443", "60m"],
    ],
    ["ingresses", "any host", { spec: { rules: [{}] } }, ["x", "<none>", "*", "", "80", "60m"]],
    ["networkpolicies", "all pods", { spec: { podSelector: {} } }, ["x", "<none>", "60m"]],
    [
      "endpointslices",
      "ports and addresses",
      {
        addressType: "IPv4",
        ports: [{ port: 80 }, { name: "p" }],
        endpoints: [{ addresses: ["1.1.1.1"] }, { addresses: ["1.1.1.2"] }],
      },
      ["x", "IPv4", "80,p", "1.1.1.1,1.1.1.2", "60m"],
    ],
    [
      "endpointslices",
      "empty",
      { addressType: "IPv4", endpoints: null, ports: null },
      ["x", "IPv4", "<unset>", "<unset>", "60m"],
    ],
    [
      "clusterrolebindings",
      "subjects of all kinds",
      {
        roleRef: { kind: "ClusterRole", name: "r" },
        subjects: [
          { kind: "User", name: "u" },
          { kind: "User", name: "v" },
          { kind: "Group", name: "g" },
          { kind: "ServiceAccount", name: "s", namespace: "n" },
        ],
      },
      ["x", "ClusterRole/r", "60m", "u, v", "g", "n/s"],
    ],
    ["roles", "time of creation", {}, ["x", created]],
    ["mutatingwebhookconfigurations", "number of webhooks", { webhooks: [{}, {}] }, ["x", 2, "60m"]],
    [
      "certificatesigningrequests",
      "approved and issued",
      {
        spec: { signerName: "s", username: "u", expirationSeconds: 3600 },
        status: { conditions: [{ type: "Approved" }], certificate: "AA==" },
      },
      ["x", "60m", "s", "u", "60m", "Approved,Issued"],
    ],
    [
      "storageclasses",
      "the default one",
      {
        metadata: {
          name: "x",
          creationTimestamp: created,
          annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        provisioner: "p",
      },
      ["x (default)", "p", "Delete", "Immediate", false, "60m"],
    ],
    [
      "apiservices",
      "local",
      { spec: {}, status: { conditions: [{ type: "Available", status: "True" }] } },
      ["x", "Local", "True", "60m"],
    ],
  ];
  for (const [plural, because, fields, shown] of cases)
    test(`${plural}: ${because}`, () => assert.deepEqual(cells(plural, fields), shown));
});

suite("custom kinds", () => {
  const custom = (
    columns: readonly { name: string; type: string; jsonPath: string; priority?: number }[],
  ) => ({
    plural: "widgets",
    custom: { schema: {}, preserveUnknownFields: false, hasStatus: false, columns, selectableFields: [] },
  });
  test("are shown by their printer columns", () => {
    const type = custom([
      { name: "Hosts", type: "string", jsonPath: ".spec.hosts" },
      { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      { name: "Count", type: "integer", jsonPath: ".spec.count", priority: 1 },
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
    ]);
    const fields = {
      spec: { hosts: ["*"], count: 2 },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    };
    const table = toTable(type, [object(fields), object({})], { includeObject: "Metadata", now });
    assert.deepEqual(
      table.columnDefinitions.map(({ name, priority }) => [name, priority]),
      [
        ["Name", 0],
        ["Hosts", 0],
        ["Ready", 0],
        ["Count", 1],
        ["Age", 0],
      ],
    );
    assert.deepEqual(
      table.rows.map(({ cells: row }) => row),
      [
        ["x", '["*"]', "True", 2, "60m"],
        ["x", null, null, null, "60m"],
      ],
    );
  });
  test("without columns show name and age", () =>
    assert.deepEqual(toTable(custom([]), [object({})], { includeObject: "None", now }).rows[0]?.cells, [
      "x",
      "60m",
    ]));
});

suite("includeObject", () => {
  const one = object({ data: {} });
  const row = (includeObject: "Object" | "Metadata" | "None") =>
    toTable({ plural: "configmaps" }, [one], { includeObject, now }).rows[0]?.object;
  test("None", () => assert.equal(row("None"), undefined));
  test("Object", () => assert.equal(row("Object"), one));
  test("Metadata", () =>
    assert.deepEqual(row("Metadata"), {
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: one.metadata,
    }));
});

suite("JSONPath", () => {
  const value = {
    a: { "b.c": [1, 2, { d: "x" }] },
    list: [
      { n: "p", v: 1 },
      { n: "q", v: 2 },
    ],
  };
  const cases: readonly [path: string, found: readonly unknown[]][] = [
    [".a.b\\.c[0]", [1]],
    [".a['b.c'][-1].d", ["x"]],
    ['.list[?(@.n=="q")].v', [2]],
    [".list[?(@.v>1)].n", ["q"]],
    [".list[*].n", ["p", "q"]],
    ["{.list[0].n}", ["p"]],
    [".none.at.all", []],
    [".constructor", []],
  ];
  for (const [path, found] of cases)
    test(path, () => assert.deepEqual(findJsonPath(parseJsonPath(path) ?? [], value), found));
  for (const path of [".a[", "a", ".a[?(@.x", "..a", ".a[1:2]"])
    test(`${path} is refused`, () => assert.equal(parseJsonPath(path), undefined));
});
