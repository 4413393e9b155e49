/**
 * A patch cannot be applied. The message is worded as Kubernetes words it; `reason` is the reason of the
 * Status that fits: "BadRequest" for a patch that is wrong in itself, "Invalid" for one that does not fit the
 * object (a failed test, a missing path).
 */
export class PatchError extends Error {
  override readonly name = "PatchError";
  readonly reason: "BadRequest" | "Invalid";

  constructor(message: string, reason: "BadRequest" | "Invalid" = "BadRequest") {
    super(message);
    this.reason = reason;
  }
}
