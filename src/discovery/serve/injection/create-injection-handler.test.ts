import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { InjectionSettings } from "./contracts.ts";
import { createInjectionHandler } from "./create-injection-handler.ts";
import {
  app,
  auto,
  type Call,
  call,
  envOf,
  gateway,
  initArgs,
  inject,
  type PodParts,
  podOf,
  proxyOf,
  settings,
} from "./test-support/inject.ts";

suite("createInjectionHandler(): which pods get a proxy", () => {
  const cases: readonly (PodParts & {
    readonly title: string;
    readonly call?: Call;
    readonly injected: boolean;
  })[] = [
    { title: "a pod that says nothing", injected: true },
    { title: "label true", labels: { "sidecar.istio.io/inject": "true" }, injected: true },
    { title: "label false", labels: { "sidecar.istio.io/inject": "false" }, injected: false },
    { title: "annotation false", annotations: { "sidecar.istio.io/inject": "false" }, injected: false },
    {
      title: "label true over annotation false",
      labels: { "sidecar.istio.io/inject": "true" },
      annotations: { "sidecar.istio.io/inject": "false" },
      injected: true,
    },
    { title: "a label that is neither", labels: { "sidecar.istio.io/inject": "yes" }, injected: true },
    { title: "the node's network", spec: { hostNetwork: true }, injected: false },
    ...["kube-system", "kube-public", "kube-node-lease", "local-path-storage"].map((namespace) => ({
      title: `a pod in ${namespace}`,
      labels: { "sidecar.istio.io/inject": "true" },
      call: { namespace },
      injected: false,
    })),
    {
      title: "injection is off unless asked for, and is not",
      call: { settings: { global: { proxy: { autoInject: "disabled" } } } },
      injected: false,
    },
    {
      title: "injection is off unless asked for, and is",
      labels: { "sidecar.istio.io/inject": "true" },
      call: { settings: { global: { proxy: { autoInject: "disabled" } } } },
      injected: true,
    },
    { title: "a pod that is changed, not created", call: { operation: "UPDATE" }, injected: false },
  ];
  for (const { title, call: options, injected, ...parts } of cases) {
    test(`${title}: ${injected ? "a proxy" : "no proxy"}`, () => {
      const { allowed, patch } = call(podOf(parts), options);
      assert.deepEqual([allowed, patch !== undefined], [true, injected]);
    });
  }
});

