/**
 * Loops of a patch count their rounds: one that never ends would hold up this process, and no signal would be heard. A
 * transformer for TypeScript: `for (;;) { }` becomes `let rounds = 0; for (;;) { if (++rounds > MOST) tooMany('…'); }`.
 */
import type typescript from 'typescript';
import { Misuse } from '../machine/thread.ts';

type TypeScript = typeof typescript;

/** More rounds than any loop over what a machine has, and done in a moment if there are no steps in it. */
const MOST = 10_000_000;

/** By this name the text of a patch finds `tooMany`. */
const TOO_MANY = '__faultline_tooManyRounds';
Object.assign(globalThis, { [TOO_MANY]: tooMany });

function tooMany(place: string): never {
  throw new Misuse(`${place}: this loop of the patch has gone round ${MOST.toLocaleString('en')} times`);
}

/** `name`: of the file, for the message. */
export function countRounds(ts: TypeScript, name: string): typescript.TransformerFactory<typescript.SourceFile> {
  return (context) => (file) => {
    const { factory } = context;

    function loopIn(node: typescript.Node): typescript.IterationStatement | undefined {
      const inner = ts.isLabeledStatement(node) ? node.statement : node;
      return ts.isIterationStatement(inner, false) ? inner : undefined;
    }

    function toBlock(nodes: readonly typescript.Node[]): typescript.Block {
      return factory.createBlock(nodes.filter(ts.isStatement));
    }

    function visit(node: typescript.Node): typescript.VisitResult<typescript.Node> {
      const loop = loopIn(node);
      if (loop === undefined) return ts.visitEachChild(node, visit, context);
      const { line, character } = file.getLineAndCharacterOfPosition(loop.getStart(file));
      const rounds = factory.createUniqueName('rounds');
      const one = factory.createPrefixUnaryExpression(ts.SyntaxKind.PlusPlusToken, rounds);
      const place = factory.createStringLiteral(`${name}:${line + 1}:${character + 1}`);
      const call = factory.createCallExpression(factory.createIdentifier(TOO_MANY), undefined, [place]);
      const check = factory.createIfStatement(
        factory.createGreaterThan(one, factory.createNumericLiteral(MOST)),
        factory.createExpressionStatement(call),
      );
      const zero = factory.createVariableDeclaration(rounds, undefined, undefined, factory.createNumericLiteral(0));
      const declared = factory.createVariableStatement(
        undefined,
        factory.createVariableDeclarationList([zero], ts.NodeFlags.Let),
      );
      const counted = (body: typescript.Statement): typescript.Block => {
        const inside = ts.visitNode(body, visit, ts.isStatement, toBlock);
        return factory.createBlock([check, ...(ts.isBlock(inside) ? inside.statements : [inside])], true);
      };
      const seen = ts.visitEachChild(
        node,
        function within(child): typescript.VisitResult<typescript.Node> {
          if (child === loop.statement) return counted(loop.statement);
          return child === loop ? ts.visitEachChild(child, within, context) : visit(child);
        },
        context,
      );
      return [declared, seen];
    }

    return ts.visitEachChild(file, visit, context);
  };
}
