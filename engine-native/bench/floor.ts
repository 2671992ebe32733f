/** The least time that a token can take: what the plan leaves on flash, at the speed that this disk has right now. */
import { withSidecar } from "../cli/session.js";
import { type Plan, type PlanParams, planRequest } from "../protocol.js";

export interface Floor {
  /** Reading what is streamed, or arithmetic on all weights, whichever takes longer. */
  msPerToken: number;
  bound: "disk" | "compute";
  /** Direct reads with the engine's many in flight. */
  diskBytesPerSecond: number;
  /** Weights multiplied for one token, all threads together. */
  computeBytesPerSecond: number;
}

/** Some passes over what is streamed: a short look at a disk can find it far from the speed that it keeps up. */
const diskMs = 3000;

/** The plan, and the floor measured with it now; no floor where the speed cannot be measured. */
export async function measureFloor(params: PlanParams): Promise<{ plan: Plan; floor?: Floor }> {
  const plan = await withSidecar(({ connection }) => connection.sendRequest(planRequest, { ...params, diskMs }));
  const floor = floorOf(plan);
  return floor ? { plan, floor } : { plan };
}

/** The faster of two. */
export const fastest = (a: Floor | undefined, b: Floor | undefined): Floor | undefined =>
  a && b ? (b.msPerToken < a.msPerToken ? b : a) : (a ?? b);

/** Of a plan with its measurements. */
export function floorOf({ measured, estimatedTokensPerSecond, weights }: Plan): Floor | undefined {
  if (!measured || !estimatedTokensPerSecond) return undefined;
  const msPerToken = 1000 / estimatedTokensPerSecond;
  const diskMs = (1000 * weights.streamedBytes) / measured.diskBytesPerSecond;
  return { msPerToken, bound: diskMs > 0.999 * msPerToken ? "disk" : "compute", ...measured };
}
