import type { Clock } from "../base/index.ts";

/** Bearer tokens that are renewed while they are used. */
export interface TokenSource {
  /** The token to send now. */
  current(): Promise<string>;
  /** The server took `token` for nobody's: the next one is read anew. */
  refused(token: string): void;
}

export interface TokenSourceOptions {
  /** Reads the newest token. */
  read(): Promise<string>;
  /** One that was just read, to begin with. */
  readonly first?: string;
  readonly clock: Clock;
  /** How long one that was read is used, in milliseconds. Default: a minute, as client-go keeps those of files. */
  readonly keptFor?: number;
}

/** Keeps a token for a while. Of several requests at once only one reads it; while none can be read, the last one is used. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { read, first, clock, keptFor = 60_000 } = options;
  let kept: { readonly token: string; readonly since: number; readonly isGood: boolean } | undefined =
    first === undefined ? undefined : { token: first, since: clock.now(), isGood: true };
  let reading: Promise<string> | undefined;
  const readAnew = async () => {
    try {
      const token = (await read()).trim();
      kept = { token, since: clock.now(), isGood: true };
      return token;
    } catch (reason) {
      if (kept === undefined) throw reason;
      return kept.token;
    } finally {
      reading = undefined;
    }
  };
  return {
    async current() {
      if (kept?.isGood === true && clock.now() - kept.since < keptFor) return kept.token;
      reading ??= readAnew();
      return reading;
    },
    refused(token) {
      if (kept?.token === token) kept = { ...kept, isGood: false };
    },
  };
}
