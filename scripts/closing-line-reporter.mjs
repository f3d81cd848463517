/** Vitest reporter: one last line with the counts, so that the end of a log tells the result. */

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

export default class ClosingLineReporter {
  #line = '';

  onTestRunEnd(modules, errors, reason) {
    const { passed, failed, skipped } = countTests(modules);
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const extras = [
      broken > 0 ? `${broken} files did not load` : '',
      errors.length > 0 ? `${errors.length} unhandled errors` : '',
    ].filter(Boolean);
    const tail = extras.length > 0 ? `, ${extras.join(', ')}` : '';
    this.#line = `tests ${reason}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${modules.length} files${tail}`;
    // The default reporter prints its summary in this same hook; ours comes after it.
    setImmediate(() => console.log(this.#line));
  }
}
