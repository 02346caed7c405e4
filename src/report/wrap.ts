/** Text in lines of a width. */

/** Break at blanks; continuation lines are indented as the first one is, and by `indent`. */
export function wrap(text: string, width: number, indent = '    '): string[] {
  const margin = `${/^ */.exec(text)![0]}${indent}`;
  const lines: string[] = [];
  let line = '';
  for (const word of pieces(text, width - margin.length)) {
    if (line.trim() !== '' && line.length + word.length > width) {
      lines.push(line);
      line = `${margin}${word.trimStart()}`;
    } else {
      line += word;
    }
  }
  return [...lines, line].map((l) => cut(l, width));
}

/** Words with the blanks before them; those that are too long by themselves also end after marks. */
function pieces(text: string, room: number): string[] {
  return text.split(/(?<=\S)(?= )/).flatMap((word) => (word.length <= room ? [word] : word.split(/(?<=[(.>])(?=\w)/)));
}

export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}~`;
}
