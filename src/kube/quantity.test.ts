import assert from "node:assert/strict";
import { suite, test } from "vitest";
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityMillis,
  quantityValue,
} from "./quantity.ts";

function quantity(text: string): Quantity {
  const parsed = parseQuantity(text);
  assert.ok(parsed !== undefined, `${text} is a quantity`);
  return parsed;
}

suite("formatQuantity()", () => {
  const cases: readonly [text: string, canonical: string][] = [
    ["0", "0"],
    ["0Gi", "0"],
    ["100m", "100m"],
    ["0.1", "100m"],
    ["1000m", "1"],
    ["1500m", "1500m"],
    ["1.5", "1500m"],
    ["1000", "1k"],
    ["1Ki", "1Ki"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["0.5Ki", "512"],
    ["1e3", "1e3"],
    ["12E6", "12e6"],
    ["1E", "1E"],
    ["+3", "3"],
    ["-1.5", "-1500m"],
    ["0.0000000001", "1n"],
    ["1.", "1"],
    [".5", "500m"],
  ];
  for (const [text, canonical] of cases)
    test(`${text} is written ${canonical}`, () => assert.equal(formatQuantity(quantity(text)), canonical));
});

suite("quantities", () => {
  test("sums are exact where floating point is not", () => {
    assert.equal(formatQuantity(addQuantities(quantity("0.1"), quantity("0.2"))), "300m");
    assert.equal(formatQuantity(addQuantities(quantity("1Gi"), quantity("512Mi"))), "1536Mi");
    assert.equal(formatQuantity(addQuantities(quantity("0"), quantity("512Mi"))), "512Mi");
  });
  test("comparison looks at the value, not at the form", () => {
    assert.equal(compareQuantities(quantity("1Ki"), quantity("1024")), 0);
    assert.equal(compareQuantities(quantity("999m"), quantity("1")), -1);
    assert.equal(compareQuantities(quantity("1.1"), quantity("1")), 1);
  });
  test("the value is rounded up", () => assert.equal(quantityValue(quantity("1100m")), 2));
  for (const text of ["", "lots", "1 Gi", "1Kii", ".", "1e99", "--1", "1".repeat(70)])
    test(`"${text.slice(0, 8)}" is no quantity`, () => assert.equal(parseQuantity(text), undefined));
});

suite("quantityMillis()", () => {
  const cases: readonly [text: string | number, millis: number | undefined][] = [
    ["100m", 100],
    ["0.1", 100],
    ["1.5", 1500],
    ["2", 2000],
    [2, 2000],
    ["1e3", 1_000_000],
    ["1Ki", 1_024_000],
    ["128Mi", 134_217_728_000],
    ["1k", 1_000_000],
    ["1u", 1],
    ["0", 0],
    ["", undefined],
    ["lots", undefined],
    ["1 Gi", undefined],
  ];
  for (const [text, millis] of cases) {
    test(`${JSON.stringify(text)} is ${millis}`, () => assert.equal(quantityMillis(text), millis));
  }
});
