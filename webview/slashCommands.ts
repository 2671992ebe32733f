import type { SlashCommand } from "./messages.js";

/** The commands that begin with what is typed after a slash at the beginning; undefined where none is being typed. */
export function matchingCommands(text: string, commands: readonly SlashCommand[]): SlashCommand[] | undefined {
  const typed = /^\/(\S*)$/.exec(text)?.[1]?.toLowerCase();
  return typed === undefined ? undefined : commands.filter(({ name }) => name.toLowerCase().startsWith(typed));
}

/** The command that a question begins with; undefined where it begins with none, or its name may still become longer. */
export function commandOf(text: string, commands: readonly SlashCommand[]): SlashCommand | undefined {
  const name = /^\/(\S+)\s/.exec(text)?.[1];
  return commands.find((command) => command.name === name);
}

/** A question as it is asked: in place of a command what that stands for, and then what was written after it. */
export function expandCommand(text: string, commands: readonly SlashCommand[]): string {
  const command = commandOf(`${text} `, commands);
  if (!command) return text;
  const rest = text.slice(command.name.length + 1).trim();
  return rest === "" ? command.text : `${command.text}\n\n${rest}`;
}
