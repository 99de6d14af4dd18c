"""/api/futures/liquidation/...: the shape that Coinglass sells as v4, so that a client made for it can be pointed here.

Only the shape is theirs. Every number is realised: what exchanges reported as executed and liqalert recorded, never an
estimate of what might be liquidated. The header X-Liqalert-Basis says so on each answer, and X-Liqalert-Watched which
share of the time asked about was watched: below 1 the sums are a lower bound. Start reading at `endpoints.py`.

Taken from their documentation (github.com/coinglass-official/coinglass-api-skills, 2026-03-26) unless said otherwise at
its place: `code` is text; errors are HTTP 200 with the code in the body, except an unknown path (and a bug of ours, a
real 500); candles carry seconds and text, everything else milliseconds and mostly numbers; a liquidation's `side`
is that of the closing order.
"""