suite("createInjectionHandler(): the sidecar", () => {
  test("stands after the app, with what its agent needs", () => {
    const pod = inject(podOf());
    const proxy = proxyOf(pod);
    assert.deepEqual(
      pod.spec.containers.map(({ name }) => name),
      ["app", "istio-proxy"],
    );
    assert.equal(proxy.image, "registry.example/istio/proxyv2:1.32.0");
    assert.deepEqual(proxy.args, [
      "proxy",
      "sidecar",
      "--domain",
      "$(POD_NAMESPACE).svc.cluster.local",
      "--proxyLogLevel=warning",
      "--proxyComponentLogLevel=misc:error",
      "--log_output_level=default:info",
    ]);
    assert.deepEqual(proxy.ports, [{ containerPort: 15090, protocol: "TCP", name: "http-envoy-prom" }]);
    assert.deepEqual(envOf(pod), {
      PILOT_CERT_PROVIDER: "istiod",
      CA_ADDR: "istiod.istio-system.svc:15012",
      POD_NAME: "metadata.name",
      POD_NAMESPACE: "metadata.namespace",
      INSTANCE_IP: "status.podIP",
      SERVICE_ACCOUNT: "spec.serviceAccountName",
      HOST_IP: "status.hostIP",
      ISTIO_CPU_LIMIT: undefined,
      GOMEMLIMIT: undefined,
      PROXY_CONFIG: "{}",
      ISTIO_META_POD_PORTS: '[{"containerPort":8080}]',
      ISTIO_META_APP_CONTAINERS: "app",
      ISTIO_META_NODE_NAME: "spec.nodeName",
      ISTIO_META_INTERCEPTION_MODE: "REDIRECT",
      ISTIO_META_WORKLOAD_NAME: "sleep",
      ISTIO_META_OWNER: "kubernetes://apis/apps/v1/namespaces/sample/deployments/sleep",
      ISTIO_META_MESH_ID: "mesh1",
      TRUST_DOMAIN: "cluster.local",
      ISTIO_META_CLUSTER_ID: "fra",
      ISTIO_META_NETWORK: "network1",
    });
    assert.deepEqual(proxy.readinessProbe, {
      httpGet: { path: "/healthz/ready", port: 15021 },
      initialDelaySeconds: 0,
      periodSeconds: 15,
      timeoutSeconds: 3,
      failureThreshold: 4,
    });
    assert.equal(proxy.startupProbe?.periodSeconds, 1);
    assert.deepEqual(proxy.resources, {
      requests: { cpu: "100m", memory: "128Mi" },
      limits: { cpu: "2", memory: "1Gi" },
    });
    assert.deepEqual(
      [proxy.securityContext?.["runAsUser"], proxy.securityContext?.["readOnlyRootFilesystem"]],
      [1337, true],
    );
    assert.equal(proxy.lifecycle, undefined);
  });

  test("comes with volumes for each of its mounts", () => {
    const { spec } = inject(podOf({ spec: { volumes: [{ name: "own", emptyDir: {} }] } }));
    const volumes = spec.volumes?.map(({ name }) => name) ?? [];
    assert.ok(volumes.includes("own"));
    const mounts = spec.containers[1]?.volumeMounts?.map(({ name }) => name) ?? [];
    assert.deepEqual([...mounts, "own"].sort(), [...volumes].sort());
    const token = spec.volumes?.find(({ name }) => name === "istio-token");
    assert.deepEqual(token?.["projected"], {
      sources: [
        { serviceAccountToken: { path: "istio-token", expirationSeconds: 43_200, audience: "istio-ca" } },
      ],
    });
    const root = spec.volumes?.find(({ name }) => name === "istiod-ca-cert");
    assert.deepEqual(root?.["configMap"], { name: "istio-ca-root-cert" });
  });

  test("is redirected to after the app's own init containers ran", () => {
    const pod = inject(podOf({ spec: { initContainers: [{ name: "first", image: "i" }] } }));
    assert.deepEqual(
      pod.spec.initContainers?.map(({ name }) => name),
      ["first", "istio-init"],
    );
    assert.deepEqual(initArgs(pod), {
      "-p": "15001",
      "-z": "15006",
      "-u": "1337",
      "-m": "REDIRECT",
      "-i": "*",
      "-x": "",
      "-b": "*",
      "-d": "15090,15021,15020",
    });
  });

  test("labels and annotates its pod", () => {
    const { labels, annotations } = inject(podOf({ labels: { version: "v2" } })).metadata;
    assert.deepEqual(labels, {
      app: "sleep",
      version: "v2",
      "pod-template-hash": "5d8",
      "security.istio.io/tlsMode": "istio",
      "service.istio.io/canonical-name": "sleep",
      "service.istio.io/canonical-revision": "v2",
      "topology.istio.io/network": "network1",
    });
    const { "sidecar.istio.io/status": status = "", ...others } = annotations ?? {};
    assert.deepEqual(others, {
      "istio.io/rev": "default",
      "kubectl.kubernetes.io/default-container": "app",
      "kubectl.kubernetes.io/default-logs-container": "app",
      "prometheus.io/path": "/stats/prometheus",
      "prometheus.io/port": "15020",
      "prometheus.io/scrape": "true",
    });
    assert.deepEqual(JSON.parse(status), {
      initContainers: ["istio-init"],
      containers: ["istio-proxy"],
      volumes: [
        "workload-socket",
        "credential-socket",
        "workload-certs",
        "istio-envoy",
        "istio-data",
        "istio-podinfo",
        "istio-token",
        "istiod-ca-cert",
      ],
      imagePullSecrets: null,
      revision: "default",
    });
  });

  test("of a named revision belongs to that revision's control plane", () => {
    const pod = inject(podOf(), { settings: { revision: "canary", systemNamespace: "mesh" } });
    const { CA_ADDR, PROXY_CONFIG } = envOf(pod);
    assert.deepEqual(
      [CA_ADDR, PROXY_CONFIG, pod.metadata.annotations?.["istio.io/rev"]],
      ["istiod-canary.mesh.svc:15012", '{"discoveryAddress":"istiod-canary.mesh.svc:15012"}', "canary"],
    );
  });

  test("has no second one beside it when the pod was injected before", () => {
    const once = inject(
      podOf({
        annotations: { "prometheus.io/port": "9090" },
        containers: [app, { ...auto, resources: { limits: { cpu: "1" } } }],
      }),
    );
    assert.deepEqual(inject(once), once);
    const moved = inject({ ...once }, { path: "/inject/cluster/ash/net/network1" });
    assert.deepEqual(
      [envOf(moved)["ISTIO_META_CLUSTER_ID"], envOf(moved)["ISTIO_META_APP_CONTAINERS"]],
      ["ash", "app"],
    );
    assert.equal(proxyOf(moved).resources?.limits?.["cpu"], "1");
  });
});

