"""Prometheus rules and Grafana dashboards, made from our objectives and from Sloth's specs."""
