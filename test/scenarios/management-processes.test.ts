import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { type KubeObject, parseKubeconfig, parseYamlObjects } from "../../src/kube/index.ts";
import { findKubectls } from "../support/tools.ts";
import {
  type RunningProcess,
  startProcess,
  startService,
  unpackImage,
} from "./support/management-process.ts";
import { eventually, isthmus, type MeshUnderTest, run, startExample } from "./support/running-mesh.ts";

const workloadClusters = ["cluster-1", "cluster-2"] as const;
const patience = 90_000;
const deploy = path.join(import.meta.dirname, "../../deploy");

/** The chart's objects of a part, as helm renders them. */
const rendered = (part: "manager" | "agent") =>
  parseYamlObjects(readFileSync(path.join(deploy, "rendered", `${part}.yaml`), "utf8"), part).objects.map(
    ({ object }) => object,
  );
const isDeployment = ({ kind }: KubeObject) => kind === "Deployment";

/** What the tests read of an object. */
interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly generation: number };
    readonly spec: { readonly holderIdentity?: string };
    readonly status?: {
      readonly state?: string;
      readonly trustDomain?: string;
      readonly observedGeneration?: number;
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
  }[];
}

suite.skipIf(findKubectls().length === 0)(
  "managers and agents as processes of their own, with the accounts of the chart [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;
    let program: string;
    let service: Awaited<ReturnType<typeof startService>>;
    const managers = new Map<string, RunningProcess>();
    const agents = new Map<string, RunningProcess>();
    const relayPorts = new Map<string, number>();

    const apply = async (cluster: string, objects: readonly object[]) => {
      const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
      const { code, stderr } = await mesh.tryKubectl(cluster, ["apply", "-f", "-"], list);
      assert.equal(code, 0, stderr);
    };
    const list = async (cluster: string, kind: string) =>
      (JSON.parse(await mesh.kubectl(cluster, "-n", "gloo-mesh", "get", kind, "-o", "json")) as Listed).items;
    /** Environment and arguments with which a process is in the cluster, as the account. */
    const asAccount = async (cluster: string, account: string) => {
      const folder = path.join(mesh.folder, "accounts", `${cluster}-${account}`);
      mkdirSync(folder, { recursive: true });
      const access = parseKubeconfig(readFileSync(mesh.kubeconfig, "utf8"), cluster);
      const token = await mesh.kubectl(cluster, "-n", "gloo-mesh", "create", "token", account);
      writeFileSync(path.join(folder, "token"), token);
      writeFileSync(path.join(folder, "ca.crt"), access.ca ?? "");
      const { hostname, port } = new URL(access.server);
      return {
        args: ["--account", folder, "--operations", "127.0.0.1:0"],
        env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      };
    };
    const startManager = async (name: string) => {
      const { args, env } = await asAccount("mgmt", "gloo-mesh-mgmt-server");
      const process = startProcess(program, ["manager", ...args, "--listen", "127.0.0.1:0"], {
        ...env,
        POD_NAME: name,
        HOST_SUFFIX: "global",
      });
      managers.set(name, process);
      relayPorts.set(name, await process.port("relay"));
    };
    const endManager = (name: string, signal: NodeJS.Signals) => {
      const process = managers.get(name);
      managers.delete(name);
      relayPorts.delete(name);
      return process?.end(signal);
    };
    const register = async (cluster: string) => {
      const registered = await run(process.execPath, [
        ...[isthmus, "register", cluster, "--kubeconfig", mesh.kubeconfig, "--context", "mgmt"],
        ...["--server", `127.0.0.1:${service.port}`, "-o", "json"],
      ]);
      assert.equal(registered.code, 0, registered.stderr);
      const secret = JSON.parse(registered.stdout) as { data: Readonly<Record<string, string>> };
      await apply(cluster, [secret]);
      const folder = path.join(mesh.folder, "relay", cluster);
      mkdirSync(folder, { recursive: true });
      for (const [name, value] of Object.entries(secret.data))
        writeFileSync(path.join(folder, name), Buffer.from(value, "base64"));
      return folder;
    };
    const holder = async () => (await list("mgmt", "leases"))[0]?.spec.holderIdentity ?? "";
    const states = async () =>
      (await list("mgmt", "kubernetesclusters.management.isthmus.dev")).map(
        ({ metadata, status }) => `${metadata.name} ${status?.state}`,
      );
    const connected = () =>
      eventually(async () => (await states()).join() === "cluster-1 Connected,cluster-2 Connected", patience);
    const isolate = async (isolation: boolean) => {
      const args = ["-n", "gloo-mesh", "patch", "workspace", "bookinfo", "--type=merge", "-p"];
      await mesh.kubectl("mgmt", ...args, JSON.stringify({ spec: { isolation } }));
    };
    /** Whether a pod outside of the mesh gets an answer of a service of the workspace. */
    const isOpen = async () => {
      const curl = ["curl", "-sS", "--max-time", "5", "http://ratings.bookinfo:9080/health"];
      return (await mesh.tryKubectl("cluster-1", ["exec", "plain", "--", ...curl])).code === 0;
    };
    /** What a process asked of the API: "group/resource METHOD code" to how often. */
    const requestsOf = async (process: RunningProcess) => {
      const { text } = await process.get("/metrics");
      const line =
        /^isthmus_api_requests_total\{method="(.*)",group="(.*)",resource="(.*)",code="(.*)"\} (\d+)$/gm;
      return [...text.matchAll(line)].map(([, method, group, resource, code, count]) => ({
        ...{ method, code, count: Number(count) },
        what: `${group}/${resource}`,
      }));
    };
    const refused = async () =>
      (await Promise.all([...managers.values(), ...agents.values()].map(requestsOf)))
        .flat()
        .filter(({ code }) => code === "403");

    beforeAll(async () => {
      mesh = await startExample({
        ...{ example: "gloo", client: "deploy/ratings-v1", container: "ratings", namespace: "bookinfo" },
      });
      program = unpackImage(path.join(mesh.folder, "image"));
      service = await startService(() => [...relayPorts.values()]);
      // What the engine runs goes, with its accounts and registrations; the chart's takes its place.
      await mesh.kubectl("mgmt", "-n", "gloo-mesh", "scale", "deploy/gloo-mesh-mgmt-server", "--replicas=0");
      await mesh.kubectl(
        "mgmt",
        "-n",
        "gloo-mesh",
        "wait",
        "--for=delete",
        "pod",
        "-l",
        "app=gloo-mesh-mgmt-server",
      );
      await mesh.kubectl("mgmt", "-n", "gloo-mesh", "delete", "kubernetescluster", "--all");
      await mesh.kubectl("mgmt", "-n", "gloo-mesh", "delete", "lease,secret", "--all");
      for (const [cluster, part] of [
        ["mgmt", "manager"],
        ["cluster-1", "agent"],
        ["cluster-2", "agent"],
      ] as const) {
        const name = part === "manager" ? "gloo-mesh-mgmt-server" : "gloo-mesh-agent";
        await mesh.kubectl(
          ...([
            cluster,
            "-n",
            "gloo-mesh",
            "delete",
            "deploy,role,rolebinding,serviceaccount",
            "-l",
          ] as const),
          `app=${name}`,
        );
        await mesh.kubectl(cluster, "delete", "clusterrole,clusterrolebinding", "-l", `app=${name}`);
        await apply(
          cluster,
          rendered(part).filter((object) => !isDeployment(object)),
        );
      }
      await mesh.kubectl("cluster-1", "run", "plain", "--image=curlimages/curl", "--", "sleep", "infinity");
      await mesh.kubectl("cluster-1", "wait", "--for=condition=Ready", "pod/plain", "--timeout=60s");
      await startManager("manager-a");
      await eventually(async () => (await holder()) === "manager-a", patience);
      await startManager("manager-b");
      for (const cluster of workloadClusters) {
        const relay = await register(cluster);
        const { args, env } = await asAccount(cluster, "gloo-mesh-agent");
        agents.set(cluster, startProcess(program, ["agent", ...args, "--relay", relay], env));
      }
      await connected();
    });

    afterAll(async () => {
      const all = [...managers.values(), ...agents.values()];
      await Promise.all(all.map((one) => one.end("SIGKILL")));
      service?.stop();
      await mesh?.stop();
    });

    test("they register, take the inventory and put workspaces into force, with the chart's rights and no more", async () => {
      const meshes = await eventually(async () => {
        const found = (await list("mgmt", "meshes")).map(({ status }) => status?.trustDomain);
        return found.length === 2 && !found.includes(undefined) ? found : undefined;
      }, patience);
      assert.deepEqual(meshes.sort(), ["cluster-1", "cluster-2"]);
      await eventually(async () => !(await isOpen()), patience);
      await isolate(false);
      await eventually(isOpen, patience);
      const reviews = "http://reviews.bookinfo.global:9080/reviews/0";
      await eventually(
        async () => (await mesh.curl("cluster-1", reviews)).join().includes("reviews-v3"),
        patience,
      );
      assert.deepEqual(await refused(), []);
    });

    test("each right that the chart gives is used, beside what only happens now and then", async () => {
      const given = [...rendered("manager"), ...rendered("agent")]
        .flatMap(({ rules }) => (rules ?? []) as readonly Rule[])
        .flatMap(({ apiGroups, resources }) =>
          apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`)),
        )
        .filter((what) => !/\/status$|\*$/.test(what));
      assert.ok(given.length > 10);
      const unused = async () => {
        const all = await Promise.all([...managers.values(), ...agents.values()].map(requestsOf));
        const used = all
          .flat()
          .flatMap(({ what, code }) => (code?.startsWith("2") ? [what.replace(/\/status$/, "")] : []));
        return [...new Set(given)].filter((what) => !used.includes(what));
      };
      await eventually(async () => (await unused()).length === 0, patience).catch(async () =>
        assert.deepEqual(await unused(), []),
      );
    });

    test("a right that is missing shows: as a refusal that is counted, and in the cluster's state", async () => {
      const role = rendered("agent").find(({ kind }) => kind === "ClusterRole") as KubeObject & {
        readonly rules: readonly Rule[];
      };
      const less = role.rules.filter(({ apiGroups }) => !apiGroups.includes("security.istio.io"));
      assert.equal(less.length, role.rules.length - 1);
      await apply("cluster-1", [{ ...role, rules: less }]);
      try {
        await isolate(true);
        await eventually(
          async () => (await refused()).some(({ what }) => what?.startsWith("security.istio.io/")),
          patience,
        );
        assert.ok(await isOpen());
      } finally {
        await apply("cluster-1", [role]);
      }
      await eventually(async () => !(await isOpen()), patience);
    });

    test("a manager is killed: workloads go on, the other one takes over, and what changes is put into force", async () => {
      const [first, second] =
        (await holder()) === "manager-a" ? ["manager-a", "manager-b"] : ["manager-b", "manager-a"];
      if (!managers.has(second)) await startManager(second);
      const [leader, other] = [managers.get(first), managers.get(second)];
      const leads = async (one?: RunningProcess) =>
        /^isthmus_manager_leader 1$/m.test((await one?.get("/metrics"))?.text ?? "");
      await eventually(async () => (await leads(leader)) && !(await leads(other)), patience);
      await endManager(first, "SIGKILL");
      for (const agent of agents.values())
        await eventually(async () => (await agent.get("/readyz")).status === 503, patience);
      const answers = await mesh.curl(
        "cluster-1",
        "http://reviews.bookinfo.global:9080/reviews/0",
        20,
        "-w",
        "\n",
      );
      assert.equal(answers.filter((line) => line.includes("reviews-v")).length, 20, answers.join("\n"));
      await eventually(() => leads(other), patience);
      await eventually(async () => (await holder()) === second, patience);
      await connected();
      await isolate(false);
      await eventually(isOpen, patience);
      for (const process of [other, ...agents.values()]) {
        await eventually(async () => (await process?.get("/readyz"))?.status === 200, patience);
        assert.equal((await process?.get("/healthz"))?.status, 200);
      }
      await eventually(async () => {
        const { text } = (await other?.get("/metrics")) ?? { text: "" };
        assert.match(text, /^isthmus_manager_agent_connected\{cluster="cluster-1"\} 1$/m);
        assert.match(text, /^process_resident_memory_bytes [1-9]\d+$/m);
        return true;
      }, patience);
    });

    test("they end when they are asked to, and a manager gives its lease back", async () => {
      const last = await holder();
      for (const name of managers.keys()) if (name !== last) await endManager(name, "SIGTERM");
      assert.equal(await endManager(last, "SIGTERM"), 0);
      await eventually(async () => (await holder()) === "", patience);
      for (const [cluster, agent] of agents) {
        assert.equal(await agent.end("SIGTERM"), 0, agent.said());
        agents.delete(cluster);
      }
    });

    test("register says what is missing before it registers anything", async () => {
      const fails = async (...args: string[]) => {
        const all = [isthmus, "register", ...args, "--kubeconfig", mesh.kubeconfig];
        const { code, stderr } = await run(process.execPath, all);
        return `${code} ${stderr}`;
      };
      assert.match(
        await fails("cluster-1", "--context", "nowhere"),
        /^3 .*no context "nowhere"[\s\S]*cluster-1, cluster-2/,
      );
      assert.match(await fails("Cluster_3", "--context", "mgmt"), /^3 .*no name of a cluster/);
      assert.match(await fails("cluster-3", "--context", "cluster-1"), /^1 .*no address[\s\S]*--server/);
      assert.match(
        await fails("cluster-3", "--context", "cluster-1", "--server", "x:9900"),
        /^1 .*no manager has run/,
      );
    });

    test("the chart itself rolls out: probes, ports and accounts fit", async () => {
      await apply("mgmt", rendered("manager"));
      const args = ["-n", "gloo-mesh", "rollout", "status", "--timeout=60s"];
      await mesh.kubectl("mgmt", ...args, "deploy/gloo-mesh-mgmt-server");
      const server = await mesh.kubectl(
        ...(["mgmt", "-n", "gloo-mesh", "get", "svc", "gloo-mesh-mgmt-server"] as const),
        ...["-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"],
      );
      const { code, stdout, stderr } = await run(process.execPath, [
        ...[isthmus, "register", "cluster-1", "--kubeconfig", mesh.kubeconfig, "--context", "mgmt"],
      ]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`server: ${Buffer.from(`${server}:9900`).toString("base64")}`));
      const { code: applied } = await mesh.tryKubectl("cluster-1", ["apply", "-f", "-"], stdout);
      assert.equal(applied, 0);
      await apply("cluster-1", rendered("agent"));
      await mesh.kubectl("cluster-1", ...args, "deploy/gloo-mesh-agent");
    });
  },
);

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
}
