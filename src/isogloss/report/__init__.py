"""Reports: tables, findings and figure specifications in; a page, drawings and summaries out."""

from isogloss.report.export import export_figures, figure_png, figure_svg
from isogloss.report.input import Facts, ReportInput
from isogloss.report.page import render, write_report
from isogloss.report.spreadsheet import spreadsheet_csv
from isogloss.report.summary import summary_json, summary_markdown
from isogloss.report.terminal import findings_panel, table_view

__all__ = [
    "Facts",
    "ReportInput",
    "export_figures",
    "figure_png",
    "figure_svg",
    "findings_panel",
    "render",
    "spreadsheet_csv",
    "summary_json",
    "summary_markdown",
    "table_view",
    "write_report",
]
