import { setTimeout as sleep } from "node:timers/promises";
import * as l10n from "@vscode/l10n";
import type { HubHit } from "../../models/sources/hub.js";
import { integer } from "../numbers.js";
import { type Step, type StepItem, type StepList, showStep } from "./steps.js";
import { errorText } from "./text.js";

/** A pause in typing this long, in ms, starts a search. */
const pauseMs = 300;

export interface HubSearch {
  /** What is typed in already. */
  first: string;
  search(text: string, signal: AbortSignal): Promise<HubHit[]>;
  /** What comes after a repository was picked. */
  found(id: string): Step;
}

const hint: StepItem = {
  id: "hint",
  label: l10n.t("Type the name of a model, such as Qwen3 Coder."),
  alwaysShow: true,
};

/** A step that searches the Hub for what is typed. */
export function searchHub({ first, search, found }: HubSearch): Step {
  return () => {
    let asked: AbortController | undefined;
    const ask = async (text: string, list: StepList) => {
      asked?.abort();
      const controller = new AbortController();
      asked = controller;
      if (text === "") return list.show([hint]);
      list.busy(true);
      try {
        await sleep(pauseMs, undefined, { signal: controller.signal });
        const items = (await search(text, controller.signal)).map((hit) => hitItem(hit, found));
        const none = { id: "none", label: l10n.t("The Hub has no GGUF model for “{0}”.", text), alwaysShow: true };
        list.show(items.length > 0 ? items : [none]);
        list.busy(false);
      } catch (error) {
        if (controller.signal.aborted) return;
        list.busy(false);
        const label = l10n.t("$(error) The Hub could not be searched");
        list.show([{ id: "failed", label, detail: errorText(error), alwaysShow: true }]);
      }
    };
    return showStep({
      title: l10n.t("Search the Hugging Face Hub"),
      placeholder: l10n.t("Model name"),
      value: first,
      items: [hint],
      canGoBack: true,
      fill: (list, signal) => {
        signal.addEventListener("abort", () => asked?.abort());
        if (first !== "") void ask(first, list);
      },
      onType: (text, list) => void ask(text.trim(), list),
    });
  };
}

function hitItem({ id, downloads, gated }: HubHit, found: (id: string) => Step): StepItem {
  const description = l10n.t("{0} downloads{1}", integer(downloads), gated ? l10n.t(" · needs a token") : "");
  return { id, label: id, description, alwaysShow: true, next: found(id) };
}