suite("createInjectionHandler(): metrics", () => {
  const cases: readonly (PodParts & {
    readonly title: string;
    readonly meshConfig?: InjectionSettings["meshConfig"];
    readonly result: Readonly<Record<string, string>>;
  })[] = [
    {
      title: "a pod that asks not to be scraped",
      annotations: { "prometheus.io/scrape": "false" },
      result: { scrape: "false" },
    },
    { title: "merging is off", meshConfig: { enablePrometheusMerge: false }, result: {} },
    {
      title: "merging is off for the pod",
      annotations: { "prometheus.istio.io/merge-metrics": "false", "prometheus.io/port": "1" },
      result: { port: "1" },
    },
    {
      title: "merging is on for the pod",
      annotations: { "prometheus.istio.io/merge-metrics": "true" },
      meshConfig: { enablePrometheusMerge: false },
      result: { scrape: "true", port: "15020", path: "/stats/prometheus" },
    },
    {
      title: "the agent is on another port",
      meshConfig: { defaultConfig: { statusPort: 16020 } },
      result: { scrape: "true", port: "16020", path: "/stats/prometheus" },
    },
  ];
  for (const { title, annotations, meshConfig = {}, result } of cases) {
    test(title, () => {
      const pod = inject(podOf(annotations === undefined ? {} : { annotations }), {
        settings: { meshConfig },
      });
      const found = Object.entries(pod.metadata.annotations ?? {}).flatMap(([name, value]) =>
        name.startsWith("prometheus.io/") ? [[name.slice("prometheus.io/".length), value]] : [],
      );
      assert.deepEqual(Object.fromEntries(found), result);
    });
  }
});

suite("createInjectionHandler(): gateways", () => {
  test("the container with image auto becomes a router and keeps what it has", () => {
    const env = [{ name: "ISTIO_META_REQUESTED_NETWORK_VIEW", value: "network1" }];
    const pod = inject(
      podOf({ annotations: gateway, containers: [{ ...auto, env, ports: [{ containerPort: 15443 }] }] }),
    );
    const proxy = proxyOf(pod);
    assert.deepEqual(
      [proxy.image, proxy.args?.slice(0, 2), pod.spec.initContainers, pod.spec.containers.length],
      ["registry.example/istio/proxyv2:1.32.0", ["proxy", "router"], undefined, 1],
    );
    assert.deepEqual(proxy.ports?.map(({ containerPort }) => containerPort).sort(), [15090, 15443]);
    assert.equal(proxy.readinessProbe?.httpGet?.port, 15021);
    assert.equal(proxy.startupProbe, undefined);
    const { ISTIO_META_REQUESTED_NETWORK_VIEW, ISTIO_META_APP_CONTAINERS, ISTIO_META_CLUSTER_ID } =
      envOf(pod);
    assert.deepEqual(
      [ISTIO_META_REQUESTED_NETWORK_VIEW, ISTIO_META_APP_CONTAINERS, ISTIO_META_CLUSTER_ID],
      ["network1", "", "fra"],
    );
    const { labels, annotations } = pod.metadata;
    assert.equal(labels?.["security.istio.io/tlsMode"], undefined);
    assert.equal(labels?.["topology.istio.io/network"], "network1");
    assert.equal(annotations?.["kubectl.kubernetes.io/default-container"], undefined);
    assert.equal(annotations?.["istio.io/rev"], "default");
    assert.deepEqual(pod.spec["securityContext"], {
      sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
    });
  });

  test("several templates are laid over each other in order", () => {
    const pod = inject(podOf({ annotations: { "inject.istio.io/templates": "gateway, sidecar" } }));
    assert.equal(proxyOf(pod).args?.[1], "sidecar");
    assert.equal(pod.spec.initContainers?.[0]?.name, "istio-init");
    assert.ok(pod.spec["securityContext"] !== undefined);
  });
});

