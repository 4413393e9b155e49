import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeClient } from "../../kube/index.ts";
import { apiAddress } from "./api-address.ts";
import type { RealCluster } from "./real-cluster.ts";

/** A cluster whose API server says of itself that it is at `address`. */
function clusterAt(server: string, address = "172.18.0.2", ca: string | undefined = "ca"): RealCluster {
  const slice = { endpoints: [{ addresses: [address] }], ports: [{ port: 6443 }] };
  const client = {
    list: async () => ({ items: [slice] }),
    get: async () => ({ data: { "ca.crt": "of its pods" } }),
  } as unknown as KubeClient;
  return { name: "fra", client, server, ca, helm: { kubeconfig: "", context: "fra" } };
}

suite("apiAddress()", () => {
  test.each([
    ["https://203.0.113.7:6443", undefined, "https://203.0.113.7:6443"],
    ["https://fra.example.com", undefined, "https://fra.example.com"],
    ["https://127.0.0.1:39001", "https://172.18.0.2:6443", "https://172.18.0.2:6443"],
    ["https://127.0.0.1:39001", "https://127.0.0.9:6443", "https://127.0.0.9:6443"],
  ])("%s of the kubeconfig and %s of the mesh file give %s", async (server, written, wanted) => {
    assert.deepEqual(await apiAddress(clusterAt(server), written), { server: wanted, apiCa: "ca" });
  });

  test("a loopback address stands when the API server itself says that it is there: all clusters are on this machine", async () => {
    const { server } = await apiAddress(clusterAt("https://127.16.0.1:6443", "127.16.0.1"), undefined);
    assert.equal(server, "https://127.16.0.1:6443");
  });

  test.each(["https://127.0.0.1:39001", "https://localhost:39001", "https://[::1]:39001"])(
    "%s, which only this machine knows, is refused with the address that would do",
    async (server) => {
      await assert.rejects(apiAddress(clusterAt(server), undefined), {
        code: "cluster/loopback-address",
        message: `fra: other clusters are to read its API at ${server}, which is this machine only`,
        nextStep: /server: https:\/\/172\.18\.0\.2:6443 under clusters\.fra/,
      });
    },
  );

  test("without a CA in the kubeconfig it is the one that the cluster tells its pods", async () => {
    const { apiCa } = await apiAddress({ ...clusterAt("https://fra.example.com"), ca: undefined }, undefined);
    assert.equal(apiCa, "of its pods");
  });
});
