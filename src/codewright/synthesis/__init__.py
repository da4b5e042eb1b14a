"""From a corpus (or from nothing) to instruction rows whose tests were executed."""
