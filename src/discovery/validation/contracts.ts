import type { ConfigField } from "./config-field.ts";

/** Something about an Istio object that its author should know. */
export interface ValidationProblem {
  /** An error keeps the object out; a warning is told to whoever applies it. */
  readonly severity: "error" | "warning";
  /** "spec.http[0].route[1].weight"; "" when it is about the object as a whole. */
  readonly path: string;
  /** One sentence, without the path. */
  readonly message: string;
}

/** An Istio object while it is checked; what is wrong is said through its fields. */
export interface CheckedObject {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: ConfigField;
}

/** Checks what one kind's schema can't say. */
export type KindCheck = (object: CheckedObject) => void;
