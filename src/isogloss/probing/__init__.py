"""The probing analysis."""
