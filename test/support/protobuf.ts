/** Reads the wire format of protocol buffers, by https://protobuf.dev/programming-guides/encoding/. */

export interface Decoded {
  readonly field: number;
  /** Of a varint. */
  readonly number: number;
  /** Of a field with a length: what is in it. */
  readonly bytes: Uint8Array;
  message(): Decoded[];
}

export function decode(bytes: Uint8Array): Decoded[] {
  const fields: Decoded[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0n, 1n];
    for (;;) {
      if (at >= bytes.length) throw new Error('a varint is cut off');
      const byte = BigInt(bytes[at++]);
      value += (byte & 127n) * factor;
      factor *= 128n;
      if (byte < 128n) return Number(value);
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire !== 0 && wire !== 2) throw new Error(`wire type ${wire} at ${at}`);
    const number = varint();
    const inner = wire === 2 ? bytes.subarray(at, at + number) : new Uint8Array();
    if (wire === 2 && inner.length !== number) throw new Error('a field is cut off');
    if (wire === 2) at += number;
    fields.push({ field: Math.floor(tag / 8), number, bytes: inner, message: () => decode(inner) });
  }
  return fields;
}
