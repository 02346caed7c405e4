/**
 * Writes dist/workload/flat.js: kernel text once more, with the coroutines that a function calls written out in their place, for
 * the timed driver. A call by `yield*` costs a generator each time, and each stop goes through all that are under way; and a step
 * that need not stop needs no object. What runs is the same, step by step: test/flat.test.ts holds the two to each other.
 *
 * Every coroutine of kernel/, sync/ and workload/ gets a twin, and so does every function that makes or calls one. In a twin
 *
 * - `yield* f(...)` is the text of f if f is a function of a module, short enough and not under way already; `return` leaves it;
 * - `yield* READ_ONCE(...)` and the like ask the driver without making a `Step`, and have one only if they have to stop;
 * - `const at = f(...)` of a function that only makes a `Ref` is two variables, words and index, if it is only pointed with;
 * - `yield* path3(mm).handle_mm_fault(...)`, a function of whatever kernel it is, is entered by the driver (`enter`); but what
 *   is hot (`HOT`) is written out there too, behind a question whether the kernel has another one;
 * - names of modules are those that flat.js imports: what a module keeps to itself is exported from its file in dist/.
 *
 * What this file has no rule for is left as it is: twins and functions call each other freely.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');
const TEXT = ['kernel', 'sync', 'workload'].map((folder) => join(SRC, folder) + '/');
/** Letters of a function that is written out in the place of a call, and of a twin. */
const SHORT = 600;
const LONG = 2500;
const DEEP = 12;
/**
 * What a fault on a page that is in the page cache goes through in 3.17, from the program on: files of src/, and their functions.
 * In these only such functions are written out, whatever their length, also where a kernel may have another one, and behind the
 * walk that traps; so that hardly any coroutine begins in a fault. What has a + begins as one: it stops so often that it pays if
 * only its own variables have to be kept then.
 */
const HOT = `
workload/seqread reader
workload/user user_read_page handleFault
kernel/v3.14/fault do_page_fault tryFault find_vma_cached
kernel/v3.14/memory handle_mm_fault handle_pte_fault
kernel/v3.14/do-fault lockedFault withPageLocked do_set_pte
kernel/v3.14/filemap filemap_fault find_get_page page_cache_get_speculative do_async_mmap_readahead lock_page_or_retry
kernel/v3.17/memory do_linear_fault do_fault do_read_fault mapAround mapAlone __do_fault do_fault_around mapWindow
kernel/v3.17/filemap +filemap_map_pages pageOfSlot mapPage isEasy mapLockedPage mapIfInside
kernel/v2.6.15/memory pte_offset_map_lock pte_unmap_unlock
kernel/rss check_sync_rss_stat inc_file_rss
kernel/page_alloc page_cache_release
kernel/rmap page_add_file_rmap
kernel/pgtable update_mmu_cache
`;

const config = ts.getParsedCommandLineOfConfigFile(
  join(ROOT, 'tsconfig.build.json'),
  { noEmit: true },
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
    },
  },
)!;
const program = ts.createProgram(config.fileNames, config.options);
const checker = program.getTypeChecker();

type Fn = ts.FunctionDeclaration & { readonly name: ts.Identifier; readonly body: ts.Block };

// ---- names ----

const imports = new Map<ts.Symbol, string>();
const toExport = new Map<ts.SourceFile, Set<string>>();
const numbers = new Map<string, number>();

/** A name that nothing else has: `$` occurs in no source. */
function unique(name: string): string {
  const n = (numbers.get(name) ?? 0) + 1;
  numbers.set(name, n);
  return `${name}$${n}`;
}

function symbolOf(node: ts.Identifier): ts.Symbol | undefined {
  const symbol = ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
  return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0
    ? checker.getAliasedSymbol(symbol)
    : symbol;
}

/** The declaration, if it is one of a module of ours. */
function moduleLevel(symbol: ts.Symbol | undefined): ts.Declaration | undefined {
  const declaration = symbol?.valueDeclaration;
  if (
    declaration === undefined ||
    ts.isSourceFile(declaration) ||
    !declaration.getSourceFile().fileName.startsWith(SRC)
  )
    return undefined;
  let node: ts.Node = declaration;
  while (ts.isBindingElement(node) || ts.isObjectBindingPattern(node) || ts.isArrayBindingPattern(node))
    node = node.parent;
  if (ts.isVariableDeclaration(node)) node = node.parent.parent;
  return ts.isSourceFile(node.parent) ? declaration : undefined;
}

/** What a name of a module is called here; constants are their values. */
function imported(symbol: ts.Symbol, declaration: ts.Declaration): string {
  const known = imports.get(symbol);
  if (known !== undefined) return known;
  if (symbol === running) return `${machine('now', 'thread')}.running`;
  const type = checker.getTypeOfSymbol(symbol);
  const isConst = (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0;
  let name = unique(symbol.name);
  if (isConst && type.isNumberLiteral()) name = type.value < 0 ? `(${type.value})` : String(type.value);
  else exported(symbol.name, declaration.getSourceFile());
  imports.set(symbol, name);
  return name;
}

function exported(name: string, file: ts.SourceFile): void {
  const module = checker.getSymbolAtLocation(file)!;
  if (checker.getExportsOfModule(module).some((symbol) => symbol.name === name)) return;
  const names = toExport.get(file) ?? new Set();
  toExport.set(file, names.add(name));
}

function ofMachine(name: string, module: string): ts.Symbol {
  const file = program.getSourceFile(join(SRC, `machine/${module}.ts`))!;
  return checker.getExportsOfModule(checker.getSymbolAtLocation(file)!).find((s) => s.name === name)!;
}

/** Something of machine/. */
function machine(name: string, module = 'step'): string {
  const symbol = ofMachine(name, module);
  return imported(symbol, symbol.valueDeclaration!);
}

/** A variable, which V8 does not fold. */
const running = ofMachine('running', 'thread');

// ---- which functions ----

function isText(file: ts.SourceFile): boolean {
  return TEXT.some((folder) => file.fileName.startsWith(folder));
}

function functionOf(node: ts.Expression): Fn | null {
  if (!ts.isIdentifier(node)) return null;
  const declaration = moduleLevel(symbolOf(node));
  if (declaration === undefined) return null;
  if (ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined)
    return functionOf(declaration.initializer); // another name of one
  return ts.isFunctionDeclaration(declaration) && declaration.body !== undefined ? (declaration as Fn) : null;
}

function isGenerator(fn: Fn): boolean {
  return fn.asteriskToken !== undefined;
}

function any(node: ts.Node, holds: (node: ts.Node) => boolean): boolean {
  return holds(node) || (ts.forEachChild(node, (child) => any(child, holds) || undefined) ?? false);
}

const twins = new Map<Fn, string | null>();
const pending: Fn[] = [];

/** The name of the twin; null: there is none. */
function twinOf(fn: Fn): string | null {
  const known = twins.get(fn);
  if (known !== undefined) return known;
  twins.set(fn, null); // of functions that call each other and no coroutine there are none
  if (!isText(fn.getSourceFile()) || setsModule(fn) || makesFunctions(fn)) return null;
  if (!isGenerator(fn) && !any(fn.body, (node) => ts.isIdentifier(node) && refersToTwin(node))) return null;
  const name = unique(`${fn.name.text}$flat`);
  twins.set(fn, name);
  pending.push(fn);
  return name;
}

function refersToTwin(node: ts.Identifier): boolean {
  if (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) return false;
  const fn = functionOf(node);
  return fn !== null && twinOf(fn) !== null;
}

/** Functions that are no arrows: versions of kernel text, which are made when a kernel is put together. */
function makesFunctions(fn: Fn): boolean {
  return any(fn.body, (node) => ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node));
}

