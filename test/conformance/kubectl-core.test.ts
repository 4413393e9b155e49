import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { startTestServer, type TestServer } from "../../src/apiserver/test-support/start-test-server.ts";
import { createKubeClient, type KubeClient, kinds } from "../../src/kube/index.ts";
import { findKubectls } from "../support/tools.ts";

// What the guides do with kubectl, done by kubectls of several ages on the embedded API alone:
// nothing runs here but the API server.

const wanted = ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"];
const deployment = (image: string, replicas = 1) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: c
          image: ${image}
          ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, name: http}, {port: 15012, name: grpc}]
`;
const virtualService = (version: string, weight: number | string = 50) => `
apiVersion: networking.istio.io/${version}
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - route:
        - {destination: {host: web, subset: v1}, weight: ${weight}}
`;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let server: TestServer;
let client: KubeClient;
let folder: string;
let kubeconfig: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "kubectl-core-"));
  kubeconfig = path.join(folder, "kubeconfig");
  server = await startTestServer();
  client = createKubeClient(server.api.transport({ name: "test", groups: ["system:masters"] }));
  const encode = (text: string) => Buffer.from(text).toString("base64");
  const userOf = (name: string, groups: readonly string[]) => {
    const { key, cert } = server.client(name, groups);
    return { name, user: { "client-certificate-data": encode(cert), "client-key-data": encode(key) } };
  };
  const cluster = { server: server.api.url, "certificate-authority-data": encode(server.caCert) };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "admin",
    clusters: [{ name: "test", cluster }],
    users: [userOf("admin", ["system:masters"]), userOf("eve", ["developers"])],
    contexts: ["admin", "eve"].map((user) => ({ name: user, context: { cluster: "test", user } })),
  };
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  const data = path.join(import.meta.dirname, "../../data/istio-crds.json");
  const { crds } = JSON.parse(readFileSync(data, "utf8")) as { crds: { name: string; spec: object }[] };
  const items = crds.map(({ name, spec }) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name },
    spec,
  }));
  writeFileSync(path.join(folder, "crds.json"), JSON.stringify({ apiVersion: "v1", kind: "List", items }));
});

afterAll(async () => {
  await server.api.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** kubectl of one age in one namespace, with a cache of its own. */
function kubectlOf(file: string, namespace: string) {
  const run = async (command: string, input = ""): Promise<Outcome> => {
    const home = path.join(folder, namespace);
    mkdirSync(home, { recursive: true });
    // Words as a shell splits them; single quotes keep what is between them together.
    const words = [...command.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ""));
    const env = { ...process.env, HOME: home, KUBECONFIG: kubeconfig };
    const child = spawn(file, ["-n", namespace, ...words], { env, stdio: "pipe" });
    child.stdin.end(input);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const [code] = (await once(child, "close")) as [number];
    return { code, stdout, stderr };
  };
  return {
    run,
    /** The output of a command that must succeed. */
    async ok(command: string, input = ""): Promise<string> {
      const { code, stdout, stderr } = await run(command, input);
      assert.equal(code, 0, `kubectl ${command}: ${stderr}${stdout}`);
      return stdout;
    },
    /** The complaint of a command that must fail. */
    async fails(command: string, input = ""): Promise<string> {
      const { code, stdout, stderr } = await run(command, input);
      assert.notEqual(code, 0, `kubectl ${command} succeeded: ${stdout}`);
      return stderr;
    },
  };
}

const present = findKubectls();
for (const version of wanted) {
  const file = present.find((one) => one.version === version)?.path;
  suite.skipIf(file === undefined)(`kubectl ${version} [needs kubectl]`, () => {
    const namespace = `core-${version.replace(".", "-")}`;
    const { ok, fails, run } = kubectlOf(file ?? "", namespace);

    beforeAll(async () => {
      await ok(`create namespace ${namespace}`);
      const metadata = { name: "default", namespace };
      await client.create(kinds.serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata });
    });

    test("GUIDE-01 labels and annotates namespaces, again and again", async () => {
      await ok(`label namespace ${namespace} istio-injection=enabled`);
      await ok(`label namespace ${namespace} istio-injection=enabled --overwrite`);
      await ok(`annotate namespace ${namespace} topology.istio.io/controlPlaneClusters=fra`);
      const shown = await ok(`get namespace ${namespace} -o jsonpath='{.metadata.labels.istio-injection}'`);
      assert.equal(shown, "enabled");
    });

    test("GUIDE-01 applies, sees no change, applies a change", async () => {
      assert.match(
        await ok("apply -f -", deployment("nginx:1")),
        /deployment.apps\/web created\nservice\/web created/,
      );
      assert.match(
        await ok("apply -f -", deployment("nginx:1")),
        /deployment.apps\/web unchanged\nservice\/web unchanged/,
      );
      assert.match(
        await ok("apply -f -", deployment("nginx:2")),
        /deployment.apps\/web configured\nservice\/web unchanged/,
      );
      assert.equal(
        await ok("get deploy web -o jsonpath='{.spec.template.spec.containers[0].image}'"),
        "nginx:2",
      );
    });

    test("applies on the server after having applied on the client, and shows the difference first", async () => {
      const { code, stdout } = await run("diff -f -", deployment("nginx:3"));
      assert.equal(code, 1);
      assert.match(stdout, /-\s+- image: nginx:2\n\+\s+- image: nginx:3/);
      assert.match(await ok("apply --server-side -f -", deployment("nginx:3")), /web serverside-applied/);
      const managers = await ok(
        "get deploy web --show-managed-fields -o jsonpath='{.metadata.managedFields[*].manager}'",
      );
      assert.doesNotMatch(managers, /kubectl-client-side-apply/);
      const refused = await fails("apply --server-side --field-manager=other -f -", deployment("nginx:4"));
      assert.match(refused, /Apply failed with 1 conflict: conflict with "kubectl"/);
      await ok("apply --server-side --field-manager=other --force-conflicts -f -", deployment("nginx:4"));
    });

    test("refuses a field that the kind does not have", async () => {
      const bad = deployment("nginx:1").replace("replicas:", "replica:");
      assert.match(await fails("apply -f -", bad), /unknown field "spec.replica"/);
    });

    test("GUIDE-01 shows objects in every form", async () => {
      assert.match(await ok("get deploy"), /^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+0\/1/);
      assert.match(
        await ok("get svc -o wide"),
        /^NAME\s+TYPE\s+CLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)\s+AGE\s+SELECTOR\nweb\s+ClusterIP\s+127\.99\.\S+\s+<none>\s+80\/TCP,15012\/TCP/,
      );
      assert.equal(await ok("get svc web -o jsonpath='{.spec.ports[?(@.name==\"grpc\")].port}'"), "15012");
      assert.equal(await ok("get deploy -l app=web -o name"), "deployment.apps/web\n");
      assert.match(await ok("get deploy web -o yaml"), /^apiVersion: apps\/v1\nkind: Deployment\n/);
      assert.equal(JSON.parse(await ok("get svc --selector=app!=x -o json")).items[0].metadata.name, "web");
      assert.match(await ok("get all"), /service\/web[\s\S]*deployment.apps\/web/);
      assert.match(await ok("get ns --sort-by=.metadata.name"), /default[\s\S]*kube-system/);
      assert.match(await ok("get deploy -A --chunk-size=1"), new RegExp(`${namespace}\\s+web`));
      assert.match(await ok("get deploy -o custom-columns=N:.metadata.name"), /^N\nweb\n$/);
      assert.match(await ok("describe deploy web"), /Image:\s+nginx:4/);
      assert.match(await ok("describe svc web"), /TargetPort:\s+80\/TCP/);
      assert.match(await ok("explain deploy.spec.replicas"), /replicas\S*\s+<integer>/);
    });

    test("GUIDE-01 creates what the guides create, with bodies of its own form", async () => {
      const file = path.join(folder, "ca-cert.pem");
      writeFileSync(file, "certificate");
      assert.match(
        await ok(`create secret generic cacerts --from-file=${file} --from-literal=a=b`),
        /created/,
      );
      assert.equal(
        await ok("get secret cacerts -o jsonpath='{.data.ca-cert\\.pem}'"),
        Buffer.from("certificate").toString("base64"),
      );
      await ok("create configmap settings --from-literal=a=b");
      await ok("create deployment second --image=nginx --replicas=2");
      await ok("create serviceaccount robot");
      await ok(
        `create clusterrolebinding robot-${namespace} --clusterrole=view --serviceaccount=${namespace}:robot`,
      );
      await ok("create job once --image=busybox");
      assert.match(await fails("create configmap settings"), /configmaps "settings" already exists/);
      assert.match(
        await fails("create configmap Bad_Name"),
        /a lowercase RFC 1123 subdomain must consist of/,
      );
    });

    test("GUIDE-01 changes objects by its own commands", async () => {
      await ok("scale deployment web --replicas=3");
      assert.equal(await ok("get deploy web -o jsonpath='{.spec.replicas}'"), "3");
      await ok("set env deployment/web A=b");
      await ok("set image deployment/web c=nginx:5");
      await ok("rollout restart deployment/web");
      await ok(
        'patch deployment web --type=json -p \'[{"op":"replace","path":"/spec/replicas","value":1}]\'',
      );
      await ok('patch deployment web -p \'{"spec":{"replicas":2}}\'');
      await ok("expose deployment web --name=more --port=81");
      await ok("autoscale deployment web --min=1 --max=3 --cpu-percent=50");
      assert.match(await ok("get hpa"), /web\s+Deployment\/web/);
      const immutable = await fails(
        'patch deployment web --type=merge -p \'{"spec":{"selector":{"matchLabels":{"app":"z"}}}}\'',
      );
      assert.match(immutable, /field is immutable/);
    });

    test("GUIDE-01 waits for conditions and values, and watches", async () => {
      const waiting = ok("wait --for=condition=Available deployment/web --timeout=60s");
      const valued = ok("wait --for=jsonpath='{.status.readyReplicas}'=2 deployment/web --timeout=60s");
      const rollout = ok("rollout status deployment/web --timeout=60s");
      const web = await client.get(kinds.deployments, "web", namespace);
      assert.ok(web);
      const status = {
        observedGeneration: (web.metadata.generation ?? 0) + 1,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
        conditions: [{ type: "Available", status: "True" }],
      } as const;
      await client.replace(kinds.deployments, { ...web, status }, "status");
      assert.match(await waiting, /condition met/);
      assert.match(await valued, /condition met/);
      assert.match(await rollout, /successfully rolled out/);
    });

    test("asks who may do what, and gets tokens that count", async () => {
      assert.equal((await ok("auth can-i create pods")).trim(), "yes");
      assert.equal((await run("--context=eve auth can-i create pods")).stdout.trim(), "no");
      assert.match(
        await fails("--context=eve get pods"),
        /User "eve" cannot list resource "pods" in API group "" in the namespace/,
      );
      const token = (await ok("create token robot")).trim();
      const asRobot = `--kubeconfig=/dev/null --server=${server.api.url} --insecure-skip-tls-verify --token=${token}`;
      assert.match(await ok(`${asRobot} get deploy`), /web/);
      assert.match(await fails(`${asRobot} get secrets`), /is forbidden: User "system:serviceaccount:/);
      assert.match(
        await fails(
          `--kubeconfig=/dev/null --server=${server.api.url} --insecure-skip-tls-verify --token=${token}x get deploy`,
        ),
        /Unauthorized|must be logged in/,
      );
    });

    test("lists the kinds that are served", async () => {
      const shown = await ok("api-resources --cached=false");
      for (const line of [
        /^namespaces\s+ns\s+v1\s+false\s+Namespace/m,
        /^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/m,
      ])
        assert.match(shown, line);
      assert.match(await ok("api-versions"), /discovery.k8s.io\/v1/);
    });

    test("GUIDE-04 applies Istio's kinds in each of their versions and reads them in every other", async () => {
      await ok(`apply --server-side -f ${path.join(folder, "crds.json")}`);
      await ok("wait --for=condition=Established crd/virtualservices.networking.istio.io --timeout=60s");
      const versions = ["v1alpha3", "v1beta1", "v1"];
      for (const [i, written] of versions.entries()) {
        await ok("apply -f -", virtualService(written, 50 + i));
        for (const read of versions) {
          const shown = await ok(
            `get virtualservices.${read}.networking.istio.io web -o jsonpath='{.apiVersion} {.spec.http[0].route[0].weight}'`,
          );
          assert.equal(shown, `networking.istio.io/${read} ${50 + i}`);
        }
      }
      assert.match(await ok("get vs,dr,se,gw"), /virtualservice.networking.istio.io\/web\s+\["web"\]/);
      assert.match(await fails("apply -f -", virtualService("v1", "half")), /weight/);
      assert.match(await fails("patch vs web -p '{}'"), /is not supported by networking.istio.io\/v1/);
      await ok("delete -f -", virtualService("v1beta1"));
      assert.equal((await ok("get vs -o name")).trim(), "");
    });

    test("GUIDE-01 deletes files, objects and namespaces", async () => {
      await ok("delete -f -", deployment("nginx:1"));
      assert.match(await fails("get deploy web"), /deployments.apps "web" not found/);
      await ok("delete configmap settings --wait=true");
      await ok(`delete namespace ${namespace} --wait=false`);
      assert.match(await ok(`get namespace ${namespace}`), /Terminating/);
      assert.match(await fails("create configmap late"), /because it is being terminated/);
    });
  });
}
