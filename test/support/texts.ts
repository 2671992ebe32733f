/** Finds the texts of TypeScript that a person sees: it knows the places where such texts stand. */
import { parseSync } from "@swc/core";

/** Functions whose arguments are shown. */
const shownCalls =
  /^(show(Information|Warning|Error)Message|createWebviewPanel|separator|refused?|element|textButton|iconButton|copyButton|engineError|tooLong|sentence)$/;
/** Of these the first arguments name a kind, a tag and a class, or an icon. */
const namesBefore: Readonly<Record<string, number>> = { createWebviewPanel: 1, element: 2, iconButton: 1 };
/** Of quick picks, dialogs, notifications, tree items, buttons and elements; of what the sidecar answers. */
const shownProperties = new Set([
  ...["label", "title", "description", "detail", "message", "placeHolder", "placeholder", "prompt", "tooltip"],
  ...["openLabel", "saveLabel", "validationMessage", "ariaLabel", "textContent", "omitted", "activity"],
  ...["reason", "chatNote", "gpuRefusal"],
]);
/** Errors whose message is shown as it is. */
const shownErrors = /(Error|Transient|Restart|NothingToAttach|InvalidSetting)$/;

interface Texts {
  /** Given to `l10n.t`. */
  translated: string[];
  /** Shown without that, or given to it in a variable, so that nobody can know them. */
  untranslated: string[];
  /** All whole sentences that are not given to `l10n.t` or to a log, wherever they stand. */
  sentences: string[];
}

export function textsOf(source: string): Texts {
  const texts: Texts = { translated: [], untranslated: [], sentences: [] };
  const visit = (value: unknown, isGiven = false): void => {
    if (!isNode(value)) return;
    const [literal] = literalOf(value);
    if (literal !== undefined && !isGiven && isWholeSentence(literal)) texts.sentences.push(literal);
    if (isTranslation(value)) {
      const [given] = argumentsOf(value);
      const [text] = literalsOf(given);
      if (text === undefined) texts.untranslated.push(`l10n.t(${nameOf(given)})`);
      else texts.translated.push(text);
    } else {
      texts.untranslated.push(...shownBy(value));
    }
    const given = isGiven || isTranslation(value) || isLogged(value);
    for (const each of Object.values(value)) visit(each, given);
  };
  visit(parseSync(source, { syntax: "typescript", target: "es2022" }).body);
  return texts;
}

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

/** Of `a`, of `b.a` and of a property `a`. */
function nameOf(node: unknown): string {
  if (!isNode(node)) return "";
  if (node["type"] === "MemberExpression") return nameOf(node["property"]);
  return node["type"] === "Super" ? "super" : String(node["value"] ?? "");
}

const argumentsOf = ({ arguments: given }: Node): unknown[] =>
  Array.isArray(given) ? given.map(({ expression }) => expression) : [];

function isTranslation({ type, callee }: Node): boolean {
  return type === "CallExpression" && nameOf(callee) === "t" && isNode(callee) && nameOf(callee["object"]) === "l10n";
}

const isLogged = ({ type, callee }: Node): boolean => type === "CallExpression" && nameOf(callee) === "log";

function shownBy(node: Node): string[] {
  const called = nameOf(node["callee"]);
  switch (node["type"]) {
    case "CallExpression":
      if (called === "super") return argumentsOf(node).flatMap(literalsOf).filter(isSentence);
      if (!shownCalls.test(called)) return [];
      return argumentsOf(node)
        .slice(namesBefore[called] ?? 0)
        .flatMap(literalsOf)
        .filter(hasWord);
    case "NewExpression":
      return shownErrors.test(called) ? argumentsOf(node).flatMap(literalsOf).filter(isSentence) : [];
    case "KeyValueProperty":
      return shownProperties.has(nameOf(node["key"])) ? literalsOf(node["value"]).filter(hasWord) : [];
    case "AssignmentExpression":
      return shownProperties.has(nameOf(node["left"])) ? literalsOf(node["right"]).filter(hasWord) : [];
    default:
      return [];
  }
}

/** What an expression says that is a literal. */
function literalOf(node: Node): [string] | [] {
  if (node["type"] === "StringLiteral") return [String(node["value"])];
  if (node["type"] !== "TemplateLiteral") return [];
  return [(Array.isArray(node["quasis"]) ? node["quasis"] : []).map(({ raw }) => raw).join("…")];
}

/** The literals that an expression may become, or is put together from. */
function literalsOf(node: unknown): string[] {
  if (!isNode(node)) return [];
  switch (node["type"]) {
    case "StringLiteral":
    case "TemplateLiteral":
      return literalOf(node);
    case "ConditionalExpression":
      return [node["consequent"], node["alternate"]].flatMap(literalsOf);
    case "BinaryExpression":
      return [node["left"], node["right"]].flatMap(literalsOf);
    case "ParenthesisExpression":
      return literalsOf(node["expression"]);
    default:
      return [];
  }
}

/** Icons, units and the product's name are the same in all languages. */
const hasWord = (text: string) =>
  /(?:^|\s)\p{L}[\p{L}']+(?=$|[\s.,:;…!?])/u.test(text.replaceAll(/\$\([\w~-]+\)|\bFlint\b/g, ""));
/** Of an error the other arguments are single words. */
const isSentence = (text: string) => hasWord(text) && text.includes(" ");
const isWholeSentence = (text: string) => isSentence(text) && /[.!?]$/.test(text);