/** Does it assign to a variable of its module? What is imported cannot be. */
function setsModule(fn: Fn): boolean {
  const isVariable = (node: ts.Node): boolean => ts.isIdentifier(node) && moduleLevel(symbolOf(node)) !== undefined;
  return any(fn.body, (node) => {
    if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node))
      return (
        (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken) &&
        isVariable(node.operand)
      );
    return (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
      node.operatorToken.kind <= ts.SyntaxKind.LastAssignment &&
      isVariable(node.left)
    );
  });
}

const hot = new Set<Fn>();
const begun = new Set<Fn>();

function findHot(): void {
  for (const line of HOT.trim().split('\n')) {
    const [file, ...names] = line.split(' ');
    const { statements } = program.getSourceFile(join(SRC, `${file}.ts`))!;
    for (const marked of names) {
      const name = marked.replace('+', '');
      const fn = statements.find((node) => ts.isFunctionDeclaration(node) && node.name?.text === name);
      if (fn === undefined) throw new Error(`there is no ${name} in ${file}`);
      hot.add(fn as Fn);
      if (name !== marked) begun.add(fn as Fn);
    }
  }
}

/** How often the name of a function stands in kernel text. */
const calls = new Map<Fn, number>();

function countCalls(node: ts.Node): void {
  if (ts.isImportDeclaration(node)) return;
  const fn = ts.isIdentifier(node) && !ts.isFunctionDeclaration(node.parent) ? functionOf(node) : null;
  if (fn !== null) calls.set(fn, (calls.get(fn) ?? 0) + 1);
  ts.forEachChild(node, countCalls);
}

// ---- steps ----

interface Field {
  readonly text: string;
}
interface Place {
  readonly words: string;
  readonly index: string;
}
type Value = Field | Place | { readonly step: readonly string[] };
type Env = ReadonlyMap<ts.Symbol | 'this', Value>;

const NO_ENV: Env = new Map();
/** What is written for parameters. */
type Values = ReadonlyMap<ts.Symbol | 'this', string> | null;

/** Nothing happens when it is evaluated, so that it may be evaluated twice. */
function isPure(node: ts.Expression): boolean {
  return !any(
    node,
    (inner) =>
      (ts.isCallExpression(inner) && !isPureCall(inner)) ||
      ts.isNewExpression(inner) ||
      ts.isYieldExpression(inner) ||
      isAssignment(inner) ||
      (ts.isPropertyAccessExpression(inner) && !isPureProperty(inner)),
  );
}

/** It computes something, and that is all. Arguments are looked at by who asks. */
function isPureCall({ expression: callee }: ts.CallExpression): boolean {
  if (ts.isPropertyAccessExpression(callee)) return callee.expression.getText() === 'Math';
  const body = onlyReturn(functionOf(callee)?.body);
  return body !== undefined && isPure(body);
}

/** Members that some class has another version of: which one is asked is not known here. */
const overridden = new Set<string>();

function findOverridden(node: ts.Node): void {
  if (ts.isClassElement(node) && (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Override) !== 0)
    overridden.add(node.name!.getText());
  ts.forEachChild(node, findOverridden);
}

/** It is a field, or what reads one; not what makes something when it is first asked for, or pays for a plain access. */
function isPureProperty(node: ts.PropertyAccessExpression): boolean {
  const getter = getterOf(node);
  if (getter === undefined) return true;
  if (overridden.has(node.name.text)) return false;
  const body = onlyReturn(getter.body);
  return body !== undefined && isPure(body);
}

function getterOf(node: ts.PropertyAccessExpression): ts.GetAccessorDeclaration | undefined {
  return checker.getSymbolAtLocation(node.name)?.declarations?.find(ts.isGetAccessorDeclaration);
}

