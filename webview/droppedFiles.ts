/** What VS Code's explorer says is dragged, as one URI a line. */
const uriLists = ["application/vnd.code.uri-list", "text/uri-list"];

/**
 * Lets files and folders be dropped on the page. VS Code lets a page have what is dragged from its explorer while Shift is
 * held down.
 */
export function onFilesDropped(target: HTMLElement, dropped: (uris: string[]) => void): void {
  const isOver = (over: boolean) => target.classList.toggle("drop-target", over);
  target.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.some((type) => uriLists.includes(type))) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    isOver(true);
  });
  target.addEventListener("dragleave", (event) => {
    if (!(event.relatedTarget instanceof Node && target.contains(event.relatedTarget))) isOver(false);
  });
  target.addEventListener("drop", (event) => {
    isOver(false);
    const lists = uriLists.map((type) => event.dataTransfer?.getData(type) ?? "");
    const uris = urisOf(lists.find((list) => list !== "") ?? "");
    if (uris.length === 0) return;
    event.preventDefault();
    dropped(uris);
  });
}

/** The URIs of a list; lines that begin with # are comments. */
export function urisOf(list: string): string[] {
  return list.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
}
