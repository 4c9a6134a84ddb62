"""Speed as ratios against named peers, measured in one run."""

from core.bench.run import format_table, main, run_bench

__all__ = ["format_table", "main", "run_bench"]
