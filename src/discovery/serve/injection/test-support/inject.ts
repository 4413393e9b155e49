import assert from "node:assert/strict";
import { applyJsonPatch, type Container, type Pod } from "../../../../kube/index.ts";
import type { InjectionSettings } from "../contracts.ts";
import { createInjectionHandler } from "../create-injection-handler.ts";

export const settings: InjectionSettings = {
  meshConfig: {},
  global: {
    hub: "registry.example/istio",
    tag: "1.32.0",
    meshID: "mesh1",
    network: "network1",
    multiCluster: { clusterName: "fra" },
  },
  revision: "",
  systemNamespace: "istio-system",
};

export interface PodParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers?: readonly Container[];
  readonly spec?: Readonly<Record<string, unknown>>;
}

export const app: Container = { name: "app", image: "app:1", ports: [{ containerPort: 8080 }] };
export const gateway = { "inject.istio.io/templates": "gateway" };
export const auto: Container = { name: "istio-proxy", image: "auto" };

/** A pod as a ReplicaSet creates it: without a name. */
export function podOf({ labels, annotations, containers = [app], spec }: PodParts = {}): unknown {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: "sleep-5d8-",
      labels: { app: "sleep", "pod-template-hash": "5d8", ...labels },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "sleep-5d8", uid: "1", controller: true },
      ],
    },
    spec: { containers, ...spec },
  };
}

export interface Call {
  readonly path?: string;
  readonly settings?: Partial<InjectionSettings>;
  readonly namespace?: string;
  readonly operation?: string;
}

export interface Answer {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patchType?: string;
  readonly patch?: string;
  readonly status?: { readonly message: string };
}

export function call(object: unknown, options: Call = {}): Answer {
  const { path = "/inject", namespace = "sample", operation = "CREATE" } = options;
  const handler = createInjectionHandler(() => ({ ...settings, ...options.settings }));
  const review = handler(path, {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "7", kind: { group: "", version: "v1", kind: "Pod" }, operation, namespace, object },
  });
  const { apiVersion, kind, response } = review as { apiVersion: string; kind: string; response: Answer };
  assert.deepEqual([apiVersion, kind, response.uid], ["admission.k8s.io/v1", "AdmissionReview", "7"]);
  return response;
}

export function inject(object: unknown, options: Call = {}): Pod {
  const { allowed, patchType, patch, status } = call(object, options);
  assert.equal(allowed, true, status?.message);
  assert.equal(patchType, "JSONPatch");
  const operations: unknown = JSON.parse(Buffer.from(patch ?? "", "base64").toString());
  return applyJsonPatch(object, operations) as Pod;
}

export function proxyOf(pod: Pod): Container {
  const found = pod.spec.containers.filter(({ name }) => name === "istio-proxy");
  const [proxy] = found;
  assert.ok(proxy !== undefined && found.length === 1, `${found.length} proxies`);
  return proxy;
}

export function envOf(pod: Pod): Record<string, string | undefined> {
  const env = proxyOf(pod).env ?? [];
  assert.equal(new Set(env.map(({ name }) => name)).size, env.length, "each variable is there once");
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom?.fieldRef?.fieldPath]),
  );
}

export function initArgs(pod: Pod): Record<string, string> {
  const args = pod.spec.initContainers?.find(({ name }) => name === "istio-init")?.args ?? [];
  const flags = args.slice(1).flatMap((flag, i) => (/^-\w$/.test(flag) ? [[flag, args[i + 2] ?? ""]] : []));
  return Object.fromEntries(flags);
}
