import assert from "node:assert/strict";
import { afterAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { clustersOnly, terminal } from "./support/guide-terminal.ts";
import { eventually, type MeshUnderTest, startExample } from "./support/running-mesh.ts";

suite.skipIf(findKubectls().length === 0)("the guide to .global names, typed [needs kubectl]", () => {
  let mesh: MeshUnderTest | undefined;
  afterAll(() => mesh?.stop());

  test("GUIDE-09 GLOBAL: a control plane in each cloud, from the apology to the message and to its end", async () => {
    mesh = await startExample({
      ...{ example: "global", client: "deploy/greeter", container: "greeter", namespace: "default" },
      prepare: (folder) => clustersOnly(folder, "exports"),
    });
    const { type, seeing } = terminal(mesh);
    // The guide's two terminals have a kubeconfig each.
    const [first, second] = ["kubeconfig-istio-1.config", "kubeconfig-istio-2.config"];
    for (const [file, cluster] of [
      [first, "mesh-1"],
      [second, "mesh-2"],
    ])
      await type(`kubectl config view --raw --minify --flatten --context=${cluster} > ${file}`);
    const [one, two] = [`KUBECONFIG=${first}`, `KUBECONFIG=${second}`];

    for (const terminal of [one, two]) {
      assert.match(await type(`${terminal} kubectl get nodes`), /\bReady\b/);
      assert.equal(
        await type(
          `${terminal} kubectl get secret -n istio-system cacerts -o go-template='{{range $name, $_ := .data}}{{$name}} {{end}}'`,
        ),
        "ca-cert.pem ca-key.pem cert-chain.pem root-cert.pem",
      );
      assert.ok(Number(await type(`${terminal} kubectl get crds | grep 'istio.io' | wc -l`)) >= 14);
      await type(`${terminal} kubectl label namespace default istio-injection=enabled --overwrite`);
      await seeing(`${terminal} kubectl get pods -n istio-system`, /istiod-\S+ +1\/1 +Running/);
    }
    await type(
      `${two} kubectl create clusterrolebinding mt-admin --user somebody@example.com --clusterrole cluster-admin`,
    );

    await type(
      `export CLUSTER_NAME=mesh-1 && sed "s/value: mesh-1/value: \${CLUSTER_NAME}/" greeter/greeter.yaml | ${one} kubectl apply -f -`,
    );
    await type(`${one} kubectl apply -f greeter/gateway.yaml`);
    await seeing(`${one} kubectl get pods`, /greeter-\S+ +2\/2 +Running/);
    const ingress = await type(
      `${one} kubectl get svc istio-ingressgateway -n istio-system -o jsonpath='{.status.loadBalancer.ingress[0].ip}'`,
    );
    const postcard = async () => {
      const answer = await fetch(`http://${ingress}/greeter`, { headers: { connection: "close" } });
      assert.equal(answer.status, 200);
      return answer.text();
    };
    const shows = (wanted: RegExp) =>
      eventually(async () => {
        assert.match(await postcard(), wanted);
        return true;
      }, 20_000);
    await shows(/Oops we received nothing![\s\S]*mesh-1/);

    await type(
      `sed "s/All good from .*/All good from Google Cloude/" messenger/messenger.yaml | ${two} kubectl apply -f -`,
    );
    await seeing(`${two} kubectl get pods`, /messenger-\S+ +2\/2 +Running/);
    await shows(/Oops we received nothing!/);

    // What the guide's chart did for *.global on either side is a rule of the caller and a Gateway of the server now.
    const name = "messenger.default.svc.cluster.local";
    await type(
      `${two} kubectl apply -f -`,
      `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: istio-multicluster-ingressgateway, namespace: istio-system }
spec:
  selector: { istio: eastwestgateway }
  servers:
    - port: { number: 15443, name: tls, protocol: TLS }
      tls: { mode: AUTO_PASSTHROUGH }
      hosts: ["${name}"]
`,
    );
    await type(
      `${one} kubectl apply -f -`,
      `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: messenger-global, namespace: default }
spec:
  host: messenger.default.global
  trafficPolicy:
    tls: { mode: ISTIO_MUTUAL, sni: outbound_.3000_._.${name} }
`,
    );
    await type(
      `CLUSTER_GW_ADDR=$(kubectl --kubeconfig=${second} get svc --selector=istio=eastwestgateway -n istio-system -o jsonpath='{.items[0].status.loadBalancer.ingress[0].ip}') && ${one} kubectl apply -f - <<EOF
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata:
  name: messenger
spec:
  hosts:
  - messenger.default.global
  location: MESH_INTERNAL
  ports:
  - name: http1
    number: 3000
    protocol: http
  resolution: DNS
  addresses:
  - 127.127.42.69
  endpoints:
  - address: \${CLUSTER_GW_ADDR}
    ports:
      http1: 15443
EOF`,
    );
    await shows(/We have a message for you:[\s\S]*All good from Google Cloude/);
    const card = await postcard();
    for (const fact of ["http://messenger.default.global:3000", "mesh-1", "Niek"])
      assert.ok(card.includes(fact), fact);

    await type(`${one} kubectl delete -f greeter/ --timeout=60s`);
    await type(`${one} kubectl delete serviceentry,destinationrule --all`);
    await type(`${two} kubectl delete -f messenger/ --timeout=60s`);
    await seeing(`${two} kubectl get pods 2>&1`, /No resources found/);
  });
});
