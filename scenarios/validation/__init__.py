"""The simulator against queueing theory: cases with closed forms, run as ordinary scenarios and gated by their own spread."""
