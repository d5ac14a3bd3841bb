"""One page per run for a person to open: results, a contact sheet per stage, curves, metrics, parameters."""
