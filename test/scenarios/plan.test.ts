import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import type { VerifyReport } from "../../src/verify/index.ts";
import { findKubectls } from "../support/tools.ts";
import { edit, hello, startOke } from "./support/examples.ts";
import { assertImports } from "./support/import.ts";
import { eventually, type MeshUnderTest } from "./support/running-mesh.ts";

interface Planned {
  readonly clusters: readonly {
    readonly cluster: string;
    readonly state: string;
    readonly code?: string;
    readonly changes?: readonly {
      readonly action: string;
      readonly kind: string;
      readonly name: string;
      readonly fields: readonly {
        readonly path: string;
        readonly before: unknown;
        readonly after: unknown;
      }[];
      readonly refused?: string;
    }[];
  }[];
  readonly traffic: {
    readonly changes: readonly {
      readonly cluster: string;
      readonly callers: readonly string[];
      readonly service: string;
      readonly after?: {
        readonly shares: readonly {
          readonly group: string;
          readonly cluster: string;
          readonly percent: number;
          readonly path: string;
        }[];
      };
      readonly effects: readonly string[];
    }[];
    readonly untold: readonly string[];
  };
}

suite.skipIf(findKubectls().length === 0)(
  "plan and verify, against clusters known by kubeconfig only [needs kubectl]",
  () => {
    let mesh: MeshUnderTest;
    let before: Map<string, string>;

    beforeAll(async () => {
      mesh = await startOke({
        prepare: (folder) => edit(path.join(folder, "mesh.yaml"), /^ +addons:.*\n/gm, ""),
      });
      before = new Map(
        ["mesh.yaml", "hello-world.yaml"].map((file) => [
          file,
          readFileSync(path.join(mesh.folder, file), "utf8"),
        ]),
      );
    });
    afterAll(() => mesh?.stop());

    const plan = (...args: string[]) => mesh.isthmus("plan", "--kubeconfig", mesh.kubeconfig, ...args);
    const planned = async (...args: string[]) =>
      JSON.parse((await plan(...args, "-o", "json")).stdout) as Planned;
    /** Changes a file for one test. */
    const change = async (file: string, from: RegExp | string, to: string, look: () => Promise<void>) => {
      edit(path.join(mesh.folder, file), from, to);
      try {
        await look();
      } finally {
        writeFileSync(path.join(mesh.folder, file), before.get(file) ?? "");
      }
    };
    const versionsOf = async (cluster: string) =>
      (
        await mesh.kubectl(
          ...([cluster, "get", "deployments,services,configmaps,secrets,virtualservices", "-A"] as const),
          ...[
            "-o",
            'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}',
          ],
        )
      )
        .split("\n")
        // Leaders renew their leases in ConfigMaps of their own.
        .filter((line) => !/leader|election/.test(line));

    /** Does it until no object of fra has another version afterwards: controllers write what they find by themselves. */
    const changesNothing = (act: () => Promise<void>, counts = (_line: string) => true) =>
      eventually(async () => {
        const seen = (await versionsOf("fra")).filter(counts);
        await act();
        assert.deepEqual((await versionsOf("fra")).filter(counts), seen);
        return true;
      });

    test("MESH-05 nothing to do: says so, exit code 0, and has written nothing", async () => {
      await changesNothing(async () => {
        const { code, stdout, stderr } = await plan();
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /^fra +as it should be \(\d+ objects\)\nash +as it should be/);
        assert.match(stdout, /Nothing to do\./);
      });
    });

    test("import makes of the running clusters a file that changes nothing there but a Secret that it left out", async () => {
      const { file, said } = await assertImports(mesh, ["fra", "ash"], ["delete Secret hf-secret"]);
      assert.match(file, /ash:\n +primary: fra\n +network: network2\n/);
      assert.match(said, /ash: Secret demo\/hf-secret is not in the file/);
      assert.match(
        said,
        /fra: Helm does not record where charts come from: add repo to those of cert-manager, open-webui/,
      );
    });

    test("an apply of what is there already changes no object and needs no helm, whoever had applied it", async () => {
      // Of whoever applied before, the list of what is there may say it in other words.
      await changesNothing(
        async () => {
          const { code, stdout, stderr } = await mesh.isthmus(
            ...["apply", "--kubeconfig", mesh.kubeconfig, "--timeout", "100"],
          );
          assert.equal(code, 0, stdout + stderr);
          assert.match(stdout, /applied to 2 clusters/);
        },
        (line) => !line.includes("isthmus-inventory"),
      );
    });

    test("MESH-05 changes per cluster, field by field, with the line that asks for them: exit code 2", async () => {
      await change("hello-world.yaml", "replicas: 1", "replicas: 3", async () => {
        const { code, stdout } = await plan();
        assert.equal(code, 2, stdout);
        assert.match(stdout, /^fra +1 to change\nash +as it should be/);
        assert.match(stdout, /~ Deployment +sample\/helloworld-v1 +hello-world\.yaml:\d+\n +replicas +1 → 3/);
        assert.match(
          stdout,
          /What callers will notice\n(.*\n)*? +curl.* → helloworld\.sample \(from fra\) +v1 50 % → 75 % +v2 50 % → 25 %\n/,
        );
        assert.match(stdout, /helloworld\.sample \(from ash\) +v1 50 % → 75 % +v2 50 % → 25 %\n/);
        assert.match(stdout, /nothing loses mTLS, nothing gains or loses access/);
      });
      assert.equal(
        await mesh.kubectl(
          ...(["fra", "-n", "sample", "get", "deploy", "helloworld-v1"] as const),
          ...["-o", "jsonpath={.spec.replicas}"],
        ),
        "1",
      );
    });

    test("MESH-05 OKE-21 what leaves the file is deleted, what is new is created, charts included, and a plan writes none of it", async () => {
      const other = /\{ file: hello-world.yaml, selector: version=v1, namespace: sample \}/;
      await change(
        "mesh.yaml",
        other,
        "{ chart: cert-manager, repo: https://charts.jetstack.io, namespace: certs, name: second }",
        async () => {
          let clusters: Planned["clusters"] = [];
          await changesNothing(async () => {
            clusters = (await planned()).clusters;
          });
          const [fra, ash] = clusters;
          const said = fra?.changes?.map(({ action, kind, name }) => `${action} ${kind} ${name}`) ?? [];
          assert.ok(said.includes("delete Deployment helloworld-v1"), said.join("\n"));
          assert.ok(said.includes("create Namespace certs"), said.join("\n"));
          assert.ok(
            said.some((line) => /^create Helm release/.test(line)),
            said.join("\n"),
          );
          assert.deepEqual(ash?.changes, []);
        },
      );
    });

    test("MESH-05 what callers will notice counts gateways, the other cluster and policies at the far end", async () => {
      const rules = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-curl, namespace: sample }
spec: { selector: { matchLabels: { version: v2 } }, action: DENY, rules: [{ from: [{ source: { namespaces: [sample] } }] }] }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: demo }
spec: { mtls: { mode: DISABLE } }
`;
      writeFileSync(path.join(mesh.folder, "rules.yaml"), rules);
      await change("mesh.yaml", /- demo\/ .*/, "- demo/\n      - rules.yaml", async () => {
        const { traffic } = await planned();
        const from = (cluster: string, service: string) =>
          traffic.changes.find((one) => one.cluster === cluster && one.service === service);
        for (const cluster of ["fra", "ash"])
          assert.deepEqual(from(cluster, "helloworld.sample")?.effects, ["loses access"], cluster);
        const kept = from("fra", "helloworld.sample")?.after?.shares ?? [];
        assert.deepEqual(
          kept.map(({ group, cluster, percent, path: way }) => [group, cluster, percent, way]),
          [
            ["v1", "fra", 50, "direct"],
            ["v2", "ash", 50, "gateway"],
          ],
        );
        // Over a gateway there is no way without mTLS.
        assert.deepEqual(from("fra", "sglang.demo")?.effects, ["loses access"]);
        assert.deepEqual(from("ash", "sglang.demo")?.effects, ["loses mTLS"]);
        assert.ok(from("fra", "helloworld.sample")?.callers.includes("curl"));
        assert.deepEqual(traffic.untold, []);
      });
      // What was told comes true, and is over when the rules are.
      const file = path.join(mesh.folder, "rules.yaml");
      const codes = async (cluster: string, url: string) => [
        ...new Set(await mesh.curl(cluster, url, 12, "-o", "/dev/null", "-w", "%{http_code}\\n")),
      ];
      const see = (cluster: string, url: string, wanted: readonly string[]) =>
        eventually(async () => (await codes(cluster, url)).sort().join() === wanted.join(), 30_000);
      await mesh.kubectl("fra", "apply", "-f", file);
      try {
        for (const cluster of ["fra", "ash"]) await see(cluster, hello, ["200", "403"]);
        await see("ash", "sglang.demo/v1/models", ["200"]);
        await see("fra", "sglang.demo/v1/models", ["503"]);
      } finally {
        await mesh.kubectl("fra", "delete", "-f", file);
      }
      for (const cluster of ["fra", "ash"]) {
        await see(cluster, hello, ["200"]);
        await see(cluster, "sglang.demo/v1/models", ["200"]);
      }
    });

    test("MESH-05 a wrong file: every mistake, exit code 3", async () => {
      await change("mesh.yaml", "primary: fra", "primary: frankfurt", async () => {
        const { code, stderr } = await plan();
        assert.equal(code, 3);
        assert.match(stderr, /no cluster is called "frankfurt"[\s\S]*Nothing was looked at\./);
      });
    });

    test("MESH-05 an object that the API server refuses: its words, exit code 1", async () => {
      await change("hello-world.yaml", /replicas: 1/, "replicas: -1", async () => {
        const { code, stdout } = await plan();
        assert.equal(code, 1, stdout);
        assert.match(stdout, /helloworld-v1[\s\S]*refused: .*spec\.replicas: Invalid value: -1/);
      });
    });

    test("verify --real proves the same over the clusters' APIs, from pods that it makes where none can call", async () => {
      const lonely = `
apiVersion: v1
kind: Namespace
metadata: { name: lonely, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Service
metadata: { name: hello, namespace: lonely }
spec: { selector: { app: hello }, ports: [{ name: http, port: 5000 }] }
`;
      const pod = `---
apiVersion: v1
kind: Pod
metadata: { name: hello, namespace: lonely, labels: { app: hello, version: v1 } }
spec: { containers: [{ name: hello, image: docker.io/istio/examples-helloworld-v1:1.0, ports: [{ containerPort: 5000 }] }] }
`;
      const apply = (cluster: string, text: string) => {
        const file = path.join(mesh.folder, `lonely-${cluster}.yaml`);
        writeFileSync(file, text);
        return mesh.kubectl(cluster, "apply", "-f", file);
      };
      await Promise.all([apply("fra", lonely), apply("ash", lonely + pod)]);
      await mesh.kubectl(
        "ash",
        "-n",
        "lonely",
        "wait",
        "--for=condition=Ready",
        "pod/hello",
        "--timeout=60s",
      );
      const verify = (...args: string[]) =>
        mesh.isthmus("verify", "--kubeconfig", mesh.kubeconfig, "--requests", "12", ...args);
      const { code, stdout, stderr } = await verify("mesh.yaml", "--real", "-o", "json");
      const report = JSON.parse(stdout) as VerifyReport;
      assert.equal(code, 0, stdout + stderr);
      const cellsOf = (service: string) =>
        report.services.find((one) => one.service === service)?.cells ?? [];
      for (const cell of cellsOf("helloworld.sample:5000")) {
        assert.ok(cell.mtls, cell.evidence);
        assert.deepEqual(
          cell.shares.map(({ group, path: way }) => [group, way]),
          cell.from.cluster === "fra"
            ? [
                ["v1 (fra)", "local"],
                ["v2 (ash)", "gateway"],
              ]
            : [
                ["v1 (fra)", "gateway"],
                ["v2 (ash)", "local"],
              ],
        );
        assert.equal(
          cell.shares.reduce((sum, { received }) => sum + received, 0),
          12,
        );
      }
      const alone = cellsOf("hello.lonely:5000").find(({ from }) => from.cluster === "fra");
      assert.match(alone?.from.name ?? "", /^isthmus-verify-/);
      assert.deepEqual([alone?.failed, alone?.mtls, alone?.shares[0]?.received], [0, true, 12]);
      assert.ok(report.checks.length >= 5 && report.checks.every(({ ok }) => ok), stdout);
      for (const cluster of ["fra", "ash"])
        assert.equal(
          await mesh.kubectl(cluster, "get", "pods", "-A", "-l", "isthmus.dev/probe", "-o", "name"),
          "",
        );
      for (const cluster of ["fra", "ash"])
        await mesh.kubectl(cluster, "delete", "namespace", "lonely", "--wait=false");
    });

    test("MESH-05 a cluster that can't be asked does not keep the others from being planned: exit code 1", async () => {
      await mesh.isthmus("cluster", "stop", "ash");
      try {
        const { code, stdout } = await plan();
        assert.equal(code, 1, stdout);
        assert.match(stdout, /^fra +as it should be[^\n]*\nash +can't be asked/);
        assert.match(stdout, /✗ .*ash/);
        await change("hello-world.yaml", "replicas: 1", "replicas: 3", async () => {
          const { clusters, traffic } = await planned();
          assert.deepEqual(
            clusters.map(({ state }) => state),
            ["planned", "unreachable"],
          );
          assert.deepEqual(traffic.untold, ["what concerns ash: it can't be asked"]);
        });
        const verified = await mesh.isthmus(
          ...(["verify", "--kubeconfig", mesh.kubeconfig, "--requests", "2", "-o", "junit"] as const),
        );
        assert.equal(verified.code, 1);
        assert.match(
          verified.stdout,
          /<testcase classname="clusters" name="the API of ash answers">\n +<failure message=/,
        );
      } finally {
        await mesh.isthmus("cluster", "start", "ash");
      }
    });
  },
);
