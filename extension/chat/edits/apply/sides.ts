import type { Outline } from "./parts.js";

/** A symbol of a file, as a language server tells it. Lines from 0. */
export interface SymbolRange {
  name: string;
  /** First line, with what belongs to it, and last line. */
  start: number;
  end: number;
  /** The line with its name. */
  nameLine: number;
}

/** The file and the block, and what a language server knows of the file. */
export interface Sides {
  file: Outline;
  block: Outline;
  symbols: readonly SymbolRange[];
}
