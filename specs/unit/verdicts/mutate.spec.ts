import { expect, test } from '@playwright/test';

import { mutate } from '../../../scripts/mutants/mutate.js';

const patch = `--- a/driver.c
+++ b/driver.c
@@ -1,2 +1,12 @@
 #include "vfio_e2e_fault.h"
+/* Clears n entries. */
+static int clear(struct entry *entries, int n)
+{
+	int i = 0;
+
+	for (; i < n; i++) {
+		if (entries[i].present && !entries[i].huge)
+			entries[i].flags &= ~_PAGE_USER;
+		log("cleared; not %d", i);
+	}
+	if (!i)
+		return -EINVAL;
+	return 0;
+}
+
 static int other(void)
`;
const source = `#include "vfio_e2e_fault.h"
/* Clears n entries. */
static int clear(struct entry *entries, int n)
{
	int i = 0;

	for (; i < n; i++) {
		if (entries[i].present && !entries[i].huge)
			entries[i].flags &= ~_PAGE_USER;
		log("cleared; not %d", i);
	}
	if (!i)
		return -EINVAL;
	return 0;
}

static int other(void)
{
	call();
	return 1;
}
`;

test('every mutant has a title, and stands in the source behind its own fault', () => {
  const { mutants, source: mutated } = mutate(source, patch);
  expect(mutants.map(({ title }) => title)).toEqual([
    'clear: 0 is 1',
    'clear: n is one more as a bound',
    'clear: entries[i].present && !entries[i].huge negated',
    'clear: entries[i].present left out of the condition',
    'clear: !entries[i].huge left out of the condition',
    'clear: entries[i].flags &= ~_PAGE_USER; removed',
    'clear: log("cleared; not %d", i); removed',
    'clear: !i negated',
    'clear: return -EINVAL; removed',
  ]);
  expect(mutated).toContain('for (; i < n + e2e(E2E_MUTANT_2); i++)');
  expect(mutated).toContain(
    'if (!!((entries[i].present || e2e(E2E_MUTANT_4)) && (!entries[i].huge || e2e(E2E_MUTANT_5))) != e2e(E2E_MUTANT_3))',
  );
  expect(mutated).toContain('{ if (!e2e(E2E_MUTANT_7)) log("cleared; not %d", i); }');
  expect(mutated).toMatch(/^#define E2E_MORE_FAULTS\(FAULT\) FAULT\(MUTANT_1, "mutant-1"\) .*\n#include/);
});

test('with no fault set the source is what it was: nothing but what mutants insert is new', () => {
  const { source: mutated } = mutate(source, patch);
  const without = mutated
    .replace(/^#define .*\n/, '')
    .replace(/\(e2e\(E2E_MUTANT_\d+\) \? \w+ : (\w+)\)/g, '$1')
    .replace(/ \+ e2e\(E2E_MUTANT_\d+\)/g, '')
    .replace(/\{ if \(!e2e\(E2E_MUTANT_\d+\)\) (.*) \}/g, '$1')
    .replace(/\(([^()]*) (?:\|\||&&) !?e2e\(E2E_MUTANT_\d+\)\)/g, '$1')
    .replace(/!!\((.*)\) != e2e\(E2E_MUTANT_\d+\)/g, '$1');
  expect(without).toBe(source);
});

test('a source without the function that the patch adds is refused', () => {
  expect(() => mutate('int x;\n', patch)).toThrow(/has no function clear/);
});
