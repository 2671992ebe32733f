/** A model's abilities by its header, without loading it. */
import * as l10n from "@vscode/l10n";
import { readGgufFileInfo, resolveChatWrapper } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode, type Inspection, type InspectParams } from "../../protocol/messages.js";
import { toolsRefusal } from "./tools.js";

/** Megabytes that say nothing of it. */
const vocabulary = ["tokens", "scores", "token_type", "merges"].map((name) => `tokenizer.ggml.${name}`);

/** @throws ResponseError NotAModel. */
export async function inspect({ modelPath }: InspectParams): Promise<Inspection> {
  const options = {
    readTensorInfo: false,
    sourceType: "filesystem",
    ignoreKeys: vocabulary,
    logWarnings: false,
  } as const;
  const fileInfo = await readGgufFileInfo(modelPath, options).catch((error: unknown) => {
    throw engineError(ErrorCode.NotAModel, l10n.t("{0} cannot be read: {1}", modelPath, String(error)));
  });
  const { general, tokenizer } = fileInfo.metadata;
  const wrapper = resolveChatWrapper({ fileInfo, warningLogs: false });
  const refusal = toolsRefusal(tokenizer?.chat_template, wrapper ?? undefined);
  return {
    ...(general.name === undefined ? {} : { name: general.name }),
    ...(refusal === undefined ? {} : { toolsRefusal: refusal }),
  };
}
