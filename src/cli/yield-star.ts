/**
 * A forgotten `yield*` compiles and silently does nothing: `unmap_page(page);` makes a generator and drops it,
 * `if (anon_vma_prepare(vma))` is always true. So is a forgotten `yield*` before a Step: `spin_lock(ptl);` locks nothing.
 * This check asks TypeScript for the type of every expression and reports generators and Steps whose value is thrown
 * away or taken for something else. Handing one on (argument, property, array, `return` from a plain function) is fine.
 * Left out: values typed `any`, and variables that hold a generator only sometimes.
 */
import { relative } from 'node:path';
import ts from 'typescript';

type Kind = 'generator' | 'Step';
/** What becomes of a value. */
type Role = 'dropped' | 'tested' | 'computed' | 'yielded' | 'returned' | 'kept';

/** Files that do not change while the process runs. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** Reads the files that are looked at, and whatever they import once only. */
function hostFor(files: readonly string[], options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (path, ...how) => {
    if (files.includes(path)) return read(path, ...how);
    if (!parsed.has(path)) parsed.set(path, read(path, ...how));
    return parsed.get(path);
  };
  return host;
}

/** Every misuse in `files`, as `file:line:col: message`; the file is named from here. */
export function forgottenYieldStar(files: readonly string[], compilerOptions: ts.CompilerOptions): string[] {
  const options = { ...compilerOptions, noEmit: true };
  const program = ts.createProgram(files, options, hostFor(files, options));
  const checker = program.getTypeChecker();
  const found: string[] = [];

  const firstKind = (types: ts.Type[]) => types.map(kindOf).find((kind) => kind !== undefined);

  function kindOf(type: ts.Type): Kind | undefined {
    if (type.aliasSymbol?.name === 'Step') return 'Step';
    if (type.isUnionOrIntersection()) return firstKind(type.types);
    if (type.symbol?.name === 'Generator') return 'generator';
    if (type.symbol?.name === 'Step') return 'Step';
    return type.isClassOrInterface() ? firstKind(checker.getBaseTypes(type)) : undefined;
  }

  function report(node: ts.Node, message: string): void {
    const file = node.getSourceFile();
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart());
    found.push(`${relative('.', file.fileName)}:${line + 1}:${character + 1}: ${message}`);
  }

  function complain(node: ts.Expression, kind: Kind, role: Role): void {
    const text = `'${node.getText().replace(/\s+/g, ' ')}'`;
    const missing = 'missing yield*';
    if (role === 'dropped') report(node, `${text} makes a ${kind} and drops it: ${missing}`);
    if (role === 'tested') report(node, `${text} is a ${kind} and always true: ${missing}`);
    if (role === 'computed') report(node, `${text} is a ${kind}, not its result: ${missing}`);
    if (role === 'returned') report(node, `function* returns ${text}, a ${kind}, not its result: ${missing}`);
    if (role === 'yielded' && kind === 'generator') report(node, `yield ${text} hands out the ${kind}: write yield*`);
  }

  /** A variable or field. To ask whether it holds one (`if (task.coroutine)`) or drop a Step's name is nobody's bug. */
  function checkRead(node: ts.Expression): void {
    const role = roleOf(node);
    if (role === 'kept') return;
    const kind = kindOf(checker.getTypeAtLocation(node));
    if (kind === 'Step' && role !== 'returned') return;
    const symbol = checker.getSymbolAtLocation(node);
    const declared = symbol ? checker.getTypeOfSymbol(symbol) : checker.getTypeAtLocation(node);
    const mayBeAbsent = ts.isElementAccessExpression(node) || declared !== checker.getNonNullableType(declared);
    if (kind && !(role === 'tested' && mayBeAbsent)) complain(node, kind, role);
  }

  /** `const err = anon_vma_prepare(vma)`, and then `err` is at most tested. */
  function checkVariable({ name, initializer, parent }: ts.VariableDeclaration): void {
    if (!ts.isIdentifier(name) || !initializer || !ts.isCallExpression(initializer)) return;
    const kind = kindOf(checker.getTypeAtLocation(initializer));
    const symbol = checker.getSymbolAtLocation(name);
    if (!kind || !symbol || parent.parent.getText().startsWith('export')) return;
    const uses = (node: ts.Node): boolean =>
      (ts.isIdentifier(node) && node.text === name.text && node !== name && isUse(node, symbol)) ||
      node.getChildren().some(uses);
    if (!uses(name.getSourceFile())) report(name, `'${name.text}' holds a ${kind} that nobody runs`);
  }

  function isUse(node: ts.Identifier, symbol: ts.Symbol): boolean {
    const up = node.parent;
    if (ts.isShorthandPropertyAssignment(up)) return checker.getShorthandAssignmentValueSymbol(up) === symbol;
    if (ts.isBinaryExpression(up) && up.left === node && up.operatorToken.kind === ts.SyntaxKind.EqualsToken)
      return false;
    return checker.getSymbolAtLocation(node) === symbol && !['dropped', 'tested', 'computed'].includes(roleOf(node));
  }

  /** `vmas.forEach((vma) => unmap_vma(vma))`: the callee expects no result and drops the generator. */
  function checkCallback(node: ts.Expression): void {
    const isArgument = ts.isCallExpression(node.parent) && node.parent.arguments.includes(node);
    if (!isArgument && !ts.isArrowFunction(node) && !ts.isFunctionExpression(node)) return;
    const signatures = checker.getTypeAtLocation(node).getCallSignatures();
    const kind = firstKind(signatures.map((signature) => signature.getReturnType()));
    const [expected] = (kind && checker.getContextualType(node)?.getNonNullableType().getCallSignatures()) ?? [];
    const ignored = ts.TypeFlags.Void | ts.TypeFlags.Unknown | ts.TypeFlags.BooleanLike;
    if (expected && expected.getReturnType().flags & ignored) report(node, `the caller drops the ${kind} this returns`);
  }

  function visit(node: ts.Node): void {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const kind = kindOf(checker.getTypeAtLocation(node));
      if (kind) complain(node, kind, roleOf(node));
    } else if (ts.isIdentifier(node) || ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) {
      checkRead(node);
    } else if (ts.isVariableDeclaration(node)) {
      checkVariable(node);
    }
    if (ts.isExpression(node)) checkCallback(node);
    ts.forEachChild(node, visit);
  }

  for (const file of files) visit(program.getSourceFile(file)!);
  return found;
}

