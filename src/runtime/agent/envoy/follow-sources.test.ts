import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { ListenerSchema } from "../../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { PrincipalSchema } from "../../../xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { RBACSchema as HttpRbacSchema } from "../../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { HttpConnectionManagerSchema } from "../../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { followSources } from "./follow-sources.ts";

const range = { addressPrefix: "10.0.0.0", prefixLen: 8 };
const direct: MessageInitShape<typeof PrincipalSchema> = {
  identifier: { case: "directRemoteIp", value: range },
};
const within: MessageInitShape<typeof PrincipalSchema> = {
  identifier: {
    case: "andIds",
    value: {
      ids: [{ identifier: { case: "notId", value: direct } }, { identifier: { case: "any", value: true } }],
    },
  },
};

suite("followSources()", () => {
  test("rules about the peer's address look at what the PROXY header tells, wherever they stand", () => {
    const http = anyPack(
      HttpRbacSchema,
      create(HttpRbacSchema, { rules: { policies: { a: { principals: [within] } } } }),
    );
    const manager = create(HttpConnectionManagerSchema, {
      httpFilters: [{ name: "rbac", configType: { case: "typedConfig", value: http } }],
    });
    const network = create(NetworkRbacSchema, { shadowRules: { policies: { a: { principals: [direct] } } } });
    const listener = create(ListenerSchema, {
      filterChains: [
        { filters: [{ configType: { case: "typedConfig", value: anyPack(NetworkRbacSchema, network) } }] },
      ],
      defaultFilterChain: {
        filters: [
          { configType: { case: "typedConfig", value: anyPack(HttpConnectionManagerSchema, manager) } },
        ],
      },
    });
    followSources(listener);
    const [tcp, chain] = [listener.filterChains[0]?.filters[0], listener.defaultFilterChain?.filters[0]];
    assert.ok(tcp?.configType.case === "typedConfig" && chain?.configType.case === "typedConfig");
    const shadow = anyUnpack(tcp.configType.value, NetworkRbacSchema)?.shadowRules?.policies["a"];
    assert.equal(shadow?.principals[0]?.identifier.case, "sourceIp");
    const [filter] = anyUnpack(chain.configType.value, HttpConnectionManagerSchema)?.httpFilters ?? [];
    assert.ok(filter?.configType.case === "typedConfig");
    const [both] = anyUnpack(filter.configType.value, HttpRbacSchema)?.rules?.policies["a"]?.principals ?? [];
    assert.ok(both?.identifier.case === "andIds");
    const [not] = both.identifier.value.ids;
    assert.ok(not?.identifier.case === "notId");
    assert.equal(not.identifier.value.identifier.case, "sourceIp");
  });
});
