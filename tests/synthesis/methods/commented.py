"""A file in each language of `comment_code`: its first function is a good pair, the others are left out for a reason each."""

GOOD_LINES = {
    "python": '''import re


def between(text, start, end="\\n"):
    """Return what stands between two marks in a text.

    >>> between("a[b]c", "[", "]")
    'b'
    """

    first = text.find(start)
    if first < 0:
        return ""
    return text[first + len(start) : text.find(end, first)]


class Box:
    def area(self):
        """Return the area of the box that this is."""
        return self.w * self.h

    # A comment is no docstring, whatever it may say of the function.
    def plain(self, a, b):
        if a > b:
            a, b = b, a
        return [self.w * a, self.h * b, a + b]

    def size(self, a, b):
        """TODO: say what this does with the two numbers a and b."""
        if a > b:
            a, b = b, a
        return [self.w * a, self.h * b, a + b]

    def sizes(self, a, b):
        r"""
        :param a: the first number that is given
        :param b: the second number that is given
        """
        if a > b:
            a, b = b, a
        return [self.w * a, self.h * b, a + b]


def test_between():
    """Look whether the text in between is found, as it should be."""
    found = between("a[b]c", "[", "]")
    assert found == "b"
    assert between("abc", "[", "]") == ""
''',
    "javascript": """/**
 * Counts how often every word of a text is used.
 *
 * @param {string} text the text, see {@link split}
 * @return {Map<string, number>} the counts
 */
// eslint-disable-next-line
export function countWords(text) {
  const counts = new Map();
  for (const word of text.split(/\\s+/)) {
    counts.set(word, (counts.get(word) || 0) + 1);
  }
  return counts;
}

/** @param {number} a @return {number} */
const onlyTags = (a) => {
  let sum = 0;
  for (let i = 0; i < a; i++) sum += i * a;
  return sum;
};

// Not a documentation comment, whatever it may say of the function.
function undocumented(a, b) {
  const sums = [a + b, a - b, a * b];
  return sums.filter((sum) => sum > 0);
}

class Box {
  /** Returns the width of the box that this is. */
  get width() {
    return this.w;
  }

  /** Widens the box by a number of pixels, and its parents. */
  widen(by) {
    for (let box = this; box; box = box.parent) {
      box.w += ];
    }
  }
}
""",
    "typescript": """class Queue<T> {
  /**
   * Takes the oldest item out of the queue, or waits until there is one.
   */
  @logged()
  public async take(signal?: AbortSignal): Promise<T> {
    while (!this.items.length) {
      await this.arrival(signal);
    }
    return this.items.shift()!;
  }

  /** Copyright 2020 by the people of Example, who wrote all of this. */
  private drop(count: number): void {
    for (let i = 0; i < count && this.items.length; i++) {
      this.items.shift();
    }
  }

  /** Do not edit: this method is made from the schema of the queue. */
  private made(count: number): void {
    for (let i = 0; i < count && this.items.length; i++) {
      this.items.shift();
    }
  }
}
""",
    "tsx": """/** Shows a list of names, or that there are none of them. */
export const Names = ({ names }: { names: string[] }) => {
  if (!names.length) {
    return <p>None.</p>;
  }
  return <ul>{names.map((name) => <li key={name}>{name}</li>)}</ul>;
};

/** Shows nothing. */
export const Empty = ({ names }: { names: string[] }) => {
  if (names.length > 3) {
    return <p>Too many names.</p>;
  }
  return <div className="empty" id="empty"><span>nothing</span></div>;
};

/** {@inheritDoc} */
export const Other = ({ names }: { names: string[] }) => {
  if (names.length > 3) {
    return <p>Too many names.</p>;
  }
  return <div className="empty" id="empty"><span>nothing</span></div>;
};
""",
    "java": """class Ledger {
    /**
     * Adds an entry unless its key is <b>already</b> there, in which
     * case {@code false} is returned &amp; nothing changes.
     *
     * @param key the key of the entry
     */
    @Deprecated
    public boolean put(String key, int amount) {
        if (entries.containsKey(key)) {
            return false;
        }
        entries.put(key, amount);
        return true;
    }

    /** Sets the amount that is owed by the owner of this. */
    public void setAmount(int amount) {
        this.amount = amount;
    }

    /** Checks that an entry can be put into the ledger only once. */
    @Test
    public void once() {
        Ledger ledger = new Ledger();
        assertTrue(ledger.put("a", 1));
        assertFalse(ledger.put("a", 2));
    }

    /** Called whenever the ledger is about to be closed by its owner. */
    protected void closing() {
    }

    /** The put of entries. */
    public int putEntries(Map<String, Integer> entries) {
        int done = 0;
        for (Map.Entry<String, Integer> entry : entries.entrySet()) {
            if (put(entry.getKey(), entry.getValue())) done++;
        }
        return done;
    }

    int abstractly(int a);
}
""",
    "c": """/* Same as below. */

/*
 * Find the first byte of a buffer that is not zero.
 * Returns -1 if all of them are.
 */
static int first_set(const unsigned char *data, int size)
{
\tint i;

\tfor (i = 0; i < size; i++)
\t\tif (data[i])
\t\t\treturn i;
\treturn -1;
}

// int second_set(const unsigned char *data, int size) {
//     return first_set(data, size) + 1;
// }
static int third_set(const unsigned char *data, int size)
{
\tint i = first_set(data, size);

\treturn i < 0 ? i : i + first_set(data + i, size - i);
}

/* Die Funktion sucht rueckwaerts nach einem Byte ungleich null. */
static int last_set(const unsigned char *data, int size)
{
\twhile (size--)
\t\tif (data[size])
\t\t\treturn size;
\treturn -1;
}

/* Run all that is given on the command line, one after the other. */
int main(int argc, char **argv)
{
\tfor (int i = 1; i < argc; i++)
\t\tif (system(argv[i]))
\t\t\treturn i;
\treturn 0;
}
""",
    "cpp": """namespace shapes {
/// Return the larger of two values, and the
/// first if they are equal.
template <typename T>
const T& larger(const T& a, const T& b) {
  if (a < b) {
    return b;
  }
  return a;
}

struct Box {
  /** \\brief Make a box of the given width, twice as high as wide. */
  explicit Box(int w) : width(w), height(2 * w) {
  }

  //! Grow by a factor that must not be below zero.
  void grow(double factor) {
    width = static_cast<int>(width * factor);
    height = static_cast<int>(height * factor);
  }

  //! Grow by a factor that must not be below zero.
  void grow(float factor) {
    width = static_cast<int>(width * factor);
    height = static_cast<int>(height * factor);
  }
};
}
""",
    "go": """package queue

// Drain empties the queue and returns what was in it,
// oldest first.
//
//go:noinline
func (q *Queue) Drain() []Item {
\tvar items []Item
\tfor !q.Empty() {
\t\titems = append(items, q.Pop())
\t}
\treturn items
}

//go:noinline
func spin(count int, each func(int)) {
\tfor i := 0; i < count; i++ {
\t\teach(i)
\t}
}

// Len returns the number of items that wait in the queue.
func (q *Queue) Len() int { return q.len }

// Loses the value of x.

func apart(count int, each func(int)) {
\tfor i := 0; i < count; i++ {
\t\teach(i)
\t}
}
""",
    "rust": """impl Parser {
    /// Skips blanks and comments, and returns how many
    /// bytes they were.
    ///
    /// # Examples
    #[inline]
    pub fn skip(&mut self) -> usize {
        let start = self.at;
        while self.at < self.text.len() && self.text[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        self.at - start
    }

    /// Looks whether blanks are skipped as they should be.
    #[test]
    fn skips() {
        let mut parser = Parser::new("  a");
        assert_eq!(parser.skip(), 2);
        assert_eq!(parser.skip(), 0);
    }

    // A comment for readers of the code, not of the documentation.
    fn silent(&mut self, by: usize) -> usize {
        let start = self.at;
        self.at += by * 2 + 1;
        self.at - start
    }
}
""",
    "csharp": """namespace Shop
{
    class Cart
    {
        /// <summary>
        /// Adds up what everything in the <see cref="T:Shop.Cart"/> costs.
        /// </summary>
        /// <param name="rate">The share that is <c>tax</c>.</param>
        /// <returns>
        /// The sum &gt;= 0.
        /// </returns>
        public decimal Total(decimal rate)
        {
            decimal sum = 0;
            foreach (var item in items)
            {
                sum += item.Price * item.Count;
            }
            return sum * (1 + rate);
        }

        /// <summary>Gets the number of items that are in the cart.</summary>
        public int Count()
        {
            return items.Count;
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            var names = items.Select(item => item.Name).ToList();
            names.Sort();
            return string.Join(", ", names);
        }
    }
}
""",
    "php": """<?php

/**
 * Splits a path into its parts and leaves out those that are empty.
 *
 * @param string $path
 */
function parts($path, $by = '/')
{
    $parts = array();
    foreach (explode($by, $path) as $part) {
        if ($part !== '') {
            $parts[] = $part;
        }
    }
    return $parts;
}

class Path {
    /** @return string */
    public function name($upper) {
        $parts = parts($this->path);
        $name = end($parts);
        return $upper ? strtoupper($name) : $name;
    }

    /** See Path::name for what this does. */
    public function names($upper) {
        $parts = parts($this->path);
        $name = end($parts);
        return $upper ? strtoupper($name) : $name;
    }
}
""",
    "shell": """#!/bin/bash

# Print the newest file of a folder that matches
# a pattern, or nothing.
# shellcheck disable=SC2012
newest() {
  local folder=$1 pattern=$2
  ls -t "$folder" | grep -- "$pattern" | head -n 1
  return 0
}

# shellcheck disable=SC2012
oldest() {
  local folder=$1 pattern=$2
  ls -t "$folder" | grep -- "$pattern" | tail -n 1
  return 0
}

# Say hello to whoever is named in the first argument.
hello() {
  echo "hello $1"
}
""",
}

