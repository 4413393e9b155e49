import type * as childProcess from "node:child_process";
import type * as http from "node:http";
import type * as https from "node:https";
import type * as net from "node:net";
import type * as tls from "node:tls";

/** Node's modules that the small programs use. */
export interface PodToolModules {
  readonly childProcess: typeof childProcess;
  readonly http: typeof http;
  readonly https: typeof https;
  readonly net: typeof net;
  readonly process: NodeJS.Process;
  readonly tls: typeof tls;
}

/**
 * The small programs that see the network as the pod does: getent, nslookup, dig, nc, curl, and pilot-agent's two
 * verbs that people type. `process.argv` is node, file, program, arguments. They ask the resolver in ISTHMUS_DNS
 * ("address:port") over TCP, with the search list in ISTHMUS_DNS_SEARCH.
 *
 * The engine writes the source text of this function to a file of its own, so that the programs start as fast
 * as Node does. So it must not use anything from outside itself but its argument.
 */
export function podTool({ childProcess, http, https, net, process, tls }: PodToolModules): void {
  const { env } = process;
  const [program = "", ...args] = process.argv.slice(2);
  const podAddress = env["ISTHMUS_POD_ADDRESS"] ?? "127.0.0.1";
  const types: Readonly<Record<string, number>> = {
    A: 1,
    NS: 2,
    CNAME: 5,
    SOA: 6,
    PTR: 12,
    TXT: 16,
    AAAA: 28,
    SRV: 33,
  };
  const typeName = (number: number) =>
    Object.keys(types).find((name) => types[name] === number) ?? `TYPE${number}`;
  const codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

  interface Answer {
    readonly name: string;
    readonly type: number;
    readonly ttl: number;
    readonly text: string;
  }
  interface Reply {
    readonly code: string;
    readonly answers: readonly Answer[];
    readonly length: number;
  }

  const out = (line: string) => process.stdout.write(`${line}\n`);
  const err = (line: string) => process.stderr.write(`${line}\n`);

  const resolver = (given?: string) => {
    const [address = "", port = "53"] = (given ?? env["ISTHMUS_DNS"] ?? "").split(":");
    return { address, port: Number(port) };
  };

  const encodeQuery = (name: string, type: number) => {
    const labels = name.split(".").filter((label) => label !== "");
    const encoded = labels.map((label) =>
      Buffer.concat([Buffer.from([Math.min(63, label.length)]), Buffer.from(label.slice(0, 63))]),
    );
    const head = Buffer.from([0x1d, 0x0b, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const message = Buffer.concat([head, ...encoded, Buffer.from([0, 0, type, 0, 1])]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    return Buffer.concat([length, message]);
  };
  const readName = (message: Buffer, from: number): { readonly name: string; readonly end: number } => {
    const labels: string[] = [];
    let at = from;
    let end = -1;
    for (let jumps = 0; jumps < 64; ) {
      const length = message[at] ?? 0;
      if (length === 0) return { name: labels.join("."), end: end < 0 ? at + 1 : end };
      if (length >= 0xc0) {
        if (end < 0) end = at + 2;
        at = message.readUInt16BE(at) & 0x3fff;
        jumps++;
      } else {
        labels.push(message.toString("latin1", at + 1, at + 1 + length));
        at += 1 + length;
      }
    }
    throw new Error("a name in the answer never ends");
  };
  const recordText = (message: Buffer, type: number, at: number, length: number) => {
    if (type === types["A"]) return [...message.subarray(at, at + 4)].join(".");
    if (type === types["AAAA"]) {
      return Array.from({ length: 8 }, (_, i) => message.readUInt16BE(at + 2 * i).toString(16)).join(":");
    }
    if (type === types["CNAME"] || type === types["PTR"] || type === types["NS"])
      return `${readName(message, at).name}.`;
    if (type === types["SRV"]) {
      const numbers = [0, 2, 4].map((offset) => message.readUInt16BE(at + offset)).join(" ");
      return `${numbers} ${readName(message, at + 6).name}.`;
    }
    if (type === types["TXT"]) return JSON.stringify(message.toString("utf8", at + 1, at + length));
    return `\\# ${length} ${message.toString("hex", at, at + length)}`;
  };
  const decodeReply = (message: Buffer): Reply => {
    let at = 12;
    for (let i = 0; i < message.readUInt16BE(4); i++) at = readName(message, at).end + 4;
    const answers: Answer[] = [];
    for (let i = 0; i < message.readUInt16BE(6); i++) {
      const { name, end } = readName(message, at);
      const type = message.readUInt16BE(end);
      const length = message.readUInt16BE(end + 8);
      answers.push({
        name,
        type,
        ttl: message.readUInt32BE(end + 4),
        text: recordText(message, type, end + 10, length),
      });
      at = end + 10 + length;
    }
    return { code: codes[(message[3] ?? 0) & 15] ?? "SERVFAIL", answers, length: message.length };
  };
  const ask = (name: string, type: number, server: { readonly address: string; readonly port: number }) =>
    new Promise<Reply>((resolve, reject) => {
      if (server.address === "") return reject(new Error("this pod has no resolver"));
      const socket = net.connect({ host: server.address, port: server.port });
      let received = Buffer.alloc(0);
      socket.setTimeout(5000, () =>
        socket.destroy(new Error("connection timed out; no servers could be reached")),
      );
      socket.on("error", reject);
      socket.on("connect", () => socket.write(encodeQuery(name, type)));
      socket.on("close", () => reject(new Error("the resolver closed the connection")));
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        try {
          resolve(decodeReply(received.subarray(2)));
        } catch (reason) {
          reject(reason);
        }
        socket.destroy();
      });
    });
  /** The names to try, as resolv.conf's search list with ndots 5 has it. */
  const candidates = (name: string) => {
    if (name.endsWith(".")) return [name];
    const longer = (env["ISTHMUS_DNS_SEARCH"] ?? "")
      .split(" ")
      .filter((domain) => domain !== "")
      .map((domain) => `${name}.${domain}`);
    return name.split(".").length > 5 ? [name, ...longer] : [...longer, name];
  };
  const search = async (
    name: string,
    type: number,
    server: { readonly address: string; readonly port: number },
  ) => {
    let last: Reply = { code: "NXDOMAIN", answers: [], length: 0 };
    for (const candidate of candidates(name)) {
      const reply = await ask(candidate, type, server);
      if (reply.answers.some((answer) => answer.type === type)) return reply;
      if (last.code === "NXDOMAIN") last = reply;
    }
    return last;
  };
  const addresses = (reply: Reply) =>
    reply.answers.filter(({ type }) => type === types["A"]).map(({ text }) => text);
  const isAddress = (name: string) => /^[\d.]+$/.test(name);

  const lookupLocal = (name: string) => {
    if (isAddress(name)) return name;
    if (name === "localhost") return "127.0.0.1";
    return name === env["HOSTNAME"] ? podAddress : undefined;
  };

  const getent = async () => {
    const [database = "", ...names] = args;
    if (!["hosts", "ahosts", "ahostsv4"].includes(database)) {
      return childProcess.spawnSync("/usr/bin/getent", args, { stdio: "inherit" }).status ?? 2;
    }
    let code = 0;
    for (const name of names) {
      const local = lookupLocal(name);
      const reply = local === undefined ? await search(name, 1, resolver()) : undefined;
      const found = reply === undefined ? [local ?? ""] : addresses(reply);
      const canonical = reply?.answers.find(({ type }) => type === types["A"])?.name ?? name;
      if (found.length === 0) code = 2;
      for (const address of found) {
        if (database === "hosts") out(`${address.padEnd(15)} ${canonical}`);
        else
          ["STREAM", "DGRAM", "RAW"].forEach(
            (kind, i) => void out(`${address.padEnd(15)} ${kind.padEnd(6)} ${i === 0 ? canonical : ""}`),
          );
      }
    }
    return code;
  };
  const nslookup = async () => {
    const words = args.filter((word) => !word.startsWith("-"));
    const option = args.find((word) => /^-(type|query|q)=/.test(word))?.split("=")[1];
    const type = types[(option ?? "A").toUpperCase()] ?? 1;
    const [name = "", given] = words;
    const server = resolver(given);
    out(`Server:\t\t${server.address}\nAddress:\t${server.address}#${server.port}\n`);
    const reply = await search(name, type, server);
    if (reply.answers.length === 0) {
      out(
        reply.code === "NOERROR"
          ? `*** Can't find ${name}: No answer\n`
          : `** server can't find ${name}: ${reply.code}\n`,
      );
      return 1;
    }
    for (const answer of reply.answers) {
      if (answer.type === 1 || answer.type === 28) out(`Name:\t${answer.name}\nAddress: ${answer.text}`);
      else
        out(
          `${answer.name}\t${typeName(answer.type) === "CNAME" ? "canonical name" : typeName(answer.type)} = ${answer.text}`,
        );
    }
    out("");
    return 0;
  };
  const dig = async () => {
    const server = resolver(args.find((word) => word.startsWith("@"))?.slice(1));
    const isShort = args.includes("+short");
    const words = args.filter((word) => !/^[@+-]/.test(word) && word !== "IN");
    const type = words.find((word) => Object.hasOwn(types, word.toUpperCase()))?.toUpperCase() ?? "A";
    const name = words.find((word) => !Object.hasOwn(types, word.toUpperCase())) ?? ".";
    const begun = Date.now();
    const number = types[type] ?? 1;
    const reply = args.includes("+search")
      ? await search(name, number, server)
      : await ask(name, number, server);
    if (isShort) {
      for (const { text } of reply.answers) out(text);
      return 0;
    }
    const dotted = name.endsWith(".") ? name : `${name}.`;
    out(`\n; <<>> dig of isthmus <<>> ${args.join(" ")}\n;; Got answer:`);
    out(`;; ->>HEADER<<- opcode: QUERY, status: ${reply.code}, id: 7435`);
    out(`;; flags: qr rd ra; QUERY: 1, ANSWER: ${reply.answers.length}, AUTHORITY: 0, ADDITIONAL: 0\n`);
    out(`;; QUESTION SECTION:\n;${dotted}\t\tIN\t${type}\n`);
    if (reply.answers.length > 0) out(";; ANSWER SECTION:");
    for (const answer of reply.answers)
      out(`${answer.name}.\t${answer.ttl}\tIN\t${typeName(answer.type)}\t${answer.text}`);
    out(
      `\n;; Query time: ${Date.now() - begun} msec\n;; SERVER: ${server.address}#${server.port}(${server.address}) (TCP)`,
    );
    out(`;; WHEN: ${new Date().toUTCString()}\n;; MSG SIZE  rcvd: ${reply.length}\n`);
    return 0;
  };
  /** One request to a port of the pod; resolves with its status after the body was printed, when it is wanted. */
  const get = (method: string, port: number, path: string, isPrinted: boolean) =>
    new Promise<number>((resolve, reject) => {
      const call = http.request({ host: podAddress, port, path, method, agent: false }, (response) => {
        if (isPrinted) response.pipe(process.stdout, { end: false });
        else response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
        response.on("error", reject);
      });
      call.setTimeout(10_000, () => call.destroy(new Error("timed out")));
      call.on("error", reject);
      call.end();
    });
  const pilotAgent = async () => {
    const [verb, method = "GET", path = ""] = args;
    if (verb === "request") {
      const status = await get(method, 15_000, path.startsWith("/") ? path : `/${path}`, true);
      return status < 400 ? 0 : 1;
    }
    if (verb !== "wait") {
      err(`pilot-agent: only "request" and "wait" are known here`);
      return 1;
    }
    for (let left = 120; left > 0; left--) {
      const status = await get("GET", 15_021, "/healthz/ready", false).catch(() => 0);
      if (status === 200) return 0;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    err("timeout waiting for Envoy proxy to become ready");
    return 1;
  };

  /** A connection through an HTTP proxy, which is what leads out of the pod. */
  const openTunnel = (proxy: URL, host: string, port: string) =>
    new Promise<net.Socket>((resolve, reject) => {
      const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
      const ask = http.request({
        host: proxy.hostname,
        port: proxy.port,
        method: "CONNECT",
        path: `${host}:${port}`,
        agent: false,
        ...(credentials === ":"
          ? {}
          : { headers: { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` } }),
      });
      ask.on("error", reject);
      ask.on("connect", ({ statusCode = 0 }, socket, head: Buffer) => {
        if (statusCode !== 200)
          return reject(
            Object.assign(new Error(`CONNECT tunnel failed, response ${statusCode}`), { exit: 56 }),
          );
        // What came with the answer is the other side's already.
        if (head.length > 0) socket.unshift(head);
        resolve(socket as net.Socket);
      });
      ask.end();
    });

  /** nc: what is typed goes to HOST PORT, what comes back is printed; -z only tries, -w SECONDS ends a silence. */
  const nc = async () => {
    const flags = new Set<string>();
    const places: string[] = [];
    let seconds = 0;
    const words = [...args];
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      if (!/^-./.test(word)) places.push(word);
      else if (/^-[wqi]/.test(word)) {
        const value = Number(word.length > 2 ? word.slice(2) : words.shift());
        if (word.startsWith("-w")) seconds = value;
      } else for (const flag of word.slice(1)) flags.add(flag);
    }
    const [host, port] = places;
    const unknown = [...flags].find((flag) => !"zvnN4t".includes(flag));
    if (unknown !== undefined || host === undefined || port === undefined || !(seconds >= 0)) {
      err("usage: nc [-zvN] [-w SECONDS] HOST PORT");
      return 1;
    }
    const proxy = env["http_proxy"] ?? "";
    const opened = proxy === "" ? openDirectly(host, port) : openTunnel(new URL(proxy), host, port);
    const silence = new Promise<undefined>((resolve) => {
      if (seconds > 0) setTimeout(resolve, seconds * 1000, undefined).unref();
    });
    const socket = await Promise.race([opened, silence]).catch(() => undefined);
    if (socket === undefined) {
      if (flags.has("v")) err(`nc: connect to ${host} port ${port} failed`);
      // A connection that comes too late keeps nobody.
      return process.exit(1);
    }
    if (flags.has("v")) err(`Connection to ${host} ${port} port [tcp] succeeded!`);
    if (flags.has("z")) {
      socket.destroy();
      return 0;
    }
    return new Promise<number>((resolve) => {
      if (seconds > 0) socket.setTimeout(seconds * 1000, () => socket.destroy());
      socket.on("data", (chunk) => process.stdout.write(chunk));
      socket.on("error", () => resolve(1));
      socket.on("close", () => {
        process.stdin.destroy();
        resolve(0);
      });
      process.stdin.pipe(socket);
    });
  };
  const openDirectly = (host: string, port: string) =>
    new Promise<net.Socket>((resolve, reject) => {
      const socket = net.connect({ host, port: Number(port), allowHalfOpen: true }, () => resolve(socket));
      socket.on("error", reject);
    });

  /** curl's options with a value that are understood, by their short form. */
  const curlValues: Readonly<Record<string, string>> = {
    "--request": "-X",
    "--header": "-H",
    "--data": "-d",
    "--data-raw": "-d",
    "--output": "-o",
    "--write-out": "-w",
    "--max-time": "-m",
    "--connect-timeout": "-m",
    "--user-agent": "-A",
    "--proxy": "-x",
  };
  const curlFlags: Readonly<Record<string, string>> = {
    "--silent": "s",
    "--show-error": "S",
    "--include": "i",
    "--head": "I",
    "--insecure": "k",
    "--fail": "f",
    "--location": "L",
    "--verbose": "v",
  };
  const curlArguments = () => {
    const flags = new Set<string>();
    const values: Record<string, string[]> = {};
    const urls: string[] = [];
    const words = [...args];
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      const valued = curlValues[word] ?? (/^-[XHdowmAx]/.test(word) ? word.slice(0, 2) : undefined);
      if (valued !== undefined) {
        const value = word.startsWith("--") || word.length === 2 ? (words.shift() ?? "") : word.slice(2);
        values[valued] = [...(values[valued] ?? []), value];
      } else if (word.startsWith("--")) {
        const flag = curlFlags[word];
        if (flag === undefined) throw new Error(`option ${word} is not known to this small curl`);
        flags.add(flag);
      } else if (word.startsWith("-")) {
        for (const flag of word.slice(1)) flags.add(flag);
      } else urls.push(/^https?:\/\//.test(word) ? word : `http://${word}`);
    }
    return { flags, values, urls };
  };
  const curl = async () => {
    const { flags, values, urls } = curlArguments();
    const [timeout = "0"] = values["-m"] ?? [];
    const body = values["-d"]?.join("&");
    const method = values["-X"]?.[0] ?? (flags.has("I") ? "HEAD" : body === undefined ? "GET" : "POST");
    const headers: Record<string, string> = { "user-agent": "curl/isthmus", accept: "*/*" };
    if (body !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
    for (const header of values["-H"] ?? []) {
      const colon = header.indexOf(":");
      if (colon > 0) headers[header.slice(0, colon).toLowerCase()] = header.slice(colon + 1).trim();
    }
    const noProxy = (env["NO_PROXY"] ?? env["no_proxy"] ?? "").split(",");
    const fail = (reason: NodeJS.ErrnoException & { exit?: number }) => {
      const exit = reason.exit ?? (reason.code === "ENOTFOUND" ? 6 : reason.code === "ECONNREFUSED" ? 7 : 56);
      if (!flags.has("s") || flags.has("S")) err(`curl: (${exit}) ${reason.message}`);
      return exit;
    };
    const openTls = async (proxy: URL, { hostname, port }: URL) => {
      const socket = await openTunnel(proxy, hostname, port === "" ? "443" : port);
      return tls.connect({ socket, servername: hostname, rejectUnauthorized: !flags.has("k") });
    };
    const once = async (url: URL, redirects: number): Promise<number> => {
      const isTls = url.protocol === "https:";
      const isDirect = noProxy.includes(url.hostname);
      const proxyUrl = isDirect
        ? undefined
        : (values["-x"]?.[0] ?? env[isTls ? "https_proxy" : "http_proxy"]);
      const proxy = proxyUrl === undefined || proxyUrl === "" ? undefined : new URL(proxyUrl);
      try {
        const tunnel = isTls && proxy !== undefined ? await openTls(proxy, url) : undefined;
        return await send(url, redirects, isTls ? undefined : proxy, tunnel);
      } catch (reason) {
        return fail(reason as Error);
      }
    };
    const send = (
      url: URL,
      redirects: number,
      proxy: URL | undefined,
      tunnel: net.Socket | undefined,
    ): Promise<number> =>
      new Promise((resolve, reject) => {
        const isTls = url.protocol === "https:";
        const via = proxy ?? url;
        const begun = Date.now();
        const options = {
          host: via.hostname,
          port: via.port === "" ? (isTls ? 443 : 80) : via.port,
          path: proxy === undefined ? `${url.pathname}${url.search}` : url.href,
          method,
          headers: { host: url.host, ...headers },
          ...(tunnel === undefined ? { agent: false as const } : { createConnection: () => tunnel }),
          rejectUnauthorized: !flags.has("k"),
        };
        const call = (isTls ? https : http).request(options, (response) => {
          const { statusCode = 0, statusMessage = "", rawHeaders } = response;
          const { location } = response.headers;
          if (
            flags.has("L") &&
            location !== undefined &&
            statusCode >= 300 &&
            statusCode < 400 &&
            redirects < 50
          ) {
            response.resume();
            return resolve(once(new URL(location, url), redirects + 1));
          }
          const isDropped = flags.has("f") && statusCode >= 400;
          const sink = values["-o"]?.[0] === "/dev/null" || isDropped ? undefined : process.stdout;
          if (flags.has("i") || flags.has("I")) {
            sink?.write(`HTTP/${response.httpVersion} ${statusCode} ${statusMessage}\r\n`);
            for (let i = 0; i < rawHeaders.length; i += 2)
              sink?.write(`${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`);
            sink?.write("\r\n");
          }
          response.on("data", (chunk: Buffer) => sink?.write(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const format = (values["-w"]?.[0] ?? "")
              .replaceAll("\\n", "\n")
              .replaceAll("%{http_code}", String(statusCode));
            process.stdout.write(
              format.replaceAll("%{time_total}", ((Date.now() - begun) / 1000).toFixed(6)),
            );
            if (isDropped) err(`curl: (22) The requested URL returned error: ${statusCode}`);
            resolve(isDropped ? 22 : 0);
          });
        });
        if (Number(timeout) > 0) {
          call.setTimeout(Number(timeout) * 1000, () =>
            call.destroy(Object.assign(new Error("Operation timed out"), { exit: 28 })),
          );
        }
        call.on("error", reject);
        call.end(body);
      });
    let code = urls.length === 0 ? 2 : 0;
    for (const url of urls) code = await once(new URL(url), 0);
    return code;
  };

  const programs: Readonly<Record<string, () => Promise<number>>> = {
    getent,
    nslookup,
    dig,
    curl,
    nc,
    "pilot-agent": pilotAgent,
  };
  const run = programs[program];
  if (run === undefined) {
    err(`${program}: no such program`);
    process.exitCode = 127;
    return;
  }
  run().then(
    (code) => {
      process.exitCode = code;
    },
    (reason: unknown) => {
      err(`${program}: ${reason instanceof Error ? reason.message : String(reason)}`);
      process.exitCode = program === "getent" ? 2 : 9;
    },
  );
}