function isAssignment(node: ts.Node): boolean {
  if (ts.isPostfixUnaryExpression(node)) return true;
  if (ts.isPrefixUnaryExpression(node))
    return node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken;
  const kind = ts.isBinaryExpression(node) ? node.operatorToken.kind : 0;
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

function onlyReturn(body: ts.Node | undefined): ts.Expression | undefined {
  if (body === undefined || !ts.isBlock(body) || body.statements.length !== 1) return undefined;
  const [statement] = body.statements;
  return ts.isReturnStatement(statement) ? statement.expression : undefined;
}

/** What is written for the value; null: nothing that could be written twice. */
function written(value: Value | null): string | null {
  if (value === null || 'step' in value) return null;
  return 'text' in value ? value.text : null;
}

/** An expression as a step, a place or a text that may be evaluated twice; null: none of these. */
function evaluate(node: ts.Expression, env: Env): Value | null {
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node) || ts.isAsExpression(node))
    return evaluate(node.expression, env);
  if (node.kind === ts.SyntaxKind.ThisKeyword) return env.get('this') ?? null;
  if (ts.isIdentifier(node)) {
    const symbol = symbolOf(node);
    const known = symbol === undefined ? undefined : (env.get(symbol) ?? places.get(symbol));
    return known ?? { text: text(node) };
  }
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) return made(node, env);
  if (ts.isCallExpression(node) && !ts.isOptionalChain(node)) return called(node, env);
  if (ts.isPropertyAccessExpression(node) && !ts.isOptionalChain(node)) return property(node, env);
  if (!isPure(node)) return null;
  const values = valuesOf(node, env);
  return values === null ? null : { text: `(${text(node, null, values)})` };
}

/** What is written for the parameters that the expression has; null: for one of them nothing can be. */
function valuesOf(node: ts.Expression, env: Env): Values {
  const values = new Map<ts.Symbol | 'this', string>();
  for (const [symbol, value] of env) {
    const known = written(value);
    if (known !== null) values.set(symbol, known);
  }
  const missing = any(node, (inner) => {
    const name =
      inner.kind === ts.SyntaxKind.ThisKeyword ? 'this' : ts.isIdentifier(inner) ? symbolOf(inner) : undefined;
    return name !== undefined && env.has(name) && !values.has(name);
  });
  return missing ? null : values;
}

function made(node: ts.NewExpression, env: Env): Value | null {
  const name = (node.expression as ts.Identifier).text;
  const values = (node.arguments ?? []).map((argument) => written(evaluate(argument, env)));
  if (values.includes(null)) return null;
  if (name === 'Ref') return { words: values[0]!, index: values[1]! };
  if (name !== 'Step') return null;
  return { step: [values[0]!, values[1]!, values[2] ?? '0', values[3] ?? '0', values[4] ?? '0'] };
}

/** A function or a method that does nothing but return. */
function called(node: ts.CallExpression, env: Env): Value | null {
  const inside = new Map<ts.Symbol | 'this', Value>();
  let callee: ts.FunctionDeclaration | ts.MethodDeclaration | null;
  if (ts.isPropertyAccessExpression(node.expression)) {
    if (overridden.has(node.expression.name.text)) return null;
    const declaration = checker.getSymbolAtLocation(node.expression.name)?.valueDeclaration;
    callee = declaration !== undefined && ts.isMethodDeclaration(declaration) ? declaration : null;
    const object = evaluate(node.expression.expression, env) ?? kept(node.expression.expression, env);
    if (object === null) return null;
    inside.set('this', object);
  } else callee = functionOf(node.expression);
  const body = callee?.asteriskToken === undefined ? onlyReturn(callee?.body) : undefined;
  if (body === undefined) return null;
  for (const [i, parameter] of callee!.parameters.entries()) {
    const argument = node.arguments[i] ?? parameter.initializer;
    const value = argument === undefined ? null : evaluate(argument, node.arguments[i] === undefined ? NO_ENV : env);
    if (value === null || !ts.isIdentifier(parameter.name)) return null;
    inside.set(checker.getSymbolAtLocation(parameter.name)!, value);
  }
  const value = evaluate(body, inside);
  return value !== null && 'text' in value ? null : value; // what is no step and no place had better be called
}

/**
 * Variables of the twin that is being written. Each step has its own: of a variable's fields V8 keeps one book for all places in a
 * function where they are read, and would look for the classes of all of them at each.
 */
let variablesOfTwin: string[] = [];

function variable(name: string): string {
  const own = unique(name);
  variablesOfTwin.push(own);
  return own;
}

/** What is evaluated first, and kept in a variable, for the step that is being written. */
let first: { readonly name: string; readonly value: string } | null = null;

function takeFirst(): string {
  const taken = first;
  first = null;
  return taken === null ? '' : `${taken.name} = ${taken.value}, `;
}

function kept(node: ts.Expression, env: Env): Value | null {
  if (first !== null || any(node, ts.isYieldExpression)) return null;
  if (any(node, (inner) => ts.isIdentifier(inner) && env.has(symbolOf(inner)!))) {
    const values = valuesOf(node, env);
    if (values === null) return null;
    first = { name: variable('$o'), value: text(node, null, values) };
  } else first = { name: variable('$o'), value: text(node) };
  return { text: first.name };
}

function property(node: ts.PropertyAccessExpression, env: Env): Value | null {
  const object = evaluate(node.expression, env);
  if (object === null || 'step' in object) return null;
  const name = node.name.text;
  if ('words' in object) return name === 'words' || name === 'index' ? { text: object[name] } : null;
  const getter = overridden.has(name) ? undefined : getterOf(node);
  const body = onlyReturn(getter?.body);
  if (getter !== undefined && body !== undefined && ts.isClassDeclaration(getter.parent)) {
    const value = evaluate(body, new Map([['this', object]]));
    if (value !== null && 'words' in value) return value;
  }
  return isPureProperty(node) ? { text: `${object.text}.${name}` } : null;
}

/** `yield* step`, without a step if the driver lets it take effect at once. */
function stepText(node: ts.YieldExpression): string | null {
  const operand = node.expression!;
  takeFirst();
  const value = evaluate(operand, NO_ENV);
  const fields = value !== null && 'step' in value ? value.step : null;
  if (fields !== null && Number(fields[0]) < Number(machine('WALK'))) return `(${takeFirst()}${wordText(fields)})`;
  if (!isStep(checker.getTypeAtLocation(operand))) return null;
  const step = variable('$s');
  const made = fields ?? newStep(operand);
  if (made?.[0] === machine('LOAD')) {
    const asked = `${takeFirst()}$t = ${machine('askLoad', 'ask')}(${made.slice(1).join(', ')})`;
    return `((${asked}) === ${machine('STOP')} ? yield ${machine('stop', 'ask')}.step : $t)`;
  }
  if (made !== null) {
    const first = takeFirst();
    return stopping(step, `${first}${step} = ${machine('stepOf', 'ask')}(${made.join(', ')})`, ask(step));
  }
  // What a thread has to itself is a lock, mostly: here V8 sees one class of locks, and in the driver all.
  const lock = variable('$l');
  const mine = `(${lock} = ${step}.object).confinedTo === ${machine('own', 'ask')}.cpu && ${lock}.passes(${step})`;
  const effect = `${lock}.perform(${step}, ${machine('now', 'thread')}.running)`;
  const pass = `(${machine('pay', 'ask')}(${lock}.line), ${machine('passed', 'ask')}(${step}, ${effect}))`;
  return stopping(step, `${step} = ${text(operand)}`, `${mine} ? ${pass} : ${ask(step)}`);
}

