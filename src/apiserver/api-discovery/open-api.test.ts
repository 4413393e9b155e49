import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();

async function documentUrl(groupVersion: string): Promise<URL> {
  const { body } = await api.send({ path: "/openapi/v3" });
  const { paths } = body as { paths: Record<string, { serverRelativeURL: string }> };
  return new URL(paths[groupVersion]?.serverRelativeURL ?? "/missing", "https://api");
}

suite("OpenAPI documents", () => {
  test("of version 3 stand in an index under their hash, and may be kept for ever", async () => {
    const { pathname, searchParams } = await documentUrl("apis/apps/v1");
    const answer = await api.send({ path: pathname, query: searchParams });
    assert.equal(answer.status, 200);
    assert.match(answer.headers["cache-control"] ?? "", /immutable/);
    const { components } = answer.body as { components: { schemas: Record<string, object> } };
    assert.ok(components.schemas["io.k8s.api.apps.v1.Deployment"]);
    const headers = { "if-none-match": answer.headers["etag"] };
    assert.equal((await api.send({ path: pathname, query: searchParams, headers })).status, 304);
  });

  test("under a hash of yesterday lead to today's", async () => {
    const { pathname, search } = await documentUrl("api/v1");
    const answer = await api.send({ path: pathname, query: new URLSearchParams({ hash: "OLD" }) });
    assert.deepEqual([answer.status, answer.headers["location"]], [301, `${pathname}${search}`]);
  });

  test("have the same hash in every run, or clients would fetch megabytes each time", async () => {
    const { startTestServer } = await import("../test-support/start-test-server.ts");
    const other = await startTestServer();
    const user = { name: "test", groups: ["system:masters"] };
    const request = {
      method: "GET",
      path: "/openapi/v3",
      query: new URLSearchParams(),
      headers: {},
    } as const;
    const theirs = await other.api.transport(user).send(request);
    await other.api.stop();
    assert.deepEqual(theirs.body, (await api.send({ path: "/openapi/v3" })).body);
  });

  test("of version 2 come in the form that old kubectls read", async () => {
    const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    const answer = await api.send({ path: "/openapi/v2", headers: { accept } });
    assert.equal(
      answer.headers["content-type"],
      "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    );
    assert.ok(answer.body instanceof Uint8Array);
  });

  test("of groups that are not there are a 404", async () => {
    assert.equal((await api.send({ path: "/openapi/v3/apis/none.example.com/v1" })).status, 404);
    assert.equal((await api.send({ path: "/openapi/v4" })).status, 404);
  });
});
