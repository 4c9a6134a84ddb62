"""Long computations as processes of their own, each with a folder on disk that says how far it is.

A page (or another process, later) finds every run by reading its folder; nothing about a run lives only in memory.
"""

from core.runs.jobs import annotate_run, cancel_run, delete_run, list_runs, read_run, resume_run, start_job
from core.runs.progress import ProgressWriter
from core.runs.record import RUN_FOLDER, RunInfo

__all__ = [
    "RUN_FOLDER",
    "ProgressWriter",
    "RunInfo",
    "annotate_run",
    "cancel_run",
    "delete_run",
    "list_runs",
    "read_run",
    "resume_run",
    "start_job",
]
