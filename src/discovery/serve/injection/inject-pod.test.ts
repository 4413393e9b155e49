import assert from "node:assert/strict";
import { suite, test } from "vitest";
import {
  app,
  auto,
  type Call,
  envOf,
  initArgs,
  inject,
  type PodParts,
  podOf,
  proxyOf,
} from "./test-support/inject.ts";

suite("injectPod(): what a pod, its path and the mesh say", () => {
  const envCases: readonly (PodParts & {
    readonly title: string;
    readonly call?: Call;
    readonly env: Readonly<Record<string, string | undefined>>;
  })[] = [
    {
      title: "the path names cluster and network",
      call: { path: "/inject/cluster/ash/net/network2" },
      env: { ISTIO_META_CLUSTER_ID: "ash", ISTIO_META_NETWORK: "network2" },
    },
    {
      title: "the path sets any variable, with slashes in its value",
      call: { path: "/inject/cluster/a--slash--b/example_path/x--slash--y/" },
      env: { ISTIO_META_CLUSTER_ID: "a/b", EXAMPLE_PATH: "x/y" },
    },
    {
      title: "the path has the older form",
      call: { path: "/inject/:ENV:cluster=ash:ENV:net=network2:ENV:=x:ENV:empty=" },
      env: { ISTIO_META_CLUSTER_ID: "ash", ISTIO_META_NETWORK: "network2", EMPTY: undefined },
    },
    {
      title: "the path ends in a key without a value",
      call: { path: "/inject/cluster" },
      env: { ISTIO_META_CLUSTER_ID: "fra" },
    },
    {
      title: "the pod's own network goes before the path's",
      labels: { "topology.istio.io/network": "network3" },
      call: { path: "/inject/net/network2" },
      env: { ISTIO_META_NETWORK: "network3" },
    },
    {
      title: "a mesh without networks and a name",
      call: { settings: { global: {}, meshConfig: { trustDomain: "td1" } } },
      env: {
        ISTIO_META_CLUSTER_ID: "Kubernetes",
        ISTIO_META_NETWORK: undefined,
        ISTIO_META_MESH_ID: "td1",
        TRUST_DOMAIN: "td1",
      },
    },
    {
      title: "proxyMetadata of the mesh and of the pod",
      annotations: { "proxy.istio.io/config": "proxyMetadata: { B: 2 }\nconcurrency: 3" },
      call: {
        settings: { meshConfig: { defaultConfig: { proxyMetadata: { A: true }, statusPort: 15020 } } },
      },
      env: { PROXY_CONFIG: '{"proxyMetadata":{"A":true,"B":2},"concurrency":3}', A: "true", B: "2" },
    },
    {
      title: "a workload name of its own",
      labels: { "service.istio.io/workload-name": "nap" },
      env: { ISTIO_META_WORKLOAD_NAME: "nap" },
    },
    {
      title: "another way of interception",
      annotations: { "sidecar.istio.io/interceptionMode": "TPROXY" },
      env: { ISTIO_META_INTERCEPTION_MODE: "TPROXY" },
    },
    {
      title: "metrics of the app",
      annotations: { prometheus_io_port: "9090", "prometheus.io/path": "/m", "prometheus.io/scrape": "true" },
      env: { ISTIO_PROMETHEUS_ANNOTATIONS: '{"scrape":"true","path":"/m","port":"9090"}' },
    },
    {
      title: "several containers",
      containers: [app, { name: "b", image: "b", ports: [{ containerPort: 9, protocol: "UDP" }] }],
      env: {
        ISTIO_META_APP_CONTAINERS: "app,b",
        ISTIO_META_POD_PORTS: '[{"containerPort":8080},{"containerPort":9,"protocol":"UDP"}]',
      },
    },
    {
      title: "a container of the proxy's name",
      containers: [
        app,
        {
          ...auto,
          env: [
            { name: "ISTIO_META_CLUSTER_ID", value: "x" },
            { name: "OWN", value: "y" },
          ],
        },
      ],
      env: { ISTIO_META_CLUSTER_ID: "fra", OWN: "y", ISTIO_META_APP_CONTAINERS: "app" },
    },
  ];
  for (const { title, call: options, env, ...parts } of envCases) {
    test(`variables: ${title}`, () => {
      const found = envOf(inject(podOf(parts), options));
      assert.deepEqual(Object.fromEntries(Object.keys(env).map((name) => [name, found[name]])), env);
    });
  }

  test("the network of the path becomes the pod's label", () => {
    const { labels } = inject(podOf(), { path: "/inject/net/network2" }).metadata;
    assert.equal(labels?.["topology.istio.io/network"], "network2");
  });

  test("annotations of traffic become arguments of the init container", () => {
    const traffic = "traffic.sidecar.istio.io/";
    const pod = inject(
      podOf({
        annotations: {
          [`${traffic}includeOutboundIPRanges`]: "10.0.0.0/8",
          [`${traffic}excludeOutboundIPRanges`]: "10.1.0.0/16,fd00::/8",
          [`${traffic}excludeInboundPorts`]: "22, 15020",
          [`${traffic}includeInboundPorts`]: "80",
          [`${traffic}excludeOutboundPorts`]: "25",
          "sidecar.istio.io/agentLogLevel": "all:debug",
        },
      }),
    );
    assert.deepEqual(initArgs(pod), {
      "-p": "15001",
      "-z": "15006",
      "-u": "1337",
      "-m": "REDIRECT",
      "-i": "10.0.0.0/8",
      "-x": "10.1.0.0/16,fd00::/8",
      "-b": "80",
      "-d": "15090,15021,22,15020",
      "-o": "25",
    });
    assert.ok(proxyOf(pod).args?.includes("--log_output_level=all:debug"));
  });

  test("interception NONE leaves out the init container", () => {
    const { spec } = inject(podOf({ annotations: { "sidecar.istio.io/interceptionMode": "NONE" } }));
    assert.equal(spec.initContainers, undefined);
  });

  test("annotations of resources take the place of all defaults", () => {
    const annotations = { "sidecar.istio.io/proxyCPU": "10m", "sidecar.istio.io/proxyMemoryLimit": "64Mi" };
    assert.deepEqual(proxyOf(inject(podOf({ annotations }))).resources, {
      requests: { cpu: "10m" },
      limits: { memory: "64Mi" },
    });
  });

  const holders: readonly (PodParts & { readonly title: string; readonly call?: Call })[] = [
    { title: "the pod", annotations: { "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true" } },
    {
      title: "the mesh",
      call: { settings: { meshConfig: { defaultConfig: { holdApplicationUntilProxyStarts: true } } } },
    },
    {
      title: "the chart's values",
      call: { settings: { global: { proxy: { holdApplicationUntilProxyStarts: true } } } },
    },
  ];
  for (const { title, call: options, ...parts } of holders) {
    test(`the app waits for its proxy when ${title} says so`, () => {
      const pod = inject(podOf(parts), options);
      assert.equal(pod.spec.containers[0]?.name, "istio-proxy");
      assert.deepEqual(proxyOf(pod).lifecycle?.postStart?.exec?.command, ["pilot-agent", "wait"]);
    });
  }

  const images: readonly (PodParts & {
    readonly title: string;
    readonly global?: object;
    readonly image: string;
  })[] = [
    { title: "a number as tag", global: { tag: 1.5 }, image: "docker.io/istio/proxyv2:1.5" },
    {
      title: "a variant",
      global: { hub: "h", tag: "1-debug", variant: "distroless" },
      image: "h/proxyv2:1-distroless",
    },
    {
      title: "a variant of the pod",
      annotations: { "sidecar.istio.io/proxyImageType": "default" },
      global: { hub: "h", tag: "1-debug", variant: "distroless" },
      image: "h/proxyv2:1",
    },
    { title: "an image of the pod", annotations: { "sidecar.istio.io/proxyImage": "a/b:c" }, image: "a/b:c" },
    {
      title: "an own container's image",
      containers: [app, { name: "istio-proxy", image: "mine:1" }],
      image: "mine:1",
    },
  ];
  for (const { title, global, image, ...parts } of images) {
    test(`image: ${title}`, () => {
      const options = global === undefined ? {} : { settings: { global: { ...global } } };
      assert.equal(proxyOf(inject(podOf(parts), options)).image, image);
    });
  }

  test("a container of the proxy's name lies over the template and is kept for the next injection", () => {
    const own = {
      ...auto,
      resources: { limits: { cpu: "3" } },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    };
    const pod = inject(podOf({ containers: [own, app] }));
    const { resources, volumeMounts } = proxyOf(pod);
    assert.deepEqual(resources, {
      requests: { cpu: "100m", memory: "128Mi" },
      limits: { cpu: "3", memory: "1Gi" },
    });
    assert.equal(volumeMounts?.length, 9);
    const { image: _, ...kept } = own;
    assert.deepEqual(JSON.parse(pod.metadata.annotations?.["proxy.istio.io/overrides"] ?? ""), {
      containers: [kept],
    });
  });

  test("the proxy's user is the one whose connections are not redirected", () => {
    const user = (runAsUser: number) =>
      initArgs(inject(podOf({ containers: [app, { ...auto, securityContext: { runAsUser } }] })))["-u"];
    assert.deepEqual([user(2000), user(0)], ["2000", "1337"]);
  });

  test("annotations give the proxy volumes of its own", () => {
    const pod = inject(
      podOf({
        annotations: {
          "sidecar.istio.io/userVolume": '{"certs":{"secret":{"secretName":"s"}}}',
          "sidecar.istio.io/userVolumeMount": '{"certs":{"mountPath":"/certs","readOnly":true}}',
        },
      }),
    );
    assert.deepEqual(pod.spec.volumes?.at(-1), { name: "certs", secret: { secretName: "s" } });
    assert.deepEqual(proxyOf(pod).volumeMounts?.at(-1), {
      name: "certs",
      mountPath: "/certs",
      readOnly: true,
    });
  });
});
