import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, suite, test } from "vitest";
import { parseDocument } from "yaml";
import { findKubectls } from "../support/tools.ts";
import { clustersOnly, terminal } from "./support/guide-terminal.ts";
import { answeredBy } from "./support/liqo.ts";
import { eventually, type MeshUnderTest, startExample } from "./support/running-mesh.ts";

/** As `liqoctl offload namespace` makes it. */
const offloading = (namespace: string) => `
apiVersion: offloading.liqo.io/v1beta1
kind: NamespaceOffloading
metadata: { name: offloading, namespace: ${namespace} }
spec:
  namespaceMappingStrategy: EnforceSameName
  podOffloadingStrategy: LocalAndRemote
`;

suite.skipIf(findKubectls().length === 0)("the guide to offloading, typed [needs kubectl]", () => {
  let mesh: MeshUnderTest | undefined;
  afterAll(() => mesh?.stop());

  test("GUIDE-09 LIQO: from two peered clusters over one app on both to its end", async () => {
    mesh = await startExample({
      ...{ example: "liqo", client: "deploy/curl-consumer", container: "curl", namespace: "fluidosmesh" },
      // What the guide does with kubeadm, liqoctl's install and peer, and helm is the mesh file's; the rest is typed.
      prepare(folder) {
        clustersOnly(folder);
        const file = path.join(folder, "mesh.yaml");
        const document = parseDocument(readFileSync(file, "utf8"));
        document.deleteIn(["peerings", 0, "namespaces"]);
        writeFileSync(file, String(document));
      },
    });
    const { type, seeing } = terminal(mesh);
    const [consumer, provider] = ["--context consumer", "--context provider1"];
    await type(`kubectl config view --raw --minify --flatten ${provider} > provider1-config`);
    const remote = "--kubeconfig provider1-config";

    await seeing(`kubectl get nodes ${consumer}`, /^provider1 +Ready/m);
    await seeing(`kubectl get resourceslices -A ${consumer}`, /provider1 +Accepted +Accepted/);
    await type(
      `kubectl label nodes consumer-1 topology.kubernetes.io/zone=consumer --overwrite ${consumer} && kubectl label nodes provider1-1 topology.kubernetes.io/zone=provider1 --overwrite ${remote}`,
    );
    await seeing(`kubectl get pods -n istio-system ${consumer}`, /istiod-\S+ +1\/1 +Running/);
    await seeing(
      `kubectl get pods -n istio-ingress-provider1 ${remote}`,
      /istio-ingressgateway-\S+ +1\/1 +Running/,
    );
    const ports = /istio-ingressgateway +NodePort .*80:(\d+)\/TCP/;
    const port = async (namespace: string, cluster: string) =>
      ports.exec(await seeing(`kubectl get svc -n ${namespace} ${cluster}`, ports))?.[1] ?? "";
    const node = (name: string, cluster: string) =>
      type(
        `kubectl get node ${name} ${cluster} -o jsonpath='{.status.addresses[?(@.type=="InternalIP")].address}'`,
      );
    const access = {
      consumer: `http://${await node("consumer-1", consumer)}:${await port("istio-ingress-consumer", consumer)}/s0`,
      provider1: `http://${await node("provider1-1", remote)}:${await port("istio-ingress-provider1", remote)}/s0`,
    };

    await type(`kubectl create namespace fluidosmesh ${consumer}`);
    await type(`kubectl apply -f - ${consumer}`, offloading("fluidosmesh"));
    await type(`kubectl label namespace fluidosmesh istio-injection=enabled ${consumer}`);
    await seeing(`kubectl get namespace fluidosmesh ${remote}`, /fluidosmesh +Active/);

    for (const file of ["s0-dep-consumer", "s0-hpa-consumer", "s0-svc", "s0-ingress", "s0-dest-rule"])
      await type(`kubectl apply -f sample-app/${file}.yaml ${consumer}`);
    const pods = await seeing(
      `kubectl get pods -n fluidosmesh -o wide --no-headers ${consumer}`,
      /^s0-consumer-\S+ +2\/2 +Running +0 .* consumer-1 /,
    );
    assert.equal(pods.split("\n").length, 1, pods);
    const answers = (cluster: keyof typeof access, wanted: string) =>
      eventually(async () => {
        const lines = (await type(`curl -sS -H 'Connection: close' '${access[cluster]}?n=[1-20]'`)).split(
          "\n",
        );
        assert.deepEqual(answeredBy(lines), [wanted]);
        return new Set(lines).size === 1;
      }, 20_000);
    await answers("consumer", "s0-consumer");
    await answers("provider1", "s0-consumer");

    for (const file of ["s0-dep-provider1", "s0-hpa-provider1"])
      await type(`kubectl apply -f sample-app/${file}.yaml ${consumer}`);
    await seeing(
      `kubectl get pods -n fluidosmesh -o wide --no-headers ${consumer}`,
      /^s0-provider1-\S+ +2\/2 +Running +0 .* provider1 /m,
    );
    const there = await type(`kubectl get pods -n fluidosmesh -o name ${remote}`);
    assert.match(there, /^pod\/s0-provider1-\S+$/);
    await answers("consumer", "s0-consumer");
    await answers("provider1", "s0-provider1");

    const { hostname, port: number } = new URL(access.provider1);
    const load = await type(
      `isthmus load --host ${hostname} --port ${number} --path /s0 --rate 50 --connections 100 --duration 2s`,
    );
    assert.match(load, /\d+ × HTTP 200/);

    await type(`kubectl delete namespace fluidosmesh ${consumer}`);
    await eventually(async () => !/fluidosmesh/.test(await type(`kubectl get namespaces ${remote}`)), 30_000);
  });
});
