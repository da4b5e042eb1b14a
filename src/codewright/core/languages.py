"""Which language a file is in. For now by extension; names are Linguist's in lower case, `cpp` and `csharp` for C++ and C#."""

from pathlib import PurePosixPath

BY_EXTENSION = {
    ".bash": "shell",
    ".c": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".css": "css",
    ".cu": "cuda",
    ".cuh": "cuda",
    ".cxx": "cpp",
    ".go": "go",
    ".h": "c",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".htm": "html",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".kt": "kotlin",
    ".lua": "lua",
    ".mjs": "javascript",
    ".php": "php",
    ".pl": "perl",
    ".py": "python",
    ".pyi": "python",
    ".pyx": "cython",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".scala": "scala",
    ".sh": "shell",
    ".sql": "sql",
    ".swift": "swift",
    ".ts": "typescript",
    ".tsx": "tsx",
}
"""Source: github-linguist languages.yml, the extensions a language lists first; ambiguous ones take the commonest."""


def language_of(path: str) -> str | None:
    """Name the language of a path by its extension in any case, or None when it is not source code we know."""
    return BY_EXTENSION.get(PurePosixPath(path).suffix.lower())
