"""Filter rules, one file a language; `text` holds what applies to all."""
