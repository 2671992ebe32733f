import { writeJson } from "../../../models/files/atomicJson.js";

/** Keeps a JSON file like a value: the newest is written, and what it was while another was written is not. */
export class JsonFollower {
  private writing: Promise<void> | undefined;
  private isStale = false;

  /** @param value what is to be in the file; called for each writing. @param failed told of what the disk refuses */
  constructor(
    private readonly file: string,
    private readonly value: () => unknown,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Writes the value of now. Never rejects. */
  store(): Promise<void> {
    this.isStale = true;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    while (this.isStale) {
      this.isStale = false;
      try {
        await writeJson(this.file, this.value());
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
