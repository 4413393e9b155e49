import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import { certificatesOf } from "../pki/index.ts";
import {
  beginRotation,
  type CaFiles,
  caPlace,
  createTrust,
  endStep,
  overlaps,
  type RotatedPlace,
  readCaFiles,
  readRotation,
  rootAbove,
  writeCaFiles,
  writeRotationFiles,
} from "./index.ts";

const now = Date.UTC(2026, 5, 1);
let home = "";
let store = "";
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "isthmus-rotation-"));
  store = path.join(home, "rotation");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A CA folder with intermediates for clusters; the places in it. */
function trustOf(name: string, clusters: readonly string[]): RotatedPlace[] {
  const folder = path.join(home, name);
  createTrust(folder, { mesh: name, clusters, now });
  return (clusters.length === 0 ? [name] : clusters).map((one) => ({ ...caPlace(folder, one), name: one }));
}
const read = ({ folder, name }: RotatedPlace) => readCaFiles(folder, name, now);
/** Workloads with certificates of `one` are believed by those that hold the roots of `other`. */
const isBelieved = (one: CaFiles, other: CaFiles) =>
  rootAbove(one["ca-cert.pem"] + one["cert-chain.pem"], other["root-cert.pem"]) !== undefined;
const withCode = (code: string) => (reason: unknown) =>
  reason instanceof IsthmusError && reason.code === code;

suite("a rotation of the root", () => {
  const cases = [
    { what: "one root, an intermediate per cluster", folders: { mesh: ["a", "b"] } },
    { what: "one CA for all", folders: { mesh: [] } },
    { what: "roots of their own", folders: { one: ["a"], two: ["b"] } },
  ];
  for (const { what, folders } of cases) {
    test(`${what}: whoever has taken a step and whoever has not yet believe each other`, () => {
      const places = Object.entries(folders).flatMap(([name, clusters]) => trustOf(name, clusters));
      beginRotation(store, places, { kind: "root", mesh: "shop", now });
      const first = places.map(read);
      let before = first;
      const steps: (string | undefined)[] = [];
      for (let rotation = readRotation(store); rotation !== undefined; rotation = endStep(store)) {
        steps.push(rotation.step);
        writeRotationFiles(store);
        const after = places.map(read);
        after.forEach((files, i) => {
          const old = before[i] as CaFiles;
          assert.ok(
            isBelieved(files, old) && isBelieved(old, files),
            `${rotation.step} of ${places[i]?.name}`,
          );
          assert.ok(overlaps(files["root-cert.pem"], old["root-cert.pem"]), "or istiod would not take it");
        });
        before = after;
      }
      assert.deepEqual(steps, ["distribute", "sign", "retire"]);
      before.forEach((files, i) => {
        const old = first[i] as CaFiles;
        assert.ok(!isBelieved(files, old) && !isBelieved(old, files), "nothing of the old one is left");
        assert.equal(certificatesOf(files["root-cert.pem"]).size, 1);
      });
      assert.ok(!existsSync(store), "and nothing of the rotation");
      for (const { folder } of places)
        assert.equal(statSync(path.join(folder, "root-key.pem")).mode & 0o777, 0o600);
    });
  }

  test("a root that somebody has added by hand stays believed", () => {
    const [place, other] = [...trustOf("one", ["a"]), ...trustOf("two", ["b"])];
    assert.ok(place !== undefined && other !== undefined);
    const [own, foreign] = [read(place), read(other)];
    writeCaFiles(place.place, { ...own, "root-cert.pem": own["root-cert.pem"] + foreign["root-cert.pem"] });
    beginRotation(store, [place], { kind: "root", mesh: "shop", now });
    do writeRotationFiles(store);
    while (endStep(store) !== undefined);
    assert.ok(isBelieved(foreign, read(place)));
    assert.ok(!isBelieved(own, read(place)));
  });

  test("goes on after an interruption in any step, and takes in a cluster that has come since from the first step", () => {
    const places = trustOf("mesh", ["a"]);
    beginRotation(store, places, { kind: "root", mesh: "shop", now });
    writeRotationFiles(store);
    endStep(store);
    const again = beginRotation(store, places, { mesh: "shop", now });
    assert.deepEqual([again.kind, again.step], ["root", "sign"]);
    writeRotationFiles(store);
    const signed = places.map(read);
    writeRotationFiles(store);
    assert.deepEqual(places.map(read), signed, "written again they are the same");

    const more = [...places, ...trustOf("mesh", ["b"])];
    assert.equal(beginRotation(store, more, { mesh: "shop", now }).step, "distribute");
    do writeRotationFiles(store);
    while (endStep(store) !== undefined);
    const [a, b] = more.map(read);
    assert.ok(a !== undefined && b !== undefined && isBelieved(a, b) && isBelieved(b, a));
  });

  test("of another kind does not begin before it is over", () => {
    const places = trustOf("mesh", ["a"]);
    beginRotation(store, places, { kind: "root", mesh: "shop", now });
    assert.throws(
      () => beginRotation(store, places, { kind: "intermediates", mesh: "shop", now }),
      withCode("trust/rotation-under-way"),
    );
  });
});

suite("a rotation of intermediates", () => {
  test("leaves the root", () => {
    const places = trustOf("mesh", ["a", "b"]);
    const before = places.map(read);
    beginRotation(store, places, { kind: "intermediates", mesh: "shop", now });
    writeRotationFiles(store);
    assert.equal(endStep(store), undefined);
    places.map(read).forEach((files, i) => {
      assert.equal(files["root-cert.pem"], before[i]?.["root-cert.pem"]);
      assert.notEqual(files["ca-cert.pem"], before[i]?.["ca-cert.pem"]);
    });
  });

  test("without the root's key changes nothing, while the root itself can be replaced", () => {
    const places = trustOf("mesh", ["a"]);
    const before = places.map(read);
    unlinkSync(path.join(home, "mesh/root-key.pem"));
    assert.throws(
      () => beginRotation(store, places, { kind: "intermediates", mesh: "shop", now }),
      withCode("trust/root-key-missing"),
    );
    assert.equal(readRotation(store), undefined);
    assert.deepEqual(places.map(read), before);
    assert.equal(beginRotation(store, places, { kind: "root", mesh: "shop", now }).step, "distribute");
  });
});
