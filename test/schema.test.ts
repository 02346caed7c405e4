import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { jsonSchemaText } from '../src/scenario/schema.ts';

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema | boolean;
  anyOf?: Schema[];
}

const committed = readFileSync(new URL('../schemas/scenario.schema.json', import.meta.url), 'utf8');

/** The keys without hover text, as paths. */
function silentKeys(schema: Schema, path = ''): string[] {
  const below = [schema.additionalProperties, schema.items, ...(schema.anyOf ?? [])].filter(
    (s) => typeof s === 'object',
  );
  return [
    ...below.flatMap((part) => silentKeys(part, path)),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [
      ...(value.description === undefined ? [`${path}/${key}`] : []),
      ...silentKeys(value, `${path}/${key}`),
    ]),
  ];
}

describe('schemas/scenario.schema.json', () => {
  it('is up to date (else: npm run schema)', () => expect(committed).to.equal(jsonSchemaText()));

  it('has a text for every key', () => {
    expect(
      silentKeys(JSON.parse(committed) as Schema).filter((key) => !['/threads', '/pft', '/vmas'].includes(key)),
    ).to.deep.equal([]);
  });

  it('leaves the names of kernels, profiles and bugs free', () =>
    expect(committed).not.to.match(/"enum"|altix-3700-8p"/));

  it('is draft 2020-12', () =>
    expect(committed).to.include('"$schema": "https://json-schema.org/draft/2020-12/schema"'));
});
