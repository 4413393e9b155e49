import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, suite, test } from "vitest";
import { openChangeLog } from "../../apiserver/index.ts";
import { openStateFolder, type StateFolder } from "../state-folder.ts";
import { recallBlocks, rememberBlocks } from "./remember-blocks.ts";

const parent = mkdtempSync(path.join(tmpdir(), "relocation-"));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

let count = 0;
function freshState(blocks: Readonly<Record<string, number>>): StateFolder {
  const state = openStateFolder(path.join(parent, String(count++)), { create: true });
  rememberBlocks(state, new Map(), claims(blocks));
  return state;
}

function claims(blocks: Readonly<Record<string, number>>): ReadonlyMap<string, { readonly block: number }> {
  return new Map(Object.entries(blocks).map(([name, block]) => [name, { block }]));
}

const logOf = (state: StateFolder, cluster: string) => path.join(state.clusterFolder(cluster), "objects");

function store(state: StateFolder, cluster: string, ...addresses: readonly string[]): void {
  const log = openChangeLog(logOf(state, cluster));
  for (const [i, address] of addresses.entries())
    log.append({
      resourceVersion: 10 + i,
      resource: "services",
      key: `a/${i}`,
      object: { kind: "Service", metadata: { resourceVersion: String(10 + i) }, address },
    });
  log.close();
}

function stored(state: StateFolder, cluster: string): readonly string[] {
  const log = openChangeLog(logOf(state, cluster));
  const records = [...log.records()].filter(({ resource }) => resource !== "");
  log.close();
  for (const { resourceVersion, object } of records)
    assert.equal(
      (object as { metadata: { resourceVersion: string } }).metadata.resourceVersion,
      String(resourceVersion),
    );
  return records.map(({ object }) => (object as { address: string }).address);
}

suite("rememberBlocks()", () => {
  test("a cluster that moved has moved in the objects of all clusters, and resource versions stay", () => {
    const state = freshState({ fra: 16, ash: 17 });
    store(state, "fra", "127.16.128.1", "127.17.255.2:15443");
    store(state, "ash", "https://127.16.255.3:15012", "127.17.128.1");
    rememberBlocks(state, recallBlocks(state), claims({ fra: 20, ash: 17 }));
    assert.deepEqual(stored(state, "fra"), ["127.20.128.1", "127.17.255.2:15443"]);
    assert.deepEqual(stored(state, "ash"), ["https://127.20.255.3:15012", "127.17.128.1"]);
    assert.deepEqual(
      recallBlocks(state),
      new Map([
        ["fra", 20],
        ["ash", 17],
      ]),
    );
  });

  test("two clusters that swap blocks swap their addresses", () => {
    const state = freshState({ fra: 16, ash: 17 });
    store(state, "fra", "127.16.128.1", "127.17.255.2");
    rememberBlocks(state, recallBlocks(state), claims({ fra: 17, ash: 16 }));
    assert.deepEqual(stored(state, "fra"), ["127.17.128.1", "127.16.255.2"]);
  });

  test("a cluster that left the mesh file keeps its block and its objects stay true for when it returns", () => {
    const state = freshState({ fra: 16, ash: 17 });
    store(state, "ash", "127.16.255.3");
    rememberBlocks(state, recallBlocks(state), claims({ fra: 20 }));
    assert.deepEqual(stored(state, "ash"), ["127.20.255.3"]);
    assert.equal(recallBlocks(state).get("ash"), 17);
  });

  test("an engine killed after the decision: the next one finishes, and what is in place is not moved twice", () => {
    const state = freshState({ fra: 16, ash: 17 });
    store(state, "fra", "127.16.128.1", "127.17.255.2");
    store(state, "ash", "127.16.255.3", "127.17.128.1");
    const keep = (cluster: string) => {
      const file = `${logOf(state, cluster)}.kept`;
      copyFileSync(logOf(state, cluster), file);
      return file;
    };
    const ashBefore = keep("ash");
    rememberBlocks(state, recallBlocks(state), claims({ fra: 17, ash: 16 }));
    // As if fra's log were in place already, and ash's not yet.
    copyFileSync(logOf(state, "ash"), `${logOf(state, "ash")}.relocated`);
    copyFileSync(ashBefore, logOf(state, "ash"));
    state.writeJson("blocks.json", { fra: 16, ash: 17 });
    state.writeJson("relocation.json", { fra: 17, ash: 16 });

    const recalled = recallBlocks(state);
    assert.deepEqual(Object.fromEntries(recalled), { fra: 17, ash: 16 });
    assert.deepEqual(stored(state, "fra"), ["127.17.128.1", "127.16.255.2"]);
    assert.deepEqual(stored(state, "ash"), ["127.17.255.3", "127.16.128.1"]);
    assert.ok(!existsSync(path.join(state.path, "relocation.json")));
  });

  test("an engine killed before the decision: everything is as it was", () => {
    const state = freshState({ fra: 16 });
    store(state, "fra", "127.16.128.1");
    copyFileSync(logOf(state, "fra"), `${logOf(state, "fra")}.relocated`);
    assert.deepEqual(Object.fromEntries(recallBlocks(state)), { fra: 16 });
    assert.deepEqual(stored(state, "fra"), ["127.16.128.1"]);
    assert.ok(!existsSync(`${logOf(state, "fra")}.relocated`));
  });
});
