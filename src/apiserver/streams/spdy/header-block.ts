import { constants, createDeflate, createInflate, type Deflate, type Inflate } from "node:zlib";

/** Names and values of a SPDY header block. Names are lower-case. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** A header block cannot be read. The compression state is lost with it, and so is the session. */
export class HeaderBlockError extends Error {
  override readonly name = "HeaderBlockError";
}

/** Words of the dictionary that SPDY/3 compresses headers with, each after its length in four bytes. */
const words =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin";
/** The dictionary's end, which stands without lengths. */
const tail =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/** The dictionary of SPDY/3 (draft-mbelshe-httpbis-spdy-00 with SPDY/3's word list); its Adler-32 is e3c6a7c2. */
export function headerDictionary(): Buffer {
  return Buffer.concat([...words.split(" ").map((word) => sized(word.replace("_", " "))), Buffer.from(tail)]);
}

const largestBlock = 64 * 1024;
const mostHeaders = 256;

/** Compresses and reads the header blocks of one session. Both directions keep their state between blocks. */
export interface HeaderCodec {
  encode(headers: SpdyHeaders): Promise<Buffer>;
  /** Throws HeaderBlockError. */
  decode(block: Buffer): Promise<SpdyHeaders>;
  close(): void;
}

export function createHeaderCodec(): HeaderCodec {
  const dictionary = headerDictionary();
  const flush = constants.Z_SYNC_FLUSH;
  let deflate: Deflate | undefined;
  let inflate: Inflate | undefined;
  return {
    async encode(headers) {
      deflate ??= createDeflate({ dictionary, flush });
      return through(deflate, formatBlock(headers));
    },
    async decode(block) {
      inflate ??= createInflate({ dictionary, flush });
      return parseBlock(await through(inflate, block));
    },
    close() {
      deflate?.close();
      inflate?.close();
    },
  };
}

function through(stream: Deflate | Inflate, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (reason?: Error) => {
      stream.off("data", take);
      stream.off("error", settle);
      if (reason === undefined) resolve(Buffer.concat(chunks));
      else
        reject(new HeaderBlockError(`a header block cannot be read: ${reason.message}`, { cause: reason }));
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > largestBlock) settle(new Error("it is too large"));
      else chunks.push(chunk);
    };
    stream.on("data", take);
    stream.on("error", settle);
    stream.write(input, () => settle());
  });
}

function formatBlock(headers: SpdyHeaders): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(headers.size);
  return Buffer.concat([count, ...[...headers].flatMap(([name, value]) => [sized(name), sized(value)])]);
}

function parseBlock(block: Buffer): SpdyHeaders {
  const headers = new Map<string, string>();
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new HeaderBlockError("a header block ends too early");
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (length > block.length - at) throw new HeaderBlockError("a header block ends too early");
    at += length;
    return block.toString("utf8", at - length, at);
  };
  const count = number();
  if (count > mostHeaders) throw new HeaderBlockError(`a header block has ${count} headers`);
  for (let i = 0; i < count; i++) {
    const name = text();
    headers.set(name.toLowerCase(), text());
  }
  return headers;
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
