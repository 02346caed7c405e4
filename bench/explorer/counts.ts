/** What is known about the fault model, by number of faulters. Every tool is held to it. */

/** Classes of executions that differ in more than the order of commuting steps. */
export const CLASSES: Readonly<Record<number, number>> = { 2: 12, 3: 90, 4: 848, 6: 118_632 };

/** The same without the second look at the pte, and how many of them end badly. */
export const BUGGY_CLASSES: Readonly<Record<number, { readonly all: number; readonly bad: number }>> = {
  4: { all: 1160, bad: 1056 },
};

/** Interleavings: of the correct model, and without the second look. */
export const INTERLEAVINGS: Readonly<Record<number, readonly [number, number]>> = { 2: [2676, 1736] };

/** Distinct states. */
export const STATES: Readonly<Record<number, number>> = { 2: 176, 3: 1182, 4: 7636 };

export function hold(what: string, actual: unknown, expected: unknown): void {
  const [is, shouldBe] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== shouldBe) throw new Error(`${what}: ${is}, not ${shouldBe}`);
}
