"""The engine: cuts an experiment into units, measures them on a pool of workers and keeps their rows."""
