/**
 * What of a conversation goes into the context when all of it is more than that holds. The oldest questions leave, each with its
 * answer; system messages and what is to be kept stay. Pure, and the same for each later question: so many leave at once that
 * the beginning of the prompt, whose KV cache is reused, stays as it is for many questions.
 */
import type { ChatMessage } from "../../protocol/messages.js";

/** A message and how many tokens it takes of the context. */
export interface SizedMessage extends Pick<ChatMessage, "role" | "keep"> {
  tokens: number;
}

export interface Room {
  /** All that the context holds, in tokens. */
  contextTokens: number;
  /** Of it, what the template needs besides the messages, in tokens. */
  frameTokens: number;
}

/** A question and what was answered. */
interface Turn {
  /** Places in the conversation. */
  messages: number[];
  keep: boolean;
  questionTokens: number;
  tokens: number;
}

/** Of the context, at most so many tokens are left free for an answer. */
const mostAnswerTokens = 1024;
/** What is left out leaves this share of the context free. */
const freed = 1 / 2;

/** @returns the places of the messages that are left out, in order; the last question and its answer never are */
export function omittedMessages(messages: readonly SizedMessage[], { contextTokens, frameTokens }: Room): number[] {
  const turns = turnsOf(messages);
  const systemTokens = messages.reduce((sum, { role, tokens }) => sum + (role === "system" ? tokens : 0), 0);
  const fixed = frameTokens + systemTokens;
  const full = contextTokens - Math.min(mostAnswerTokens, contextTokens / 4);
  const wanted = contextTokens * (1 - freed);
  const kept: Turn[] = [];
  const omitted: Turn[] = [];
  let tokens = fixed;
  // As it was for each question: the cut is where it was then.
  for (const [index, turn] of turns.entries()) {
    const isLast = index === turns.length - 1;
    const asked = isLast ? turn.tokens : turn.questionTokens;
    const omit = (limit: number, which: (turn: Turn) => boolean) => {
      for (const old of kept.filter(which)) {
        if (tokens + asked <= limit) return;
        kept.splice(kept.indexOf(old), 1);
        omitted.push(old);
        tokens -= old.tokens;
      }
    };
    if (tokens + asked > full) {
      omit(wanted, ({ keep }) => !keep);
      // What is to be kept leaves only where nothing else is left to leave.
      omit(full, ({ keep }) => keep);
    }
    kept.push(turn);
    tokens += turn.tokens;
  }
  return omitted.flatMap((turn) => turn.messages).sort((a, b) => a - b);
}

/** The places of the oldest question and its answer among those that are not left out yet; undefined: there is only the last. */
export function oldestTurn(messages: readonly SizedMessage[], omitted: readonly number[]): number[] | undefined {
  const left = turnsOf(messages).filter((turn) => !turn.messages.some((place) => omitted.includes(place)));
  const older = left.slice(0, -1);
  return (older.find(({ keep }) => !keep) ?? older[0])?.messages;
}

function turnsOf(messages: readonly SizedMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const [place, { role, keep, tokens }] of messages.entries()) {
    if (role === "system") continue;
    const last = turns.at(-1);
    // A tool's result is part of the answer.
    if (role !== "user" && last) {
      last.messages.push(place);
      last.tokens += tokens;
    } else {
      turns.push({ messages: [place], keep: keep === true, questionTokens: tokens, tokens });
    }
  }
  return turns;
}
