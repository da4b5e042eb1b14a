"""Licence headers removed, personal data and secrets replaced, with an audit that holds no secret (docs/transforms.md)."""

from codewright.corpus.transforms.edits import AUDIT_SCHEMA, Edit, audit_rows
from codewright.corpus.transforms.transforming import KINDS, Options, Transformed, transform

__all__ = ["AUDIT_SCHEMA", "KINDS", "Edit", "Options", "Transformed", "audit_rows", "transform"]
