/** Reads a chunked body (RFC 9112 7.1) as its bytes come. */
export interface ChunkedReader {
  /**
   * Reads `bytes` from `from`, hands the data to `onData` as slices and returns where it stopped: `bytes.length`
   * when everything was read, less when the body ended before. -1: the bytes break the rules.
   */
  read(bytes: Buffer, from: number, onData: (chunk: Buffer) => void): number;
  readonly ended: boolean;
}

const states = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  ended: 7,
} as const;
const maxSizeDigits = 12;
const maxExtensionBytes = 4096;
const maxTrailerBytes = 16 * 1024;
const cr = 0x0d;
const lf = 0x0a;

/** A reader for one body. Trailers are read and dropped, as Envoy does by default. */
export function createChunkedReader(): ChunkedReader {
  let state: number = states.size;
  let size = 0;
  let digits = 0;
  let extension = 0;
  /** Bytes of the trailer section, and its last four: it ends with an empty line. */
  let trailerBytes = 0;
  let lastFour = 0x0d0a;
  return {
    get ended() {
      return state === states.ended;
    },
    read(bytes, from, onData) {
      let at = from;
      while (at < bytes.length) {
        const byte = bytes[at] ?? 0;
        switch (state) {
          case states.size: {
            const digit = hexDigit(byte);
            if (digit >= 0) {
              if (++digits > maxSizeDigits) return -1;
              size = size * 16 + digit;
            } else if (digits === 0) return -1;
            else if (byte === cr) state = states.sizeLf;
            else if (byte === 0x3b || byte === 0x20 || byte === 0x09) state = states.extension;
            else return -1;
            at++;
            break;
          }
          case states.extension:
            // Control characters and a bare LF would end the line for some readers and not for others.
            if (byte === cr) state = states.sizeLf;
            else if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f || ++extension > maxExtensionBytes)
              return -1;
            at++;
            break;
          case states.sizeLf:
            if (byte !== lf) return -1;
            at++;
            if (size === 0) {
              state = states.trailer;
              lastFour = 0x0d0a;
            } else state = states.data;
            break;
          case states.data: {
            const take = Math.min(size, bytes.length - at);
            onData(at === 0 && take === bytes.length ? bytes : bytes.subarray(at, at + take));
            size -= take;
            at += take;
            if (size === 0) state = states.dataCr;
            break;
          }
          case states.dataCr:
            if (byte !== cr) return -1;
            state = states.dataLf;
            at++;
            break;
          case states.dataLf:
            if (byte !== lf) return -1;
            state = states.size;
            digits = 0;
            extension = 0;
            at++;
            break;
          case states.trailer:
            if (++trailerBytes > maxTrailerBytes) return -1;
            if ((byte === lf) !== ((lastFour & 0xff) === cr)) return -1;
            lastFour = ((lastFour << 8) | byte) >>> 0;
            at++;
            if (lastFour === 0x0d0a0d0a) {
              state = states.ended;
              return at;
            }
            break;
          default:
            return at;
        }
      }
      return at;
    },
  };
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
