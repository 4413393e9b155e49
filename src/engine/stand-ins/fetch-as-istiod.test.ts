import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, suite, test } from "vitest";
import type { PodNetwork } from "../../runtime/index.ts";
import { fetchAsIstiod } from "./fetch-as-istiod.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A server that pods find under any name, at the addresses that `names` gives them. */
async function serve(answer: RequestListener, names: Readonly<Record<string, string>> = {}) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const network = {
    lookup: async (host: string) => [names[host] ?? "127.0.0.1"],
    connect: async () => {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    },
  } as Partial<PodNetwork> as PodNetwork;
  return (url: string, blocked: readonly string[] = []) => fetchAsIstiod(network, blocked)(url, 5000);
}

suite("fetchAsIstiod()", () => {
  test("gives the body, redirected or not", async () => {
    const fetched = await serve((request, response) => {
      if (request.url === "/old") response.writeHead(302, { location: "/new" }).end();
      else response.end(`at ${request.headers.host}${request.url}`);
    });
    assert.equal(await fetched("http://keys.example.com/new"), "at keys.example.com/new");
    assert.equal(await fetched("http://keys.example.com/old"), "at keys.example.com/new");
  });

  test("does not follow a circle for ever", async () => {
    const fetched = await serve((_, response) => response.writeHead(302, { location: "/" }).end());
    await assert.rejects(fetched("http://keys.example.com/"), /redirects more than 5 times/);
  });

  test("what is no 200 is no answer", async () => {
    const fetched = await serve((_, response) => response.writeHead(500).end("keys"));
    await assert.rejects(fetched("http://keys.example.com/"), /answers 500/);
  });

  test("an endless answer is cut off", async () => {
    const fetched = await serve((_, response) => {
      const more = () => {
        while (response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    await assert.rejects(fetched("http://keys.example.com/"), /larger than/);
  });

  for (const [url, blocked] of [
    ["http://169.254.169.254/latest/meta-data", []],
    ["http://meta.example.com/", []],
    ["http://[fe80::1]/", []],
    ["http://10.1.2.3/", ["10.0.0.0/8"]],
    ["http://inside.example.com/", ["no range", "10.0.0.0/8"]],
    ["http://moved.example.com/", []],
  ] as const)
    test(`${url} is not asked where ${["link-local addresses", ...blocked].join(", ")} are blocked`, async () => {
      const fetched = await serve(
        (_, response) => response.writeHead(302, { location: "http://meta.example.com/" }).end(),
        { "meta.example.com": "169.254.169.254", "inside.example.com": "10.9.9.9" },
      );
      await assert.rejects(fetched(url, blocked), /which is not asked/);
    });

  test("other schemes are refused", async () => {
    const fetched = await serve((_, response) => response.end());
    await assert.rejects(fetched("file:///etc/passwd"), /no http or https URL/);
  });
});
