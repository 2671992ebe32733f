import { open } from "node:fs/promises";

/** Makes the names in a folder last through a loss of power. @throws the system's error */
export async function syncFolder(folder: string): Promise<void> {
  // Windows can't sync a folder.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
