import type { VerifyReport } from "./contracts.ts";

/** A service, or what must be refused; a case for each verdict. */
interface JunitSuite {
  readonly name: string;
  readonly cases: readonly JunitCase[];
}

interface JunitCase {
  readonly name: string;
  readonly seconds?: number;
  readonly evidence: string;
  readonly failure?: string;
  readonly isSkipped?: boolean;
}

/** The XML for CI systems. */
export function junitOf(report: VerifyReport): string {
  const suites = suitesOf(report);
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="isthmus verify" ${counts(all)} time="${(report.milliseconds / 1000).toFixed(3)}">`,
    ...suites.flatMap(({ name, cases }) => [
      `  <testsuite name="${xmlText(name)}" ${counts(cases)}>`,
      ...cases.flatMap((one) => caseLines(name, one)),
      "  </testsuite>",
    ]),
    "</testsuites>",
    "",
  ].join("\n");
}

function suitesOf({ services, checks, skipped, unreachable = [] }: VerifyReport): readonly JunitSuite[] {
  const suites: JunitSuite[] = services.map(({ service, cells, problems }) => {
    const isOf = (problem: string, cluster: string) => problem.includes(` from ${cluster}: `);
    const rest = problems.filter((problem) => !cells.some(({ from }) => isOf(problem, from.cluster)));
    return {
      name: service,
      cases: [
        ...cells.map((cell): JunitCase => {
          const own = problems.filter((problem) => isOf(problem, cell.from.cluster));
          return {
            name: `answers callers in ${cell.from.cluster}`,
            seconds: cell.p50 / 1000,
            evidence: cell.evidence,
            ...(own.length === 0 ? {} : { failure: own.join("; ") }),
          };
        }),
        ...rest.map((failure): JunitCase => ({ name: "can be counted", evidence: "", failure })),
      ],
    };
  });
  const refusals = checks.map(({ name, ok, evidence }): JunitCase => {
    return { name: `${name} is refused`, evidence, ...(ok ? {} : { failure: `${name} is accepted` }) };
  });
  const untried = skipped.map((text): JunitCase => ({ name: text, evidence: "", isSkipped: true }));
  const away = unreachable.map(({ cluster, reason }): JunitCase => {
    return { name: `the API of ${cluster} answers`, evidence: "", failure: reason };
  });
  return [
    { name: "clusters", cases: away },
    ...suites,
    ...(services.length > 0
      ? []
      : [
          {
            name: "services",
            cases: [
              {
                name: "there is a service to prove",
                evidence: "",
                failure: "no HTTP service with sidecars was found",
              },
            ],
          },
        ]),
    { name: "refusals", cases: [...refusals, ...untried] },
  ].filter(({ cases }) => cases.length > 0);
}

function caseLines(suite: string, { name, seconds, evidence, failure, isSkipped }: JunitCase): string[] {
  const time = seconds === undefined ? "" : ` time="${seconds.toFixed(4)}"`;
  return [
    `    <testcase classname="${xmlText(suite)}" name="${xmlText(name)}"${time}>`,
    ...(failure === undefined ? [] : [`      <failure message="${xmlText(failure)}"/>`]),
    ...(isSkipped === true ? ["      <skipped/>"] : []),
    ...(evidence === "" ? [] : [`      <system-out>${xmlText(evidence)}</system-out>`]),
    "    </testcase>",
  ];
}

function counts(cases: readonly JunitCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const skipped = cases.filter(({ isSkipped }) => isSkipped === true).length;
  return `tests="${cases.length}" failures="${failures}" skipped="${skipped}"`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Text as XML 1.0 takes it: control characters, which it has no form for, become blanks. */
function xmlText(text: string): string {
  let escaped = "";
  for (const letter of text) {
    const code = letter.charCodeAt(0);
    escaped += code < 32 && letter !== "\n" && letter !== "\t" ? " " : (entities[letter] ?? letter);
  }
  return escaped;
}
