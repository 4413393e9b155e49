import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { app, auto, inject, type PodParts, podOf } from "./test-support/inject.ts";

const names = (containers: readonly { readonly name: string }[] = []) => containers.map(({ name }) => name);
const nativeSidecar = (value: string) => ({ "sidecar.istio.io/nativeSidecar": value });

suite("native sidecars", () => {
  const cases: readonly (PodParts & { readonly title: string; readonly isNative: boolean })[] = [
    { title: "a pod that is started again stays with an ordinary container", isNative: false },
    { title: "a pod that runs once gets one", spec: { restartPolicy: "Never" }, isNative: true },
    {
      title: "a pod that runs until it succeeds gets one",
      spec: { restartPolicy: "OnFailure" },
      isNative: true,
    },
    { title: "the annotation asks for one", annotations: nativeSidecar("true"), isNative: true },
    {
      title: "the annotation wants none",
      annotations: nativeSidecar("false"),
      spec: { restartPolicy: "Never" },
      isNative: false,
    },
    {
      title: "a gateway has nothing beside its proxy",
      annotations: { ...nativeSidecar("true"), "inject.istio.io/templates": "gateway" },
      containers: [auto],
      isNative: false,
    },
  ];
  for (const { title, isNative, ...parts } of cases) {
    test(title, () => {
      const { spec } = inject(podOf(parts));
      assert.equal(names(spec.initContainers).includes("istio-proxy"), isNative);
      assert.equal(names(spec.containers).includes("istio-proxy"), !isNative);
    });
  }

  test("it starts after its redirection and before the app's own init containers, and stays", () => {
    const initContainers = [{ name: "prepare", image: "app:1" }];
    const { spec, metadata } = inject(podOf({ spec: { restartPolicy: "Never", initContainers } }));
    assert.deepEqual(names(spec.containers), ["app"]);
    assert.deepEqual(names(spec.initContainers), ["istio-init", "istio-proxy", "prepare"]);
    assert.equal(spec.initContainers?.[1]?.restartPolicy, "Always");
    const status = JSON.parse(metadata.annotations?.["sidecar.istio.io/status"] ?? "") as PodParts["spec"];
    assert.deepEqual(
      [status?.["containers"], status?.["initContainers"]],
      [null, ["istio-init", "istio-proxy"]],
    );
  });

  test("what is written for the proxy among the containers lies over it, also when it is injected once more", () => {
    const own = { ...auto, resources: { limits: { cpu: "3" } } };
    const once = inject(podOf({ containers: [app, own], spec: { restartPolicy: "Never" } }));
    const twice = inject(once);
    for (const { spec } of [once, twice]) {
      assert.deepEqual(names(spec.containers), ["app"]);
      const proxies = spec.initContainers?.filter(({ name }) => name === "istio-proxy") ?? [];
      assert.deepEqual(
        proxies.map(({ resources }) => resources?.limits?.["cpu"]),
        ["3"],
      );
      assert.ok(proxies[0]?.env?.some(({ name }) => name === "ISTIO_META_CLUSTER_ID"));
    }
  });
});