/** Follows the value of `node` outwards through parentheses, casts, `=`, `&&`, `?:` and commas. */
function roleOf(node: ts.Expression): Role {
  const up = node.parent;
  if (ts.isParenthesizedExpression(up) || ts.isNonNullExpression(up) || ts.isAsExpression(up)) return roleOf(up);
  if (ts.isExpressionStatement(up) || ts.isVoidExpression(up)) return 'dropped';
  if (ts.isIfStatement(up) || ts.isWhileStatement(up) || ts.isDoStatement(up)) return 'tested';
  if (ts.isForStatement(up)) return node === up.condition ? 'tested' : 'dropped';
  if (ts.isConditionalExpression(up)) return node === up.condition ? 'tested' : roleOf(up);
  if (ts.isPrefixUnaryExpression(up)) return up.operator === ts.SyntaxKind.ExclamationToken ? 'tested' : 'computed';
  if (ts.isTemplateSpan(up) || ts.isSwitchStatement(up)) return 'computed';
  if (ts.isYieldExpression(up)) return up.asteriskToken ? 'kept' : 'yielded';
  if (ts.isReturnStatement(up)) return isGenerator(ts.findAncestor(up, ts.isFunctionLike)) ? 'returned' : 'kept';
  return ts.isBinaryExpression(up) ? roleInBinary(node, up) : 'kept';
}

function roleInBinary(node: ts.Expression, up: ts.BinaryExpression): Role {
  const isLeft = up.left === node;
  const operator = up.operatorToken.getText();
  if (['=', '??='].includes(operator)) return isLeft || roleOf(up) === 'dropped' ? 'kept' : roleOf(up);
  if (['&&', '||'].includes(operator)) return isLeft ? 'tested' : roleOf(up);
  if (operator === ',') return isLeft ? 'dropped' : roleOf(up);
  if (operator === '??') return roleOf(up);
  if (['instanceof', 'in'].includes(operator)) return 'kept';
  const other = (isLeft ? up.right : up.left).getText();
  return ['undefined', 'null'].includes(other) ? 'tested' : 'computed';
}

function isGenerator(node: ts.Node | undefined): boolean {
  return node !== undefined && 'asteriskToken' in node && node.asteriskToken !== undefined;
}
