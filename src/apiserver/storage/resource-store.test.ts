import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { ChangeRecord } from "../contracts.ts";
import type { Draft } from "../draft.ts";
import { openStore } from "./store.ts";

function draft(name: string, namespace: string, value = ""): Draft {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { value } };
}

function names(objects: readonly { readonly metadata: { readonly name: string } }[] | undefined): string[] {
  return (objects ?? []).map(({ metadata }) => metadata.name);
}

suite("storage", () => {
  test("versions count all changes of all resources", () => {
    const store = openStore(undefined);
    const first = store.resource("configmaps").put("a/x", draft("x", "a"));
    const second = store.resource("secrets").put("a/y", draft("y", "a"));
    assert.deepEqual([first.metadata.resourceVersion, second.metadata.resourceVersion], ["1", "2"]);
    assert.equal(store.version, 2);
  });

  test("lists come in the order of keys, and a namespace is not the prefix of another", () => {
    const maps = openStore(undefined).resource("configmaps");
    for (const [namespace, name] of [
      ["b", "z"],
      ["a-b", "y"],
      ["a", "x"],
      ["a", "b"],
    ] as const)
      maps.put(`${namespace}/${name}`, draft(name, namespace));
    assert.deepEqual(names(maps.list()), ["y", "b", "x", "z"]);
    assert.deepEqual(names(maps.list("a")), ["b", "x"]);
  });

  test("a list of the past shows what was there then", () => {
    const maps = openStore(undefined).resource("configmaps");
    maps.put("a/x", draft("x", "a", "old"));
    maps.put("a/y", draft("y", "a"));
    maps.put("a/x", draft("x", "a", "new"));
    maps.remove("a/y");
    maps.put("a/z", draft("z", "a"));
    const past = maps.listAt(2, "a");
    assert.deepEqual(names(past), ["x", "y"]);
    assert.deepEqual(past?.[0]?.["data"], { value: "old" });
    assert.deepEqual(names(maps.list()), ["x", "z"]);
  });

  test("changes are forgotten after a while, and nobody is given a history with holes", () => {
    const maps = openStore(undefined).resource("configmaps");
    for (let i = 0; i < 5000; i++) maps.put("a/x", draft("x", "a", String(i)));
    assert.equal(maps.changesAfter(10), undefined);
    assert.equal(maps.listAt(10), undefined);
    assert.equal(maps.changesAfter(4990)?.length, 10);
  });

  test("a store that starts from a log goes on counting and does not claim to know the past", () => {
    const records: ChangeRecord[] = [];
    const log = { append: (record: ChangeRecord) => void records.push(record), records: () => records };
    const store = openStore(log);
    store.resource("configmaps").put("a/x", draft("x", "a"));
    store.resource("configmaps").put("a/y", draft("y", "a"));
    store.resource("configmaps").remove("a/x");

    const again = openStore({ append: log.append, records: () => [...records] });
    assert.equal(again.version, 3);
    assert.deepEqual(names(again.resource("configmaps").list()), ["y"]);
    assert.equal(again.resource("configmaps").changesAfter(1), undefined);
    assert.deepEqual(again.resource("configmaps").changesAfter(3), []);
  });
});
