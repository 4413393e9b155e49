import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, suite, test } from "vitest";

const folder = mkdtempSync(path.join(tmpdir(), "isthmus-guard-"));

/** Builds a program, as the product is built, that guards itself and then does what `faults` says. */
async function program(name: string, faults: string): Promise<string> {
  const file = path.join(folder, `${name}.mjs`);
  await build({
    stdin: {
      resolveDir: path.join(import.meta.dirname, ".."),
      contents: `
        import { guardProcess } from "./engine/guard-process.ts";
        import { createWorkQueue, parseKubeconfig, startReconciler } from "./kube/index.ts";
        import { createSignal, silentLogger, systemClock } from "./base/index.ts";
        import { createServer, get } from "node:http";
        const line = (level) => (fields, message) => console.log(JSON.stringify({ level, message, ...fields }));
        const log = { ...silentLogger, warn: line("warn"), error: line("error") };
        guardProcess({ log, broken: () => console.log("broken") });
        ${faults}
      `,
    },
    outfile: file,
    bundle: true,
    format: "esm",
    platform: "node",
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "linked",
    banner: {
      js: 'import { createRequire as __r } from "node:module"; const require = __r(import.meta.url);',
    },
    logLevel: "error",
  });
  return file;
}

interface Line {
  readonly level?: string;
  readonly message?: string;
  readonly part?: string;
  readonly reason?: string;
}

async function run(file: string): Promise<{ readonly code: number | null; readonly lines: readonly Line[] }> {
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const lines = text
    .trim()
    .split("\n")
    .map((line) => (line.startsWith("{") ? (JSON.parse(line) as Line) : { message: line }));
  return { code, lines };
}

suite("an engine's process", () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("goes on when a request handler throws, and names the part by its source", async () => {
    const file = await program(
      "handler",
      `const server = createServer((request, response) => {
         if (request.url === "/throws") parseKubeconfig(undefined);
         else if (request.url === "/rejects") void (async () => parseKubeconfig(undefined))();
         response.end("fine");
       });
       const ask = (path) => new Promise((resolve) => {
         const request = get({ port: server.address().port, host: "127.0.0.1", path, agent: false, timeout: path === "/throws" ? 300 : 30_000 }, (response) => {
           response.resume().on("end", () => resolve(response.statusCode));
         });
         request.on("timeout", () => request.destroy());
         request.on("error", () => resolve(0));
       });
       server.listen(0, "127.0.0.1", async () => {
         await ask("/throws");
         await ask("/rejects");
         console.log("then " + await ask("/"));
         server.closeAllConnections();
         server.close();
       });`,
    );
    const { code, lines } = await run(file);
    assert.equal(code, 0);
    const faults = lines.filter(({ level }) => level === "error");
    assert.deepEqual(
      faults.map(({ part }) => part),
      ["kube", "kube"],
    );
    assert.equal(lines.at(-1)?.message, "then 200");
  });

  test("goes on when a stand-in's handler throws, at once or later", async () => {
    const file = await program(
      "stand-in",
      `const { serveHttp } = await import("./runtime/stand-ins/serve-http.ts");
       const probe = createServer().listen(0, "127.0.0.1", async () => {
         const { port } = probe.address();
         await new Promise((resolve) => probe.close(resolve));
         const network = { appAddress: (port) => ({ address: "127.0.0.1", port }) };
         const app = await serveHttp({ network, logger: log }, port, (request) => {
           if (request.url === "/throws") throw new Error("thrown at once");
           if (request.url === "/later") setImmediate(() => { throw new Error("thrown later"); });
           return { status: 200, body: "fine" };
         });
         const ask = (path) => new Promise((resolve) => {
           const request = get({ port, host: "127.0.0.1", path, agent: false }, (response) => {
             response.resume().on("end", () => resolve(response.statusCode));
           });
           request.on("error", () => resolve(0));
         });
         for (const path of ["/throws", "/later", "/"]) console.log(path + " " + (await ask(path)));
         await app.stop(0);
       });`,
    );
    const { code, lines } = await run(file);
    assert.equal(code, 0);
    const said = lines.filter(({ level }) => level === undefined).map(({ message }) => message);
    assert.deepEqual(said, ["/throws 0", "/later 200", "/ 200"]);
    assert.ok(lines.some(({ reason }) => reason === "Error: thrown later"));
  });

  test("goes on when a controller throws: the object is tried again, others are looked at meanwhile", async () => {
    const file = await program(
      "controller",
      `const stop = new AbortController();
       const queue = createWorkQueue(systemClock);
       let failures = 0;
       startReconciler({
         name: "fake", queue, concurrency: 1, ready: Promise.resolve(), signal: stop.signal, log,
         reconcile: async (key) => {
           if (key === "bad" && failures++ < 2) throw new TypeError("malformed");
           console.log("did " + key);
           if (key !== "bad") return;
           stop.abort();
           clearTimeout(alive);
         },
       });
       queue.add("bad");
       queue.add("good");
       const alive = setTimeout(() => {}, 30_000);`,
    );
    const { code, lines } = await run(file);
    assert.equal(code, 0);
    assert.deepEqual(
      lines.filter(({ level }) => level === undefined).map(({ message }) => message),
      ["did good", "did bad"],
    );
    assert.equal(lines.filter(({ level }) => level === "warn").length, 2);
  });

  test("goes on when a listener of changes throws: the other listeners are told all the same", async () => {
    const file = await program(
      "listener",
      `const changes = createSignal();
       const { signal } = new AbortController();
       changes.subscribe(() => { throw new Error("a listener's fault"); }, signal);
       changes.subscribe(() => console.log("told"), signal);
       changes.notify();`,
    );
    const { code, lines } = await run(file);
    assert.equal(code, 0);
    assert.equal(lines[0]?.message, "told");
    assert.equal(lines[1]?.reason, "Error: a listener's fault");
  });

  test("ends when the storage itself is at fault", async () => {
    const file = await program(
      "storage",
      `const { openChangeLog } = await import("./apiserver/index.ts");
       const records = openChangeLog(${JSON.stringify(path.join(folder, "objects"))}, { clock: systemClock, log });
       records.close();
       setImmediate(() => records.append({ resourceVersion: 1, resource: "pods", key: "a", object: undefined }));`,
    );
    const { code, lines } = await run(file);
    assert.equal(code, 0);
    assert.equal(lines[0]?.part, "apiserver");
    assert.equal(lines.at(-1)?.message, "broken");
  });
});
