import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { waitFor } from "../../src/base/index.ts";
import { startTestMesh } from "../../src/discovery/serve/test-support/test-mesh.ts";
import type { KubeObject } from "../../src/kube/index.ts";
import { typeUrls } from "../../src/xds/index.ts";
import { openAdsClient, type Protocol } from "./ads-client.ts";
import { changeOf } from "./changes.ts";
import { meshObjects } from "./objects.ts";
import { type Event, events, recordedFigures } from "./recorded.ts";

const size = { services: 3, endpoints: 2 };

suite("the bench of discovery", () => {
  test.each<Protocol>(["delta", "state-of-the-world"])(
    "its proxies get their configuration and hear of each change (%s)",
    async (protocol) => {
      const mesh = await startTestMesh(meshObjects(size));
      const present = new Map(
        meshObjects(size).map((object) => [object.kind + object.metadata.name, object]),
      );
      const texts: { readonly type: string; readonly text: string }[] = [];
      const client = openAdsClient({
        port: mesh.portOf(15010),
        protocol,
        pod: 1,
        workloads: 1,
        followUps: new Map(),
        onMessage: (message, type) => texts.push({ type, text: Buffer.from(message).toString("latin1") }),
      });
      try {
        await client.configured;
        for (const event of events) {
          const { object, patch, marker, type } = changeOf(event, size);
          const before = present.get(object);
          assert.ok(before, `${object} is not among the objects`);
          mesh.api.put({ ...before, ...patch } as KubeObject);
          await waitFor(() => texts.find((one) => one.type === typeUrls[type] && one.text.includes(marker)), {
            signal: AbortSignal.timeout(30_000),
          });
        }
      } finally {
        client.end();
        await mesh.stop();
      }
    },
  );

  test("what was recorded of istiod is named as the cases are", () => {
    for (const name of Object.keys(recordedFigures)) {
      const [mesh = "", protocol = "", clients = "", event = ""] = name.split(" ");
      assert.ok(["M", "Big"].includes(mesh) && ["delta", "state-of-the-world"].includes(protocol), name);
      assert.ok(Number(clients) > 0 && events.includes(event as Event), name);
    }
  });
});
