"""Grafana's dashboards, made from the YAML files of this folder.

`make dashboards` writes deploy/grafana/dashboards; nobody edits JSON by hand. source.py reads what
a dashboard is, grafana.py says it in Grafana's words, queries.py lists every query of dashboards
and rules as Prometheus takes them.
"""
