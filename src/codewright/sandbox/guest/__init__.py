"""The side of the sandbox that runs next to untrusted code.

These files are bound read-only into the sandbox, where the rest of codewright cannot be imported: standard library only.
"""