function ask(step: string): string {
  return `${machine('askStep')}(${step})`;
}

/** A step in a variable, and what is asked for it. */
function stopping(step: string, made: string, asked: string): string {
  return `(${made}, ($t = ${asked}) === ${machine('STOP')} ? yield ${step} : $t)`;
}

/** What `new Step` is called with; null: it is something else. */
function newStep(node: ts.Expression): string[] | null {
  if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression) || node.expression.text !== 'Step') return null;
  const given = (node.arguments ?? []).map((argument) => text(argument));
  return [...given, '0', '0', '0'].slice(0, 5);
}

/** A step on a word: done here if the thread has that to itself. */
function wordText([kind, words, index, value, other]: readonly string[]): string {
  const own = machine('own', 'ask');
  const reads = kind === machine('READ');
  const at = variable('$w');
  const mine = reads
    ? `($c = ${at}.confinedTo) === ${own}.cpu || $c === ${own}.readers`
    : `${at}.confinedTo === ${own}.cpu && ${at}.waiters === null`;
  const use = reads ? `${at}.get(${index})` : `${at}.use(${kind}, ${index}, ${value}, ${other})`;
  const reply = `${machine('askWord', 'ask')}(${kind}, ${at}, ${index}, ${value}, ${other})`;
  const stop = `yield ${machine('stop', 'ask')}.step`;
  return `${at} = ${words}, ${mine} ? (${machine('pay', 'ask')}(${at}.line), ${use}) : ($t = ${reply}) === ${machine('STOP')} ? ${stop} : $t`;
}

// ---- places ----

/** Variables and parameters of what is being written that point to a word: they are written as what points, and no `Ref` is made. */
const places = new Map<ts.Symbol, Place>();

/** What `const at = f(...)` points to, if it is only pointed with; null: it is written as it stands. */
function placed(name: ts.BindingName, pointer: ts.Expression, under: Inlined, before: string[]): Place | null {
  const symbol = ts.isIdentifier(name) ? checker.getSymbolAtLocation(name) : undefined;
  if (symbol === undefined || !ts.isCallExpression(pointer) || hasInlinable(pointer, under)) return null;
  const fn = functionOf(pointer.expression);
  const body = onlyReturn(fn?.body);
  if (body === undefined || !ts.isNewExpression(body) || body.expression.getText() !== 'Ref') return null;
  if (!isOnlyPointed(symbol, under.stack.at(-1)!, under)) return null;
  const inside = new Map<ts.Symbol | 'this', Value>();
  for (const [i, parameter] of fn!.parameters.entries()) {
    const value = pointer.arguments.length > i ? evaluate(pointer.arguments[i], NO_ENV) : null;
    if (value === null || written(value) === null) return null;
    inside.set(checker.getSymbolAtLocation(parameter.name)!, value);
  }
  const [words, index] = body.arguments!.map((part) => {
    const kept = unique((name as ts.Identifier).text);
    before.push(`const ${kept} = ${text(part, null, valuesOf(part, inside))};`);
    return kept;
  });
  return { words, index };
}

/** Does the function use the pointer only for steps on the word, to read it, and to hand it on to others that do the same? */
function isOnlyPointed(pointer: ts.Symbol, fn: Fn, under: Inlined): boolean {
  const isIt = (node: ts.Node): boolean => ts.isIdentifier(node) && symbolOf(node) === pointer;
  return !any(fn.body, (node) => isIt(node) && !isDeclared(node) && !isPointedAt(node, under));
}

function isDeclared({ parent }: ts.Node): boolean {
  return ts.isVariableDeclaration(parent) && (ts.getCombinedNodeFlags(parent) & ts.NodeFlags.Const) !== 0;
}

function isPointedAt(node: ts.Node, under: Inlined): boolean {
  const { parent } = node;
  if (isPlainRead(parent)) return true;
  if (!ts.isCallExpression(parent) || !ts.isYieldExpression(parent.parent)) return false;
  const fn = functionOf(parent.expression);
  if (fn === null) return false;
  if (fn === inlinable(parent.parent, under)) {
    const name = fn.parameters[parent.arguments.indexOf(node as ts.Expression)]?.name;
    if (name === undefined || !ts.isIdentifier(name) || isSet(fn, name)) return false;
    return isOnlyPointed(checker.getSymbolAtLocation(name)!, fn, { ...under, stack: [...under.stack, fn] });
  }
  const place = new Map([[symbolOf(node as ts.Identifier)!, { words: '$', index: '$' }]]);
  const value = evaluate(parent, place);
  takeFirst();
  return value !== null && 'step' in value;
}

function isPlainRead(node: ts.Node): node is ts.PropertyAccessExpression {
  if (!ts.isPropertyAccessExpression(node) || node.name.text !== 'plain') return false;
  return !isAssignment(node.parent) || (ts.isBinaryExpression(node.parent) && node.parent.right === node);
}

/** The word that a pointer points to, by a plain access; null: what is read so is no variable, or may be no pointer. */
function plainText(node: ts.PropertyAccessExpression, values: Values): string | null {
  const { expression } = node;
  if (!ts.isIdentifier(expression) || ts.isOptionalChain(node)) return null;
  const symbol = symbolOf(expression);
  const place = symbol === undefined || values?.has(symbol) === true ? undefined : places.get(symbol);
  const name = text(expression, null, values);
  const { words, index } = place ?? { words: `${name}.words`, index: `${name}.index` };
  return `${machine('readPlain', 'ask')}(${words}, ${index})`;
}

