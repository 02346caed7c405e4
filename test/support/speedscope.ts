/** The schema of speedscope's files, as its npm package has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export const SPEEDSCOPE = join('node_modules', 'speedscope', 'dist', 'release');

export const speedscopeSchema = z.fromJSONSchema(
  JSON.parse(readFileSync(join(SPEEDSCOPE, 'file-format-schema.json'), 'utf8')) as never,
);
