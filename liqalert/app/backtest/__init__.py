"""`liqalert backtest`: which alerts other thresholds would have given, and how they would have turned out."""
