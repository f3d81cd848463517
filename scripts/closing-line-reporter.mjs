/**
 * Vitest reporter: closing lines with the result, what each part of the tests took, and the counts, so that the end
 * of a log tells all three.
 */

import { partOf, testParts } from './test-parts.mjs';

function countTests(modules) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state in counts) counts[state] += 1;
      else counts.skipped += 1;
    }
  }
  return counts;
}

/** Seconds of test time, hooks included and loading not: files run beside each other. */
function sumParts(modules) {
  return testParts.flatMap(({ name }) => {
    const own = modules.filter(({ relativeModuleId }) => partOf(relativeModuleId) === name);
    const ms = own.reduce((sum, module) => sum + module.diagnostic().duration, 0);
    return own.length === 0 ? [] : [`${name} ${Math.round(ms / 1_000)} s (${own.length} files)`];
  });
}

export default class ClosingLineReporter {
  #lines = [];

  onTestRunEnd(modules, errors, reason) {
    const { passed, failed, skipped } = countTests(modules);
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const extras = [
      broken > 0 ? `${broken} files did not load` : '',
      errors.length > 0 ? `${errors.length} unhandled errors` : '',
    ].filter(Boolean);
    this.#lines = [
      [`test run ${reason}`, `${modules.length} files`, ...extras].join(', '),
      `test time: ${sumParts(modules).join(', ')}`,
      `tests: ${passed} passed, ${failed} failed, ${skipped} skipped`,
    ];
    // The default reporter prints its summary in this same hook; ours comes after it.
    setImmediate(() => console.log(this.#lines.join('\n')));
  }
}
