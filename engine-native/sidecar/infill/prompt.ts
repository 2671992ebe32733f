/** Prompts that ask how a text goes on, or what stands in a gap: with the model's own tokens, in the form of its family. */
import type { LlamaModel, Token } from "node-llama-cpp";
import type { CompleteParams } from "../../../protocol/messages.js";
import { ownTokens } from "../tokens.js";
import { type InfillFamily, infillFamily } from "./families.js";
import { inOrder, type Layout, layoutOf, type Part } from "./layout.js";

/** Of the room for a prompt, the share of what follows the cursor, and that of other files: they matter less. */
const shareAfter = 1 / 4;
const shareFiles = 1 / 4;
/** Kept free in the context for an answer whose length is not limited. */
const answerTokens = 128;
/** BOS and the tokens of an infill. */
const markTokens = 4;
/**
 * What is cut off at the beginning grows by so many tokens at once: so the prompt begins with the same tokens while somebody
 * types, and what was read of it is kept.
 */
const stepTokens = 256;

const families = new WeakMap<LlamaModel, { family: InfillFamily | undefined }>();

/** How a model is asked for an infill; undefined where its vocabulary has no tokens for it. */
function familyOf(model: LlamaModel): InfillFamily | undefined {
  let known = families.get(model);
  if (!known) {
    const { general } = model.fileInfo.metadata;
    const names = [general.name, general.basename, general.architecture].filter(Boolean).join(" ");
    known = { family: infillFamily((text) => tokenOf(model, text) !== undefined, names) ?? byMetadata(model) };
    families.set(model, known);
  }
  return known.family;
}

/** A vocabulary whose tokens have names of their own, but are told in the metadata. */
function byMetadata({ tokens }: LlamaModel): InfillFamily | undefined {
  const { prefixString: prefix, suffixString: suffix, middleString: middle } = tokens.infill;
  if (prefix === null || suffix === null || middle === null) return undefined;
  return { name: "metadata", marks: { prefix, suffix, middle }, order: "prefix-suffix-middle" };
}

function tokenOf(model: LlamaModel, text: string): Token | undefined {
  const { infill } = model.tokens;
  if (text === infill.prefixString) return infill.prefix ?? undefined;
  if (text === infill.suffixString) return infill.suffix ?? undefined;
  if (text === infill.middleString) return infill.middle ?? undefined;
  const [token, ...others] = model.tokenize(text, true);
  return token !== undefined && others.length === 0 && model.isSpecialToken(token) ? token : undefined;
}

/** Whether the vocabulary has the tokens that an infill needs. */
export const supportsInfill = (model: LlamaModel): boolean => familyOf(model) !== undefined;

/**
 * The ids that ask for what follows the prefix, before the suffix where there is one that the model can use. Nothing of them is
 * cut, but files are left out that have no room in a context of so many tokens beside the answer.
 */
export function completionPrompt(model: LlamaModel, params: CompleteParams, contextTokens: number): Token[] {
  return promptOf(model, params, { forAll: roomIn(contextTokens, params), cuts: false });
}

/** As {@link completionPrompt}; what is far from the cursor is cut where there is no room for it. */
export function cutPrompt(model: LlamaModel, params: CompleteParams, contextTokens: number): Token[] {
  return promptOf(model, params, { forAll: roomIn(contextTokens, params), cuts: true });
}

const roomIn = (contextTokens: number, { maximumTokens = answerTokens }: CompleteParams) =>
  Math.max(1, contextTokens - markTokens - maximumTokens);

/** For a prompt, in tokens. */
interface Room {
  forAll: number;
  cuts: boolean;
}

function promptOf(model: LlamaModel, params: CompleteParams, room: Room): Token[] {
  if (params.promptTokens) return ownTokens(model, params.promptTokens);
  const { bos, shouldPrependBosToken } = model.tokens;
  const start = shouldPrependBosToken && bos !== null ? [bos] : [];
  const family = params.suffix === undefined ? undefined : familyOf(model);
  if (family) return [...start, ...infillPrompt(model, family, params, room)];
  const all = model.tokenize(params.prefix, false);
  return [...start, ...(room.cuts ? cutBeginning(all, room.forAll, params.typing === true) : all)];
}

function infillPrompt(
  model: LlamaModel,
  family: InfillFamily,
  params: CompleteParams,
  { forAll, cuts }: Room,
): Token[] {
  const { prefix, suffix = "", typing = false } = params;
  const text = (value: string) => model.tokenize(value, false, "trimLeadingSpace");
  const part = (each: Part): Token[] => ("mark" in each ? marked(model, each.mark) : text(each.text));
  const all = text(suffix);
  const after = cuts ? all.slice(0, Math.floor(forAll * shareAfter)) : all;
  const whole = text(prefix);
  // While somebody types, the files must not change with the length of what is typed.
  const forFiles = typing ? forAll * shareFiles : forAll - after.length - whole.length;
  const layout = fitFiles(layoutOf(family, params), (parts) => parts.flatMap(part).length, forFiles);
  const others = [...layout.opening, ...layout.files.flat(), ...layout.own].flatMap(part).length;
  const before = cuts ? cutBeginning(whole, Math.max(0, forAll - after.length - others), typing) : whole;
  return inOrder(layout, { part, prefix: before, suffix: after }).flat();
}

function marked(model: LlamaModel, mark: string): Token[] {
  const token = tokenOf(model, mark);
  return token === undefined ? [] : [token];
}

/** Without the first files, if all together have more than so many tokens. */
function fitFiles(layout: Layout, count: (parts: readonly Part[]) => number, room: number): Layout {
  if (layout.files.length === 0) return layout;
  let left = room - count(layout.opening) - count(layout.own);
  const taken: Part[][] = [];
  for (const file of layout.files.toReversed()) {
    left -= count(file);
    if (left < 0) break;
    taken.unshift(file);
  }
  const none = { ...layout, opening: [], files: [], own: [] };
  return taken.length === 0 ? none : { ...layout, files: taken };
}

const stepped = (tokens: number) => Math.ceil(tokens / stepTokens) * stepTokens;

/** @param inSteps so that the beginning stays the same while more comes */
function cutBeginning(tokens: readonly Token[], room: number, inSteps: boolean): Token[] {
  const excess = tokens.length - room;
  if (excess <= 0) return [...tokens];
  return tokens.slice(inSteps ? Math.min(stepped(excess), Math.max(0, tokens.length - 1)) : excess);
}
