/**
 * Finds something out once for each object, and keeps it as long as the object is there: a block of thousands of parts
 * asks the same of a file for each of them.
 * @param find its further arguments are the same whenever the object is
 */
export function oncePer<Key extends object, More extends readonly unknown[], Found>(
  find: (key: Key, ...more: More) => Found,
): (key: Key, ...more: More) => Found {
  const known = new WeakMap<Key, { found: Found }>();
  return (key, ...more) => {
    const before = known.get(key);
    if (before) return before.found;
    const found = find(key, ...more);
    known.set(key, { found });
    return found;
  };
}
