/**
 * Rewrites the modules of dist/ so that each has under a name of its own what it imports, and exports names that it does not use
 * itself. V8 folds what a module keeps to itself where it uses it; what it imports or exports it loads and checks each time. What
 * runs is the same, as no module imports itself by way of others, and lines keep their numbers.
 *
 *     import { READ } from './step.js';      import { READ as READ$ } from './step.js'; const READ = READ$;
 *     export const WAYS = 4;                 const WAYS = 4; ... const WAYS$$ = WAYS; export { WAYS$$ as WAYS };
 *
 * Variables (`let`) are left as they are: they are looked at each time on purpose. So is flat.js, which has its own way.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

const DIST = resolve(import.meta.dirname, '../dist');

interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}

function isExported(node: ts.Statement): node is ts.Statement & { readonly modifiers: ts.NodeArray<ts.Modifier> } {
  return ts.canHaveModifiers(node) && node.modifiers?.[0]?.kind === ts.SyntaxKind.ExportKeyword;
}

function isVariable(node: ts.Node): node is ts.VariableStatement {
  return ts.isVariableStatement(node) && (node.declarationList.flags & ts.NodeFlags.Const) === 0;
}

function names(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : names(element.name)));
}

/** What a statement of a module declares. */
function declared(node: ts.Statement): string[] {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.flatMap(({ name }) => names(name));
  const named = ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node);
  return named && node.name !== undefined ? [node.name.text] : [];
}

const variablesOf = new Map<string, ReadonlySet<string>>();

/** Names of a module that can be set. */
function variables(path: string): ReadonlySet<string> {
  let known = variablesOf.get(path);
  if (known === undefined) {
    known = new Set(parse(path).statements.filter(isVariable).flatMap(declared));
    variablesOf.set(path, known);
  }
  return known;
}

function ownImports(node: ts.ImportDeclaration, path: string): Change[] {
  const from = (node.moduleSpecifier as ts.StringLiteral).text;
  const bindings = node.importClause?.namedBindings;
  if (!from.startsWith('.') || bindings === undefined || !ts.isNamedImports(bindings)) return [];
  const set = variables(join(dirname(path), from));
  const folded = bindings.elements.filter(({ name, propertyName }) => !set.has((propertyName ?? name).text));
  const renamed = folded.map(({ name, propertyName }) => {
    const text = `${(propertyName ?? name).text} as ${name.text}$`;
    return { start: (propertyName ?? name).getStart(), end: name.end, text };
  });
  const own = folded.map(({ name }) => `${name.text} = ${name.text}$`).join(', ');
  return own === '' ? [] : [...renamed, { start: node.end, end: node.end, text: ` const ${own};` }];
}

function ownExports({ statements }: ts.SourceFile, path: string): Change[] {
  const exported: string[] = [];
  const changes: Change[] = [];
  for (const node of statements) {
    if (isExported(node) && !isVariable(node)) {
      exported.push(...declared(node));
      changes.push({ start: node.getStart(), end: node.modifiers[0].end + 1, text: '' });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier === undefined) {
      const { elements } = node.exportClause as ts.NamedExports;
      if (elements.some(({ name, propertyName }) => propertyName !== undefined || variables(path).has(name.text)))
        continue;
      exported.push(...elements.map(({ name }) => name.text));
      changes.push({ start: node.getStart(), end: node.end, text: '' });
    }
  }
  if (exported.length === 0) return [];
  const own = exported.map((name) => `${name}$$ = ${name}`).join(', ');
  const text = `\nconst ${own};\nexport { ${exported.map((name) => `${name}$$ as ${name}`).join(', ')} };\n`;
  const { end } = statements.at(-1)!;
  return [...changes, { start: end, end, text }];
}

function folded(path: string): string {
  const file = parse(path);
  const imports = file.statements.filter(ts.isImportDeclaration);
  const changes = [...imports.flatMap((node) => ownImports(node, path)), ...ownExports(file, path)];
  let { text } = file;
  for (const change of changes.sort((a, b) => b.start - a.start))
    text = text.slice(0, change.start) + change.text + text.slice(change.end);
  return text;
}

const paths = readdirSync(DIST, { encoding: 'utf8', recursive: true })
  .filter((path) => path.endsWith('.js') && path !== join('workload', 'flat.js'))
  .map((path) => join(DIST, path));
const results = paths.map((path) => [path, folded(path)] as const);
for (const [path, text] of results) writeFileSync(path, text);
