/** What people ask of an assistant about small files, each with a check that the answer passes or not. */

import { sum, sumTest } from "../../support/brokenSum.js";

/** A question, with the files that are attached to it. */
export interface Task {
  name: string;
  question: string;
  /** Attached in this order, by path. */
  files: Record<string, string>;
  check:
    | {
        /** The first code of the answer is applied to this file, or becomes it where there is none yet. */
        path: string;
        /** JavaScript or Python by the ending of `path`: it ends with an error where the file is not right. */
        program: string;
      }
    /** The first command of the answer. */
    | { command: RegExp }
    /** What the answer says, without code that nobody asked for. */
    | { says: RegExp };
}

const words = `import re


def words(text):
    """All words of a text, in lower case."""
    return re.findall(r"[a-z]+", text)


def counts(text):
    """How often each word is in a text."""
    found = {}
    for word in words(text):
        found[word] = found.get(word, 0) + 1
    return found
`;
const account = `class Account:
    """Money of one person, in cents."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount

    def withdraw(self, amount):
        self.balance -= amount
`;
const join = `exports.joined = (parts) => parts.join(", ");

exports.quoted = (text) => '"' + text + '"';
`;
const search = `def find(values, wanted):
    """Place of a value in a sorted list, or -1."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle
        elif values[middle] > wanted:
            high = middle
        else:
            return middle
    return -1
`;
const user = `exports.greeting = (user) => {
  const name = user.name.trim();
  return "Hello, " + name + "!";
};
`;
const stack = `exports.Stack = class Stack {
  #items = [];

  push(item) {
    this.#items.push(item);
  }

  pop() {
    return this.#items.pop();
  }
};
`;
const dates = `def is_leap_year(year):
    return year % 4 == 0


def days_in_month(year, month):
    if month == 2:
        return 29 if is_leap_year(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31
`;

