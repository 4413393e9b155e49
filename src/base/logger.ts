import { type DestinationStream, pino } from "pino";

/**
 * Writes one JSON line an event. Callers never pass keys, tokens or whole Secrets; `child` adds fields to
 * every line, usually the cluster and the part.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

/** Level of all loggers of this process, from ISTHMUS_LOG (debug, info, warn, error). */
export const logLevel = process.env["ISTHMUS_LOG"] ?? "info";

/** A logger that writes to `destination`. */
export function createLogger(destination: DestinationStream): Logger {
  return pino({ level: logLevel, base: null }, destination);
}

/** A logger that drops everything, for tests and one-shot commands. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
