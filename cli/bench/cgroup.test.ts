import { expect, test } from "vitest";
import { createMemoryCgroup, memoryCgroups, NoCgroup } from "./cgroup.js";

const mount = (root: string, point: string, type: string, options: string) =>
  `35 31 0:32 ${root} ${point} rw,relatime shared:9 - ${type} ${type} ${options}`;
const first = mount("/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory");
const second = mount("/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate");

test.each([
  ["version 1", first, "4:memory:/a/b\n0::/", [{ version: 1, path: "/sys/fs/cgroup/memory/a/b" }]],
  [
    "version 1 with the unified one beside it, which has no memory",
    `${mount("/", "/sys/fs/cgroup/unified", "cgroup2", "rw")}\n${first}`,
    "4:memory:/\n0::/x",
    [{ version: 1, path: "/sys/fs/cgroup/memory" }],
  ],
  [
    "version 1, of which a container sees a part",
    mount("/docker/1", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
    "4:memory:/docker/1/c",
    [{ version: 1, path: "/sys/fs/cgroup/memory/c" }],
  ],
  [
    "version 1, from outside of what a container sees",
    mount("/docker/1", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
    "4:memory:/",
    [{ version: 1, path: "/sys/fs/cgroup/memory" }],
  ],
  [
    "version 2: our own, then those above",
    second,
    "0::/user.slice/a:b.scope",
    [
      { version: 2, path: "/sys/fs/cgroup/user.slice/a:b.scope" },
      { version: 2, path: "/sys/fs/cgroup/user.slice" },
      { version: 2, path: "/sys/fs/cgroup" },
    ],
  ],
  ["none", "", "", []],
])("finds where to make one: %s", (_, mounts, membership, expected) => {
  expect(memoryCgroups({ mounts, membership })).toEqual(expected);
});

test("one that was asked for is there, or the reason why not", async () => {
  try {
    const cgroup = await createMemoryCgroup(64 * 1024 ** 2);
    expect(cgroup.limitBytes).toBe(64 * 1024 ** 2);
    expect((await cgroup.usage()).oomKills).toBe(0);
    await cgroup.remove();
    // Twice is no error: an interrupted command may come twice.
    await cgroup.remove();
  } catch (error) {
    expect(error).toBeInstanceOf(NoCgroup);
    expect(error).toHaveProperty("message", expect.stringMatching(/\S/));
  }
});
