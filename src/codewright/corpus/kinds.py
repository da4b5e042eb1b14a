"""Files nobody should learn from: vendored copies, minified and generated code, told by path and by a look at the text.

Facts about folders and file names are Linguist's (vendor.yml, generated.rb); rules about texts are ours, and rather miss a
file than take a written one for generated: they ask for the phrases of generators, not for the word.
"""

import re

_FOLDERS = frozenset(
    """
    3rd-party 3rd_party 3rdparty bower_components carthage dist-packages extlibs godeps
    jspm_packages node_modules pods site-packages third-party third_party thirdparty vendor vendored vendors _vendor
    web_modules xvba_modules
    """.split()  # noqa: SIM905
)
"""Folders, in any case, that hold other projects' code."""

_OUTSIDE = re.compile(r"(?:^|/)(extern(?:als?)?)/(?!tests?/)[^/]+/")
"""A folder that does so if it has a folder for each of them; else it is what a project calls its plugs to the outside."""

_COPIED = re.compile(
    r"""(?:(?:jquery(?:[-.]ui)?|jquery\.[\w.]+ | bootstrap | angular | backbone | d3 | ember | html5shiv | knockout | lodash | modernizr
        | moment | mootools | prototype | react(?:-dom)? | require | respond | select2 | three | underscore | vue | normalize | font-?awesome)
        [-.]v?\d[\w.-]*\.(?:js|css)
      | jquery(?:[-.](?:ui|slim|min))*\.js | html5shiv\.js | font-?awesome\.css
      | config\.(?:guess|sub) | ltmain\.sh | install-sh | depcomp | mkinstalldirs | (?:libtool|ltoptions|ltsugar|ltversion|lt~obsolete)\.m4
      | gradlew(?:\.bat)? | mvnw(?:\.cmd)? | cpplint\.py | erlang\.mk)""",
    re.VERBOSE | re.IGNORECASE,
)
"""File names of what projects copy in: libraries with their version, helpers of build tools."""

_LOCKS = frozenset(
    """
    .terraform.lock.hcl bun.lock cargo.lock composer.lock conan.lock deno.lock flake.lock gemfile.lock go.sum go.work.sum
    gradle.lockfile mix.lock module.bazel.lock npm-shrinkwrap.json package-lock.json package.resolved packages.lock.json
    pdm.lock pipfile.lock pixi.lock pnpm-lock.yaml podfile.lock poetry.lock pubspec.lock uv.lock yarn.lock
    """.split()  # noqa: SIM905
)

_NAMED = (
    (".designer.cs", "Visual Studio designer"), (".designer.vb", "Visual Studio designer"), (".g.cs", "C# generator"),
    (".g.i.cs", "C# generator"), (".g.dart", "Dart generator"), (".freezed.dart", "Dart generator"), (".pb.go", "protobuf"),
    (".pb.cc", "protobuf"), (".pb.h", "protobuf"), (".pb.swift", "protobuf"), ("_pb2.py", "protobuf"), ("_pb2.pyi", "protobuf"),
    ("_pb2_grpc.py", "protobuf"), (".grpc.pb.cc", "protobuf"), ("_pb.js", "protobuf"), ("_pb.d.ts", "protobuf"),
    (".pbxproj", "Xcode project"), (".xcworkspacedata", "Xcode project"), (".xcscheme", "Xcode project"), (".nib", "Xcode"),
    (".storyboard", "Xcode"), (".xib", "Xcode"), (".vcxproj", "Visual Studio project"), (".vcproj", "Visual Studio project"),
    (".vcxproj.filters", "Visual Studio project"), (".dsp", "Visual Studio project"), (".sln", "Visual Studio project"),
    (".csproj", "Visual Studio project"), (".vbproj", "Visual Studio project"), (".js.map", "source map"), (".css.map", "source map"),
    (".mjs.map", "source map"), (".cjs.map", "source map"), (".d.ts.map", "source map"), (".snap", "snapshot"),
)  # fmt: skip
"""Endings of file names -> what writes such files."""
_ENDINGS = tuple(ending for ending, _ in _NAMED)

_HEAD = 2500
"""Characters at the beginning in which generators say so: below a licence, if there is one."""

_HINTS = ("generated", "do not ", "by gnu bison", "meta object code", "git-lfs.github")
"""One of these stands in every line that `_GENERATED` finds; searching for them is what makes it fast."""

