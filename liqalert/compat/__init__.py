"""The two modules that liqalert began as, under their old names.

The build places them at top level (pyproject.toml), so that a script which imports `live_liquidation_heatmap` or
`liquidation_hunter` runs unchanged. Nothing else belongs here.
"""