function isStep(type: ts.Type): boolean {
  if (type.symbol?.name === 'Step') return true;
  return type.isClass() && checker.getBaseTypes(type).some(isStep);
}

// ---- text ----

/** As it stands, with the names of this file; `values` stand for parameters. */
function text(node: ts.Node, under: Inlined | null = null, values: Values = null): string {
  if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return node.getText();
  if (ts.isIdentifier(node)) return nameText(node, values);
  if (node.kind === ts.SyntaxKind.ThisKeyword && values?.has('this') === true) return values.get('this')!;
  if (ts.isYieldExpression(node) && node.asteriskToken !== undefined) {
    const special = stepText(node) ?? entering(node.expression!, under, values);
    if (special !== null) return special;
  }
  const plain = isPlainRead(node) ? plainText(node, values) : null;
  if (plain !== null) return plain;
  const source = node.getSourceFile().text;
  let at = node.getStart();
  let result = '';
  ts.forEachChild(node, (child) => {
    result += source.slice(at, child.getStart()) + text(child, under, values);
    at = child.end;
  });
  return result + source.slice(at, node.end);
}

/** `yield* callee` where nobody knows before which function that calls: it is one of a kernel's, and may stop often. */
function entering(callee: ts.Expression, under: Inlined | null, values: Values = null): string | null {
  if (!ts.isCallExpression(callee) || functionOf(callee.expression) !== null) return null;
  return entered(text(callee, under, values));
}

function entered(callee: string): string {
  const name = variable('$f');
  return `(${name} = ${callee}, ${machine('running', 'thread')}.stepwise ? yield* ${name} : yield ${machine('enter')}(${name}))`;
}

function nameText(node: ts.Identifier, values: Values): string {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return node.text;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return node.text;
  if (ts.isBindingElement(parent) && (parent.propertyName === node || parent.name === node)) return node.text;
  const symbol = symbolOf(node);
  const name = (symbol === undefined ? undefined : values?.get(symbol)) ?? ownName(node, symbol);
  return ts.isShorthandPropertyAssignment(parent) && name !== node.text ? `${node.text}: ${name}` : name;
}

function ownName(node: ts.Identifier, symbol: ts.Symbol | undefined): string {
  const place = symbol === undefined ? undefined : places.get(symbol);
  if (place !== undefined) return `new ${machine('Ref', 'memory')}(${place.words}, ${place.index})`;
  const declaration = moduleLevel(symbol);
  if (declaration === undefined) return node.text;
  const fn = functionOf(node);
  const twin = fn === null ? null : twinOf(fn);
  return twin ?? imported(symbol!, declaration);
}

// ---- coroutines written out ----

/** What is written out: how `return` leaves it. */
interface Inlined {
  readonly stack: readonly Fn[];
  /** Null: it is the twin itself. */
  readonly leave: { readonly label: string; readonly result: string | null } | null;
  /** It is no coroutine, but returns one. */
  readonly delegates: boolean;
  /** Letters of the twin so far. */
  readonly size: { letters: number };
}

/** The function that `yield* f(...)` calls, if it can be written out there. */
function inlinable(node: ts.Node, under: Inlined): Fn | null {
  if (!ts.isYieldExpression(node) || node.asteriskToken === undefined || !ts.isCallExpression(node.expression!))
    return null;
  const { expression: callee, arguments: given } = node.expression;
  const fn = functionOf(callee);
  if (fn === null || !isText(fn.getSourceFile()) || setsModule(fn) || makesFunctions(fn)) return null;
  if (under.stack.includes(fn) || given.some(ts.isSpreadElement)) return null;
  if (fn.parameters.some(({ dotDotDotToken }) => dotDotDotToken !== undefined)) return null;
  if (!isGenerator(fn) && stepText(node) !== null) return null;
  if (hot.has(under.stack.at(-1)!)) return hot.has(fn) && isFirstCall(node, fn, under.stack.at(-1)!) ? fn : null;
  if (under.stack.length > DEEP) return null;
  return calls.get(fn)! === 1 || (fn.body.getText().length <= SHORT && under.size.letters <= LONG) ? fn : null;
}

/** Where a function calls another one twice, the first call is what usually happens: only that is written out. */
function isFirstCall(node: ts.Node, fn: Fn, caller: Fn): boolean {
  const found: ts.Node[] = [];
  any(caller.body, (inner) => {
    if (ts.isYieldExpression(inner) && callsOf(inner) === fn) found.push(inner);
    return false;
  });
  return found.indexOf(node) < 1; // what `asked` has made is not among them
}

/** The function that `yield* f(...)` calls. */
function callsOf({ expression }: ts.YieldExpression): Fn | null {
  return ts.isCallExpression(expression!) ? functionOf(expression.expression) : null;
}

/** The hot function that is meant where one of a kernel is called: by its name, or else by its type. */
function usual(node: ts.Node, under: Inlined): Fn | null {
  if (!ts.isYieldExpression(node) || node.asteriskToken === undefined || !ts.isCallExpression(node.expression!))
    return null;
  const { expression: callee, arguments: given } = node.expression;
  if (functionOf(callee) !== null || !hot.has(under.stack.at(-1)!) || given.some(ts.isSpreadElement)) return null;
  const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : ts.isIdentifier(callee) ? callee.text : null;
  const type = checker.getTypeAtLocation(callee);
  const found = [...hot].filter((fn) => {
    if (under.stack.includes(fn) || begun.has(fn)) return false;
    if (name !== null) return fn.name.text === name;
    return checker.isTypeAssignableTo(checker.getTypeAtLocation(fn.name), type);
  });
  return found.length === 1 ? found[0] : null;
}

/** Is there something in it to be written out? */
function hasInlinable(node: ts.Node, under: Inlined): boolean {
  if (ts.isFunctionLike(node)) return false;
  if (inlinable(node, under) !== null || usual(node, under) !== null || trapOf(node, under) !== null) return true;
  return ts.forEachChild(node, (child) => hasInlinable(child, under) || undefined) ?? false;
}

