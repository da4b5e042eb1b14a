"""What every layer may use: records, files, manifests, plugins, errors, text. Imports nothing from codewright."""
