"""The four errors of codewright; everything else that goes wrong is a value (`Reject`, `Verdict`) or a bug.

The command line prints an error's message as one line and exits with `exit_code`; no traceback.
A message says what is wrong, where, and what to do about it.
"""


class CodewrightError(Exception):
    """Base of the four; `exit_code` is what the command line ends with."""

    exit_code = 2


class ConfigError(CodewrightError):
    """The user's recipe, option or input is wrong; nothing was changed."""


class DataError(CodewrightError):
    """A file or row cannot be read. Inside a stage such a row goes to quarantine with this message as reason."""


class BackendError(CodewrightError):
    """A model server, worker process or device failed, also after retries."""


class SandboxUnavailable(CodewrightError):  # noqa: N818 - the name users meet in messages and docs
    """Isolation is not available here. Never scored as a failed program, never replaced by running unisolated."""
