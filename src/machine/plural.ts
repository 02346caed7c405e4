/** `1 thread`, `1,024 threads`: counts in messages. It stands here because every room that has messages may import it. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`;
}
