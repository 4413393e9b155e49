/** What a ClientHello says before any key is agreed on (RFC 8446 4.1.2). */
export interface ClientHello {
  /** Lower case; undefined when the client names none. */
  readonly sni: string | undefined;
  readonly alpn: readonly string[];
}

export type HelloResult =
  | { readonly kind: "hello"; readonly hello: ClientHello }
  | { readonly kind: "more" }
  | { readonly kind: "not-tls" };

/** Longest ClientHello that is looked at. */
export const maxHelloBytes = 16 * 1024;

const more: HelloResult = { kind: "more" };
const notTls: HelloResult = { kind: "not-tls" };

/**
 * Reads a ClientHello from the first bytes of a connection. The handshake message may be spread over several
 * records and packets. Anything malformed is "not-tls": the bytes then go where plain text goes.
 */
export function readClientHello(bytes: Buffer): HelloResult {
  const message = handshakeMessage(bytes);
  if (!Buffer.isBuffer(message)) return message;
  // legacy_version, random, then three vectors before the extensions.
  let at = 2 + 32;
  for (const lengthBytes of [1, 2, 1]) {
    if (at + lengthBytes > message.length) return notTls;
    at += lengthBytes + message.readUIntBE(at, lengthBytes);
  }
  if (at === message.length) return { kind: "hello", hello: { sni: undefined, alpn: [] } };
  if (at + 2 > message.length) return notTls;
  const end = at + 2 + message.readUInt16BE(at);
  if (end > message.length) return notTls;
  return readExtensions(message, at + 2, end);
}

function readExtensions(message: Buffer, from: number, end: number): HelloResult {
  let sni: string | undefined;
  let alpn: string[] = [];
  for (let at = from; at < end; ) {
    if (at + 4 > end) return notTls;
    const type = message.readUInt16BE(at);
    const start = at + 4;
    at = start + message.readUInt16BE(at + 2);
    if (at > end) return notTls;
    if (type === 0) sni = serverName(message.subarray(start, at));
    else if (type === 16) alpn = protocolNames(message.subarray(start, at));
  }
  return { kind: "hello", hello: { sni, alpn } };
}

/** Joins the records of the first handshake message. Returns its body once it is complete. */
function handshakeMessage(bytes: Buffer): Buffer | HelloResult {
  const parts: Buffer[] = [];
  let joined = 0;
  let wanted: number | undefined;
  for (let at = 0; ; ) {
    const head = bytes.subarray(at, at + 5);
    if (head.length > 0 && head[0] !== 0x16) return notTls;
    if (head.length > 1 && head[1] !== 3) return notTls;
    if (head.length < 5) return bytes.length >= maxHelloBytes ? notTls : more;
    const length = head.readUInt16BE(3);
    if (length === 0 || length > maxHelloBytes) return notTls;
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    joined += part.length;
    const message = parts.length === 1 ? part : Buffer.concat(parts, joined);
    if (message.length > 0 && message[0] !== 1) return notTls;
    if (message.length >= 4) wanted = message.readUIntBE(1, 3);
    if (wanted !== undefined) {
      if (wanted > maxHelloBytes) return notTls;
      if (message.length >= 4 + wanted) return message.subarray(4, 4 + wanted);
    }
    if (part.length < length) return bytes.length >= maxHelloBytes ? notTls : more;
    at += 5 + length;
  }
}

function serverName(body: Buffer): string | undefined {
  for (let at = 2; at + 3 <= body.length; ) {
    const length = body.readUInt16BE(at + 1);
    const end = at + 3 + length;
    if (end > body.length) return undefined;
    if (body[at] === 0) return body.toString("latin1", at + 3, end).toLowerCase();
    at = end;
  }
  return undefined;
}

function protocolNames(body: Buffer): string[] {
  const names: string[] = [];
  for (let at = 2; at < body.length; ) {
    const end = at + 1 + (body[at] ?? 0);
    if (end > body.length || end === at + 1) break;
    names.push(body.toString("latin1", at + 1, end));
    at = end;
  }
  return names;
}
