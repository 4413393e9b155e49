import { isJsonObject } from "../../kube/index.ts";
import type { ValidationProblem } from "./contracts.ts";

/**
 * A place in an Istio object: its value, the places under it, and a way to say what is wrong there. Every place can be
 * asked for, also one that is not set: absent fields have the value that protobuf gives them.
 */
export interface ConfigField {
  /** "spec.http[0].route[1].weight" */
  readonly path: string;
  readonly value: unknown;
  /** Whether the object says something here; null says nothing. */
  readonly isSet: boolean;
  /** The text; "" when there is none. */
  readonly text: string;
  /** The number; 0 when there is none. */
  readonly number: number;
  readonly isTrue: boolean;
  field(name: string): ConfigField;
  /** The elements of a list; none when there is no list. */
  readonly items: readonly ConfigField[];
  /** The fields that an object or map has, by name. */
  readonly entries: readonly (readonly [name: string, field: ConfigField])[];
  error(message: string): void;
  warn(message: string): void;
}

/** The place of `value` at `path`. What is said of it and of places under it goes to `problems`. */
export function createConfigField(value: unknown, path: string, problems: ValidationProblem[]): ConfigField {
  const say = (severity: ValidationProblem["severity"]) => (message: string) => {
    problems.push({ severity, path, message });
  };
  return {
    path,
    value,
    isSet: value !== undefined && value !== null,
    text: typeof value === "string" ? value : "",
    number: typeof value === "number" ? value : 0,
    isTrue: value === true,
    field: (name) => createConfigField(memberOf(value, name), memberPath(path, name), problems),
    get items() {
      if (!Array.isArray(value)) return [];
      return value.map((item, i) => createConfigField(item, `${path}[${i}]`, problems));
    },
    get entries() {
      if (!isJsonObject(value)) return [];
      return Object.entries(value).map(
        ([name, member]) => [name, createConfigField(member, memberPath(path, name), problems)] as const,
      );
    },
    error: say("error"),
    warn: say("warning"),
  };
}

function memberOf(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function memberPath(path: string, name: string): string {
  return /^[\w-]+$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}
