"""From a question to tables: plan, tasks, run directory.

What runs a study is imported where it is wanted, from `isogloss.study.run`: it takes seconds to import, and reading a
finished run does not need it.
"""

from isogloss.study.results import AnalysisResult, StudyResults, load_results, way_out

__all__ = ["AnalysisResult", "StudyResults", "load_results", "way_out"]
