import assert from "node:assert/strict";
import { create, createRegistry, equals, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { AnySchema, anyPack, DurationSchema } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { TypedExtensionConfigSchema } from "./gen/envoy/config/core/v3/extension_pb.js";
import {
  PrincipalSchema,
  RBAC_Action,
  RBAC_ActionSchema,
  RBACSchema,
} from "./gen/envoy/config/rbac/v3/rbac_pb.js";
import { NameTableSchema } from "./gen/istio/networking/nds/v1/nds_pb.js";
import { lazyEnum, lazyMessage, nestedEnum, nestedMessage } from "./lazy-descriptors.ts";

const colour = lazyEnum("test.Colour", '["Colour","COLOUR_RED",0,"COLOUR_BLUE",3]');
/** message Tree { string leaf_name = 1; repeated Tree trees = 2; oneof kind { Colour colour = 3; Ring ring = 4; }
 *  optional uint32 age = 5; map<string, Ring> rings = 6; message Ring { Width width = 1; enum Width { THIN = 0; } } } */
const tree = lazyMessage(
  "test.Tree",
  JSON.stringify([
    "Tree",
    [
      ["leaf_name", 1, 9],
      ["trees", 2, 11, "test.Tree", 3],
      ["colour", 3, 14, 0, "", 0],
      ["ring", 4, 11, "test.Tree.Ring", "", 0],
      ["age", 5, 13, "", "", 1, 1],
      ["rings", 6, 11, "test.Tree.RingsEntry", 3],
    ],
    [
      ["Ring", [["width", 1, 14, "test.Tree.Ring.Width"]], [], [["Width", "THIN", 0]]],
      [
        "RingsEntry",
        [
          ["key", 1, 9],
          ["value", 2, 11, "test.Tree.Ring"],
        ],
        [],
        [],
        [],
        1,
      ],
    ],
    [],
    ["kind", "_age"],
  ]),
  () => [colour],
);
const ring = nestedMessage("test.Tree.Ring", tree, 0);
const width = nestedEnum("test.Tree.Ring.Width", ring, 0);

suite("a lazy descriptor", () => {
  test("is not built for its kind and name", () => {
    const never = lazyMessage("test.Never", "", () => assert.fail("was built"));
    const registry = createRegistry(never);
    assert.equal(registry.getMessage("test.Never"), never);
    assert.deepEqual([never.kind, never.typeName], ["message", "test.Never"]);
    assert.throws(() => never.fields, /was built/);
  });

  test("describes fields, oneofs, maps, optional fields and what is nested", () => {
    assert.deepEqual(
      tree.fields.map(({ jsonName, fieldKind }) => [jsonName, fieldKind]),
      [
        ["leafName", "scalar"],
        ["trees", "list"],
        ["colour", "enum"],
        ["ring", "message"],
        ["age", "scalar"],
        ["rings", "map"],
      ],
    );
    assert.deepEqual(
      tree.oneofs.map(({ name, fields }) => [name, fields.length]),
      [["kind", 2]],
    );
    assert.deepEqual(
      tree.nestedMessages.map(({ typeName }) => typeName),
      ["test.Tree.Ring"],
    );
    assert.deepEqual([ring.name, width.name, width.typeName], ["Ring", "Width", "test.Tree.Ring.Width"]);
    assert.deepEqual(
      colour.values.map(({ localName, number }) => [localName, number]),
      [
        ["RED", 0],
        ["BLUE", 3],
      ],
    );
    assert.deepEqual([String(tree), String(colour)], ["message test.Tree", "enum test.Colour"]);
  });

  test("reads and writes JSON and bytes, through itself and others", () => {
    const json = {
      leafName: "top",
      trees: [{ ring: {} }, { colour: "COLOUR_BLUE", age: 0 }],
      rings: { a: {} },
    };
    const message = fromJson(tree, json);
    const again = fromBinary(tree, toBinary(tree, message));
    assert.ok(equals(tree, message, again));
    assert.deepEqual(toJson(tree, again), json);
  });
});

suite("generated descriptors", () => {
  test("carry Any, well-known types and maps", () => {
    const registry = createRegistry(DurationSchema, RBACSchema, TypedExtensionConfigSchema);
    const extension = create(TypedExtensionConfigSchema, {
      name: "x",
      typedConfig: anyPack(
        RBACSchema,
        create(RBACSchema, {
          action: RBAC_Action.DENY,
          policies: { p: { principals: [{ identifier: { case: "any", value: true } }] } },
        }),
      ),
    });
    const any = anyPack(TypedExtensionConfigSchema, extension);
    const json = toJson(AnySchema, any, { registry });
    assert.deepEqual(json, {
      "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
      name: "x",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.config.rbac.v3.RBAC",
        action: "DENY",
        policies: { p: { principals: [{ any: true }] } },
      },
    });
    assert.ok(equals(AnySchema, fromJson(AnySchema, json, { registry }), any));
  });

  test("name the values of enums both ways", () => {
    assert.deepEqual([RBAC_Action.DENY, RBAC_Action[1], RBAC_ActionSchema.values.length], [1, "DENY", 3]);
  });

  test("hold messages that contain themselves, and keep what they do not know", () => {
    const principal = fromJson(PrincipalSchema, { notId: { andIds: { ids: [{ any: true }] } } });
    const bytes = Buffer.concat([
      toBinary(PrincipalSchema, principal),
      Buffer.from([0xc2, 0x3e, 0x01, 0x41]),
    ]);
    assert.deepEqual(Buffer.from(toBinary(PrincipalSchema, fromBinary(PrincipalSchema, bytes))), bytes);
    assert.deepEqual(
      toJson(NameTableSchema, fromJson(NameTableSchema, { table: { a: { ips: ["1.2.3.4"] } } })),
      {
        table: { a: { ips: ["1.2.3.4"] } },
      },
    );
  });
});
