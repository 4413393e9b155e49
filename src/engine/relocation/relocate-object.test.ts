import assert from "node:assert/strict";
import * as fc from "fast-check";
import { suite, test } from "vitest";
import { relocateObject } from "./relocate-object.ts";
import { relocateText } from "./relocate-text.ts";

const moves = new Map([[16, 40]]);
const base64 = (text: string) => Buffer.from(text).toString("base64");

suite("relocateText()", () => {
  const moved = [
    ["127.16.0.1", "127.40.0.1"],
    ["127.16.255.254", "127.40.255.254"],
    ["https://127.16.0.1:6443/api", "https://127.40.0.1:6443/api"],
    ["127.16.128.7:15012", "127.40.128.7:15012"],
    ["127.16.0.0/16", "127.40.0.0/16"],
    ["127.16.0.2,127.17.0.2, 127.16.0.3.", "127.40.0.2,127.17.0.2, 127.40.0.3."],
    ["::ffff:127.16.0.9", "::ffff:127.40.0.9"],
    ["hello.127.16.255.2.nip.io", "hello.127.40.255.2.nip.io"],
    ["user:secret@127.16.3.4", "user:secret@127.40.3.4"],
    ['{"ip":"127.16.0.2"}', '{"ip":"127.40.0.2"}'],
    ['{"text":"first\\n127.16.0.2"}', '{"text":"first\\n127.40.0.2"}'],
  ] as const;
  for (const [before, after] of moved)
    test(`${before} becomes ${after}`, () => assert.equal(relocateText(before, moves), after));

  const kept = [
    "127.17.0.1",
    "127.160.0.1",
    "27.16.0.1",
    "1127.16.0.1",
    "1.127.16.0.1",
    "127.16.0.1.5",
    "127.16.0.256",
    "127.16.0.1234",
    "127.16.01.1",
    "127.16.0",
    "v127.16.0.1",
    "127.16.0.1a",
    "127_16_0_1",
    "127.0.0.1",
  ];
  for (const text of kept) test(`${text} stays`, () => assert.equal(relocateText(text, moves), text));
});

suite("relocateObject()", () => {
  test("rewrites values and names at any depth, and leaves the object that it was given alone", () => {
    const pod = {
      kind: "Pod",
      metadata: {
        managedFields: [{ fieldsV1: { "f:status": { "f:podIPs": { 'k:{"ip":"127.16.0.2"}': {} } } } }],
      },
      status: { podIP: "127.16.0.2", podIPs: [{ ip: "127.16.0.2" }], hostIP: "127.16.254.1", ready: true },
    };
    const before = structuredClone(pod);
    assert.deepEqual(relocateObject(pod, moves), {
      kind: "Pod",
      metadata: {
        managedFields: [{ fieldsV1: { "f:status": { "f:podIPs": { 'k:{"ip":"127.40.0.2"}': {} } } } }],
      },
      status: { podIP: "127.40.0.2", podIPs: [{ ip: "127.40.0.2" }], hostIP: "127.40.254.1", ready: true },
    });
    assert.deepEqual(pod, before);
  });

  test("rewrites a Secret's data where it is text, such as a kubeconfig, and no other base64", () => {
    const kubeconfig = "clusters: [{ cluster: { server: 'https://127.16.0.1:6443' } }]";
    const binary = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(" 127.16.0.1")]).toString("base64");
    const data = { ash: base64(kubeconfig), "ca.crt": base64("-----BEGIN"), binary };
    const moved = { ...data, ash: base64(kubeconfig.replace("127.16", "127.40")) };
    assert.deepEqual(relocateObject({ kind: "Secret", data }, moves), { kind: "Secret", data: moved });
    assert.deepEqual(relocateObject({ kind: "ConfigMap", data }, moves), { kind: "ConfigMap", data });
  });

  test("two clusters may swap blocks: all moves count at once", () => {
    const swap = new Map([
      [16, 17],
      [17, 16],
    ]);
    const object = { a: "127.16.0.2 127.17.0.2", b: ["127.17.1.1"] };
    assert.deepEqual(relocateObject(object, swap), { a: "127.17.0.2 127.16.0.2", b: ["127.16.1.1"] });
    assert.deepEqual(relocateObject(relocateObject(object, swap), swap), object);
  });

  test("a chain of moves does not run together", () => {
    const chain = new Map([
      [16, 17],
      [17, 18],
    ]);
    assert.deepEqual(relocateObject(["127.16.0.1", "127.17.0.1", "127.18.0.1"], chain), [
      "127.17.0.1",
      "127.18.0.1",
      "127.18.0.1",
    ]);
  });

  const addressText = fc
    .tuple(fc.constantFrom(10, 15, 16, 17, 40), fc.nat(255), fc.nat(255))
    .map((parts) => `127.${parts.join(".")}`);
  const text = fc
    .array(fc.oneof(addressText, fc.string(), fc.constantFrom(":", "/", ",", " ", "-", ".", "127.")), {
      maxLength: 5,
    })
    .map((parts) => parts.join(""));
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: "small" },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(text, tie("any"), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).any;

  test("what names no moved block comes back as the very same object", () => {
    fc.assert(
      fc.property(value, (object) => {
        fc.pre(!JSON.stringify(object).includes("127.16."));
        assert.equal(relocateObject(object, moves), object);
      }),
    );
  });

  test("nothing but addresses of the moved block changes, and moving back restores everything", () => {
    const back = new Map([[40, 16]]);
    const masked = (object: unknown) => JSON.stringify(object).replaceAll(/127\.(16|40)\./g, "127.x.");
    fc.assert(
      fc.property(value, (object) => {
        fc.pre(!JSON.stringify(object).includes("127.40."));
        const moved = relocateObject(object, moves);
        assert.equal(masked(moved), masked(object));
        assert.deepEqual(relocateObject(moved, back), object);
      }),
    );
  });
});
