/** Tools as `/v1/responses` has them, and as the engine does: functions, each with a name of its own. */
import * as z from "zod";
import type { ChatParams, ToolCall } from "../../protocol/messages.js";
import { invalidRequest } from "../errors.js";
import { absent, schemaObject } from "../requests.js";

const plainTool = z.looseObject({
  type: z.string(),
  name: absent(z.string()),
  description: absent(z.string()),
  parameters: absent(schemaObject),
  strict: absent(z.boolean()),
});
export const toolField = plainTool.extend({ tools: absent(z.array(plainTool)) });
export const toolChoiceField = z.union([
  z.string(),
  z.looseObject({
    type: z.string(),
    name: absent(z.string()),
    namespace: absent(z.string()),
    mode: absent(z.string()),
    tools: absent(z.array(z.looseObject({ type: z.string(), name: absent(z.string()) }))),
  }),
]);

type Tool = z.output<typeof plainTool>;
type ToolChoice = z.output<typeof toolChoiceField>;
type Definition = NonNullable<ChatParams["tools"]>[number];

/** A tool that the client runs. */
interface Known {
  /** `custom`: takes one text instead of an object. */
  type: "function" | "custom";
  name: string;
  /** The group that it is in, as clients have one for each MCP server. */
  namespace?: string;
  definition: Definition;
}

/** What a call and a tool have in common. */
type Named = Pick<Known, "name"> & { namespace?: string | undefined };

/** What a custom tool takes, for the engine. */
const customParameters = {
  type: "object",
  properties: { input: { type: "string" } },
  required: ["input"],
  additionalProperties: false,
};

/** The name of a tool for the engine, where two groups may have the same one. */
export const engineName = ({ name, namespace }: Named): string =>
  namespace === undefined ? name : `${namespace}__${name}`;

export const customArguments = (input: string): string => JSON.stringify({ input });

/** The tools of a request. Those that OpenAI's own servers run, as web search, are left out: nothing here runs them. */
export class ResponseTools {
  readonly #known: readonly Known[];

  constructor(
    private readonly asked: readonly z.output<typeof toolField>[],
    private readonly choice: ToolChoice | undefined,
  ) {
    this.#known = asked.flatMap((tool, index) =>
      tool.type === "namespace"
        ? (tool.tools ?? []).flatMap((inner, at) => known(inner, `tools.${index}.tools.${at}`, tool.name))
        : known(tool, `tools.${index}`),
    );
  }

  /** As the answer repeats them: without those that were left out. */
  get repeated(): object[] {
    return this.asked
      .filter(({ type }) => type === "function" || type === "custom" || type === "namespace")
      .map((tool) => (tool.type === "function" ? repeatedFunction(tool) : tool));
  }

  /** @throws ApiError 400 for a choice of what is not among the tools */
  get params(): Pick<ChatParams, "tools" | "toolChoice"> {
    const { choice } = this;
    if (typeof choice === "object" && choice.type === "allowed_tools") {
      const allowed = (choice.tools ?? []).map(({ name }) => name);
      const tools = this.#known.filter(({ name }) => allowed.includes(name));
      if (tools.length === 0) throw invalidRequest("tool_choice: none of the tools is allowed.", "tool_choice");
      return given(tools, choice.mode === "required" ? "required" : "auto");
    }
    return given(this.#known, this.#choice(choice));
  }

  /** What a call of the engine is for the client. */
  called({ name, arguments: args }: Pick<ToolCall, "name" | "arguments">) {
    const tool = this.#known.find((each) => engineName(each) === name);
    return {
      name: tool?.name ?? name,
      ...(tool?.namespace === undefined ? {} : { namespace: tool.namespace }),
      ...(tool?.type === "custom"
        ? { type: "custom_tool_call" as const, input: inputOf(args) }
        : { type: "function_call" as const, arguments: args }),
    };
  }

  #choice(choice: ToolChoice | undefined): NonNullable<ChatParams["toolChoice"]> {
    if (choice === undefined || choice === "auto") return "auto";
    if (choice === "none" || choice === "required") return choice;
    const named = typeof choice === "object" ? choice : undefined;
    const tool = this.#known.find(
      ({ type, name, namespace }) =>
        type === named?.type && name === named.name && (named.namespace ?? namespace) === namespace,
    );
    if (tool) return { name: engineName(tool) };
    const what = typeof choice === "object" ? (choice.name ?? choice.type) : choice;
    throw invalidRequest(`tool_choice: ${JSON.stringify(what)} is not among the tools.`, "tool_choice");
  }
}

function known(tool: Tool, at: string, namespace?: string): Known[] {
  const { type, name, description, parameters } = tool;
  if (type !== "function" && type !== "custom") return [];
  if (name === undefined) throw invalidRequest(`${at}.name: is missing.`, `${at}.name`);
  const group = namespace === undefined ? {} : { namespace };
  const taken = type === "custom" ? customParameters : parameters;
  const definition = {
    name: engineName({ name, ...group }),
    ...(description === undefined ? {} : { description }),
    ...(taken === undefined ? {} : { parameters: taken }),
  };
  return [{ type, name, ...group, definition }];
}

const given = (tools: readonly Known[], toolChoice: NonNullable<ChatParams["toolChoice"]>) =>
  tools.length === 0 ? {} : { tools: tools.map(({ definition }) => definition), toolChoice };

const repeatedFunction = ({ description, parameters, strict, ...tool }: z.output<typeof toolField>) => ({
  ...tool,
  description: description ?? null,
  parameters: parameters ?? null,
  strict: strict ?? true,
});

/** The text of a custom tool's call. */
function inputOf(args: string): string {
  const { input } = JSON.parse(args) as { input?: unknown };
  return typeof input === "string" ? input : "";
}
