"""`tillwatch bench slo`: what counting and judging cost, beside a real Prometheus."""
