import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createEcho } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, suite, test } from "vitest";
import { writePodTools } from "./write-pod-tools.ts";

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The tools as on a host that has no curl of its own. */
async function writeAllTools(): Promise<string> {
  const stateFolder = await mkdtemp(path.join(tmpdir(), "isthmus tools "));
  cleanUps.push(() => rm(stateFolder, { recursive: true, force: true }));
  const before = process.env["PATH"];
  process.env["PATH"] = "";
  try {
    return await writePodTools(stateFolder);
  } finally {
    process.env["PATH"] = before;
  }
}

function run(program: string, args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(program, args, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

/** A server that answers as asked and, as a proxy, leads everything to itself. */
async function startServer(): Promise<string> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://self");
    if (pathname === "/moved") {
      response.writeHead(302, { location: "/here" }).end();
      return;
    }
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      response.writeHead(pathname === "/bad" ? 503 : 200, { "x-own": "yes" });
      response.end(
        `${request.method} ${request.headers.host} ${pathname} ${request.headers["x-ask"] ?? ""} ${body}`.trim(),
      );
    });
  });
  server.on("connect", (_, socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.99.0.2", resolve));
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  return typeof address === "object" && address !== null ? `127.99.0.2:${address.port}` : "";
}

suite("hostname", () => {
  for (const [args, text] of [
    [[], "web-0\n"],
    [["-i"], "127.16.0.9\n"],
    [["-s"], "web-0\n"],
  ] as const) {
    test(`hostname ${args.join(" ")} prints ${text.trim()}`, async () => {
      const tools = await writeAllTools();
      const env = { HOSTNAME: "web-0", ISTHMUS_POD_ADDRESS: "127.16.0.9" };
      assert.equal((await run(path.join(tools, "hostname"), args, env)).stdout, text);
    });
  }
});

suite("nc", () => {
  /** A server that sends lines back, and ends when its client has. */
  async function startEcho(): Promise<string> {
    const server = createEcho({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.99.0.2", resolve));
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    return String((server.address() as AddressInfo).port);
  }
  const typed = (tools: string, words: string, env: Record<string, string> = {}) =>
    run("/bin/sh", ["-c", `printf 'one\\ntwo\\n' | '${tools}/nc' ${words}`], env);

  test("sends what is typed and prints what comes back, until the other side has ended too", async () => {
    const [tools, port] = [await writeAllTools(), await startEcho()];
    assert.deepEqual(await typed(tools, `-N 127.99.0.2 ${port}`), {
      code: 0,
      stdout: "one\ntwo\n",
      stderr: "",
    });
  });

  test("leaves the pod by its proxy, with the pod's credentials", async () => {
    const asked: unknown[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url, request.headers["proxy-authorization"]);
      socket.write("HTTP/1.1 200 OK\r\n\r\nhello\n");
      socket.on("end", () => socket.end());
      socket.resume();
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.99.0.2", resolve));
    cleanUps.push(() => new Promise((resolve) => proxy.close(resolve)));
    const http_proxy = `http://me:it@127.99.0.2:${(proxy.address() as AddressInfo).port}`;
    const { stdout } = await typed(await writeAllTools(), "web.sample 9000", { http_proxy });
    assert.equal(stdout, "hello\n");
    assert.deepEqual(asked, ["web.sample:9000", `Basic ${Buffer.from("me:it").toString("base64")}`]);
  });

  test("only tries with -z, and says with -v how it went", async () => {
    const [tools, port] = [await writeAllTools(), await startEcho()];
    const good = await typed(tools, `-zv 127.99.0.2 ${port}`);
    assert.deepEqual([good.code, good.stdout], [0, ""]);
    assert.match(good.stderr, /succeeded/);
    const bad = await typed(tools, "-zv -w 2 127.99.0.3 1");
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /connect to 127\.99\.0\.3 port 1 failed/);
  });

  test("-w ends a silence", async () => {
    const server = createEcho((socket) => socket.resume());
    await new Promise<void>((resolve) => server.listen(0, "127.99.0.2", resolve));
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    assert.equal((await typed(await writeAllTools(), `-w 1 127.99.0.2 ${port}`)).code, 0);
  });

  test("what it does not know is said", async () => {
    assert.match((await typed(await writeAllTools(), "-l 9000")).stderr, /usage: nc/);
  });
});

suite("the small curl", () => {
  const cases = [
    { args: ["-s", "HOST/here"], code: 0, stdout: /^GET HOST \/here$/ },
    {
      args: ["-sS", "-H", "X-Ask: me", "-d", "a=1", "http://HOST/here"],
      code: 0,
      stdout: /^POST HOST \/here me a=1$/,
    },
    { args: ["-s", "-L", "HOST/moved"], code: 0, stdout: /^GET HOST \/here$/ },
    { args: ["-s", "-o", "/dev/null", "-w", "%{http_code}\\n", "HOST/bad"], code: 0, stdout: /^503\n$/ },
    { args: ["-sf", "HOST/bad"], code: 22, stdout: /^$/ },
    { args: ["-sI", "HOST/here"], code: 0, stdout: /^HTTP\/1\.1 200 OK\r\nx-own: yes\r\n/ },
    {
      args: ["-s", "-x", "http://HOST", "http://hello.sample/here"],
      code: 0,
      stdout: /^GET hello\.sample \/here$/,
    },
    { args: ["-sS", "https://hello.sample/"], code: 56, stdout: /^$/ },
  ];
  for (const { args, code, stdout } of cases) {
    test(`curl ${args.join(" ")}`, async () => {
      const [tools, host] = await Promise.all([writeAllTools(), startServer()]);
      const fill = (text: string) => text.replaceAll("HOST", host);
      const result = await run(path.join(tools, "curl"), args.map(fill), { https_proxy: `http://${host}` });
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stdout.replaceAll(host, "HOST"), stdout);
    });
  }

  test("a refused connection is exit code 7", async () => {
    const tools = await writeAllTools();
    assert.equal((await run(path.join(tools, "curl"), ["-sS", "http://127.99.0.3:1/"])).code, 7);
  });
});

suite("fortio", () => {
  const cases = [
    {
      args: ["load", "-c", "2", "-qps", "0", "-n", "12", "-loglevel", "Warning", "http://HOST/here"],
      code: 0,
      stdout: /^Sockets used: 2 .*\nCode 200 : 12 \(100\.0 %\)\nAll done 12 calls/m,
    },
    { args: ["load", "-c=1", "-n=3", "-qps=0", "HOST/bad"], code: 0, stdout: /^Code 503 : 3 \(100\.0 %\)$/m },
    {
      args: ["load", "-n", "2", "-qps", "0", "-c", "1", "http://127.99.0.3:1/"],
      code: 0,
      stdout: /^Code {2}-1 : 2 \(100\.0 %\)$/m,
    },
    {
      args: ["curl", "-quiet", "-H", "X-Ask: me", "http://hello.sample/here"],
      code: 0,
      stdout: /^HTTP\/1\.1 200 OK\r\nx-own: yes\r\n[\s\S]*\r\n\r\nGET hello\.sample \/here me$/,
      viaProxy: true,
    },
    { args: ["curl", "http://HOST/bad"], code: 1, stdout: /^HTTP\/1\.1 503 / },
    { args: ["load", "-grpc", "HOST/here"], code: 1, stdout: /^$/ },
  ];
  for (const { args, code, stdout, viaProxy = false } of cases) {
    test(`fortio ${args.join(" ")}`, async () => {
      const [tools, host] = await Promise.all([writeAllTools(), startServer()]);
      const words = args.map((text) => text.replaceAll("HOST", host));
      const env = viaProxy ? { http_proxy: `http://${host}` } : {};
      const result = await run(path.join(tools, "fortio"), words, env);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stdout, stdout);
    });
  }
});