/** The value, in a variable that is set before. */
function saved(node: ts.Expression, under: Inlined, before: string[]): string {
  if (ts.isLiteralExpression(node)) return text(node);
  const value = expression(node, under, before);
  const name = unique('$v');
  before.push(`const ${name} = ${value};`);
  return name;
}

/** The expression; `before` gets the statements that have to come before it. */
function expression(node: ts.Expression, under: Inlined, before: string[]): string {
  if (!hasInlinable(node, under)) return text(node, under);
  const fn = inlinable(node, under);
  if (fn !== null)
    return call(fn, ((node as ts.YieldExpression).expression as ts.CallExpression).arguments, under, before, true);
  const most = usual(node, under);
  if (most !== null) return guarded(most, (node as ts.YieldExpression).expression as ts.CallExpression, under, before);
  const trap = trapOf(node, under);
  if (trap !== null) return trapping(trap, (node as ts.YieldExpression).expression!, under, before);
  if (ts.isParenthesizedExpression(node)) return `(${expression(node.expression, under, before)})`;
  if (ts.isNonNullExpression(node) || ts.isAsExpression(node)) return expression(node.expression, under, before);
  if (ts.isPrefixUnaryExpression(node) && !isAssignment(node))
    return `${ts.tokenToString(node.operator)}${expression(node.operand, under, before)}`;
  if (ts.isConditionalExpression(node)) return conditional(node, under, before);
  if (ts.isBinaryExpression(node)) return binary(node, under, before);
  if (ts.isPropertyAccessExpression(node) && !ts.isOptionalChain(node))
    return `${expression(node.expression, under, before)}.${node.name.text}`;
  return text(node, under);
}

/** `of`: what is written for a branch. */
function conditional(node: ts.ConditionalExpression, under: Inlined, before: string[], of = expression): string {
  const name = unique('$v');
  const condition = expression(node.condition, under, before);
  const [yes, no] = [node.whenTrue, node.whenFalse].map((branch) => assigned(name, branch, under, of));
  before.push(`let ${name};`, `if (${condition}) {`, ...yes, `} else {`, ...no, `}`);
  return name;
}

function assigned(name: string, value: ts.Expression, under: Inlined, of = expression): string[] {
  const statements: string[] = [];
  const result = of(value, under, statements);
  return [...statements, `${name} = ${result};`];
}

const SHORT_CIRCUITS = new Map<ts.SyntaxKind, (name: string) => string>([
  [ts.SyntaxKind.AmpersandAmpersandToken, (name) => name],
  [ts.SyntaxKind.BarBarToken, (name) => `!${name}`],
  [ts.SyntaxKind.QuestionQuestionToken, (name) => `${name} === undefined || ${name} === null`],
]);

function binary(node: ts.BinaryExpression, under: Inlined, before: string[]): string {
  const { left, operatorToken, right } = node;
  const operator = operatorToken.getText();
  if (!hasInlinable(right, under)) return `${expression(left, under, before)} ${operator} ${text(right, under)}`;
  if (isAssignment(node)) {
    if (operatorToken.kind !== ts.SyntaxKind.EqualsToken || !ts.isIdentifier(left)) return text(node, under);
    return `${text(left)} = ${expression(right, under, before)}`;
  }
  const goesOn = SHORT_CIRCUITS.get(operatorToken.kind);
  if (goesOn === undefined) return `${saved(left, under, before)} ${operator} ${expression(right, under, before)}`;
  const name = unique('$v');
  before.push(`let ${name} = ${expression(left, under, before)};`);
  before.push(`if (${goesOn(name)}) {`, ...assigned(name, right, under), `}`);
  return name;
}

/** The text of the function in the place of a call; its value, if that is wanted. */
function call(fn: Fn, given: readonly ts.Expression[], under: Inlined, before: string[], wanted: boolean): string {
  under.size.letters += fn.body.getText().length;
  return inPlace(fn, parameters(fn, given, under, before), under, before, wanted);
}

/** The same; `binds` are its parameters. */
function inPlace(fn: Fn, binds: readonly string[], under: Inlined, before: string[], wanted: boolean): string {
  const label = unique(`${fn.name.text}_`);
  const result = wanted ? unique('$v') : null;
  const inside: Inlined = {
    stack: [...under.stack, fn],
    leave: { label, result },
    delegates: !isGenerator(fn),
    size: under.size,
  };
  if (result !== null) before.push(`let ${result};`);
  before.push(`${label}: {`, ...binds, ...fn.body.statements.map((node) => statement(node, inside)), `}`);
  return result ?? 'undefined';
}

/** The text of the function that a kernel usually has; one that has another one gets that called. */
function guarded(
  fn: Fn,
  { expression: callee, arguments: given }: ts.CallExpression,
  under: Inlined,
  before: string[],
): string {
  const result = unique('$v');
  const name = unique('$f');
  let start = `${name}(`;
  if (ts.isPropertyAccessExpression(callee)) {
    const object = hoisted(expression(callee.expression, under, before), before);
    before.push(`const ${name} = ${object}.${callee.name.text};`);
    start = `${name}.call(${object}, `;
  } else before.push(`const ${name} = ${expression(callee, under, before)};`);
  const inside: string[] = [];
  const value = call(fn, given, under, inside, true);
  const other = `${start}${given.map((argument) => text(argument, under)).join(', ')})`;
  before.push(
    `let ${result};`,
    `if (${name} === ${twinOf(fn) ?? text(fn.name)}) {`,
    ...inside,
    `${result} = ${value};`,
    `} else ${result} = ${entered(other)};`,
  );
  return result;
}

/** The fault handler of the walk that is yielded, if it is to be written out. */
function trapOf(node: ts.Node, under: Inlined): Fn | null {
  if (!ts.isYieldExpression(node) || node.asteriskToken === undefined || !hot.has(under.stack.at(-1)!)) return null;
  const method = checker.getTypeAtLocation(node.expression!).getProperty('fault')?.valueDeclaration;
  if (method === undefined || !ts.isMethodDeclaration(method)) return null;
  const body = onlyReturn(method.body);
  if (body === undefined || !ts.isCallExpression(body)) return null;
  const fn = functionOf(body.expression);
  const ofWalk = body.arguments.length === 1 && body.arguments[0].kind === ts.SyntaxKind.ThisKeyword;
  return fn !== null && ofWalk && hot.has(fn) ? fn : null;
}

