/** Skip a test and let its title say why. */
export function skip(context: Mocha.Context, why: string): never {
  context.test!.title += ` (skipped: ${why})`;
  context.skip();
}