suite("createInjectionHandler(): refusals", () => {
  const cases: readonly (PodParts & { readonly title: string; readonly message: RegExp })[] = [
    {
      title: "an unknown template",
      annotations: { "inject.istio.io/templates": "sidecar,other" },
      message: /"other".*sidecar, gateway/,
    },
    {
      title: "a template named like a field of all objects",
      annotations: { "inject.istio.io/templates": "constructor" },
      message: /"constructor"/,
    },
    {
      title: "a proxy configuration that is no YAML",
      annotations: { "proxy.istio.io/config": "a: [" },
      message: /proxy.istio.io\/config/,
    },
    {
      title: "a proxy configuration that is no map",
      annotations: { "proxy.istio.io/config": "3" },
      message: /proxy.istio.io\/config/,
    },
    {
      title: "an unknown interception mode",
      annotations: { "sidecar.istio.io/interceptionMode": "MAGIC" },
      message: /MAGIC/,
    },
    {
      title: "a range that is none",
      annotations: { "traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.0.0.0/33" },
      message: /10.0.0.0\/33/,
    },
    {
      title: "a port that is none",
      annotations: { "traffic.sidecar.istio.io/excludeInboundPorts": "80,x" },
      message: /"x"/,
    },
    {
      title: "a quantity that is none",
      annotations: { "sidecar.istio.io/proxyCPU": "lots" },
      message: /proxyCPU/,
    },
    {
      title: "a metrics port that is none",
      annotations: { "prometheus.io/port": "70000" },
      message: /70000/,
    },
    {
      title: "overrides that are no containers",
      annotations: { "proxy.istio.io/overrides": '{"containers":[1]}' },
      message: /overrides/,
    },
    {
      title: "volumes that are no JSON",
      annotations: { "sidecar.istio.io/userVolume": "{" },
      message: /userVolume /,
    },
    {
      title: "a mount without a path",
      annotations: { "sidecar.istio.io/userVolumeMount": '{"a":{}}' },
      message: /mountPath for "a"/,
    },
    { title: "a spec that can't be decoded", spec: { containers: "none" }, message: /containers/ },
    { title: "containers without names", spec: { containers: [{}] }, message: /named containers/ },
  ];
  for (const { title, message, ...parts } of cases) {
    test(title, () => {
      const { allowed, status, patch } = call(podOf(parts));
      assert.deepEqual([allowed, patch], [false, undefined]);
      assert.match(status?.message ?? "", message);
    });
  }

  const bodies: readonly unknown[] = [
    undefined,
    null,
    "text",
    [],
    {},
    { apiVersion: "admission.k8s.io/v1beta1", kind: "AdmissionReview", request: { uid: "1" } },
    { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" },
    { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: { uid: 1 } },
  ];
  for (const body of bodies) {
    test(`a body that is no review: ${JSON.stringify(body)}`, () => {
      const handler = createInjectionHandler(() => settings);
      assert.throws(() => handler("/inject", body), RangeError);
    });
  }
});
