import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createKubeClient, type KubeObject, kinds, type Pod } from "../kube/index.ts";
import { homeOf, type Peer } from "./peers.ts";

const meta = { name: "web", namespace: "shop" };
const reflected = (uid = "u1"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    ...meta,
    labels: { "offloading.liqo.io/origin": "home" },
    annotations: { "isthmus.dev/home-uid": uid },
  },
  spec: { containers: [] },
});
const at = (node: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { ...meta, uid: "u1" },
  spec: { nodeName: node },
});
const node = (name: string, provider?: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: provider === undefined ? {} : { "liqo.io/remote-cluster-id": provider } },
});
const secret: KubeObject = { apiVersion: "v1", kind: "Secret", metadata: { name: "key", namespace: "shop" } };

/** A home with these objects, and the reads that it was asked for. */
function homeWith(objects: readonly KubeObject[]): { readonly peer: Peer; readonly reads: string[] } {
  const reads: string[] = [];
  const client = createKubeClient({
    async send({ path }) {
      reads.push(path);
      const found = objects.find(({ kind, metadata }) =>
        path.endsWith(`/${kind.toLowerCase()}s/${metadata.name}`),
      );
      return { status: found === undefined ? 404 : 200, headers: {}, body: found ?? { code: 404 } };
    },
  });
  const peer = { client, clientAs: () => client, apiService: { address: "127.16.0.1", port: 6443 } };
  return { peer: peer as unknown as Peer, reads };
}

suite("homeOf()", () => {
  test("reads the home of a pod that is bound to this cluster there, and looks that up once", async () => {
    const { peer, reads } = homeWith([at("away"), node("away", "away"), secret]);
    const home = homeOf("away", reflected(), new Map([["home", peer]]));
    assert.equal(home?.uid, "u1");
    for (let i = 0; i < 2; i++)
      assert.equal((await home.client.get(kinds.secrets, "key", "shop"))?.metadata.name, "key");
    assert.equal(reads.filter((path) => path.endsWith("/pods/web")).length, 1);
  });

  const liars = [
    { because: "home has no such pod", objects: [] },
    { because: "home's pod is on a node of its own", objects: [at("home-1"), node("home-1")] },
    { because: "home's pod is on another provider", objects: [at("other"), node("other", "other")] },
    { because: "home's pod is another one", objects: [at("away"), node("away", "away")], uid: "u2" },
  ];
  for (const { because, objects, uid } of liars)
    test(`refuses everything when ${because}`, async () => {
      const { peer, reads } = homeWith([...objects, secret]);
      const home = homeOf("away", reflected(uid), new Map([["home", peer]]));
      const asking = [home?.client, home?.clientAs({ name: "x", groups: [] })];
      for (const client of asking)
        await assert.rejects(async () => client?.get(kinds.secrets, "key", "shop"), /bound to away/);
      assert.ok(reads.every((path) => !path.includes("secrets")));
    });

  test("says that a home is stopped, and is none of pods that belong here", async () => {
    const home = homeOf("away", reflected(), new Map());
    await assert.rejects(async () => home?.client.get(kinds.secrets, "key", "shop"), /home is stopped/);
    assert.equal(homeOf("away", { ...reflected(), metadata: meta }, new Map()), undefined);
  });
});