/** A walk, and behind it what its thread does if it traps. */
function trapping(fn: Fn, made: ts.Expression, under: Inlined, before: string[]): string {
  const name = fn.parameters[0].name as ts.Identifier;
  const parameter = name.text;
  const value = expression(made, under, before);
  const keepsName = isConstant(made) && value === parameter && !isSet(fn, name);
  const walk = keepsName ? value : hoisted(value, before);
  const result = unique('$v');
  const inside: string[] = [];
  const signal = inPlace(fn, walk === parameter ? [] : [`let ${parameter} = ${walk};`], under, inside, true);
  before.push(
    `let ${result} = ${machine('askWalk', 'ask')}(${walk});`,
    `if (${result} === ${machine('STOP')}) ${result} = yield ${walk};`,
    `else if (${result} === ${machine('TRAP')}) {`,
    ...inside,
    `${result} = ${machine('running', 'thread')}.handled(${walk}, ${signal});`,
    `}`,
  );
  return result;
}

/** Parameters as variables of the block. Arguments are evaluated before it, where its names mean nothing yet. */
function parameters(fn: Fn, given: readonly ts.Expression[], under: Inlined, before: string[]): string[] {
  const names = new Set([...fn.parameters.flatMap(({ name }) => namesIn(name)), ...declaredIn(fn.body)]);
  const keeps = any(fn.body, ts.isFunctionLike); // what the caller does to its variable later would be seen there
  return fn.parameters.flatMap((parameter, i) => {
    const { name, initializer } = parameter;
    const argument = given.at(i);
    if (argument === undefined)
      return [`let ${text(name)} = ${initializer === undefined ? 'undefined' : text(initializer)};`];
    const symbol = checker.getSymbolAtLocation(name);
    const place = ts.isIdentifier(argument) ? places.get(symbolOf(argument)!) : undefined;
    if (symbol !== undefined) places.delete(symbol);
    if (place !== undefined) {
      places.set(symbol!, place);
      return [];
    }
    const value = expression(argument, under, before);
    if (ts.isIdentifier(name) && initializer === undefined && value === name.text && !keeps && !isSet(fn, name))
      return [];
    const free = /^[\w$.]+$/.test(value) ? value.split('.').every((part) => !names.has(part)) : false;
    const safe = free && i === given.length - 1 ? value : hoisted(value, before);
    const used = initializer === undefined ? safe : `${safe} === undefined ? ${text(initializer)} : ${safe}`;
    return [`let ${text(name)} = ${used};`];
  });
}

/** A name that is never set again. */
function isConstant(node: ts.Expression): boolean {
  const declaration = ts.isIdentifier(node) ? symbolOf(node)?.valueDeclaration : undefined;
  return declaration !== undefined && (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0;
}

function hoisted(value: string, before: string[]): string {
  if (/^(\d+|true|false|null|\$v\$\d+)$/.test(value)) return value;
  const name = unique('$v');
  before.push(`const ${name} = ${value};`);
  return name;
}

function namesIn(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : namesIn(element.name)));
}

/** Names that the block itself declares. */
function declaredIn({ statements }: ts.Block): string[] {
  return statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations.flatMap(({ name }) => namesIn(name)));
}

/** Is the parameter ever assigned to? */
function isSet(fn: Fn, name: ts.Identifier): boolean {
  const symbol = checker.getSymbolAtLocation(name);
  const isIt = (node: ts.Node): boolean => ts.isIdentifier(node) && checker.getSymbolAtLocation(node) === symbol;
  return any(fn.body, (node) => {
    if (!isAssignment(node)) return false;
    return isIt(ts.isBinaryExpression(node) ? node.left : (node as ts.PrefixUnaryExpression).operand);
  });
}

// ---- statements ----

function statement(node: ts.Statement, under: Inlined): string {
  const before: string[] = [];
  const result = oneStatement(node, under, before);
  return [...before, result].join('\n');
}

function block(node: ts.Statement, under: Inlined): string {
  if (!ts.isBlock(node)) return `{\n${statement(node, under)}\n}`;
  return `{\n${node.statements.map((inner) => statement(inner, under)).join('\n')}\n}`;
}

function oneStatement(node: ts.Statement, under: Inlined, before: string[]): string {
  if (ts.isReturnStatement(node)) return returned(node.expression, under, before);
  if (ts.isBlock(node)) return block(node, under);
  if (ts.isExpressionStatement(node)) return expressionStatement(node.expression, under, before);
  if (ts.isVariableStatement(node)) return variables(node.declarationList, under, before);
  if (ts.isIfStatement(node)) return conditionalStatement(node, under, before);
  if (ts.isForStatement(node)) {
    const [first, condition, next] = [node.initializer, node.condition, node.incrementor].map((part) =>
      part === undefined ? '' : text(part),
    );
    return `for (${first}; ${condition}; ${next}) ${block(node.statement, under)}`;
  }
  if (ts.isForOfStatement(node)) {
    const all = expression(node.expression, under, before);
    return `for (${text(node.initializer)} of ${all}) ${block(node.statement, under)}`;
  }
  if (ts.isWhileStatement(node)) {
    if (!hasInlinable(node.expression, under))
      return `while (${text(node.expression)}) ${block(node.statement, under)}`;
    const each: string[] = [];
    const condition = expression(node.expression, under, each);
    return `for (;;) {\n${each.join('\n')}\nif (!(${condition})) break;\n${statement(node.statement, under)}\n}`;
  }
  if (ts.isDoStatement(node) && !hasInlinable(node.expression, under))
    return `do ${block(node.statement, under)} while (${text(node.expression)});`;
  if (ts.isSwitchStatement(node)) {
    const value = expression(node.expression, under, before);
    const clauses = node.caseBlock.clauses.map((clause) => {
      const head = ts.isCaseClause(clause) ? `case ${text(clause.expression)}:` : 'default:';
      return `${head}\n${clause.statements.map((inner) => statement(inner, under)).join('\n')}`;
    });
    return `switch (${value}) {\n${clauses.join('\n')}\n}`;
  }
  if (any(node, ts.isReturnStatement)) throw new Error(`no rule for ${ts.SyntaxKind[node.kind]}: ${node.getText()}`);
  return text(node);
}

