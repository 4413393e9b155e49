import {
  decodeError,
  type KubeObject,
  knownSchema,
  strictFieldErrors,
  validateValue,
} from "../../kube/index.ts";
import type { Finding, WrittenObject } from "../contracts.ts";
import { named, reference } from "../object-reference.ts";

/** Objects of files, parted by whether an API server would take them. */
export interface Shapes {
  /** Those of the form that their kinds have; of others no check could say anything. */
  readonly sound: readonly WrittenObject[];
  readonly findings: readonly Finding[];
}

/** Looks at objects that no API server has looked at: whether their fields exist and are of the right types. */
export function checkShapes(cluster: string, objects: readonly WrittenObject[]): Shapes {
  const sound: WrittenObject[] = [];
  const findings: Finding[] = [];
  for (const one of objects) {
    const problems = problemsOf(one.object);
    if (problems.length === 0) sound.push(one);
    for (const problem of problems) findings.push(finding(problem, one, cluster));
  }
  return { sound, findings };
}

interface Problem {
  readonly field?: string;
  readonly message: string;
}

function problemsOf(object: KubeObject): readonly Problem[] {
  const known = knownSchema(object.apiVersion, object.kind);
  if (known === undefined) return [];
  const { schema, isBuiltIn } = known;
  const unknown = strictFieldErrors(schema, object).map(
    (message): Problem => ({ message, ...fieldOf(/^unknown field "([^"]+)"/.exec(message)?.[1]) }),
  );
  if (isBuiltIn) {
    const message = decodeError(schema, object);
    return message === undefined ? unknown : [...unknown, { message }];
  }
  const wrong = validateValue(schema, object).map(
    ({ field, message }): Problem => ({ message: `${field}: ${message}`, ...fieldOf(field) }),
  );
  return [...unknown, ...wrong];
}

function fieldOf(field: string | undefined): Pick<Problem, "field"> {
  return field === undefined || field === "<nil>" ? {} : { field };
}

function finding(
  { field, message }: Problem,
  { object, writtenAt }: WrittenObject,
  cluster: string,
): Finding {
  const writtenPlaces = new Map(writtenAt === undefined ? [] : [[object, writtenAt] as const]);
  return {
    code: "object/invalid",
    severity: "error",
    cluster,
    objects: [reference({ name: cluster, writtenAt: writtenPlaces }, object, field)],
    effect: `${object.metadata.name} is refused when it is applied to ${cluster}`,
    cause: `${named(object)}: ${message}`,
    evidence: [`${writtenAt ?? "the object"}  →  ${message}`],
    fix: "correct the field: kubectl explain shows what there is",
  };
}
