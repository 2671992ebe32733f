/**
 * Reads messages framed by a `Content-Length` header. vscode-jsonrpc's own reader (10.0.0) takes any length: after a negative
 * one it understands nothing more, and after a huge one it collects without end. This one drops what is wrong and goes on with
 * the next header.
 */
import type { Readable } from "node:stream";
import { AbstractMessageReader, type DataCallback, type Disposable, type Message } from "vscode-jsonrpc/node";

/** In bytes, of one message: four times the longest text that a request takes. */
const largestMessage = 2 ** 26;
/** In bytes, of all header lines of one message. */
const largestHeader = 4096;
const headerEnd = Buffer.from("\r\n\r\n");

export class BoundedMessageReader extends AbstractMessageReader {
  readonly #stream: Readable;
  /** What came and is not read yet. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Length of the message whose header has been read. */
  #length: number | undefined;
  /** Bytes of a refused message that are still to come. */
  #skip = 0;

  constructor(stream: Readable) {
    super();
    this.#stream = stream;
  }

  listen(callback: DataCallback): Disposable {
    const onData = (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      while (this.#next(callback));
    };
    this.#stream.on("data", onData);
    this.#stream.on("error", (error) => this.fireError(error));
    this.#stream.once("close", () => this.fireClose());
    return { dispose: () => this.#stream.off("data", onData) };
  }

  /** Reads a header or a message. @returns whether there may be more to read */
  #next(callback: DataCallback): boolean {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, this.#bytes);
      this.#take(skipped);
      this.#skip -= skipped;
      return this.#skip === 0;
    }
    if (this.#length === undefined) return this.#readHeader();
    if (this.#bytes < this.#length) return false;
    const body = this.#take(this.#length);
    this.#length = undefined;
    try {
      const message: Message = JSON.parse(body.toString("utf8"));
      callback(message);
    } catch (error) {
      this.fireError(error);
    }
    return true;
  }

  #readHeader(): boolean {
    const start = this.#peek(largestHeader);
    const end = start.indexOf(headerEnd);
    if (end < 0) {
      if (start.length < largestHeader) return false;
      this.#take(start.length - headerEnd.length + 1);
      this.fireError(new Error(`A header has more than ${largestHeader} bytes.`));
      return true;
    }
    const header = this.#take(end + headerEnd.length).toString("latin1", 0, end);
    const length = Number(/^content-length: *(\d{1,15}) *$/im.exec(header)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) {
      this.fireError(new Error("A header has no valid Content-Length."));
    } else if (length > largestMessage) {
      this.#skip = length;
      this.fireError(new Error(`A message has ${length} bytes. ${largestMessage} are allowed.`));
    } else {
      this.#length = length;
    }
    return true;
  }

  /** The first bytes that came, at most so many. They stay. */
  #peek(bytes: number): Buffer {
    if ((this.#chunks[0]?.length ?? 0) < Math.min(bytes, this.#bytes)) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]?.subarray(0, bytes) ?? Buffer.alloc(0);
  }

  #take(bytes: number): Buffer {
    if (bytes > (this.#chunks[0]?.length ?? 0)) this.#chunks = [Buffer.concat(this.#chunks)];
    const [first = Buffer.alloc(0), ...others] = this.#chunks;
    const rest = first.subarray(bytes);
    this.#chunks = rest.length > 0 ? [rest, ...others] : others;
    this.#bytes -= bytes;
    return first.subarray(0, bytes);
  }
}