function expressionStatement(node: ts.Expression, under: Inlined, before: string[]): string {
  const fn = inlinable(node, under);
  if (fn === null) return `${expression(node, under, before)};`;
  call(fn, ((node as ts.YieldExpression).expression as ts.CallExpression).arguments, under, before, false);
  return '';
}

function variables(list: ts.VariableDeclarationList, under: Inlined, before: string[]): string {
  const keyword = (list.flags & ts.NodeFlags.Const) !== 0 ? 'const' : 'let';
  list.declarations.forEach(({ name, initializer }) => {
    const symbol = checker.getSymbolAtLocation(name);
    const place = keyword === 'let' || initializer === undefined ? null : placed(name, initializer, under, before);
    if (symbol !== undefined) places.delete(symbol);
    if (place !== null) {
      places.set(symbol!, place);
      return;
    }
    const value = initializer === undefined ? '' : ` = ${expression(initializer, under, before)}`;
    before.push(`${keyword} ${text(name)}${value};`);
  });
  return '';
}

function conditionalStatement(node: ts.IfStatement, under: Inlined, before: string[]): string {
  const condition = expression(node.expression, under, before);
  const otherwise = node.elseStatement === undefined ? '' : ` else ${block(node.elseStatement, under)}`;
  return `if (${condition}) ${block(node.thenStatement, under)}${otherwise}`;
}

function returned(value: ts.Expression | undefined, under: Inlined, before: string[]): string {
  const { leave } = under;
  if (under.delegates) {
    const inner: string[] = [];
    const result = delegated(value!, under, inner);
    const set = leave!.result === null ? `${result};` : `${leave!.result} = ${result};`;
    return `{\n${[...inner, set].join('\n')}\nbreak ${leave!.label};\n}`;
  }
  const result = value === undefined ? 'undefined' : expression(value, under, before);
  if (leave === null) return `return ${result};`;
  const set = leave.result === null ? (value === undefined ? '' : `${result};`) : `${leave.result} = ${result};`;
  return `{ ${set} break ${leave.label}; }`;
}

/** `yield* value`, where `value` is what a function returns that is no coroutine itself. */
function delegated(value: ts.Expression, under: Inlined, before: string[]): string {
  if (ts.isParenthesizedExpression(value)) return delegated(value.expression, under, before);
  if (ts.isIdentifier(value) && value.text === 'NOTHING') return 'undefined';
  if (ts.isConditionalExpression(value)) return conditional(value, under, before, delegated);
  const star = asked(value);
  const fn = inlinable(star, under);
  if (fn !== null) return call(fn, (value as ts.CallExpression).arguments, under, before, true);
  const most = usual(star, under);
  if (most !== null) return guarded(most, value as ts.CallExpression, under, before);
  return stepText(star) ?? entering(value, under) ?? `(yield* ${text(value, under)})`;
}

/** `yield* value`, for those who look at the operand only. */
function asked(value: ts.Expression): ts.YieldExpression {
  const node = ts.factory.createYieldExpression(
    ts.factory.createToken(ts.SyntaxKind.AsteriskToken),
    ts.factory.createNull(),
  );
  return Object.assign(node, { expression: value });
}

// ---- the file ----

function twin(fn: Fn): string {
  const root: Inlined = { stack: [fn], leave: null, delegates: false, size: { letters: 0 } };
  const given = fn.parameters.map((parameter) => text(parameter)).join(', ');
  variablesOfTwin = ['$t', '$c'];
  places.clear();
  const body = fn.body.statements.map((node) => statement(node, root)).join('\n');
  const star = isGenerator(fn) ? '*' : '';
  return `function${star} ${twins.get(fn)!}(${given}) {\nlet ${variablesOfTwin.join(', ')};\n${body}\n}`;
}

const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(SRC));
ours.forEach(findOverridden);
findHot();
ours.filter(isText).forEach(countCalls);
for (const node of ours.filter(isText).flatMap(({ statements }) => statements)) {
  if (ts.isFunctionDeclaration(node) && node.body !== undefined) twinOf(node as Fn);
}
const all: string[] = [];
const pairs: string[] = [];
while (pending.length > 0) {
  const fn = pending.pop()!;
  all.push(twin(fn));
  const symbol = checker.getSymbolAtLocation(fn.name)!;
  pairs.push(`[${imported(symbol, fn)}, ${twins.get(fn)!}]`);
}

const lines = [...imports].flatMap(([symbol, name]) => {
  if (!name.includes('$')) return [];
  const file = relative(SRC, symbol.valueDeclaration!.getSourceFile().fileName).replace(/\.ts$/, '.js');
  if (isVariable(symbol)) return [`import { ${symbol.name} as ${name} } from '../${file}';`];
  return [`import { ${symbol.name} as ${name}$ } from '../${file}';`, `var ${name} = ${name}$;`];
});

/** V8 folds the constants of a module where it uses them; what it imports it loads and checks each time. */
function isVariable({ valueDeclaration }: ts.Symbol): boolean {
  return (
    ts.isVariableDeclaration(valueDeclaration!) &&
    (ts.getCombinedNodeFlags(valueDeclaration) & ts.NodeFlags.Const) === 0
  );
}
const source = `${lines.join('\n')}\n${all.join('\n')}\nconst twins = new Map([\n${pairs.join(',\n')}\n]);\nexport function flat(f) { return twins.get(f) ?? f; }\n`;
const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
const { outputText } = ts.transpileModule(source, { compilerOptions: options });
rmSync(join(DIST, 'workload/flat.js.map'));
writeFileSync(join(DIST, 'workload/flat.js'), outputText.replace(/^ +/gm, ''));
for (const [file, names] of toExport) {
  const path = join(DIST, relative(SRC, file.fileName).replace(/\.ts$/, '.js'));
  appendFileSync(path, `\nexport { ${[...names].join(', ')} }; // for flat.js\n`);
}
