// Vitest reporter that ends a run with "N passed, N failed". A skipped test says in its title what it needs
// ("… [needs kubectl]"); it fails the run when ISTHMUS_REQUIRED_TOOLS names all of that: where something else is needed
// too, that is what was missing. Of suites within each other the innermost that says something counts. A test that
// passed only when it was tried again is named too.
export default class ClosingLine {
  onTestRunEnd(modules, unhandledErrors) {
    const required = (process.env.ISTHMUS_REQUIRED_TOOLS ?? "").split(" ").filter(Boolean);
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      failed += module.errors().length;
      // What fails before a suite's tests leaves them skipped.
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") {
          passed += 1;
          if (test.diagnostic()?.flaky) console.log(`passed at the second try: ${test.fullName}`);
        } else if (state === "failed") failed += 1;
        else {
          skipped += 1;
          const needs = needsOf(test.fullName);
          console.log(`skipped: ${test.fullName}`);
          if (needs.length === 0 || !needs.every((tool) => required.includes(tool))) continue;
          console.log(`  but ${needs.join(" and ")} ${needs.length === 1 ? "is" : "are"} required here`);
          failed += 1;
          process.exitCode = 1;
        }
      }
    }
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  }
}

/** Tools that a test was skipped for, by its full name. */
function needsOf(fullName) {
  const titles = fullName.split(" > ").map((title) => [...title.matchAll(/\[needs ([\w-]+)/g)]);
  return titles.findLast((found) => found.length > 0)?.map(([, tool]) => tool) ?? [];
}
