import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import { findProgram } from "../support/tools.ts";
import { background, eventually, isthmus, run } from "./support/running-mesh.ts";

const terraform = findProgram("terraform");

const mesh = `apiVersion: isthmus.dev/v1alpha1
kind: Mesh
name: shop
clusters:
  paris: { provider: eks, region: eu-west-3, network: aws, nodes: 2 }
  lyon: { provider: aks, region: francecentral, network: azure }
`;

/** Stands in for every tool: writes down how it was called, and answers as the recording says. */
const fake = `#!/bin/bash
call="$(basename "$0") $*"
echo "$call" >> "$FAKE/calls"
while IFS='|' read -r pattern code text; do
  case "$call" in
    $pattern)
      [ "$code" = wait ] && { trap 'echo interrupted >> "$FAKE/calls"; exit 1' INT; : > "$FAKE/waiting"; while :; do sleep 0.05; done; }
      if [ "$code" = 0 ]; then echo -e "$text"; else echo -e "$text" >&2; fi
      exit "$code" ;;
  esac
done < "$FAKE/recording"
exit 0
`;

/** What the tools answer where nothing is there yet: looking for it fails. */
const nothingThere = ["eksctl get *|1|", "az network vnet subnet show *|0|/subscriptions/s/subnets/nodes"];

