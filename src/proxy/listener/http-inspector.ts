/** What the first bytes of a plain-text connection look like. */
export type HttpGuess = "http/1.0" | "http/1.1" | "h2c" | "other" | "more";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const requestLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-~]+ (HTTP\/1\.[01])\r?\n/;
const startOfLine = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}(?: [ -~]*)?)?\r?$/;

/** Longest request line that is waited for. */
const maxLine = 16 * 1024;

/** Guesses the protocol from the first bytes; "more" while they could still become HTTP. */
export function guessHttp(bytes: Buffer): HttpGuess {
  const text = bytes.toString("latin1", 0, Math.min(bytes.length, maxLine));
  if (text.startsWith(preface.slice(0, text.length))) {
    if (text.length >= preface.length || text.startsWith("PRI * HTTP/2.0\r\n\r\n")) return "h2c";
    return "more";
  }
  const line = requestLine.exec(text);
  if (line !== null) return line[1] === "HTTP/1.0" ? "http/1.0" : "http/1.1";
  return startOfLine.test(text) && text.length < maxLine ? "more" : "other";
}

/** Whether a connection opens with HTTP/2's preface; undefined while too few bytes are there. */
export function isHttp2Preface(bytes: Buffer): boolean | undefined {
  const text = bytes.toString("latin1", 0, preface.length);
  if (!preface.startsWith(text)) return false;
  return text.length === preface.length ? true : undefined;
}
