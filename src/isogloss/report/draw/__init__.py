"""Figures as SVG, in pure Python: no browser, no plotting library, no numbers computed."""

from isogloss.report.draw.grid import Grid
from isogloss.report.draw.motif import motif
from isogloss.report.draw.registry import RENDERERS, Renderer, renderer
from isogloss.report.draw.strip import strip

__all__ = ["RENDERERS", "Grid", "Renderer", "motif", "renderer", "strip"]