export const tasks: readonly Task[] = [
  {
    name: "a loop that begins too late",
    question: "sum([1, 2, 3]) gives 5 instead of 6. Why? Show the corrected function.",
    files: { "sum.cjs": sum, "sum.test.cjs": sumTest },
    check: { path: "sum.cjs", program: sumTest },
  },
  {
    name: "a command that runs a test",
    question: "How do I run this test in the terminal? Answer with the command.",
    files: { "sum.test.cjs": sumTest },
    check: { command: /^node (\.\/)?sum\.test\.cjs$/ },
  },
  {
    name: "an explanation",
    question: "Explain what this code does.",
    files: { "words.py": words },
    check: { says: /count|frequenc|often|occur/i },
  },
  {
    name: "upper case that is forgotten",
    question: "counts('Go go') gives {'o': 1, 'go': 1}. It should be {'go': 2}. Fix it.",
    files: { "words.py": words },
    check: {
      path: "words.py",
      program: 'from words import counts\nassert counts("Go go, no") == {"go": 2, "no": 1}\n',
    },
  },
  {
    name: "a check that is missing",
    question: "withdraw should raise a ValueError if there is not enough money.",
    files: { "account.py": account },
    check: {
      path: "account.py",
      program: `from account import Account
account = Account("Ann", 5)
account.withdraw(3)
assert account.balance == 2
try:
    account.withdraw(3)
except ValueError:
    assert account.balance == 2
else:
    raise AssertionError()
account.deposit(1)
assert account.balance == 3
`,
    },
  },
  {
    name: "a new method",
    question: "Add a method transfer(other, amount) that moves money to another account.",
    files: { "account.py": account },
    check: {
      path: "account.py",
      program: `from account import Account
a, b = Account("Ann", 5), Account("Bob")
a.transfer(b, 2)
assert (a.balance, b.balance) == (3, 2)
a.deposit(1)
assert a.balance == 4
`,
    },
  },
  {
    name: "a new parameter",
    question: "joined should take the separator as a second parameter, by default a comma and a space.",
    files: { "join.cjs": join },
    check: {
      path: "join.cjs",
      program: `const assert = require("node:assert");
const { joined, quoted } = require("./join.cjs");
assert.strictEqual(joined(["a", "b"]), "a, b");
assert.strictEqual(joined(["a", "b"], "-"), "a-b");
assert.strictEqual(quoted("a"), '"a"');
`,
    },
  },
  {
    name: "a new function in a file",
    question: "Add a function unquoted(text) that removes the quotes around a text again.",
    files: { "join.cjs": join },
    check: {
      path: "join.cjs",
      program: `const assert = require("node:assert");
const { joined, quoted, unquoted } = require("./join.cjs");
assert.strictEqual(unquoted(quoted("a b")), "a b");
assert.strictEqual(joined(["a", "b"]), "a, b");
`,
    },
  },
  {
    name: "a search that never ends",
    question: "find([1, 2, 3], 4) never ends. Find out what is wrong here and fix it.",
    files: { "search.py": search },
    check: {
      path: "search.py",
      program: `from search import find
for size in range(6):
    values = [2 * i for i in range(size)]
    for wanted in range(-1, 2 * size + 2):
        assert find(values, wanted) == (values.index(wanted) if wanted in values else -1)
`,
    },
  },
  {
    name: "a name that may be missing",
    question: "greeting fails if the user has no name. It should say Hello, stranger! then.",
    files: { "user.cjs": user },
    check: {
      path: "user.cjs",
      program: `const assert = require("node:assert");
const { greeting } = require("./user.cjs");
assert.strictEqual(greeting({ name: " Ann " }), "Hello, Ann!");
assert.strictEqual(greeting({}), "Hello, stranger!");
`,
    },
  },
  {
    name: "two members of a class",
    question: "Add a getter size and a method peek, which returns the last item without removing it.",
    files: { "stack.cjs": stack },
    check: {
      path: "stack.cjs",
      program: `const assert = require("node:assert");
const { Stack } = require("./stack.cjs");
const stack = new Stack();
stack.push(1);
stack.push(2);
assert.strictEqual(stack.peek(), 2);
assert.strictEqual(stack.size, 2);
assert.strictEqual(stack.pop(), 2);
`,
    },
  },
  {
    name: "leap years of centuries",
    question: "is_leap_year is wrong for 1900 and 2100. Correct it.",
    files: { "dates.py": dates },
    check: {
      path: "dates.py",
      program: `from dates import days_in_month, is_leap_year
assert [is_leap_year(y) for y in (1900, 2000, 2023, 2024, 2100)] == [False, True, False, True, False]
assert days_in_month(1900, 2) == 28 and days_in_month(2024, 2) == 29 and days_in_month(2024, 4) == 30
`,
    },
  },
  {
    name: "documentation",
    question: "Write documentation comments for this code in the usual form of its language. Change nothing else.",
    files: { "dates.py": dates },
    check: {
      path: "dates.py",
      program: `from dates import days_in_month, is_leap_year
assert is_leap_year.__doc__ and days_in_month.__doc__
assert days_in_month(2024, 2) == 29 and days_in_month(2023, 4) == 30
`,
    },
  },
  {
    name: "a simpler function",
    question:
      "Make this code simpler and easier to read without changing what it does. Say in a sentence what you changed, then show the code.",
    files: { "words.py": words },
    check: { path: "words.py", program: 'from words import counts\nassert counts("no go no") == {"go": 1, "no": 2}\n' },
  },
  {
    name: "unit tests",
    question:
      "Write unit tests with Python's unittest for the function is_leap_year of this file. Only test 2023, 2024 and 2000. Put them into test_dates.py.",
    files: { "dates.py": dates },
    check: {
      path: "test_dates.py",
      program: `import subprocess, sys
run = subprocess.run([sys.executable, "-m", "unittest", "-v", "test_dates"], capture_output=True, text=True)
assert run.returncode == 0 and "ok" in run.stderr, run.stderr
`,
    },
  },
  {
    name: "a function out of nothing, in Python",
    question: "Write a Python function reverse_words(text) that reverses the order of the words in a text.",
    files: {},
    check: {
      path: "answer.py",
      program: 'from answer import reverse_words\nassert reverse_words("one two three") == "three two one"\n',
    },
  },
  {
    name: "a function out of nothing, in JavaScript",
    question:
      "Write a JavaScript function chunk(array, size) that splits an array into pieces of at most size items. Export it with module.exports = { chunk }.",
    files: {},
    check: {
      path: "answer.cjs",
      program:
        'require("node:assert").deepStrictEqual(require("./answer.cjs").chunk([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);\n',
    },
  },
  {
    name: "a command out of nothing",
    question: "Which git command shows what is staged?",
    files: {},
    check: { command: /^git (diff (--staged|--cached)|status)/ },
  },
  {
    name: "a question of knowledge",
    question: "What is the difference between == and === in JavaScript? Answer in two sentences.",
    files: {},
    check: { says: /type/i },
  },
  {
    name: "a question about nothing that is attached",
    question: "Why does my test fail?",
    files: {},
    check: { says: /attach|provide|share|show|more (information|details|context)|need|see/i },
  },
];
