"""What is measured and told: metric declarations, logs, health, and the port that shows them.

Owns: every metric, declared once (``metrics``, ``federation_metrics``); structured logs that
redact themselves (``logging``) and stay short when a NAS misbehaves (``occurrences``); named health
checks (``health``); the HTTP port for ``/metrics`` and ``/health`` (``server``). Beside the code,
as data: what Prometheus scrapes and warns about (``prometheus/``) and what Grafana shows
(``grafana/``).

Not here: deciding what is worth counting. The rooms above count, log and check; this one gives
them the words. It imports no other room.
"""
