import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { computingThreads, processorQuota } from "./processors.js";

/** A file system that has only these files. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(tmpdir(), "flint-cgroup-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

test.each<[string, Record<string, string>, number | undefined]>([
  ["version 2", { "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n" }, 1.5],
  ["no limit", { "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n" }, undefined],
  [
    "the group above has less",
    {
      "proc/self/cgroup": "0::/a/b\n",
      "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
      "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
    },
    2,
  ],
  [
    "a container that does not see its host's path",
    { "proc/self/cgroup": "0::/system.slice/docker-1.scope\n", "sys/fs/cgroup/cpu.max": "50000 100000\n" },
    0.5,
  ],
  [
    "version 1",
    {
      "proc/self/cgroup": "3:memory:/m\n2:cpu,cpuacct:/a\n1:cpuset:/s\n",
      "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n",
      "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
    },
    3,
  ],
  [
    "version 1 without a limit",
    {
      "proc/self/cgroup": "2:cpu:/\n",
      "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
    undefined,
  ],
  ["another system", {}, undefined],
])("the limit of processor time: %s", (_, files, quota) => {
  expect(processorQuota(rootWith(files))).toBe(quota);
});

const controller = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"].find((folder) =>
  existsSync(path.join(folder, "cpu.cfs_quota_us")),
);

/** Only where groups of version 1 can be made: a group of version 2 may not have both processes and groups in it. */
test.skipIf(controller === undefined || process.getuid?.() !== 0)("a real group's limit is kept", () => {
  const before = computingThreads(64);
  const group = path.join(controller ?? "", `flint-test-${process.pid}`);
  mkdirSync(group);
  try {
    writeFileSync(path.join(group, "cpu.cfs_quota_us"), "130000");
    writeFileSync(path.join(group, "cgroup.procs"), `${process.pid}`);
    expect(processorQuota()).toBe(1.3);
    expect(computingThreads(64)).toBe(1);
  } finally {
    writeFileSync(path.join(controller ?? "", "cgroup.procs"), `${process.pid}`);
    rmdirSync(group);
  }
  expect(computingThreads(64)).toBe(before);
});
