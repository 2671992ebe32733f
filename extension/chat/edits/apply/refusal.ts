/** Why a block is not applied, in words for the person. Only thrown inside this folder. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export function refuse(reason: string): never {
  throw new Refusal(reason);
}
