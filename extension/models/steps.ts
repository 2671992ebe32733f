/** Quick picks that follow one another, with a way back. */
import * as vscode from "vscode";

/** A step shows itself and says what comes next: another step, the one before, or nothing more. */
export type Step = () => Promise<Step | "back" | undefined>;

/** Runs steps until one has nothing after it, or the person closes it. */
export async function runSteps(first: Step): Promise<void> {
  const path = [first];
  for (let step = path.at(-1); step; step = path.at(-1)) {
    const next = await step();
    if (next === undefined) return;
    if (next === "back") path.pop();
    else path.push(next);
  }
}

/** An item whose `id` stays the same when its text changes. */
export interface StepItem extends vscode.QuickPickItem {
  id: string;
  next?: Step;
  /** Instead of `next`: done while the list stays. */
  act?: () => PromiseLike<unknown>;
}

export interface PickOptions {
  title: string;
  placeholder: string;
  items: StepItem[];
  /** The id of the item that is active at first; absent: the first one. */
  active?: string;
  /** What is typed in already. */
  value?: string;
  /** Whether there is a step before. */
  canGoBack: boolean;
  /** Called at the beginning, for whatever takes time. The signal ends with the step. */
  fill?(list: StepList, signal: AbortSignal): void;
  /** Called when the person types. */
  onType?(text: string, list: StepList): void;
}

/** The items that are shown. */
export interface StepList {
  readonly title: string;
  items: readonly StepItem[];
  /** Replaces the items. The active one stays active. */
  show(items: readonly StepItem[]): void;
  busy(is: boolean): void;
}

/** Shows a quick pick, and goes where the picked item leads. */
export function showStep({
  title,
  placeholder,
  items,
  active,
  value = "",
  canGoBack,
  fill,
  onType,
}: PickOptions): ReturnType<Step> {
  const quickPick = vscode.window.createQuickPick<StepItem>();
  Object.assign(quickPick, { title, placeholder, value, ignoreFocusOut: true, matchOnDescription: true });
  quickPick.keepScrollPosition = true;
  if (canGoBack) quickPick.buttons = [vscode.QuickInputButtons.Back];
  quickPick.items = items;
  const first = items.find(({ id }) => id === active);
  if (first) quickPick.activeItems = [first];
  const controller = new AbortController();
  const list: StepList = {
    title,
    get items() {
      return quickPick.items;
    },
    show(renewed) {
      const active = quickPick.activeItems[0]?.id;
      quickPick.items = renewed;
      const same = renewed.find(({ id }) => id === active);
      if (same) quickPick.activeItems = [same];
    },
    busy(is) {
      quickPick.busy = is;
    },
  };
  return new Promise((resolve) => {
    const end = (next: Step | "back" | undefined) => {
      resolve(next);
      quickPick.hide();
    };
    quickPick.onDidAccept(() => {
      const [item] = quickPick.selectedItems;
      if (item?.next) end(item.next);
      void item?.act?.();
    });
    quickPick.onDidTriggerButton(() => end("back"));
    quickPick.onDidChangeValue((text) => onType?.(text, list));
    quickPick.onDidHide(() => {
      controller.abort();
      resolve(undefined);
      quickPick.dispose();
    });
    quickPick.show();
    fill?.(list, controller.signal);
  });
}

export function separator(label: string): StepItem {
  return { id: `separator ${label}`, label, kind: vscode.QuickPickItemKind.Separator };
}
