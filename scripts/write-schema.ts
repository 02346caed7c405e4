// Writes schemas/scenario.schema.json from the zod schema; test/schema.test.ts fails when it was forgotten.
import { writeFileSync } from 'node:fs';
import { jsonSchemaText } from '../src/scenario/schema.ts';

writeFileSync(new URL('../schemas/scenario.schema.json', import.meta.url), jsonSchemaText());
