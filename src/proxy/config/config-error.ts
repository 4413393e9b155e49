/** A resource that the proxy can't accept. The message goes into the NACK, so it names the field. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