_AUTO = r"(?:auto[- ]?|automatic(?:ally)?[ ]|machine[- ]|programmatically[ ])"
_THING = r"(?:file|code|source|header|module|script|document|page|class|package|parser|schema|theme|makefile|stub|binding)s?"
_GENERATED = re.compile(
    rf"""code[ ]generated[ ][^\n]{{0,200}}do[ ]not[ ]edit                         # Go's own rule
      | \bdo[ ]not[ ](?:hand[- ]?)?(?:edit|modify|change)[ ](?:this|the[ ]generated|it)?[ ]?(?:file|code|by[ ]hand|manually|directly)
      | (?-i:\bDO[ ]NOT[ ](?:EDIT|MODIFY)\b(?![ ](?:THIS[ ]|ANYTHING[ ])?(?:LINE|SECTION|BLOCK|VALUE|ABOVE|BELOW|PAST|AFTER)))
      | ^[^\w\n]*(?:this|the)[ ](?:\w+[ ])?{_THING}[ ](?:is|was|were|has[ ]been)[ ](?:\w+[ ])?(?:{_AUTO}generated\b
          | generated[ ](?:by|from|with|using|via|on|at)\b)
      | ^(?:[ \t]*[#/*;%"'!<.-][^\w\n]*(?:{_AUTO})?generated | [ \t]*(?:{_AUTO})?(?-i:Generated|Auto-?[gG]enerated))
          [ ](?:automatically[ ])?(?:by|from|with|using|via)[ :]
      | ^[ \t]*[#/*;%"'!<-]{{1,9}}[ \t]*(?:file|code|header|source)[ ]{_AUTO}?generated\b[ ](?:by|from|with|using|via)\b
      | ^[^\w\n]*{_AUTO}generated[ ](?:file|code|header|source|by|from|on)?[^\w\n]*$
      | ^[^\w\n]*@generated\b
      | \ba[ ]bison[ ]parser,[ ]made[ ]by[ ]gnu[ ]bison | ^[^\w\n]*meta[ ]object[ ]code[ ]from[ ]reading
      | \Aversion[ ]https://git-lfs\.github\.com/spec
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)

_MIDST = re.compile(r"\W*generated\b")
_TOP = 300
"""What begins in small letters is the midst of a sentence, unless it stands at the very top, where a generator signs."""

_GENERATOR = re.compile(
    r"<meta(?![^>]{0,200}tidy)[^>]{0,80}\bname=[\"']?generator\b[^>]{0,200}>", re.IGNORECASE
)

_WEB = frozenset({"javascript", "css", "html", "typescript"})
_HASHED = frozenset({"cmake", "julia", "makefile", "perl", "python", "r", "ruby", "shell", "toml", "yaml"})
_LISPS = frozenset({"clojure", "common lisp", "emacs lisp", "racket", "scheme"})
_PROSE = frozenset({"markdown", "restructuredtext", "text", "texinfo", "asciidoc"})
_MINIFIED_MEAN = 110
_LONG_LINE = 500
_DENSE = 0.1
"""A mean line above this many characters (Linguist's bound, generated.rb) is looked at; minified is what then has most of its
text in long lines with little white space, a tenth at most: ours; written code has a fifth, prose a sixth."""


def vendored(path: str) -> str | None:
    """Return the folder or file name that marks a path as somebody else's code, or None."""
    lower = path.lower()
    *folders, name = lower.split("/")
    if not _FOLDERS.isdisjoint(folders):
        return next(folder for folder in folders if folder in _FOLDERS)
    if "extern" in lower and (outside := _OUTSIDE.search(lower)):
        return outside[1]
    # Under src/ even a well-known name may be the original.
    return name if "src" not in folders and _COPIED.fullmatch(name) else None


def unwanted(path: str, text: str, language: str | None) -> tuple[str, str] | None:
    """Say why a file is not worth keeping: (`vendored`, `minified` or `generated`, what gave it away), or None.

    path: relative to its repository, with `/`. language: as `core.languages` names it. Only the head, the last characters
    and, of web languages, the line lengths are looked at.
    """
    found = vendored(path)
    if found:
        return "vendored", found
    found = _generated(path, text, language)
    if found:
        return "generated", found
    found = _minified(path, text, language)
    return ("minified", found) if found else None


def _generated(path: str, text: str, language: str | None) -> str | None:
    name = path.rpartition("/")[2].lower()
    if name in _LOCKS:
        return f"lock file {name}"
    if name.endswith(_ENDINGS):
        return next(writer for ending, writer in _NAMED if name.endswith(ending))
    head = text[:_HEAD]
    lower = head.lower()
    found = _says_generated(head, lower)
    if found:
        said = " ".join(found[0].split())
        if _is_remark(head, found.start(), language) and not (_MIDST.match(said) and found.start() > _TOP):
            return said
    if language in _WEB:
        if text.find("sourceMappingURL=", len(text) - 300) >= 0:
            return "source map at its end"
        if "generator" in lower and (found := _GENERATOR.search(head)):
            return " ".join(found[0].split())
    return None


def _says_generated(head: str, lower: str) -> re.Match[str] | None:
    """Find the first line that says so, looking closely only at lines with a hint."""
    if len(lower) != len(head):  # letters that become two: places differ
        return _GENERATED.search(head)
    for start in _hinted_lines(lower):
        end = head.find("\n", start)
        found = _GENERATED.search(head, start, len(head) if end < 0 else end)
        if found:
            return found
    return None


def _hinted_lines(lower: str) -> list[int]:
    """List where lines with a hint begin."""
    starts = set()
    for hint in _HINTS:
        at = lower.find(hint)
        while at >= 0:
            starts.add(lower.rfind("\n", 0, at) + 1)
            end = lower.find("\n", at)
            at = lower.find(hint, end) if end >= 0 else -1
    return sorted(starts)


def _is_remark(head: str, at: int, language: str | None) -> bool:
    """Tell whether what stands there is said about this file: generators hold the same words, in strings."""
    begins = head[head.rfind("\n", 0, at + 1) + 1 : at + 40].lstrip()
    if language in _PROSE:
        return begins.startswith(("<!--", ".."))
    if language in _LISPS:
        return begins.startswith(";")
    if begins.startswith(('"', "'")):
        return language == "vim script" or begins.startswith(('"""', "'''"))
    return language not in _HASHED or not begins.startswith(("/", "*", "<!--", "--"))


def _minified(path: str, text: str, language: str | None) -> str | None:
    if language not in _WEB:
        return None
    if ".min." in path or "-min." in path:
        return "by name"
    if len(text) <= _MINIFIED_MEAN * (text.count("\n") + 1) or len(text) < 2 * _LONG_LINE:
        return None
    long = "".join(line for line in text.split("\n") if len(line) > _LONG_LINE)
    if 2 * len(long) < len(text):
        return None
    blank = long.count(" ") + long.count("\t")
    return f"long lines, {blank / len(long):.0%} white space" if blank < _DENSE * len(long) else None
