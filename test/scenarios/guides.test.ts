import assert from "node:assert/strict";
import path from "node:path";
import { afterEach, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { edit, startAks, startOke } from "./support/examples.ts";
import { clustersOnly, terminal } from "./support/guide-terminal.ts";
import { assertShare, versions } from "./support/hello.ts";
import { eventually, type MeshUnderTest, startExample } from "./support/running-mesh.ts";

// The guides as a reader follows them: `up` makes the clusters, Istio, the gateways and the credentials; every kubectl
// step after that is typed as the guide has it (with its mistakes mended), and its outcome is looked at.

let mesh: MeshUnderTest | undefined;
afterEach(async () => {
  await mesh?.stop();
  mesh = undefined;
});

suite.skipIf(findKubectls().length === 0)("the guides, typed as they are written [needs kubectl]", () => {
  test("GUIDE-09 AKS: a shared control plane, from two clusters to shifted weights and back to nothing", async () => {
    mesh = await startAks({ prepare: clustersOnly });
    const { type, seeing, endpoints } = terminal(mesh);
    const [main, remote] = ["--context main0", "--context remote0"];

    const contexts = await type("kubectl config get-contexts -o name");
    assert.deepEqual(
      contexts.split("\n").filter((name) => /^(main0|remote0)$/.test(name)),
      ["main0", "remote0"],
    );
    await seeing(`kubectl get pod -n istio-system ${main}`, /istiod-\S+ +1\/1 +Running/);
    await seeing(`kubectl get pod -n istio-system ${main}`, /istio-ingressgateway-\S+ +1\/1 +Running/);
    const remotePods = await seeing(
      `kubectl get pod -n istio-system ${remote}`,
      /istio-ingressgateway-\S+ +1\/1 +Running/,
    );
    assert.doesNotMatch(remotePods, /istiod/);
    const addressOf = (cluster: string) =>
      type(
        `kubectl get svc -n istio-system ${cluster} istio-ingressgateway -o jsonpath='{.status.loadBalancer.ingress[0].ip}'`,
      );
    assert.match(await addressOf(main), /^\d+\.\d+\.\d+\.\d+$/);
    const gateway = `
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata: { name: cluster-aware-gateway, namespace: istio-system }
spec:
  selector: { istio: ingressgateway }
  servers:
    - port: { number: 443, name: tls, protocol: TLS }
      tls: { mode: AUTO_PASSTHROUGH }
      hosts: ["*.local"]
`;
    await type(`kubectl apply -f - ${main}`, gateway);
    const credential = await type(
      `kubectl get secrets istio-remote-secret-remote0 -n istio-system ${main} -o jsonpath="{.data.remote0}" | base64 -d`,
    );
    assert.match(credential, /kind: Config|"kind": ?"Config"/);

    for (const [cluster, version] of [
      [main, "v1"],
      [remote, "v2"],
    ] as const) {
      await type(`kubectl create namespace sample ${cluster}`);
      await type(`kubectl label namespace sample istio-injection=enabled ${cluster}`);
      await type(`kubectl apply -f helloworld.yaml -l service=helloworld -n sample ${cluster}`);
      await type(`kubectl apply -f helloworld.yaml -l version=${version} -n sample ${cluster}`);
      await type(`kubectl apply -f sleep.yaml -n sample ${cluster}`);
      const pods = await seeing(
        `kubectl get pod -n sample ${cluster}`,
        /helloworld-\S+ +2\/2 +Running[\s\S]*sleep-\S+ +2\/2 +Running/,
      );
      assert.equal(pods.split("\n").length, 3, pods);
      assert.match(pods, new RegExp(`helloworld-${version}-`));
    }

    const answers = async (cluster: string, times: number) => {
      const pod = await type(
        `kubectl get pods -n sample -l app=sleep ${cluster} -o jsonpath='{.items[0].metadata.name}'`,
      );
      const text = await type(
        `kubectl exec ${pod} -c sleep ${cluster} -n sample -- curl -sS -H 'Connection: close' "helloworld.sample:5000/hello?n=[1-${times}]"`,
      );
      return versions(text.split("\n"));
    };
    const both = (cluster: string) =>
      eventually(async () => {
        const { v1, v2 } = await answers(cluster, 20);
        return v1 + v2 === 20 && v1 > 0 && v2 > 0;
      }, 20_000);
    await both(main);
    await both(remote);

    const listing = async (cluster: string) => {
      const pod = await type(
        `kubectl get pods -n sample -l app=helloworld ${cluster} -o jsonpath='{.items[0].metadata.name}'`,
      );
      const rows = await endpoints(
        `isthmus endpoints ${pod}.sample --cluster ${cluster.split(" ")[1]} --filter 'outbound|5000||helloworld.sample.svc.cluster.local'`,
      );
      for (const { status, outlier } of rows) assert.deepEqual([status, outlier], ["HEALTHY", "OK"]);
      return rows.map(({ endpoint }) => endpoint).sort();
    };
    const expected = async (cluster: string, other: string) => {
      const ips = await type(
        `kubectl get pods -n sample -l app=helloworld ${cluster} -o jsonpath='{.items[*].status.podIP}'`,
      );
      return [...ips.split(" ").map((ip) => `${ip}:5000`), `${await addressOf(other)}:443`].sort();
    };
    const listsBoth = (cluster: string, other: string, rows: number) =>
      eventually(async () => {
        const found = await listing(cluster);
        assert.deepEqual(found, await expected(cluster, other));
        return found.length === rows;
      }, 20_000);
    await listsBoth(main, remote, 2);
    await listsBoth(remote, main, 2);
    await type(`kubectl scale deployment helloworld-v1 --replicas=2 -n sample ${main}`);
    await listsBoth(main, remote, 3);
    await listsBoth(remote, main, 2);
    await type(`kubectl scale deployment helloworld-v2 --replicas=2 -n sample ${remote}`);
    await listsBoth(remote, main, 3);
    for (const [cluster, version] of [
      [main, "v1"],
      [remote, "v2"],
    ] as const)
      await type(`kubectl scale deployment helloworld-${version} --replicas=1 -n sample ${cluster}`);
    await listsBoth(main, remote, 2);
    await listsBoth(remote, main, 2);

    await type(`kubectl apply -f traffic/destination-rule.yaml -n sample ${main}`);
    await type(`kubectl apply -f traffic/virtual-service.yaml -n sample ${main}`);
    assert.match(await type(`kubectl get vs,dr -n sample ${main}`), /helloworld/);
    const shareOfV1 = (cluster: string, range: readonly [number, number]) =>
      eventually(async () => {
        const { v1 } = await answers(cluster, 200);
        assertShare(v1, 200, range, `v1 from ${cluster}`);
        return true;
      }, 20_000);
    for (const cluster of [main, remote]) await shareOfV1(cluster, [40, 60]);
    await type(
      `sed '0,/weight: 50/s//weight: 90/; 0,/weight: 50/s//weight: 10/' traffic/virtual-service.yaml | kubectl apply -n sample ${main} -f -`,
    );
    for (const cluster of [main, remote]) await shareOfV1(cluster, [83, 97]);

    for (const cluster of [main, remote]) {
      await type(`kubectl delete namespace sample ${cluster} --timeout=60s`);
      assert.match(await type(`kubectl get pods -n sample ${cluster}`), /No resources found/);
    }
  });

  test("GUIDE-09 OKE: primary and remote over two networks, each step typed twice where the guide's can be", async () => {
    mesh = await startOke({ prepare: clustersOnly });
    const { type, seeing } = terminal(mesh);
    const [fra, ash] = ["--context=fra", "--context=ash"];

    for (const [cluster, network] of [
      [fra, "network1"],
      [ash, "network2"],
    ] as const) {
      const prepare = `( kubectl ${cluster} get namespace istio-system || kubectl ${cluster} create namespace istio-system ) && kubectl ${cluster} label namespace istio-system topology.istio.io/network=${network}`;
      assert.match(await type(prepare), /not labeled|labeled/);
      const service = await type(`kubectl ${cluster} get svc istio-eastwestgateway -n istio-system`);
      assert.match(service, /LoadBalancer +\S+ +\d+\.\d+\.\d+\.\d+ /);
      for (const port of [15021, 15443, 15012, 15017]) assert.match(service, new RegExp(`\\b${port}[:/]`));
    }
    await type(
      `kubectl ${ash} annotate namespace istio-system topology.istio.io/controlPlaneClusters=fra --overwrite`,
    );
    const address = await type(
      `kubectl ${fra} -n istio-system get svc istio-eastwestgateway -o jsonpath='{.status.loadBalancer.ingress[0].ip}'`,
    );
    assert.match(address, /^\d+\.\d+\.\d+\.\d+$/);
    for (const object of ["gateway istiod-gateway", "vs istiod-vs", "gateway cross-network-gateway"])
      await type(`kubectl ${fra} get -n istio-system ${object.replace("gateway ", "gw ")}`);
    assert.match(
      await type(`kubectl ${fra} get secret istio-remote-secret-ash -n istio-system --show-labels`),
      /istio\/multiCluster=true/,
    );
    assert.match(await type(`kubectl ${fra} get pods -n istio-system`), /istiod-\S+ +1\/1 +Running/);
    assert.doesNotMatch(await type(`kubectl ${ash} get pods -n istio-system`), /istiod-/);

    for (const [cluster, version] of [
      [fra, "v1"],
      [ash, "v2"],
    ] as const) {
      await type(`kubectl create ${cluster} namespace sample`);
      await type(`kubectl label ${cluster} namespace sample istio-injection=enabled`);
      await type(`kubectl apply ${cluster} -f hello-world.yaml -l service=helloworld -n sample`);
      await type(`kubectl apply ${cluster} -f hello-world.yaml -l version=${version} -n sample`);
      await type(`kubectl apply ${cluster} -f curl.yaml -n sample`);
      await seeing(`kubectl get pod ${cluster} -n sample -l app=curl`, /curl-\S+ +2\/2 +Running/);
      await seeing(
        `kubectl get pod ${cluster} -n sample -l version=${version}`,
        new RegExp(`helloworld-${version}-\\S+ +2/2 +Running`),
      );
    }
    const hello = (cluster: string) =>
      type(
        `kubectl exec ${cluster} -n sample -c curl "$(kubectl get pod ${cluster} -n sample -l app=curl -o jsonpath='{.items[0].metadata.name}')" -- curl -sS helloworld.sample:5000/hello`,
      );
    for (const cluster of [fra, ash]) {
      const seen = new Set<string>();
      await eventually(async () => {
        const { v1, v2 } = versions([await hello(cluster)]);
        seen.add(`${v1} ${v2}`);
        return seen.size === 2;
      }, 20_000);
    }

    for (const cluster of [fra, ash]) {
      await type(`kubectl create ${cluster} namespace demo`);
      await type(`kubectl label ${cluster} namespace demo istio-injection=enabled`);
    }
    await type(`kubectl ${ash} -n demo create secret generic hf-secret --from-literal=HF_TOKEN=secret`);

    for (const cluster of [fra, ash]) {
      await type(`kubectl ${cluster} delete namespace demo sample --timeout=60s`);
      await type(`kubectl ${cluster} delete namespace demo sample --ignore-not-found`);
      const left = await type(`kubectl ${cluster} get namespaces -o name`);
      assert.doesNotMatch(left, /\/(demo|sample)$/m);
    }
  });

  test("GUIDE-09 GLOO: three clusters, their registration and meshes, a namespace with its workspaces", async () => {
    mesh = await startExample({
      example: "gloo",
      client: "deploy/none",
      container: "none",
      namespace: "default",
      prepare(folder) {
        clustersOnly(folder);
        const file = path.join(folder, "mesh.yaml");
        edit(file, /^workspaces:[\s\S]*/m, "");
      },
    });
    const { type, seeing } = terminal(mesh);
    const [mgmt, ...remotes] = ["--context mgmt", "--context cluster-1", "--context cluster-2"];

    await type("kubectl config get-contexts");
    const namespaces = await type(`kubectl get ns ${remotes[1]}`);
    assert.match(namespaces, /^default +Active/m);
    await seeing(`kubectl get pods -n gloo-mesh ${mgmt}`, /gloo-mesh-mgmt-server-\S+ +1\/1 +Running/);
    const server = `kubectl -n gloo-mesh get service gloo-mesh-mgmt-server ${mgmt}`;
    assert.match(await type(`${server} -o jsonpath='{.status.loadBalancer.ingress[0].ip}'`), /^\d+\./);
    assert.equal(await type(`${server} -o jsonpath='{.spec.ports[?(@.name=="grpc")].port}'`), "9900");
    const registered = await seeing(`kubectl get kubernetescluster -n gloo-mesh ${mgmt}`, /cluster-2/);
    assert.match(registered, /^cluster-1 /m);
    const meshes = await seeing(
      `kubectl get mesh -n gloo-mesh ${mgmt}`,
      /istiod-istio-system-cluster-1[\s\S]*istiod-istio-system-cluster-2/,
    );
    assert.doesNotMatch(meshes, /mgmt/);

    for (const remote of remotes) await type(`kubectl create ns bookinfo ${remote}`);
    const workspace = (name: string) => `
apiVersion: admin.gloo.solo.io/v2
kind: Workspace
metadata: { name: ${name}, namespace: gloo-mesh }
spec:
  workloadClusters:
    - { name: cluster-1, namespaces: [{ name: ${name} }] }
    - { name: cluster-2, namespaces: [{ name: ${name} }] }
`;
    for (const name of ["bookinfo", "istio-system"])
      await type(`kubectl apply -f - ${mgmt}`, workspace(name));
    const settings = (name: string, spec: string) => `
apiVersion: admin.gloo.solo.io/v2
kind: WorkspaceSettings
metadata: { name: ${name}-settings, namespace: ${name} }
spec: ${spec}
`;
    const federation = "federation: { enabled: true, serviceSelector: [{}], hostSuffix: global }";
    await type(
      `kubectl apply -f - ${remotes[0]}`,
      settings(
        "bookinfo",
        `{ exportTo: [{ name: istio-system }], options: { serviceIsolation: { enabled: true }, ${federation} } }`,
      ),
    );
    await type(
      `kubectl apply -f - ${remotes[0]}`,
      settings("istio-system", "{ imports: [{ name: bookinfo }] }"),
    );
    await seeing(
      `kubectl get workspaces -A ${mgmt}`,
      /bookinfo +true +\["\*"\] +\["istio-system"\] +True +True[\s\S]*istio-system +false +\["bookinfo"\] +True/,
    );
    for (const remote of remotes)
      await seeing(`kubectl get authorizationpolicies -n bookinfo ${remote}`, /workspace-bookinfo/);
  });
});
