/** What a reference leads to, wherever that is. */
import type { ModelRecord } from "../record.js";

/** One model that can be had: what to download, and what is known of it beforehand. */
export interface Candidate {
  /** Of its first file. */
  name: string;
  quantization?: string;
  /** All its files together. */
  bytes?: number;
  record: ModelRecord;
}

/** What a reference leads to. */
export interface ResolvedReference {
  title: string;
  licence?: string;
  /** Asks for a token and an accepted licence. */
  gated: boolean;
  /** For people. */
  page?: string;
  /** It comes from a mirror: why not from where it comes first. */
  insteadOf?: string;
  /** At least one, the smallest first. */
  candidates: Candidate[];
}
