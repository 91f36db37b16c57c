/**
 * The ESLint rule `prose/english`: comments, titles of tests, and strings that users see.
 *
 * Law: finds the prose of a program and where it is; what is wrong with it is `rules.js`'s.
 */
import path from 'node:path';
import { blocksOf, isDirective, sourceOffset } from './comment-blocks.js';
import { findingsIn } from './rules.js';

const TEST_CALLS = new Set(['test', 'it', 'describe', 'suite', 'bench']);
/** Calls and properties whose strings users do not see. */
const CODE =
  /=>|[{}<>]|===|\\[nrdsw]|\b(?:const|let|return|import|export|function|await) |^\W*(?:GET|POST|HTTP)\b/;
const INSERTED = '\u2400';

/** Line comments that follow each other are one comment. */
function joined(comments, source) {
  const groups = [];
  for (const comment of comments) {
    const last = groups.at(-1)?.at(-1);
    const isNext =
      last?.type === 'Line' &&
      comment.type === 'Line' &&
      last.loc.end.line + 1 === comment.loc.start.line &&
      source.getTokenBefore(comment)?.range[1] === source.getTokenBefore(last)?.range[1];
    if (isNext) groups.at(-1).push(comment);
    else groups.push([comment]);
  }
  return groups;
}

/** The text of a comment with everything that is no text blanked, so that offsets are the source's. */
function commentText(group) {
  const start = group[0].range[0];
  if (group[0].type === 'Block') return { value: group[0].value, start: start + 2 };
  const lines = group.map(({ value }) => (isDirective(value) ? '' : value));
  return { lines, start };
}

function checkComments(source, report) {
  for (const group of joined(source.getAllComments(), source)) {
    const { value, lines, start } = commentText(group);
    if (lines === undefined) {
      if (group[0].value.startsWith('/') || isDirective(value.replace(/^\*/, ''))) continue;
      checkBlocks(value, (offset) => start + offset, report);
    } else checkBlocks(lines.join('\n'), lineOffset(group, lines), report);
  }
}

/** From an offset in the joined lines to one in the source. */
function lineOffset(group, lines) {
  return (offset) => {
    let at = 0;
    for (const [index, line] of lines.entries()) {
      if (offset <= at + line.length) return group[index].range[0] + 2 + offset - at;
      at += line.length + 1;
    }
    return group[0].range[0];
  };
}

function checkBlocks(value, toSource, report) {
  for (const block of blocksOf(value))
    for (const finding of findingsIn(block.text, 'comment'))
      report(toSource(sourceOffset(block, finding.offset)), finding);
}

/** A string, a template or a sum of them as one text; inserted values are one word. Undefined: none of them. */
function textOf(node) {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined;
  if (node.type === 'TemplateLiteral') return node.quasis.map(({ value }) => value.cooked).join(INSERTED);
  if (node.type !== 'BinaryExpression' || node.operator !== '+') return undefined;
  const [left, right] = [textOf(node.left), textOf(node.right)];
  return left === undefined && right === undefined ? undefined : (left ?? INSERTED) + (right ?? INSERTED);
}

function isTitle({ parent }, node) {
  if (parent.type !== 'CallExpression' || parent.arguments[0] !== node) return false;
  let callee = parent.callee;
  while (callee.type !== 'Identifier') {
    const inner = callee.object ?? callee.callee ?? callee.tag;
    if (inner === undefined) return false;
    callee = inner;
  }
  const isEach = parent.callee.type === 'MemberExpression' && parent.callee.property.name === 'each';
  return TEST_CALLS.has(callee.name) && !isEach;
}

function kindOf(node, isProgram) {
  const { parent } = node;
  if (isTitle(node, node)) return 'title';
  if (!isProgram) return undefined;
  if (parent.type === 'Property' && parent.value === node && parent.key.name === 'help') return 'help';
  return 'string';
}

function checkString(node, isProgram, report) {
  if (node.parent.type === 'BinaryExpression' && node.parent.operator === '+') return;
  if (/^(?:Import|Export|TSLiteral|TaggedTemplate)/.test(node.parent.type)) return;
  const text = textOf(node);
  if (text === undefined) return;
  const kind = kindOf(node, isProgram);
  const isProse = kind !== undefined && (kind !== 'string' || text.trim().split(/\s+/).length > 2);
  if (!isProse || CODE.test(text)) return;
  for (const finding of findingsIn(text, kind)) report(node.range[0] + 1, finding);
}

const english = {
  meta: { type: 'suggestion', schema: [], messages: { fault: '{{rule}}: {{message}}' } },
  create(context) {
    const { sourceCode } = context;
    const file = path.relative(context.cwd, path.resolve(context.cwd, context.filename));
    const isProgram = file.startsWith(`src${path.sep}`);
    const report = (offset, data) => {
      const loc = sourceCode.getLocFromIndex(Math.min(offset, sourceCode.text.length));
      context.report({ loc, messageId: 'fault', data });
    };
    const check = (node) => checkString(node, isProgram, report);
    return {
      Program: () => checkComments(sourceCode, report),
      Literal: check,
      TemplateLiteral: check,
      BinaryExpression: check,
    };
  },
};

export default { rules: { english } };