suite("provision", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "isthmus-provision-"));
    writeFileSync(path.join(folder, "mesh.yaml"), mesh);
    mkdirSync(path.join(folder, "bin"));
    for (const tool of ["eksctl", "aws", "az"])
      writeFileSync(path.join(folder, "bin", tool), fake, { mode: 0o755 });
    record();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const record = (...first: string[]) =>
    writeFileSync(path.join(folder, "recording"), `${[...first, ...nothingThere].join("\n")}\n`);
  const env = () => ({ PATH: `${path.join(folder, "bin")}:/usr/bin:/bin`, FAKE: folder });
  const provision = (...args: string[]) =>
    run(process.execPath, [isthmus, "provision", ...args], { cwd: folder, env: env() });
  const calls = () =>
    existsSync(path.join(folder, "calls"))
      ? readFileSync(path.join(folder, "calls"), "utf8").trim().split("\n")
      : [];
  const forget = () => rmSync(path.join(folder, "calls"), { force: true });

  test("writes files and says the steps, without running anything", async () => {
    const { code, stderr } = await provision();
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /wrote 3 files to provision\n[\s\S]*paris +create the EKS cluster shop-paris in eu-west-3/,
    );
    assert.match(stderr, /isthmus provision --run does this/);
    assert.deepEqual(calls(), []);
    const config = readFileSync(path.join(folder, "provision/paris/eksctl.yaml"), "utf8");
    assert.match(config, /name: shop-paris[\s\S]*desiredCapacity: 2/);
  });

  test("--run runs the tools in order, with what one gave in the next; a second run finds all of it done", async () => {
    const { code, stderr } = await provision("--run");
    assert.equal(code, 0, stderr);
    const said = calls();
    assert.deepEqual(
      said.map((call) => call.split(" --")[0]),
      [
        "eksctl get nodegroup",
        "eksctl create cluster",
        "aws eks update-kubeconfig",
        "az group create",
        "az network vnet create",
        "az network vnet subnet show",
        "az aks create",
        "az aks get-credentials",
      ],
    );
    assert.match(said[6] ?? "", /--vnet-subnet-id \/subscriptions\/s\/subnets\/nodes /);
    assert.match(stderr, /✓ lyon {2}create the AKS cluster shop-lyon/);
    assert.match(stderr, /export KUBECONFIG=.*provision\/kubeconfig/);
    forget();
    assert.equal((await provision("--run")).code, 0);
    assert.deepEqual(calls(), []);
  });

  test("the script does what --run does, for every provider", async () => {
    const all = path.join(import.meta.dirname, "../../src/provision/testdata/all-providers.txt");
    writeFileSync(path.join(folder, "mesh.yaml"), readFileSync(all, "utf8").split("----------")[0] ?? "");
    for (const tool of ["gcloud", "terraform", "oci", "kubectl", "vcluster", "kind", "liqoctl"])
      writeFileSync(path.join(folder, "bin", tool), fake, { mode: 0o755 });
    // Nothing is there yet, and what is asked for is answered.
    record(
      "* describe *|1|",
      "kind get *|1|",
      "kubectl config get-contexts *|1|",
      "* show *|0|an-id",
      "terraform * output *|0|an-id",
      "kubectl config current-context *|0|made",
    );
    const { code, stderr } = await provision("--run");
    assert.equal(code, 0, stderr);
    const byCommand = calls();
    assert.ok(byCommand.length > 50);
    assert.ok(byCommand.includes("kubectl config rename-context made berlin --kubeconfig berlin/kubeconfig"));
    forget();
    const script = await run("bash", ["provision/provision.sh"], { cwd: folder, env: env() });
    assert.equal(script.code, 0, script.stderr);
    assert.deepEqual(calls(), byCommand);
    forget();
    const remove = () => run("bash", ["provision/delete.sh"], { cwd: folder, env: env() });
    record("vcluster delete *|1|the host does not answer");
    const half = await remove();
    assert.equal(half.code, 1);
    assert.match(half.stderr, /the host does not answer\n[\s\S]*not everything could be taken away/);
    assert.ok(existsSync(path.join(folder, "provision/provision.json")));
    forget();
    record();
    const deleted = await remove();
    assert.equal(deleted.code, 0, deleted.stderr);
    const gone = calls().map((call) => call.split(" --")[0]);
    assert.equal(new Set(calls()).size, calls().length);
    // What clusters share goes after all of them.
    const subnets = ["milan", "zurich"].map((name) =>
      gone.indexOf(`gcloud compute networks subnets delete shop-${name}`),
    );
    assert.ok(subnets.every((at) => at >= 0));
    assert.ok(gone.indexOf("gcloud compute networks delete shop-gcp") > Math.max(...subnets));
    assert.ok(gone.indexOf("liqoctl unpeer") < gone.indexOf("kind delete cluster"));
    assert.equal(gone.at(-1), "eksctl delete cluster");
    assert.ok(!calls().some((call) => call.startsWith("az group delete --name rg-nice")));
    assert.ok(!existsSync(path.join(folder, "provision/provision.json")));
  });

  test("a failure ends it with the tool's words and the next step; run again, it goes on there", async () => {
    record("az aks create *|3|ERROR: quota of francecentral is used up");
    const failed = await provision("--run");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /✗ lyon {2}create the AKS cluster/);
    assert.match(failed.stderr, /az ended with 3\n {2}\| ERROR: quota of francecentral is used up/);
    assert.match(failed.stderr, /az account set[\s\S]*goes on at step 6 of 7/);
    forget();
    record();
    const { code, stderr } = await provision("--run");
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      calls().map((call) => call.split(" --")[0]),
      ["az aks create", "az aks get-credentials"],
    );
    assert.match(calls()[0] ?? "", /--vnet-subnet-id \/subscriptions\/s\/subnets\/nodes /);
  });

  test("what is there already is not created again", async () => {
    record("eksctl get *|0|");
    const { stderr } = await provision("--run");
    assert.match(stderr, /✓ paris {2}create the EKS cluster .* there already/);
    assert.ok(!calls().some((call) => call.startsWith("eksctl create")));
  });

  test("an interruption is passed on to the tool, and nothing after it is run", async () => {
    record("eksctl create *|wait|");
    const child = background(
      "env",
      [
        ...Object.entries(env()).map(([name, value]) => `${name}=${value}`),
        ...[process.execPath, isthmus, "provision", "--run"],
      ],
      folder,
    );
    await eventually(async () => existsSync(path.join(folder, "waiting")), 20_000);
    child.end();
    assert.equal((await child.result).code, 1);
    assert.equal(calls().at(-1), "interrupted");
  });

  test("a tool that is not installed is named", async () => {
    rmSync(path.join(folder, "bin/eksctl"));
    const { code, stderr } = await provision("--run");
    assert.equal(code, 1);
    assert.match(stderr, /eksctl can't be run[\s\S]*tool\/missing[\s\S]*Install eksctl/);
  });

  test("a cluster that is put before others takes no address range of theirs", async () => {
    await provision();
    writeFileSync(
      path.join(folder, "mesh.yaml"),
      mesh.replace(
        "clusters:\n",
        "clusters:\n  nice: { provider: eks, region: eu-west-3, network: other }\n",
      ),
    );
    await provision();
    const cidr = (cluster: string) =>
      /cidr: (\S+)/.exec(readFileSync(path.join(folder, `provision/${cluster}/eksctl.yaml`), "utf8"))?.[1];
    assert.deepEqual([cidr("paris"), cidr("nice")], ["10.0.0.0/16", "10.16.0.0/16"]);
  });

  test.skipIf(terraform === undefined)(
    "Terraform reads its file, and would lay it out alike [needs terraform]",
    async () => {
      const nodes = "[{}, { capacity: { nvidia.com/gpu: 1 } }]";
      writeFileSync(
        path.join(folder, "mesh.yaml"),
        `${mesh}  berlin: { provider: oke, region: eu-frankfurt-1, network: oracle, kubernetes: "1.33.1", nodes: ${nodes} }\n`,
      );
      assert.equal((await provision()).code, 0);
      const { code, stdout, stderr } = await run(
        terraform ?? "",
        ["fmt", "-check", "-diff", "provision/berlin"],
        {
          cwd: folder,
        },
      );
      assert.equal(code, 0, stdout + stderr);
    },
  );

  test("clusters that exist already are looked at in the kubeconfig only: who runs them, when the file does not say", async () => {
    const kubeconfig = {
      clusters: [{ name: "c", cluster: { server: "https://x.gr7.eu-west-1.eks.amazonaws.com" } }],
      contexts: [{ name: "oslo", context: { cluster: "c", user: "u" } }],
      users: [{ name: "u", user: {} }],
    };
    writeFileSync(path.join(folder, "kube.yaml"), JSON.stringify(kubeconfig));
    writeFileSync(path.join(folder, "mesh.yaml"), `${mesh}  oslo: { network: x, kubeconfig: kube.yaml }\n`);
    assert.match(
      (await provision()).stderr,
      /oslo: its context oslo is a cluster of eks; write provider: eks/,
    );
  });

  test("mistakes are told with their place, and nothing is written", async () => {
    writeFileSync(path.join(folder, "mesh.yaml"), mesh.replace("region: eu-west-3, ", ""));
    const wrong = await provision();
    assert.equal(wrong.code, 3);
    assert.match(
      wrong.stderr,
      /mesh\.yaml:5:22 {2}mesh\/missing-field[\s\S]*region[\s\S]*Nothing was written\./,
    );
    assert.ok(!existsSync(path.join(folder, "provision")));
    writeFileSync(path.join(folder, "mesh.yaml"), mesh.replaceAll(/provider: \w+, /g, ""));
    assert.match((await provision()).stderr, /no cluster of the mesh file says who runs it/);
  });

  test("a file of somebody else's is not written over", async () => {
    mkdirSync(path.join(folder, "provision/paris"), { recursive: true });
    writeFileSync(path.join(folder, "provision/paris/eksctl.yaml"), "mine: true\n");
    const { code, stderr } = await provision();
    assert.equal(code, 3);
    assert.match(stderr, /isthmus did not write provision\/paris\/eksctl\.yaml/);
  });
});
