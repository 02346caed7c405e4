/** The wire format of protocol buffers, as much as is needed: varints, and everything that has a length. */

export class ProtoWriter {
  private bytes = new Uint8Array(256);
  private length = 0;

  /** A whole number from 0 up. */
  uint(field: number, value: number): this {
    this.varint(field * 8);
    this.varint(value);
    return this;
  }
  string(field: number, text: string): this {
    return this.chunk(field, new TextEncoder().encode(text));
  }
  message(field: number, inner: ProtoWriter): this {
    return this.chunk(field, inner.finish());
  }
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private chunk(field: number, data: Uint8Array): this {
    this.varint(field * 8 + 2);
    this.varint(data.length);
    this.reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
    return this;
  }

  private varint(value: number): void {
    this.reserve(10);
    // no shifts: they have 32 bits
    for (; value > 127; value = Math.floor(value / 128)) this.bytes[this.length++] = (value % 128) + 128;
    this.bytes[this.length++] = value;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
