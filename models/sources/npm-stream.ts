/** npm's client types its streams as of Node's old kind, which may yield text. */
export async function* chunksOf(stream: NodeJS.ReadableStream | null): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream ?? []) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
