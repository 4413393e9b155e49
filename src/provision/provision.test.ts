import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { suite, test } from "vitest";
import { formatDiagnostics } from "../base/index.ts";
import { assertGolden, goldenInput } from "../base/testing/golden-file.ts";
import { type Mesh, parseMesh } from "../mesh/index.ts";
import { allotNumbers, mostClusters, rangesOf } from "./allot-addresses.ts";
import { detectProvider } from "./detect-provider.ts";
import { checkProvisioning, numberClusters, planProvisioning } from "./plan-provisioning.ts";
import { renderDeletion, renderScript } from "./render-script.ts";

const testdata = path.join(import.meta.dirname, "testdata");

function parse(text: string): Mesh {
  const parsed = parseMesh([{ file: "mesh.yaml", text }], [], {
    folder: "/m",
    files: { kindOf: () => "file" },
  });
  assert.ok(parsed.ok, parsed.ok ? "" : formatDiagnostics(parsed.problems));
  return parsed.mesh;
}

function planOf(mesh: Mesh) {
  return planProvisioning(mesh, numberClusters(mesh, new Map()).numbers);
}

function meshOf(clusters: string, more = ""): Mesh {
  return parse(`apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nname: m\nclusters:\n${clusters}\n${more}`);
}

suite("planProvisioning()", () => {
  const file = path.join(testdata, "all-providers.txt");
  const mesh = parse(goldenInput(file));

  test("writes what each provider's tool needs, and the same each time", () => {
    assert.deepEqual(checkProvisioning(mesh), []);
    const text = () => {
      const plan = planOf(mesh);
      return [
        ...plan.files,
        ["provision.sh", renderScript(plan)] as const,
        ["delete.sh", renderDeletion(plan, "provision.json")] as const,
      ]
        .map(([name, content]) => `# ==== ${name}\n${content}`)
        .join("\n");
    };
    const actual = text();
    assertGolden(file, actual);
    assert.equal(text(), actual);
  });

  test("the scripts are ones that bash reads", () => {
    for (const input of [renderScript(planOf(mesh)), renderDeletion(planOf(mesh), "provision.json")])
      execFileSync("bash", ["-n"], { input });
  });

  test("EKS clusters on one network come with a script that peers their VPCs, once for both, and that may be run again", () => {
    const plan = planOf(
      meshOf(
        ["b: eu-west-1", "a: eu-central-1"]
          .map((text) => text.split(": "))
          .map(([name, region]) => `  ${name}: { provider: eks, region: ${region}, network: aws }`)
          .join("\n"),
      ),
    );
    assert.deepEqual([...plan.files.keys()].sort(), ["a/connect-b.sh", "a/eksctl.yaml", "b/eksctl.yaml"]);
    for (const note of plan.notes.filter((text) => /one network/.test(text)))
      assert.match(note, /sh a\/connect-b\.sh makes the peering/);
    const folder = mkdtempSync(path.join(tmpdir(), "isthmus-aws-"));
    try {
      const called = path.join(folder, "called");
      // The second time the peering, its routes and rules are there.
      const aws = `#!/bin/sh
echo "$*" >> ${called}
case "$*" in
  *describe-cluster*vpcId*) echo "vpc-$4";;
  *describe-cluster*) echo "sg-$4";;
  *describe-route-tables*) echo "rtb-1 rtb-2";;
  *describe-vpc-peering-connections*) if [ -e ${folder}/made ]; then echo pcx-1; else echo None; fi;;
  *create-vpc-peering-connection*) touch ${folder}/made; echo pcx-1;;
  *create-route*|*authorize*) if [ -e ${folder}/again ]; then exit 254; fi;;
esac
`;
      writeFileSync(path.join(folder, "aws"), aws, { mode: 0o755 });
      const runs = ["made", "again"].map((until) => {
        writeFileSync(called, "");
        execFileSync("sh", ["-s"], {
          input: plan.files.get("a/connect-b.sh"),
          env: { PATH: `${folder}:${process.env["PATH"]}` },
        });
        if (until === "made") writeFileSync(path.join(folder, "again"), "");
        return readFileSync(called, "utf8");
      });
      assert.match(
        runs[0] ?? "",
        /ec2 create-vpc-peering-connection --region eu-central-1 --vpc-id vpc-m-a --peer-vpc-id vpc-m-b --peer-region eu-west-1/,
      );
      assert.doesNotMatch(runs[1] ?? "", /create-vpc-peering-connection/);
      const routes =
        /ec2 create-route --region \S+ --route-table-id \S+ --destination-cidr-block \S+ --vpc-peering-connection-id pcx-1/g;
      const rules =
        /ec2 authorize-security-group-ingress --region \S+ --group-id sg-m-[ab] --ip-permissions IpProtocol=-1,IpRanges=\[\{CidrIp=10\.\d+\.0\.0\/\d+\}\]/g;
      for (const said of runs)
        assert.deepEqual([said.match(routes)?.length, said.match(rules)?.length], [4, 2], said);
      assert.equal(runs[1]?.match(/ec2 replace-route /g)?.length, 4);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("steps have names of their own, and use only what earlier ones gave", () => {
    const given = new Set<string>();
    const ids = new Set<string>();
    for (const { id, command, present = [], gives } of planOf(mesh).steps) {
      assert.ok(!ids.has(id), id);
      ids.add(id);
      for (const word of [...command, ...present])
        for (const [, name = ""] of word.matchAll(/\$\{(\w+)\}/g))
          assert.ok(given.has(name), `${id}: ${name}`);
      if (gives !== undefined) given.add(gives);
    }
  });

  test("every context is the mesh file's", () => {
    const words = planOf(mesh).steps.flatMap(({ command }) => command);
    for (const { context } of mesh.clusters.values()) assert.ok(words.includes(context), context);
  });

  test("what only people can connect is told, with the ranges", () => {
    const two = meshOf(
      "  a: { provider: eks, region: eu-west-1, network: n }\n  b: { provider: { name: gke, project: p }, region: europe-west1, network: n }\n  c: { provider: eks, region: eu-west-2, network: n }",
    );
    const { notes } = planOf(two);
    assert.ok(
      notes.some((note) => /^a and c .*10\.0\.0\.0\/16 and 10\.16\.0\.0\/16/.test(note)),
      notes.join("\n"),
    );
    assert.ok(
      notes.some((note) => /^a \(eks\) and b \(gke\) .*10\.0\.0\.0\/13 and 10\.8\.0\.0\/13/.test(note)),
    );
  });

  test("clusters without a provider are left alone", () => {
    const { files, steps } = planOf(meshOf("  a: {}\n  b: { provider: kind }"));
    assert.deepEqual([...files.keys()], ["b/kind.yaml"]);
    assert.ok(steps.every(({ cluster }) => cluster === "b"));
  });
});

suite("checkProvisioning()", () => {
  for (const [cluster, says] of [
    ["{ provider: eks }", /"region" is missing: eks/],
    ["{ provider: gke, region: europe-west1 }", /"project" is missing[\s\S]*name: gke, project/],
    ["{ provider: vcluster }", /"host" is missing/],
    [`{ provider: { name: gke, project: p }, region: r, zone: z }`, undefined],
  ] as const) {
    test(`${cluster}: ${says === undefined ? "nothing is missing" : says.source}`, () => {
      const found = formatDiagnostics(checkProvisioning(meshOf(`  a: ${cluster}`)));
      if (says === undefined) assert.equal(found, "");
      else assert.match(found, says);
    });
  }

  test("a name that is too long for the provider", () => {
    const long = "a".repeat(40);
    const mesh = meshOf(`  ${long}: { provider: { name: gke, project: p }, region: r }`);
    assert.match(formatDiagnostics(checkProvisioning(mesh)), /42 characters of at most 40/);
  });
});

suite("address ranges", () => {
  const span = (range: string) => {
    const [address = "", bits = ""] = range.split("/");
    const first = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return [first, first + 2 ** (32 - Number(bits)) - 1] as const;
  };

  test("no two clusters' overlap, nor do those of one cluster", () => {
    const all = Array.from({ length: mostClusters }, (_, number) => rangesOf(number));
    const parts = all
      .flatMap(({ nodes, services, pods }) => [nodes, services, pods].map(span))
      .sort((a, b) => a[0] - b[0]);
    for (const [index, [first]] of parts.entries())
      assert.ok(first > (parts[index - 1]?.[1] ?? span("9.255.0.0/16")[1]), String(index));
    for (const { all: whole, nodes, services, pods } of all) {
      const [from, to] = span(whole);
      for (const [first, last] of [nodes, services, pods].map(span)) assert.ok(first >= from && last <= to);
    }
    assert.ok((parts.at(-1)?.[1] ?? Infinity) <= span("10.0.0.0/8")[1]);
  });

  test("a cluster keeps its number whatever comes, goes and moves", () => {
    const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f"));
    fc.assert(
      fc.property(fc.array(names), (meshes) => {
        let numbers: ReadonlyMap<string, number> = new Map();
        for (const clusters of meshes) {
          const next = allotNumbers(clusters, numbers);
          for (const [name, number] of numbers) assert.equal(next.get(name), number);
          assert.equal(new Set(next.values()).size, next.size);
          for (const name of clusters) assert.ok(next.has(name));
          numbers = next;
        }
      }),
    );
  });
});

suite("detectProvider()", () => {
  for (const [facts, provider] of [
    [{ context: "x", server: "https://ABC.gr7.eu-west-1.eks.amazonaws.com" }, "eks"],
    [{ context: "x", server: "https://10.0.0.1", plugin: "aws --region eu-west-1 eks get-token" }, "eks"],
    [{ context: "x", server: "https://m-1234.hcp.westeurope.azmk8s.io:443" }, "aks"],
    [{ context: "x", server: "https://34.1.2.3", plugin: "gke-gcloud-auth-plugin" }, "gke"],
    [{ context: "gke_p_europe-west1_c", server: "https://34.1.2.3" }, "gke"],
    [
      {
        context: "x",
        server: "https://1.2.3.4:6443",
        plugin: "oci ce cluster generate-token --cluster-id o",
      },
      "oke",
    ],
    [{ context: "vcluster_a_b_c", server: "https://localhost:8443" }, "vcluster"],
    [{ context: "kind-a", server: "https://127.0.0.1:40123" }, "kind"],
    [{ context: "kind-a", server: "https://203.0.113.7:6443" }, undefined],
    [{ context: "prod", server: "https://203.0.113.7:6443" }, undefined],
  ] as const) {
    test(`${JSON.stringify(facts)}: ${provider ?? "nobody that is known"}`, () => {
      assert.equal(detectProvider(facts), provider);
    });
  }
});