EXPECTED = {
    "python": (
        'Return what stands between two marks in a text.\n\n>>> between("a[b]c", "[", "]")\n\'b\'',
        'def between(text, start, end="\\n"):',
        'def between(text, start, end="\\n"):\n    first = text.find(start)\n',
        "lines 4-14",
        ["trivial_body", "unfinished_comment", "only_tags", "test_function"],
    ),
    "javascript": (
        "Counts how often every word of a text is used.\n\n@param {string} text the text, see split\n"
        "@return {Map<string, number>} the counts",
        "export function countWords(text)",
        "export function countWords(text) {\n  const counts = new Map();\n",
        "lines 8-14",
        ["only_tags", "trivial_body", "syntax_error"],
    ),
    "typescript": (
        "Takes the oldest item out of the queue, or waits until there is one.",
        "public async take(signal?: AbortSignal): Promise<T>",
        "@logged()\npublic async take(signal?: AbortSignal): Promise<T> {\n  while (!this.items.length) {\n",
        "lines 5-11",
        ["licence_comment", "generated_comment"],
    ),
    "tsx": (
        "Shows a list of names, or that there are none of them.",
        "export const Names = ({ names }: { names: string[] }) =>",
        "export const Names = ({ names }: { names: string[] }) => {\n  if (!names.length) {\n",
        "lines 2-7",
        ["comment_too_short", "inherited_comment"],
    ),
    "java": (
        "Adds an entry unless its key is already there, in which\ncase false is returned & nothing changes.\n\n"
        "@param key the key of the entry",
        "@Deprecated\npublic boolean put(String key, int amount)",
        "@Deprecated\npublic boolean put(String key, int amount) {\n    if (entries.containsKey(key)) {\n",
        "lines 8-15",
        ["trivial_body", "test_function", "empty_body", "comment_too_short"],
    ),
    "c": (
        "Find the first byte of a buffer that is not zero.\nReturns -1 if all of them are.",
        "static int first_set(const unsigned char *data, int size)",
        "static int first_set(const unsigned char *data, int size)\n{\n\tint i;\n",
        "lines 7-15",
        ["commented_code", "not_english", "entry_point"],
    ),
    "cpp": (
        "Return the larger of two values, and the\nfirst if they are equal.",
        "template <typename T>\nconst T& larger(const T& a, const T& b)",
        "template <typename T>\nconst T& larger(const T& a, const T& b) {\n  if (a < b) {\n",
        "lines 4-10",
        ["empty_body", "shared_comment", "shared_comment"],
    ),
    "go": (
        "Drain empties the queue and returns what was in it,\noldest first.",
        "func (q *Queue) Drain() []Item",
        "func (q *Queue) Drain() []Item {\n\tvar items []Item\n",
        "lines 7-13",
        ["directive_comment", "trivial_body"],
    ),
    "rust": (
        "Skips blanks and comments, and returns how many\nbytes they were.\n\n# Examples",
        "pub fn skip(&mut self) -> usize",
        "#[inline]\npub fn skip(&mut self) -> usize {\n    let start = self.at;\n",
        "lines 6-13",
        ["test_function"],
    ),
    "csharp": (
        "Adds up what everything in the Shop.Cart costs.\n\n@param rate The share that is tax.\n@returns The sum >= 0.",
        "public decimal Total(decimal rate)",
        "public decimal Total(decimal rate)\n{\n    decimal sum = 0;\n",
        "lines 12-20",
        ["trivial_body", "only_tags"],
    ),
    "php": (
        "Splits a path into its parts and leaves out those that are empty.\n\n@param string $path",
        "function parts($path, $by = '/')",
        "function parts($path, $by = '/')\n{\n    $parts = array();\n",
        "lines 8-17",
        ["only_tags", "inherited_comment"],
    ),
    "shell": (
        "Print the newest file of a folder that matches\na pattern, or nothing.",
        "newest()",
        'newest() {\n  local folder=$1 pattern=$2\n  ls -t "$folder"',
        "lines 6-10",
        ["directive_comment", "trivial_body"],
    ),
}
"""Language -> comment, signature, beginning of the code and place of the good pair, and why the others are left out."""
