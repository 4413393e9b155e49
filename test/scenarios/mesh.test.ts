import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, suite, test } from "vitest";
import { createRoot } from "../../src/ca/index.ts";
import {
  formatYaml,
  kubeconfigToken,
  readerAccount,
  tokenLife,
  withKubeconfigToken,
} from "../../src/kube/index.ts";
import { certificateInfo, isSignedBy } from "../../src/pki/index.ts";
import { findKubectls, findProgram } from "../support/tools.ts";
import { versions } from "./support/hello.ts";
import {
  background,
  eventually,
  isthmus,
  type MeshUnderTest,
  patientUp,
  run,
  startExample,
} from "./support/running-mesh.ts";

const examples = path.join(import.meta.dirname, "../../examples");
const hasKubectl = findKubectls().length > 0;

const folders: string[] = [];
const meshes: MeshUnderTest[] = [];
afterEach(async () => {
  for (const mesh of meshes.splice(0)) await mesh.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-mesh-"));
  folders.push(folder);
  return folder;
}

function exampleCopy(example: string): string {
  const folder = newFolder();
  cpSync(path.join(examples, example), folder, {
    recursive: true,
    filter: (source) => !/\/(\.isthmus|certs)$/.test(source),
  });
  return folder;
}

const command = (cwd: string, ...args: string[]) => run(process.execPath, [isthmus, ...args], { cwd });

suite("the mesh file, from outside", () => {
  test("MESH-08 overlays and --set change single fields, the later one wins", async () => {
    const folder = exampleCopy("oke");
    writeFileSync(
      path.join(folder, "prod.yaml"),
      "clusters:\n  ash:\n    region: eu-west-1\n    network: network7\n",
    );
    const args = [
      "compile",
      "-f",
      "mesh.yaml",
      "-f",
      "prod.yaml",
      "--set",
      "clusters.ash.network=network9",
      "-o",
      "json",
    ];
    const { code, stdout, stderr } = await command(folder, ...args);
    assert.equal(code, 0, stderr);
    const text = JSON.stringify(JSON.parse(stdout).ash);
    assert.match(text, /"topology.istio.io\/network":"network9"/);
    assert.doesNotMatch(text, /network7|network2/);
  });

  test("MESH-09 every generated object says which field of the file caused it", async () => {
    for (const example of ["aks", "oke"]) {
      const { stdout } = await command(exampleCopy(example), "compile", "-o", "json");
      for (const items of Object.values(JSON.parse(stdout)) as {
        kind: string;
        wave: string;
        object?: { metadata: { annotations?: Record<string, string>; labels?: Record<string, string> } };
      }[][]) {
        const generated = items.filter(({ kind, wave }) => kind !== "chart" && wave !== "manifests");
        assert.ok(generated.length > 3);
        for (const { object } of generated) {
          assert.match(
            object?.metadata.annotations?.["isthmus.dev/from"] ?? "",
            /^[a-z]/,
            JSON.stringify(object),
          );
          assert.equal(object?.metadata.labels?.["app.kubernetes.io/managed-by"], "isthmus");
        }
      }
    }
  });

  test("MESH-10 compile writes no key or token, and a user's Secret without its data unless asked", async () => {
    const folder = exampleCopy("oke");
    const secret = path.join(folder, "hf-secret.yaml");
    writeFileSync(secret, readFileSync(secret, "utf8").replace(/HF_TOKEN:.*/, "HF_TOKEN: very-secret-value"));
    assert.equal((await command(folder, "compile", "-o", "out")).code, 0);
    const read = (place: string): string =>
      readdirSync(place, { withFileTypes: true })
        .map((entry) =>
          entry.isDirectory()
            ? read(path.join(place, entry.name))
            : readFileSync(path.join(place, entry.name), "utf8"),
        )
        .join("\n");
    const text = read(path.join(folder, "out"));
    assert.match(text, /name: hf-secret/);
    assert.doesNotMatch(text, /very-secret-value|PRIVATE KEY|eyJhbGciOi/);
    const shown = await command(folder, "compile", "--include-secrets");
    assert.match(shown.stdout, /very-secret-value/);
  });

  test("OKE-40 OKE-50 a wrong file is refused with all its mistakes, exit code 3, and nothing is started", async () => {
    const folder = newFolder();
    writeFileSync(
      path.join(folder, "mesh.yaml"),
      "apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nname: demo\nistio:\n  version: 1.30\nclusters:\n  fra:\n    network: n1\n  ash:\n    primary: frankfurt\n    netwrok: n2\n",
    );
    const { code, stderr } = await command(folder, "up");
    assert.equal(code, 3);
    assert.match(stderr, /YAML reads this as the number 1\.3; write "1\.30"/);
    assert.match(stderr, /no cluster is called "frankfurt"; did you mean "fra"\?/);
    assert.match(stderr, /did you mean "network"\?/);
    assert.match(stderr, /Nothing was started\./);
    assert.ok(!existsSync(path.join(folder, ".isthmus/lock")));
  });

  test("wrong arguments, a missing file and a mesh that does not run are clear sentences with exit codes", async () => {
    const folder = newFolder();
    const cases = [
      { args: ["upp"], code: 3, says: /no command "upp"[\s\S]*isthmus up/ },
      { args: ["up", "--detatch"], code: 3, says: /Did you mean --detach/ },
      { args: ["up", "nowhere.yaml"], code: 3, says: /there is no file nowhere\.yaml/ },
      { args: ["status"], code: 1, says: /\.isthmus/ },
      { args: ["status", "--state", "nowhere"], code: 1, says: /no mesh is running/ },
    ];
    for (const { args, code, says } of cases) {
      const result = await command(folder, ...args);
      assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, says);
    }
  });
});

