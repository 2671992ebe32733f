/** What VS Code's explorer says is dragged, as one URI a line. */
const uriLists = ["application/vnd.code.uri-list", "text/uri-list"];
/** Marks what is dragged from the page itself. */
const ownDrag = "application/x-flint-own";

/**
 * Lets files and folders be dropped anywhere on the page, which shows that it takes them. VS Code lets a page have what is dragged
 * from its explorer while Shift is held down. Text may still be dropped into the input, and a link of an answer is no file.
 */
export function onFilesDropped(dropped: (uris: string[]) => void): void {
  const page = document.documentElement;
  const isOver = (over: boolean) => page.classList.toggle("drop-target", over);
  const takes = ({ dataTransfer }: DragEvent) =>
    dataTransfer?.types.some((type) => uriLists.includes(type)) && !dataTransfer.types.includes(ownDrag);
  page.addEventListener("dragstart", ({ dataTransfer }) => dataTransfer?.setData(ownDrag, "true"));
  page.addEventListener("dragover", (event) => {
    if (!event.dataTransfer || !takes(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    isOver(true);
  });
  page.addEventListener("dragleave", (event) => {
    if (!(event.relatedTarget instanceof Node && page.contains(event.relatedTarget))) isOver(false);
  });
  page.addEventListener("drop", (event) => {
    isOver(false);
    if (!takes(event)) return;
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
