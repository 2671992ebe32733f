/** How settings name a model of another machine: `remote:NAME/MODEL`, by the name of a backend in `flint.backends`. */

const prefix = "remote:";

export interface RemoteReference {
  /** Of the backend. */
  backend: string;
  /** As the backend itself calls it; it may have slashes. */
  model: string;
}

export const isRemote = (value: string): boolean => value.startsWith(prefix);

export const formatReference = ({ backend, model }: RemoteReference): string => `${prefix}${backend}/${model}`;

/** Undefined for what names no model of another machine. */
export function parseReference(value: string): RemoteReference | undefined {
  if (!isRemote(value)) return undefined;
  const slash = value.indexOf("/");
  if (slash < 0) return undefined;
  const [backend, model] = [value.slice(prefix.length, slash), value.slice(slash + 1)];
  return backend === "" || model === "" ? undefined : { backend, model };
}