interface Demo {
  isthmus(...args: string[]): ReturnType<typeof run>;
  kubectl(cluster: string, ...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Starts what `init` writes, changed by `prepare`. */
async function startDemo(prepare: (folder: string) => void = () => {}): Promise<Demo> {
  const parent = mkdtempSync(path.join(tmpdir(), "isthmus-demo-"));
  assert.equal((await command(parent, "init", "demo")).code, 0);
  const folder = path.join(parent, "demo");
  prepare(folder);
  const up = await command(folder, "up", "--detach", ...patientUp);
  assert.equal(up.code, 0, up.stderr);
  const program = findKubectls().at(-1)?.path ?? "kubectl";
  const kubeconfig = path.join(folder, ".isthmus/kubeconfig");
  return {
    isthmus: (...args) => command(folder, ...args),
    async kubectl(cluster, ...args) {
      const result = await run(program, ["--kubeconfig", kubeconfig, "--context", cluster, ...args]);
      if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")} in ${cluster}: ${result.stderr}`);
      return result.stdout;
    },
    async stop() {
      await command(folder, "down");
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

/** From each cluster both pods of the service answer. */
async function bothAnswer({ kubectl }: Demo): Promise<void> {
  for (const cluster of ["east", "west"]) {
    await kubectl(cluster, "-n", "istio-system", "get", "deployment", "istiod");
    const seen = await eventually(async () => {
      const loop = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do curl -sS hello:5000/hello; done";
      const said = await kubectl(cluster, "-n", "demo", "exec", "deploy/curl", "--", "sh", "-c", loop);
      const instances = new Set(said.trim().split("\n"));
      return instances.size === 2 && instances;
    });
    for (const line of seen) assert.match(line, /^Hello version: v1, instance: hello-/);
  }
}

suite.skipIf(!hasKubectl)("a mesh whose CAs and credentials end [needs kubectl]", () => {
  const root = createRoot("demo", Date.now());
  const system = ["-n", "istio-system"] as const;
  const decode = (text: string) => Buffer.from(text, "base64").toString("utf8");
  let demo: Demo;
  /** File with a Secret that asks for a token without an end, as istioctl makes it. */
  let endlessToken = "";

  beforeAll(async () => {
    const issuer = [
      {
        apiVersion: "v1",
        kind: "Secret",
        type: "kubernetes.io/tls",
        metadata: { name: "mesh-root", namespace: "cert-manager" },
        stringData: { "tls.crt": root.certificatePem, "tls.key": root.privateKeyPem },
      },
      {
        apiVersion: "cert-manager.io/v1",
        kind: "ClusterIssuer",
        metadata: { name: "mesh-ca" },
        spec: { ca: { secretName: "mesh-root" } },
      },
    ];
    const chart = { chart: "cert-manager", namespace: "cert-manager", set: { "crds.enabled": true } };
    const settings = {
      trust: { issuer: { name: "mesh-ca", kind: "ClusterIssuer", manifests: [chart, "issuer.yaml"] } },
      remoteCredentials: { lifetime: "24h" },
    };
    demo = await startDemo((folder) => {
      writeFileSync(path.join(folder, "issuer.yaml"), issuer.map(formatYaml).join("---\n"));
      endlessToken = path.join(folder, "token.yaml");
      const annotations = { "kubernetes.io/service-account.name": readerAccount };
      const request = {
        apiVersion: "v1",
        kind: "Secret",
        type: "kubernetes.io/service-account-token",
        metadata: { name: "by-hand", annotations },
      };
      writeFileSync(endlessToken, formatYaml(request));
      // The clusters are last in the file.
      const more = `  mgmt: { role: management }\n${formatYaml(settings)}`;
      appendFileSync(path.join(folder, "mesh.yaml"), more);
    });
  });
  afterAll(() => demo?.stop());

  test("cert-manager issues the CA of each cluster from issuers under one root: control planes sign with them, and workloads of both clusters believe each other", async () => {
    await bothAnswer(demo);
    const intermediates = new Map<string, string>();
    for (const cluster of ["east", "west"]) {
      const read = (kind: string, name: string, field: string) =>
        demo.kubectl(cluster, ...system, "get", kind, name, "-o", `jsonpath={.data.${field}}`);
      const certificate = decode(await read("secret", "cacerts", "tls\\.crt"));
      assert.ok(isSignedBy(certificate, root.certificatePem));
      intermediates.set(certificate, cluster);
      const believed = await read("configmap", "istio-ca-root-cert", "root-cert\\.pem");
      assert.equal(believed.trim(), root.certificatePem.trim());
    }
    assert.equal(intermediates.size, 2);
    const { stdout } = await demo.isthmus("trust", "-o", "json");
    const { clusters } = JSON.parse(stdout) as {
      readonly clusters: readonly {
        readonly cluster: string;
        readonly root: { readonly fingerprint: string };
      }[];
    };
    const { fingerprint } = certificateInfo(root.certificatePem);
    assert.deepEqual(
      clusters.map((one) => [one.cluster, one.root.fingerprint]),
      [
        ["east", fingerprint],
        ["west", fingerprint],
      ],
    );
    const rotation = await demo.isthmus("trust", "rotate");
    assert.match(rotation.stderr, /issued by cert-manager's ClusterIssuer mesh-ca, which renews them/);
  });

  test("a credential whose token has no end, or too late a one, is replaced by the manager; the old one is revoked, and istiod sees what changes", async () => {
    const name = "istio-remote-secret-west";
    const kubeconfig = async () =>
      decode(await demo.kubectl("east", ...system, "get", "secret", name, "-o", "jsonpath={.data.west}"));
    const lifeNow = async () => {
      const life = tokenLife(kubeconfigToken(await kubeconfig()) ?? "");
      return life === undefined ? "no end" : `${(life.expiresAt - life.issuedAt) / 3_600_000} h`;
    };
    const isReplaced = async () => (await lifeNow()) === "24 h";
    const put = async (token: string) => {
      const west = Buffer.from(withKubeconfigToken(await kubeconfig(), token)).toString("base64");
      const patch = JSON.stringify({ data: { west } });
      await demo.kubectl("east", ...system, "patch", "secret", name, "--type=merge", "-p", patch);
    };
    await eventually(isReplaced, 20_000);
    const late = await demo.kubectl("west", ...system, "create", "token", readerAccount, "--duration=48h");
    await put(late.trim());
    await eventually(isReplaced, 20_000);
    await demo.kubectl("west", ...system, "create", "-f", endlessToken);
    const encoded = await eventually(
      () => demo.kubectl("west", ...system, "get", "secret", "by-hand", "-o", "jsonpath={.data.token}"),
      20_000,
    );
    await put(decode(encoded));
    await eventually(isReplaced, 20_000);
    await demo.kubectl("west", ...system, "delete", "secret", "by-hand");
    // What comes and goes in west is known in east by that credential only.
    const answering = async () => {
      const loop = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do curl -sS hello:5000/hello; done";
      const said = await demo.kubectl("east", "-n", "demo", "exec", "deploy/curl", "--", "sh", "-c", loop);
      return new Set(said.trim().split("\n")).size;
    };
    for (const replicas of [3, 1]) {
      await demo.kubectl("west", "-n", "demo", "scale", "deploy/hello", `--replicas=${replicas}`);
      await eventually(async () => (await answering()) === replicas + 1, 20_000);
    }
    await eventually(async () => !(await demo.isthmus("status")).stdout.includes("credential/"), 20_000);
  });
});

suite.skipIf(!hasKubectl)("running meshes [needs kubectl]", () => {
  const start = async (options: Parameters<typeof startExample>[0]) => {
    const mesh = await startExample(options);
    meshes.push(mesh);
    return mesh;
  };

  test("MESH-03 two clusters and no other field: flat, a control plane each, one service in both", async () => {
    const demo = await startDemo();
    try {
      await bothAnswer(demo);
    } finally {
      await demo.stop();
    }
  });

  test("a second up of the same folder is refused, down frees it and the log says why it ended, and the next start keeps objects and addresses", async () => {
    const mesh = await start({
      example: "oke",
      client: "deploy/curl",
      container: "curl",
      namespace: "sample",
    });
    const second = await mesh.isthmus("up", "--detach");
    assert.equal(second.code, 1);
    assert.match(second.stderr, /a mesh already runs from/);
    await mesh.kubectl("fra", "-n", "sample", "create", "configmap", "mine", "--from-literal=a=1");
    const before = await mesh.kubectl(
      "fra",
      "-n",
      "sample",
      "get",
      "svc",
      "helloworld",
      "-o",
      "jsonpath={.spec.clusterIP} {.metadata.uid}",
    );
    assert.equal((await mesh.isthmus("down")).code, 0);
    await eventually(async () => !existsSync(path.join(mesh.folder, ".isthmus/lock")));
    const log = () => readFileSync(path.join(mesh.folder, ".isthmus/engine.log"), "utf8");
    await eventually(async () =>
      /"reason":"isthmus down".*the mesh is ending.*the mesh has ended/s.test(log()),
    );
    const again = await mesh.isthmus("up", "--detach", ...patientUp);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(
      await mesh.kubectl(
        "fra",
        "-n",
        "sample",
        "get",
        "svc",
        "helloworld",
        "-o",
        "jsonpath={.spec.clusterIP} {.metadata.uid}",
      ),
      before,
    );
    await mesh.kubectl("fra", "-n", "sample", "get", "configmap", "mine");
    await eventually(async () => {
      const { v1, v2 } = versions(await mesh.curl("ash", "helloworld.sample:5000/hello", 20));
      return v1 > 0 && v2 > 0;
    });
    const engine = JSON.parse(readFileSync(path.join(mesh.folder, ".isthmus/engine.json"), "utf8"));
    process.kill(engine.pid, "SIGTERM");
    await eventually(async () =>
      /"reason":"interrupted by SIGTERM".*the mesh is ending.*the mesh has ended/s.test(log()),
    );
  });

  test("an interrupted start leaves no process, no port and no lock behind", async () => {
    const folder = exampleCopy("oke");
    const starting = background(process.execPath, [isthmus, "up"], folder);
    const state = path.join(folder, ".isthmus");
    await eventually(async () => existsSync(path.join(state, "blocks.json")), 10_000);
    const blocks = Object.values(
      JSON.parse(readFileSync(path.join(state, "blocks.json"), "utf8")),
    ) as number[];
    starting.end();
    const { code } = await starting.result;
    assert.equal(code, 1);
    assert.ok(!existsSync(path.join(state, "lock")));
    for (const block of blocks) await bindable(`127.${block}.0.1`, 6443);
  });

  const canDropRights = process.getuid?.() === 0 && findProgram("setpriv") !== undefined;
  test.skipIf(!canDropRights)(
    "the AKS example runs for a user without any right: ports under 1024 move and requests still cross",
    async () => {
      const folder = exampleCopy("aks");
      const nobody = 65_534;
      const own = (place: string) => {
        chownSync(place, nobody, nobody);
        for (const entry of readdirSync(place, { withFileTypes: true })) {
          if (entry.isDirectory()) own(path.join(place, entry.name));
          else chownSync(path.join(place, entry.name), nobody, nobody);
        }
      };
      own(folder);
      // The traffic rules send half of the requests to either version; here both are wanted as they come.
      const file = path.join(folder, "mesh.yaml");
      writeFileSync(file, readFileSync(file, "utf8").replace(/^.*file: traffic\/.*\n/m, ""));
      chmodSync(folder, 0o755);
      const home = path.join(folder, "home");
      mkdirSync(home);
      chownSync(home, nobody, nobody);
      const drop = ["--reuid", String(nobody), "--regid", String(nobody), "--clear-groups", "--"];
      const as = (...args: string[]) =>
        run("setpriv", [...drop, process.execPath, isthmus, ...args], {
          cwd: folder,
          env: { HOME: home },
        });
      const up = await as("up", "--detach", ...patientUp);
      assert.equal(up.code, 0, up.stderr);
      try {
        assert.match(up.stderr, /ip_unprivileged_port_start/);
        const status = JSON.parse((await as("status", "-o", "json")).stdout);
        const gateway = status.gateways.find(
          ({ kind, cluster }: { kind: string; cluster: string }) =>
            kind === "eastwest" && cluster === "remote0",
        );
        assert.ok(gateway.port >= 1024, `real port ${gateway.port}`);
        const verified = await as("verify", "-o", "json");
        assert.equal(verified.code, 0, verified.stdout + verified.stderr);
        const hello = JSON.parse(verified.stdout).services.find(({ service }: { service: string }) =>
          service.startsWith("helloworld.sample"),
        );
        for (const cell of hello.cells)
          for (const { received, group } of cell.shares)
            assert.ok(received > 0, `${group} from ${cell.from.cluster}`);
      } finally {
        await as("down");
      }
    },
  );
});

/** Rejects when the address and port are still taken. */
function bindable(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
