"""From a question to tables: plan, tasks, run directory."""

from isogloss.study.results import AnalysisResult, StudyResults, load_results, way_out
from isogloss.study.run import run_study

__all__ = ["AnalysisResult", "StudyResults", "load_results", "run_study", "way_out"]
